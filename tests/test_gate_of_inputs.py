"""The gate: depth, poses and cameras that do not fit, scans that lie anyhow, and right inputs that must stay right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

import cogmap
from cogmap.capture.gate import checked
from cogmap.capture.plausible import judged, sights
from cogmap.capture.sniff import open_source
from cogmap.data.capture import Capture, CaptureFrame, SourceReport
from cogmap.data.detections import FrameDetections, Labeler
from cogmap.data.points import PointCloud
from cogmap.errors import InputError
from cogmap.geometry.camera import unproject
from cogmap.geometry.rigid import apply
from cogmap.reconstruct.registered import registered_labeler

from .rooms import Shot, make_room, noisy_depth, render, walk_path
from .rooms.scans import counter_and_shelf

K = np.array([[120.0, 0, 80], [0, 120, 60], [0, 0, 1]])
SIZE = (120, 160)


@cache
def shots(seed: int = 0, n: int = 24) -> tuple[Shot, ...]:
    room = make_room(seed, clutter=("light", "middle", "heavy")[seed % 3])
    return tuple(render(room, T, K, SIZE) for T in walk_path(room, n))


def frames_of(seed: int = 0, n: int = 24) -> list[CaptureFrame]:
    return [
        CaptureFrame(i, float(i), s.rgb, noisy_depth(s.depth, i), K, K, T_input_cam=s.T_world_cam)
        for i, s in enumerate(shots(seed, n))
    ]


def capture_of(frames: list[CaptureFrame], kind: str = "tum") -> Capture:
    def some(indices):  # type: ignore[no-untyped-def]
        yield from (frames if indices is None else (frames[i] for i in indices))

    report = SourceReport(kind, scale_source="sensor", depth_unit_m=0.001)
    at = np.array([f.T_input_cam[:3, 3] for f in frames if f.T_input_cam is not None])
    return Capture("x", len(frames), report, some, posed=True, has_depth=True, positions=at)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_right_numbers_pass_without_a_word_and_are_found_to_fit(seed: int) -> None:
    found = checked(capture_of(frames_of(seed)), range(24))
    assert found.issues == () and found.indices == tuple(range(24))
    verdict = judged(sights(frames_of(seed)))
    assert verdict.fit > 0.6 and verdict.best.factor == 1 and verdict.best.focal == 1 and not verdict.best.pose


@pytest.mark.parametrize("factor", [0.55, 0.7, 0.92, 1.09, 1.31, 1.9])
def test_a_factor_between_depth_and_poses_comes_back(factor: float) -> None:
    frames = [replace(f, depth_m=f.depth_m * np.float32(factor)) for f in frames_of(1)]  # type: ignore[operator]
    found = checked(capture_of(frames), range(24))
    (told,) = found.issues
    assert (told.code, told.severity) == ("W-DEPTH-SCALED", "degraded") and told.measured == pytest.approx(
        1 / factor, rel=0.003
    )
    mended = next(found.capture.frames([5])).depth_m
    true = frames_of(1)[5].depth_m
    assert mended is not None and true is not None
    assert np.median(mended[true > 0] / true[true > 0]) == pytest.approx(1, abs=0.004)
    with pytest.raises(InputError, match="E-DEPTH-UNIT.*--depth-unit"):  # poses without metres of their own
        checked(capture_of(frames, "nerfstudio"), range(24))
    (kept,) = checked(capture_of(frames), range(24), trusted=["--depth-unit"]).issues
    assert kept.code == "W-DEPTH-DISAGREES" and kept.severity == "degraded"


@pytest.mark.parametrize(
    "by", [[0.5, 0.4, 0.0], [0.0, 0.0, 1.0], [40.0, 40.0, 40.0], [-3.0, 1.0, 0.2], [0.0, 0.7, -0.5]]
)
def test_a_lost_pose_is_left_out_and_counted(by: list[float]) -> None:
    frames = frames_of(1)
    T = frames[7].T_input_cam
    assert T is not None
    T = T.copy()
    T[:3, 3] += by
    frames[7] = replace(frames[7], T_input_cam=T)
    found = checked(capture_of(frames), range(24))
    assert [(x.code, x.count, x.severity) for x in found.issues] == [("W-POSES-DROPPED", 1, "degraded")]
    assert 7 not in found.indices and len(found.indices) == 23


@pytest.mark.parametrize("step", [1, 2, 7, 20])
def test_pictures_beside_their_poses_are_told(step: int) -> None:
    frames = frames_of(1)
    swapped = [replace(f, T_input_cam=frames[(i + step) % 24].T_input_cam) for i, f in enumerate(frames)]
    (told,) = checked(capture_of(swapped), range(24)).issues
    assert told.code == "W-POSES-DISAGREE" and told.severity == "degraded"


@pytest.mark.parametrize("centre", [(-5.0, 60.0), (200.0, 60.0), (80.0, 140.0)])
def test_a_centre_outside_the_picture_is_refused(centre: tuple[float, float]) -> None:
    wrong = K.copy()
    wrong[:2, 2] = centre
    with pytest.raises(InputError, match="E-INTRINSICS"):
        checked(capture_of([replace(f, K=wrong, K_depth=wrong) for f in frames_of()]), range(24))


def test_a_camera_that_only_turns_cannot_tell_and_says_nothing() -> None:
    room, poses = make_room(3), walk_path(make_room(3), 24)
    poses[:, :3, 3] = poses[0, :3, 3]
    drawn = [render(room, T, K, SIZE) for T in poses]
    frames = [
        CaptureFrame(i, float(i), s.rgb, 1.4 * s.depth, K, K, T_input_cam=s.T_world_cam) for i, s in enumerate(drawn)
    ]
    assert checked(capture_of(frames), range(24)).issues == ()


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_frames_pass(n: int) -> None:
    assert checked(capture_of(frames_of(1, 24)[:n]), range(n)).issues == ()


# scans


def room_scan(seed: int) -> np.ndarray:
    drawn = shots(seed)
    xyz = np.concatenate([apply(s.T_world_cam, unproject(s.depth, K).reshape(-1, 3)) for s in drawn])[::8]
    return xyz + np.random.default_rng(seed).normal(0, 0.004, xyz.shape)


TURNS = {"as it is": np.eye(3), "y up": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), "x up": np.eye(3)[[2, 0, 1]],
         "upside down": np.diag([1.0, -1, -1]), "any": Rotation.random(random_state=5).as_matrix()}  # fmt: skip


@pytest.mark.parametrize("seed", [0, 4])
@pytest.mark.parametrize("turn", list(TURNS))
def test_a_scan_stands_on_its_floor_however_it_lay(seed: int, turn: str) -> None:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = TURNS[turn], [3.0, -2.0, 1.4]
    m = cogmap.build(PointCloud(apply(T, room_scan(seed))))
    back = m.scene.T_map_input @ T
    tilt = float(np.degrees(np.arccos(np.clip(back[2, 2], -1, 1))))
    unsure = "W-GRAVITY-UNSURE" in {w.code for w in m.quality.warnings}
    assert unsure or (tilt < 1.5 and abs(back[2, 3]) < 0.03)
    assert not unsure or m.quality.status == "degraded"


def test_a_scan_that_stands_already_keeps_its_frame_and_one_that_is_kept_says_where_its_floor_is() -> None:
    xyz = room_scan(0)
    assert np.array_equal(cogmap.build(PointCloud(xyz)).scene.T_map_input, np.eye(4))
    m = cogmap.build(PointCloud(xyz - [0, 0, 1.4]), keep_frame=True)
    assert np.array_equal(m.scene.T_map_input, np.eye(4)) and m.quality.status == "degraded"
    assert next(w.measured for w in m.quality.warnings if w.code == "W-FLOOR-NOT-SEEN") == pytest.approx(-1.4, abs=0.03)


@pytest.mark.parametrize(("factor", "unit"), [(1000.0, "mm"), (100.0, "cm"), (1 / 0.0254, "in")])
def test_units_of_scans_are_found(factor: float, unit: str) -> None:
    m = cogmap.build(PointCloud(room_scan(0) * factor))
    told = next(w for w in m.quality.warnings if w.code == "W-UNIT-GUESSED")
    assert told.expected == unit and m.quality.status == "ok"
    assert np.ptp(m.scene.voxels.mean_map[:, 2]) == pytest.approx(2.6, abs=0.3)  # type: ignore[union-attr]


@pytest.mark.parametrize("factor", [0.001, 0.01, 0.0254, 40000.0])
def test_scans_of_no_place_are_refused_with_the_option(factor: float) -> None:
    with pytest.raises(InputError, match="E-UNIT.*--unit"):
        cogmap.build(PointCloud(room_scan(0) * factor))


@pytest.mark.parametrize("shift", [(500_000.25, 4_649_776.5, 0.0), (-3e6, 2e6, 0.0), (2e4, 0.0, 0.0)])
def test_surveys_get_a_zero_of_their_own_and_the_way_back(shift: tuple[float, float, float]) -> None:
    near, far = (cogmap.build(PointCloud(counter_and_shelf().xyz_input + s)) for s in ((0, 0, 0), shift))
    assert "W-ORIGIN-MOVED" in {w.code for w in far.quality.warnings} and far.quality.status == "ok"
    assert len(far.objects) == len(near.objects)
    back = far.to_input(np.array([o.box.center_m for o in far.objects]))
    assert np.abs(back - shift - [o.box.center_m for o in near.objects]).max() < 0.03


@pytest.mark.parametrize("times", [2, 3, 8])
def test_points_of_one_spot_count_once(times: int) -> None:
    cloud = counter_and_shelf(400.0)
    plain = cogmap.build(cloud)
    m = cogmap.build(PointCloud(np.tile(cloud.xyz_input, (times, 1)), np.tile(cloud.rgb, (times, 1))))  # type: ignore[arg-type]
    assert "W-SCAN-DUPLICATES" in {w.code for w in m.quality.warnings}
    assert [o.box for o in m.objects] == [o.box for o in plain.objects]


# two cameras, Open3D's layout


def test_recorded_labels_stand_where_colours_stand() -> None:
    """Colour by a wider camera 6 cm to the right: a box and a mask of one thing come to its pixels in the depth."""
    room = make_room(1)
    wide = np.array([[90.0, 0, 80], [0, 90, 60], [0, 0, 1]])
    T_rgb_depth = np.eye(4)
    T_rgb_depth[0, 3] = -0.06
    T = walk_path(room, 24)[3]
    depth, colour = render(room, T, K, SIZE), render(room, T @ np.linalg.inv(T_rgb_depth), wide, SIZE)
    frame = CaptureFrame(0, 0.0, colour.rgb, depth.depth, wide, K, T_rgb_depth, T)

    def frames(indices) -> Iterator[CaptureFrame]:  # type: ignore[no-untyped-def]
        yield frame

    k = 0  # a shelf that both cameras see whole
    v, u = np.nonzero(colour.thing == k)
    box = np.array([[u.min() / 160, v.min() / 120, (u.max() + 1) / 160, (v.max() + 1) / 120]])
    source = Capture("x", 1, SourceReport("x"), frames, posed=True, has_depth=True)
    for found in (
        FrameDetections((colour.thing == k).astype(np.int32), ("a",), (0.9,)),
        FrameDetections(None, ("a",), (0.9,), box),
    ):
        labeler = registered_labeler(Labeler("r", lambda rgb, i, found=found: found, of_source=True), source)
        got = labeler.detect(colour.rgb, 0)
        assert got is not None
        true = depth.thing == k
        if got.mask is not None:
            both = (got.mask == 1) & true
            assert both.sum() > 0.93 * max(true.sum(), (got.mask == 1).sum())
        else:
            assert got.boxes is not None
            y, x = np.nonzero(true)
            want = [x.min() / 160, y.min() / 120, (x.max() + 1) / 160, (y.max() + 1) / 120]
            assert np.abs(got.boxes[0] - want).max() < 0.03 < np.abs(box[0] - want).max()


def write_open3d(folder: Path, with_json: bool = True) -> None:
    for name in ("color", "depth"):
        (folder / name).mkdir(parents=True)
    lines = []
    for i, s in enumerate(shots(1)[:8]):
        Image.fromarray(s.rgb).save(folder / f"color/{i:06d}.jpg")
        Image.fromarray(np.round(s.depth * 1000).astype(np.uint16)).save(folder / f"depth/{i:06d}.png")
        lines += [f"{i} {i} {i + 1}", *(" ".join(f"{v:.8f}" for v in row) for row in s.T_world_cam)]
    (folder / "trajectory.log").write_text("\n".join(lines) + "\n")
    if with_json:
        data = {"width": 160, "height": 120, "intrinsic_matrix": K.T.ravel().tolist()}
        (folder / "camera.json").write_text(json.dumps(data))


def test_open3d_s_layout_is_read(tmp_path: Path) -> None:
    write_open3d(tmp_path / "a")
    capture = open_source(tmp_path / "a")
    assert isinstance(capture, Capture) and capture.report.kind == "open3d" and capture.n_frames == 8
    frame = next(capture.frames([3]))
    assert (
        frame.K is not None
        and np.allclose(frame.K, K)
        and np.allclose(frame.T_input_cam, shots(1)[3].T_world_cam, atol=1e-6)
    )
    assert frame.depth_m is not None and np.abs(frame.depth_m - shots(1)[3].depth).max() < 1e-3
    write_open3d(tmp_path / "b", with_json=False)
    with pytest.raises(InputError, match="E-NO-INTRINSICS.*--intrinsics"):
        open_source(tmp_path / "b")
    (tmp_path / "a/trajectory.log").write_text("0 0 1\nno matrix\n")
    with pytest.raises(InputError, match="E-POSE-FILE"):
        open_source(tmp_path / "a")
    (tmp_path / "a/trajectory.log").unlink()
    with pytest.raises(InputError, match="E-FOLDER-EMPTY") as caught:
        open_source(tmp_path / "a")
    assert "trajectory" in caught.value.remedy
