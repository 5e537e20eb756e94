"""Structure from motion on films of synthetic rooms: real H.264, real pycolmap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cogmap
from benchmarks import floors
from cogmap.capture.sniff import open_source
from cogmap.config import Config
from cogmap.data.capture import Capture
from cogmap.data.diary import Diary
from cogmap.errors import InputError, TrustError
from cogmap.geometry.similarity import fit_similarity
from cogmap.reconstruct.recorded import read_recorded, record
from cogmap.reconstruct.sfm.features import mutual_nearest
from cogmap.reconstruct.sfm.pairs import loop_candidates, neighbour_pairs
from cogmap.reconstructing import reconstruct

from .expected import FILM
from .references import K, Reference, small_film
from .rooms import Film, make_room, write_video
from .rooms.camera import look_at
from .rooms.judge import judge


def test_cameras_from_video_alone(movie: Reference) -> None:
    assert movie.room is not None and movie.poses is not None
    score = judge(movie.scene, movie.room, movie.poses)
    assert score.path_error < FILM.path_error
    focal = float(movie.scene.provenance["focal_over_long_side"] or 0)
    assert focal == pytest.approx(K[0, 0] / 320, rel=FILM.focal_error)
    assert movie.scene.provenance["registered"] == movie.scene.provenance["frames"]


def test_what_shows_no_floor_has_no_metres_and_says_so() -> None:
    """A table filmed alone, without metres: nothing tells how large it is."""
    shots, options = floors.table(0)
    depth = np.stack([np.where(options["keep"](s), s.depth, 0) for s in shots]).astype(np.float32)
    poses = np.stack([s.T_world_cam for s in shots])
    m = cogmap.build_arrays(np.stack([s.rgb for s in shots]), depth, shots[0].K, poses, metric=False)
    assert (m.scale.kind, m.scale.source) == ("relative", "none")
    assert m.quality.status == "degraded" and "W-SCALE-UNKNOWN" in {w.code for w in m.quality.warnings}
    assert "not metres" in m.to_text() and "cm;" not in m.to_text()


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(movie: Reference, tmp_path: Path) -> None:
    assert movie.source is not None
    cogmap.build(movie.source).save(tmp_path / "b.cogmap")
    kept = movie.source.parent / "map.cogmap"
    for name in ("map.json", "voxels.npz", "bev.png"):
        assert (kept / name).read_bytes() == (tmp_path / "b.cogmap" / name).read_bytes(), name


def posed_folder(folder: Path, shot: Film, poses: np.ndarray) -> Path:
    import json

    from PIL import Image

    folder.mkdir()
    rows = []
    for i, (rgb, T) in enumerate(zip(shot.pictures(), poses)):
        Image.fromarray(rgb).save(folder / f"{i:03d}.png")
        rows.append({"file_path": f"{i:03d}.png", "transform_matrix": (T @ np.diag([1.0, -1, -1, 1])).tolist()})
    data = {"fl_x": 260, "fl_y": 260, "cx": 160, "cy": 120, "w": 320, "h": 240, "frames": rows}
    (folder / "transforms.json").write_text(json.dumps(data))
    return folder


def test_given_poses_and_intrinsics_are_kept(tmp_path: Path) -> None:
    shot = small_film(45)
    shot = Film(shot.room, shot.poses[::3][:8], shot.K, shot.size)
    capture = open_source(posed_folder(tmp_path / "scene", shot, shot.poses))
    assert isinstance(capture, Capture)
    windows = list(reconstruct(capture, Config(), Diary()).windows)
    assert np.allclose([w.T_world_cam[0] for w in windows], shot.poses, atol=1e-6)
    assert np.mean([(w.depth > 0).mean() for w in windows]) > 0.05


def test_g16_poses_that_the_matches_contradict(tmp_path: Path) -> None:
    shot = small_film(45)
    shot = Film(shot.room, shot.poses[::3], shot.K, shot.size)
    wrong = np.array([np.linalg.inv(T) for T in shot.poses])
    with pytest.raises(InputError, match="E-POSE-CONVENTION.*invert"):
        cogmap.build(posed_folder(tmp_path / "scene", shot, wrong))


def refused(tmp_path: Path, poses: np.ndarray, code: str, plain: bool = False) -> None:
    room = make_room(7)
    if plain:
        room = type(room)(room.width, room.depth, room.height, [], 7, plain=1.0)
    write_video(tmp_path / "a.mp4", Film(room, poses, K, (240, 320)).pictures(), fps=10)
    with pytest.raises(TrustError) as caught:
        cogmap.build(tmp_path / "a.mp4")
    assert caught.value.code == code and caught.value.exit_code == 4 and caught.value.remedy


def test_g01_a_camera_that_only_turns(tmp_path: Path) -> None:
    eye = np.array([3.0, 2.5, 1.5])
    turns = np.linspace(0, 1.5, 26)
    poses = np.array([look_at(eye, eye + [np.cos(a), np.sin(a), -0.2]) for a in turns])
    refused(tmp_path, poses, "E-NO-PARALLAX")


def test_g02_a_camera_that_stands_still(tmp_path: Path) -> None:
    pose = look_at(np.array([1.0, 1.0, 1.5]), np.array([4.0, 3.0, 0.8]))
    refused(tmp_path, np.repeat(pose[None], 26, axis=0), "E-NO-PARALLAX")


def test_g03_walls_without_texture(tmp_path: Path) -> None:
    eyes = [np.array([1.5 + 0.05 * i, 2.0, 1.4]) for i in range(40)]
    poses = np.array([look_at(e, e + [0.3, 2.0, 0.2]) for e in eyes])
    refused(tmp_path, poses, "E-NO-TEXTURE", plain=True)


@pytest.mark.slow
def test_recorded_plays_back(movie: Reference, tmp_path: Path) -> None:
    assert movie.source is not None and movie.poses is not None
    capture = open_source(movie.source)
    assert isinstance(capture, Capture)
    found = reconstruct(capture, Config(max_frames=15, sampling="uniform"), Diary())
    record(found, tmp_path / "kept")
    again = list(read_recorded(tmp_path / "kept").windows)
    centers = np.array([w.T_world_cam[0, :3, 3] for w in again])
    true = movie.poses[[int(w.index[0]) for w in again], :3, 3]
    T = fit_similarity(centers, true)
    assert np.abs(centers @ T[:3, :3].T + T[:3, 3] - true).max() < 0.05
    (tmp_path / "kept/w00000.npz").write_bytes(b"no")
    with pytest.raises(InputError, match="E-RECORDED"):
        list(read_recorded(tmp_path / "kept").windows)


def test_matches_are_exact_and_mutual() -> None:
    rng = np.random.default_rng(0)
    values = rng.exponential(1, (400, 128))
    unit = np.round(512 * values / np.linalg.norm(values, axis=1, keepdims=True)).clip(0, 255).astype(np.uint8)
    a = unit[:300]
    b = np.concatenate([a[rng.permutation(300)[:200]], unit[300:]])
    b = np.clip(b.astype(int) + rng.integers(-2, 3, b.shape), 0, 255).astype(np.uint8)
    found = mutual_nearest(a, b)
    brute = ((a[:, None].astype(float) * b[None]).sum(-1)).argmax(1)
    assert len(found) >= 190 and (brute[found[:, 0]] == found[:, 1]).all()
    assert len(mutual_nearest(a[:0], b)) == 0


def test_pairs_grow_linearly_with_the_clip() -> None:
    assert len(neighbour_pairs(1000)) < 8.1 * 1000
    assert len(neighbour_pairs(10)) == 45
    vectors = np.random.default_rng(0).normal(size=(100, 16))
    assert len(loop_candidates(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), set())) <= 200
