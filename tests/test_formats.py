"""Folders, posed captures, clouds and boxes: each reader on files made here (rows F01 to F09, G09 to G17)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cogmap
from cogmap.capture import frames_npz
from cogmap.capture.sniff import open_source
from cogmap.config import Config
from cogmap.data.capture import Capture
from cogmap.data.diary import Diary
from cogmap.errors import CogmapError, InputError, TrustError
from cogmap.geometry.conventions import axes
from cogmap.reconstructing import reconstruct

from .rooms import make_room, render, walk_path, write_sevenscenes

K = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])
SIZE = (120, 160)


@pytest.fixture(scope="module")
def shots() -> list:  # type: ignore[type-arg]
    room = make_room(1)
    return [render(room, T, K, SIZE) for T in walk_path(room, 24)]


def opened(path: Path, **options: object) -> Capture:
    capture = open_source(path, **options)  # type: ignore[arg-type]
    assert isinstance(capture, Capture)
    return capture


def noise_png(path: Path, size: tuple[int, int] = (40, 60)) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)).save(path)
    return path


# folders of pictures


def test_f01_nothing_to_read(tmp_path: Path) -> None:
    for content in (None, "notes.txt"):
        if content:
            (tmp_path / content).write_text("x")
        with pytest.raises(InputError, match="E-FOLDER-EMPTY") as caught:
            cogmap.build(tmp_path)
        assert ("1 x .txt" if content else "empty folder") in caught.value.problem


def test_f02_mixed_sizes_are_grouped_and_recorded(tmp_path: Path) -> None:
    for i, size in enumerate([(40, 60), (40, 60), (30, 40)]):
        noise_png(tmp_path / f"{i}.png", size)
    capture = opened(tmp_path)
    assert any(n.code == "W-IMAGES-SIZES" and "2 of 60x40" in n.effect for n in capture.report.notes)
    assert [f.rgb.shape[:2] for f in capture.frames(None)] == [(40, 60), (40, 60), (30, 40)]


@pytest.mark.parametrize("tag", range(1, 9))
def test_f03_exif_turn_is_applied_once(tmp_path: Path, tag: int) -> None:
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, :30] = 255
    exif = Image.Exif()
    exif[0x0112] = tag
    Image.fromarray(rgb).save(tmp_path / "a.jpg", exif=exif, quality=95)
    out = next(opened(tmp_path).frames(None)).rgb
    side = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}[tag]
    white = {"left": out[:, :5], "right": out[:, -5:], "top": out[:5], "bottom": out[-5:]}[side]
    assert out.shape[:2] == ((60, 40) if tag > 4 else (40, 60)) and white.mean() > 240


def test_f04_natural_order_gaps_and_times(tmp_path: Path) -> None:
    for name in ("img2", "img10", "img1", *(f"img{k}" for k in range(3, 9))):
        noise_png(tmp_path / f"{name}.png")
    capture = opened(tmp_path, fps=2.0)
    frames = list(capture.frames(None))
    assert [f.name for f in frames][-2:] == ["img8.png", "img10.png"] and frames[2].time_s == 1.0
    assert any(n.code == "W-IMAGES-GAPS" and n.count == 1 for n in capture.report.notes)
    shuffled = open_source([tmp_path / f.name for f in reversed(frames)])
    assert isinstance(shuffled, Capture)
    assert [f.name for f in shuffled.frames(None)] == [f.name for f in frames]


def test_f04_names_that_are_time_stamps_are_times(tmp_path: Path) -> None:
    for t in ("100.50", "101.25", "103.00"):
        noise_png(tmp_path / f"{t}.png")
    assert [f.time_s for f in opened(tmp_path).frames(None)] == pytest.approx([0, 0.75, 2.5])


def test_f05_alpha_is_composited_and_becomes_a_mask(tmp_path: Path) -> None:
    rgba = np.full((20, 30, 4), 255, np.uint8)
    rgba[:, :15, 3] = 10
    Image.fromarray(rgba).save(tmp_path / "a.png")
    frame = next(opened(tmp_path).frames(None))
    assert abs(int(frame.rgb[5, 5, 0]) - 133) <= 2 and frame.rgb[5, 25, 0] == 255
    assert frame.usable is not None and not frame.usable[5, 5] and frame.usable[5, 25]


def test_f06_sixteen_bit_is_scaled_by_its_depth(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 65535, (40, 60), dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert abs(next(opened(tmp_path).frames(None)).rgb.mean() - 127.5) < 5


def test_f07_f08_odd_modes(tmp_path: Path) -> None:
    Image.new("CMYK", (30, 20), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    Image.new("P", (30, 20), 3).save(tmp_path / "b.png")
    Image.new("1", (30, 20), 1).save(tmp_path / "c.png")
    Image.fromarray(np.full((20, 30), 0.5, np.float32)).save(tmp_path / "d.tif")
    Image.new("RGB", (30, 20)).save(tmp_path / "e.tif", save_all=True, append_images=[Image.new("RGB", (30, 20))])
    capture = opened(tmp_path)
    rgb = [f.rgb for f in capture.frames(None)]
    assert {r.shape for r in rgb} == {(20, 30, 3)}
    assert rgb[2].min() == 255 and abs(int(rgb[3][0, 0, 0]) - 128) <= 1
    assert {n.code for n in capture.late_losses()} == {"W-IMAGE-PROFILE", "W-IMAGE-PAGES"}


def test_f09_a_broken_picture_is_dropped_all_broken_is_an_error(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        noise_png(tmp_path / name)
    data = (tmp_path / "b.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(data[: len(data) // 2])
    capture = opened(tmp_path)
    assert [f.name for f in capture.frames(None)] == ["a.jpg"]
    (lost,) = capture.late_losses()
    assert lost.code == "W-IMAGES-DROPPED" and "b.jpg" in lost.effect
    (tmp_path / "a.jpg").write_bytes(data[:200])
    with pytest.raises(InputError, match="E-IMAGES-BROKEN"):
        list(opened(tmp_path).frames(None))


# posed captures


def first_pose(capture: Capture) -> np.ndarray:
    T = next(capture.frames([0])).T_input_cam
    assert T is not None
    return T


def test_seven_scenes_answers(tmp_path: Path, shots: list) -> None:  # type: ignore[type-arg]
    write_sevenscenes(tmp_path, shots[:4])
    capture = opened(tmp_path)
    r = capture.report
    assert (r.kind, r.pose_direction, r.depth_unit_m, r.scale_source) == (
        "sevenscenes",
        "camera-to-world",
        0.001,
        "sensor",
    )
    assert np.allclose(first_pose(capture), shots[0].T_world_cam)
    (tmp_path / "camera-intrinsics.txt").unlink()
    with pytest.raises(InputError, match="E-NO-INTRINSICS"):
        cogmap.build(tmp_path)


def write_tum(folder: Path, shots: list) -> None:  # type: ignore[type-arg]
    from scipy.spatial.transform import Rotation

    rows: dict[str, list[str]] = {"rgb": [], "depth": [], "groundtruth": []}
    for name in ("rgb", "depth"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i, shot in enumerate(shots):
        t = 1000 + 0.1 * i
        Image.fromarray(shot.rgb).save(folder / f"rgb/{t:.3f}.png")
        Image.fromarray(np.round(shot.depth * 5000).astype(np.uint16)).save(folder / f"depth/{t + 0.004:.3f}.png")
        q = Rotation.from_matrix(shot.T_world_cam[:3, :3]).as_quat()
        rows["rgb"].append(f"{t:.4f} rgb/{t:.3f}.png")
        rows["depth"].append(f"{t + 0.004:.4f} depth/{t + 0.004:.3f}.png")
        at = " ".join(f"{v:.6f}" for v in (*shot.T_world_cam[:3, 3], *q))
        rows["groundtruth"].append(f"{t + 0.002:.4f} {at}")
    for name, lines in rows.items():
        (folder / f"{name}.txt").write_text("# header\n" + "\n".join(lines) + "\n")


def test_tum_is_joined_by_time(tmp_path: Path, shots: list) -> None:  # type: ignore[type-arg]
    write_tum(tmp_path, shots[:5])
    depth = (tmp_path / "depth.txt").read_text().splitlines()
    (tmp_path / "depth.txt").write_text("\n".join(depth[:-1]))
    with pytest.raises(InputError, match="E-NO-INTRINSICS.*--intrinsics"):  # 525 px is not the camera of 160 x 120
        opened(tmp_path)
    capture = opened(tmp_path, intrinsics=(130, 130, 80, 60))
    frame = next(capture.frames([1]))
    assert capture.n_frames == 4 and np.allclose(frame.T_input_cam, shots[1].T_world_cam, atol=1e-4)
    assert frame.depth_m is not None and np.abs(frame.depth_m - shots[1].depth).max() < 2e-3
    assert {n.code for n in capture.report.notes} == {"W-FRAMES-INCOMPLETE"}


def write_nerfstudio(folder: Path, shots: list, **extra: object) -> None:  # type: ignore[type-arg]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    frames = []
    for i, shot in enumerate(shots):
        Image.fromarray(shot.rgb).save(folder / f"images/{i}.png")
        T = shot.T_world_cam @ np.diag([1.0, -1, -1, 1])
        frames.append({"file_path": f"images/{i}.png", "transform_matrix": T.tolist()})
    data = {"fl_x": 130, "fl_y": 130, "cx": 80, "cy": 60, "w": 160, "h": 120, "frames": frames, **extra}
    (folder / "transforms.json").write_text(json.dumps(data))


def test_nerfstudio_poses_become_opencv(tmp_path: Path, shots: list) -> None:  # type: ignore[type-arg]
    write_nerfstudio(tmp_path, shots[:3])
    (tmp_path / "images/2.png").unlink()
    capture = opened(tmp_path)
    assert capture.report.camera_convention == "opengl" and capture.n_frames == 2
    assert np.allclose(first_pose(capture), shots[0].T_world_cam)
    assert any(n.code == "W-FRAMES-INCOMPLETE" and n.count == 1 for n in capture.report.notes)
    write_nerfstudio(tmp_path, shots[:3], camera_model="SPHERICAL")
    with pytest.raises(InputError, match="E-CAMERA-MODEL"):
        opened(tmp_path)


@pytest.mark.parametrize("form", ["bin", "txt"])
def test_colmap_model_is_read_and_the_larger_one_taken(tmp_path: Path, shots: list, form: str) -> None:  # type: ignore[type-arg]
    import pycolmap

    (tmp_path / "images").mkdir()
    for folder, count in (("0", 2), ("1", 4)):
        model = pycolmap.Reconstruction()
        camera = pycolmap.Camera(model="PINHOLE", width=160, height=120, params=[130, 130, 80, 60], camera_id=1)
        model.add_camera_with_trivial_rig(camera)
        for i in range(count):
            Image.fromarray(shots[i].rgb).save(tmp_path / f"images/{i}.png")
            image = pycolmap.Image(name=f"{i}.png", camera_id=1, image_id=i + 1)
            pose = np.linalg.inv(shots[i].T_world_cam)[:3]
            model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(pose))
        (tmp_path / "sparse" / folder).mkdir(parents=True)
        (model.write_binary if form == "bin" else model.write_text)(str(tmp_path / "sparse" / folder))
    capture = opened(tmp_path)
    assert capture.report.pose_direction == "world-to-camera" and capture.n_frames == 4
    assert np.allclose(first_pose(capture), shots[0].T_world_cam, atol=1e-6)
    if form == "bin":
        (tmp_path / "sparse/1/images.bin").write_bytes(b"\xff" * 64)
        with pytest.raises(InputError, match="E-COLMAP-MODEL"):
            opened(tmp_path)


# poses and depth that cannot be


def measured(tmp_path: Path, shots: list, poses: list, factor: float = 1.0, **options: Any) -> tuple[list, Diary]:  # type: ignore[type-arg]
    """The windows of such a capture, and what was said of it."""
    write_sevenscenes(tmp_path, [replace(s, depth=s.depth * factor, T_world_cam=T) for s, T in zip(shots, poses)])
    diary = Diary()
    return list(reconstruct(opened(tmp_path), Config(**options), diary).windows), diary


@pytest.mark.parametrize("code", [(1, -2, -3), (2, 3, 1), (-1, -2, 3), (3, -2, 1)])
@pytest.mark.parametrize("inverted", [False, True])
def test_g16_mistaken_poses_are_named(tmp_path: Path, shots: list, code: tuple, inverted: bool) -> None:  # type: ignore[type-arg]
    P = np.linalg.inv(axes()[code])
    poses = [s.T_world_cam @ P for s in shots]
    windows, diary = measured(tmp_path, shots, [np.linalg.inv(T) for T in poses] if inverted else poses)
    (told,) = [x for x in diary.losses if x.code == "W-CAMERA-CONVERTED"]
    assert ("invert" in told.effect) == inverted and (code != (1, -2, -3) or "OpenGL" in told.effect)
    assert np.allclose([w.T_world_cam[0] for w in windows], [s.T_world_cam for s in shots], atol=1e-6)
    with pytest.raises(InputError, match="E-POSE-CONVENTION.*--convention"):  # what the user says is never overruled
        measured(tmp_path, shots, [np.linalg.inv(T) for T in poses] if inverted else poses, convention="opencv")


def test_g16_inverse_alone(tmp_path: Path, shots: list) -> None:  # type: ignore[type-arg]
    inverse = [np.linalg.inv(s.T_world_cam) for s in shots]
    windows, diary = measured(tmp_path, shots, inverse)
    assert "invert them" in next(x.effect for x in diary.losses if x.code == "W-CAMERA-CONVERTED")
    said, silent = measured(tmp_path, shots, inverse, convention="opencv-w2c")
    assert all(np.allclose(a.T_world_cam, b.T_world_cam, atol=1e-9) for a, b in zip(windows, said))
    assert "W-CAMERA-CONVERTED" not in {x.code for x in silent.losses}


def test_g16_all_axes_are_48_with_mirrors() -> None:
    assert len(axes()) == 24 and all(np.isclose(np.linalg.det(P), 1) for P in axes().values())


@pytest.mark.parametrize("flaw", ["mirror", "scale", "shear", "last row"])
def test_g17_matrices_that_are_not_rigid(tmp_path: Path, shots: list, flaw: str) -> None:  # type: ignore[type-arg]
    bad = np.eye(4)
    if flaw == "mirror":
        bad[0, 0] = -1
    elif flaw == "scale":
        bad[:3, :3] *= 1.2
    elif flaw == "shear":
        bad[0, 1] = 0.2
    else:
        bad[3, 0] = 1
    with pytest.raises(InputError, match="E-POSE-") as caught:
        measured(tmp_path, shots, [s.T_world_cam @ bad for s in shots])
    assert caught.value.exit_code == 3 and "pose.txt" in str(caught.value)


@pytest.mark.parametrize(("factor", "said"), [(20.0, "millimetres"), (0.01, "divided")])
def test_g12_depth_in_another_unit(tmp_path: Path, shots: list, factor: float, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match="E-DEPTH-UNIT") as caught:
        measured(tmp_path, shots, [s.T_world_cam for s in shots], factor)
    assert said in caught.value.remedy and caught.value.exit_code == 3


@pytest.mark.parametrize("factor", [3.2808, 1.31, 0.93])
def test_g12_depth_of_another_unit_than_the_poses(tmp_path: Path, shots: list, factor: float) -> None:  # type: ignore[type-arg]
    windows, diary = measured(tmp_path, shots, [s.T_world_cam for s in shots], factor)
    (told,) = [x for x in diary.losses if x.code == "W-DEPTH-SCALED"]
    assert told.measured == pytest.approx(1 / factor, rel=0.015) and told.option == "--depth-unit"
    known = windows[3].depth[0] > 0
    assert np.median(windows[3].depth[0][known] / shots[3].depth[known]) == pytest.approx(1, abs=0.015)


@pytest.mark.parametrize("wrong", [(100, 100, 80, 60), (165, 165, 80, 60), (130, 130, 100, 60), (130, 130, 80, 85)])
def test_another_camera_than_that_of_the_depth_is_refused(tmp_path: Path, shots: list, wrong: tuple) -> None:  # type: ignore[type-arg]
    write_sevenscenes(tmp_path, shots)
    with pytest.raises(InputError, match="E-INTRINSICS.*--intrinsics") as caught:
        cogmap.build(tmp_path, intrinsics=wrong)
    found = [float(v) for v in re.findall(r"--intrinsics ([\d.,]+) ", caught.value.remedy)[0].split(",")]
    assert np.allclose(found, [130, 130, 80, 60], atol=4)


# clouds and boxes


def ply(path: Path, xyz: np.ndarray, ids: np.ndarray | None = None, form: str = "ascii") -> Path:
    names = ["x", "y", "z"] + ([] if ids is None else ["instance_id"])
    head = f"ply\nformat {form} 1.0\nelement vertex {len(xyz)}\n"
    head += "".join(f"property {'int' if n == 'instance_id' else 'double'} {n}\n" for n in names) + "end_header\n"
    if form == "ascii":
        rows = [
            " ".join([*(repr(float(v)) for v in p), *([] if ids is None else [str(ids[k])])]) for k, p in enumerate(xyz)
        ]
        path.write_bytes(head.encode() + ("\n".join(rows) + "\n").encode())
    else:
        order = "<" if "little" in form else ">"
        data = np.zeros(len(xyz), [(n, order + ("i4" if n == "instance_id" else "f8")) for n in names])
        for k, n in enumerate("xyz"):
            data[n] = xyz[:, k]
        if ids is not None:
            data["instance_id"] = ids
        path.write_bytes(head.encode() + data.tobytes())
    return path


def two_blocks(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    block = rng.uniform(-0.5, 0.5, (n, 3)) * [0.6, 0.4, 0.8]
    xyz = np.concatenate([block + [0, 0, 0.4], block + [2, 1, 0.4]])
    return xyz, np.repeat([4, 7], n).astype(np.int32)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_instances_become_the_objects(tmp_path: Path, form: str) -> None:
    xyz, ids = two_blocks()
    m = cogmap.build(ply(tmp_path / "a.ply", xyz, ids, form))
    assert len(m.objects) == 2
    assert np.allclose(m.objects[0].box.size_m, [0.6, 0.4, 0.8], atol=0.03)
    assert np.allclose(m.objects[1].box.center_m, [2, 1, 0.4], atol=0.02)


def test_npz_labels_up_and_unit(tmp_path: Path) -> None:
    xyz, ids = two_blocks()
    turned = 100 * xyz[:, [0, 2, 1]] * [1, 1, -1]  # y up, centimetres
    np.savez(tmp_path / "a.npz", xyz=turned, instance_id=np.where(ids == 4, 1, 2), instance_label=["chair", "shelf"])
    m = cogmap.build(tmp_path / "a.npz", up="y", unit="cm")
    assert [o.id for o in m.objects] == ["chair_1", "shelf_1"]
    assert np.allclose(m["chair_1"].box.size_m, [0.6, 0.4, 0.8], atol=0.03)
    assert np.allclose(m.to_input(np.array(m["shelf_1"].box.center_m)), [200, 40, -100], atol=2)


def test_geometry_decides_without_ids(tmp_path: Path) -> None:
    xyz, _ = two_blocks(30_000)
    floor = np.random.default_rng(1).uniform([-2, -2, 0], [4, 3, 0.001], (60_000, 3))
    m = cogmap.build(ply(tmp_path / "a.ply", np.concatenate([xyz, floor])))
    assert len(m.objects) == 2


@pytest.mark.parametrize("n", [0, 1, 2])
def test_g10_too_few_points(tmp_path: Path, n: int) -> None:
    with pytest.raises(TrustError, match="E-EMPTY-CLOUD.*fuse") as caught:
        cogmap.build(ply(tmp_path / "a.ply", np.zeros((n, 3))))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("axes_kept", [1, 2])
def test_g11_a_line_or_a_plane_is_degraded(tmp_path: Path, axes_kept: int) -> None:
    xyz = np.random.default_rng(0).uniform(0, 2, (500, 3))
    xyz[:, axes_kept:] = 0
    m = cogmap.build(ply(tmp_path / "a.ply", xyz))
    assert m.quality.status == "degraded" and m.quality.warnings[0].code == "W-PLANAR-SCENE"


@pytest.mark.parametrize(("share", "code"), [(0.001, None), (0.2, "E-TOO-MANY-BAD-POINTS")])
def test_g09_values_that_are_not_finite(tmp_path: Path, share: float, code: str | None) -> None:
    xyz, _ = two_blocks()
    bad = np.random.default_rng(0).random(len(xyz)) < share
    xyz[bad] = np.resize([np.nan, np.inf, -np.inf, 1e38], (bad.sum(), 3))
    if code is None:
        m = cogmap.build(ply(tmp_path / "a.ply", xyz, None, "binary_little_endian"))
        assert any(w.code == "W-POINTS-DROPPED" and w.count == bad.sum() for w in m.quality.warnings)
    else:
        with pytest.raises(TrustError, match=code):
            cogmap.build(ply(tmp_path / "a.ply", xyz, None, "binary_little_endian"))


def frames_file(path: Path, unit: float = 1.0, **changed: object) -> np.ndarray:
    """A room as a SLAM system saves it: one NPZ; returns the true poses."""
    room = make_room(3)
    camera = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])
    shots = [render(room, T, camera, (120, 160)) for T in walk_path(room, 16)]
    poses = np.stack([s.T_world_cam for s in shots])
    poses[:, :3, 3] *= unit
    arrays = {"images": np.stack([s.rgb for s in shots]), "depth": np.stack([s.depth for s in shots]) * unit}
    np.savez(path, **{**arrays, "K": camera, "poses": poses[:, :3], **changed})
    return poses


def test_an_npz_of_frames_is_a_posed_capture(tmp_path: Path) -> None:
    poses = frames_file(tmp_path / "slam.npz")
    m = cogmap.build(tmp_path / "slam.npz")
    assert m.scale.source == "sensor" and len(m.objects) > 3
    back = np.linalg.inv(m.scene.T_map_input) @ m.scene.camera_path[5].T_map_cam
    assert np.allclose(back, poses[5], atol=1e-3)
    spread = (np.arange(3 * 4 * 5) % 250).reshape(1, 4, 5, 3)
    assert np.array_equal(frames_npz._bytes(spread.astype(np.float64)), spread)
    assert np.array_equal(frames_npz._bytes(spread / 255.0), spread)
    frames_file(tmp_path / "unscaled.npz", unit=7.3, metric=np.array(False))
    free = cogmap.build(tmp_path / "unscaled.npz")
    assert free.scale.source == "assumed" and "W-SCALE-ASSUMED" in {w.code for w in free.quality.warnings}
    wide = [np.sqrt(sum(r.area_m2 for r in x.layout.rooms)) for x in (m, free)]  # 7.3 units a metre are gone again
    assert wide[1] == pytest.approx(wide[0], rel=0.15) and len(free.objects) > 3


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"K": np.eye(4)}, "E-SHAPE"),
        ({"poses": np.tile(-np.eye(4), (16, 1, 1))}, "E-POSE"),
        ({"poses": np.tile(np.eye(4), (3, 1, 1))}, "E-SHAPE"),
        ({"images": np.zeros((16, 10, 10, 3), np.uint8)}, "E-SHAPE"),
        ({"poses": np.tile(np.eye(3), (16, 1, 1))}, "E-SHAPE"),
        ({"poses": np.zeros((16, 7))}, "E-SHAPE"),
        ({"time_s": np.zeros(3)}, "E-SHAPE"),
        ({"depth": np.array(["a"] * 16)}, "E-NPZ-FIELDS"),
        ({"depth": -np.ones((16, 120, 160))}, "E-POSE-CONVENTION"),
    ],
)
def test_an_npz_of_frames_that_contradicts_itself(tmp_path: Path, changed: dict[str, object], code: str) -> None:
    frames_file(tmp_path / "bad.npz", **changed)
    with pytest.raises(InputError, match=code):
        cogmap.build(tmp_path / "bad.npz")


def test_damaged_ply_and_npz(tmp_path: Path) -> None:
    path = ply(tmp_path / "a.ply", np.zeros((100, 3)), None, "binary_little_endian")
    path.write_bytes(path.read_bytes()[:-200])
    np.savez(tmp_path / "b.npz", points=np.zeros(3))
    for file, code in ((path, "E-PLY-SHORT"), (tmp_path / "b.npz", "E-NPZ-FIELDS")):
        with pytest.raises(InputError, match=code):
            cogmap.build(file)


def test_boxes_keep_their_rotation(tmp_path: Path) -> None:
    tilt = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    objects = [
        {"label": "chair", "center_m": [1, 2, 0.5], "size_m": [0.5, 0.4, 1.0], "yaw_deg": 30},
        {"label": "bed", "center_m": [3, 0, 0.3], "size_m": [2.0, 1.5, 0.6], "rotation": tilt.tolist()},
    ]
    layout = {"floor_area_m2": 20.0, "walls": []}
    (tmp_path / "b.json").write_text(json.dumps({"objects": objects, "layout": layout}))
    m = cogmap.build(tmp_path / "b.json")
    assert np.degrees(m["chair_1"].box.yaw) == pytest.approx(30)
    assert m["bed_1"].box.obb is not None and m["bed_1"].box.size_m == pytest.approx((2.0, 1.5, 0.6), abs=1e-3)
    assert m.layout.floor_area_m2 == 20.0
    objects[0]["size_m"] = [0.5, -0.4, 1.0]
    (tmp_path / "b.json").write_text(json.dumps({"objects": objects}))
    with pytest.raises(InputError, match=r"objects\.0\.size_m\.1"):
        cogmap.build(tmp_path / "b.json")


def test_every_refusal_names_the_remedy() -> None:
    with pytest.raises(CogmapError) as caught:
        cogmap.build("/nowhere/at/all.mp4")
    assert caught.value.code == "E-SOURCE-MISSING" and caught.value.remedy


@pytest.mark.parametrize("seed", [0, 3])
def test_c8_a_turned_scan_is_set_upright(tmp_path: Path, seed: int) -> None:
    from scipy.spatial.transform import Rotation

    from cogmap.geometry.camera import unproject
    from cogmap.geometry.rigid import apply

    room = make_room(seed)
    drawn = [render(room, T, K, SIZE) for T in walk_path(room, 40)]
    xyz = np.concatenate([apply(s.T_world_cam, unproject(s.depth, s.K).reshape(-1, 3)[::3]) for s in drawn])
    T = np.eye(4)
    T[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    T[:3, 3] = [3, -2, 5]
    np.savez(tmp_path / "a.npz", xyz=apply(T, xyz))
    m = cogmap.build(tmp_path / "a.npz").align()
    back = m.scene.T_map_input @ T
    assert np.degrees(np.arccos(min(back[2, 2], 1.0))) < 1 and abs(back[2, 3]) < 0.02
    yaw = np.degrees(np.arctan2(back[1, 0], back[0, 0]))
    assert abs((yaw + 45) % 90 - 45) < 2


def test_vanishing_points_are_where_axes_meet(tmp_path: Path, shots: list) -> None:  # type: ignore[type-arg]
    write_sevenscenes(tmp_path, shots)
    frame = cogmap.build(tmp_path).frame(2)
    far = frame.T_map_cam[:3, 3] + 1e6 * np.eye(3)
    for axis, point in enumerate(frame.vanishing_points()):
        p = frame.K @ (frame.T_map_cam[:3, :3].T @ (far[axis] - frame.T_map_cam[:3, 3]))
        assert np.allclose(point, p[:2] / p[2], atol=0.1)


def test_a_camera_height_without_cameras_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CogmapError, match="E-SCALE-NO-FLOOR"):
        cogmap.build(ply(tmp_path / "a.ply", *two_blocks()), scale="camera-height=1.5")
