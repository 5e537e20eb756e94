"""Kinds of users' inputs that were once read wrong without a word, each with its siblings: readers, without a build."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cogmap
from cogmap.capture.arrays import capture_of
from cogmap.capture.listed import in_seconds, listed_file
from cogmap.capture.pointcloud import colour_bytes, instance_ids
from cogmap.capture.sniff import open_source
from cogmap.cli.build_verbs import default_output
from cogmap.data.capture import Capture
from cogmap.data.points import GivenBoxes, PointCloud
from cogmap.errors import ConfigError, InputError
from cogmap.geometry.lens import Lens, undistorted, undistorted_nearest

from .clips import clip
from .rooms import make_room, render, walk_path

K = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])
XYZ = np.random.default_rng(0).uniform(0, 3, (6, 3)).round(3)


def cloud(path: Path) -> PointCloud:
    opened = open_source(path)
    assert isinstance(opened, PointCloud)
    return opened


def capture(path: Path, **options: Any) -> Capture:
    opened = open_source(path, **options)
    assert isinstance(opened, Capture)
    return opened


def codes(c: Capture | PointCloud | GivenBoxes) -> set[str]:
    return {n.code for n in (c.report.notes if isinstance(c, Capture) else c.issues)}


# PLY headers of every shape

PLAIN = "property float x\nproperty float y\nproperty float z\n"
TEXT = "\n".join(" ".join(map(str, row)) for row in XYZ.tolist()) + "\n"
VERTICES = f"element vertex 6\n{PLAIN}"
BINARY = "ply\nformat binary_{}_endian 1.0\nelement vertex 6\n"


def ascii_ply(*before: str, after: str = "", body: str = TEXT, end: str = "\n") -> bytes:
    """A PLY as text with lines before and after its list of vertices."""
    head = ["ply\nformat ascii 1.0", *before]
    return ("\n".join(head) + f"\n{VERTICES}{after}end_header\n{body}").replace("\n", end).encode()


HEADERS: dict[str, bytes] = {
    "plain": ascii_ply(),
    "comment with end_header": ascii_ply("comment see end_header below"),
    "obj_info": ascii_ply("obj_info end_header"),
    "carriage returns": ascii_ply(end="\r"),
    "both ends": ascii_ply(end="\r\n"),
    "unicode": ascii_ply("comment größe 室"),
    "an element before": ascii_ply("element camera 1\nproperty float f", body="7\n" + TEXT),
    "a list before": ascii_ply("element strip 1\nproperty list uchar int v", body="3 1 2 3\n" + TEXT),
    "an element behind": ascii_ply(after="element edge 1\nproperty int a\n", body=TEXT + "0\n"),
    "doubles": f"{BINARY.format('little')}{PLAIN.replace('float', 'double')}end_header\n".encode() + XYZ.tobytes(),
    "big end": f"{BINARY.format('big')}{PLAIN}end_header\n".encode() + XYZ.astype(">f4").tobytes(),
}


@pytest.mark.parametrize("name", list(HEADERS))
def test_ply_headers_of_every_shape(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.ply").write_bytes(HEADERS[name])
    assert np.allclose(cloud(tmp_path / "a.ply").xyz_input, XYZ, atol=1e-6)


@pytest.mark.parametrize("corners", [3, 4, 5])
@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_faces_become_points_spread_evenly(tmp_path: Path, corners: int, form: str) -> None:
    """A regular polygon of radius 1.5 m as one face, or the same as a fan of triangles."""
    a = 2 * np.pi * np.arange(corners) / corners
    xyz = np.stack([1.5 * np.cos(a), 1.5 * np.sin(a), 0 * a], 1).astype("<f4")
    head = f"ply\nformat {form} 1.0\nelement vertex {corners}\n{PLAIN}"
    head += "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    if form == "ascii":
        rows = [" ".join(map(str, p)) for p in xyz.tolist()] + [" ".join(map(str, [corners, *range(corners)]))]
        body = ("\n".join(rows) + "\n").encode()
    else:
        body = xyz.tobytes() + bytes([corners]) + np.arange(corners, dtype="<i4").tobytes()
    (tmp_path / "a.ply").write_bytes(head.encode() + body)
    c = cloud(tmp_path / "a.ply")
    assert codes(c) == {"W-FACES-SAMPLED"} and len(c.xyz_input) >= 10_000
    assert np.allclose(c.xyz_input.mean(0), 0, atol=0.03) and np.abs(c.xyz_input[:, 2]).max() < 1e-6
    quarters = [((c.xyz_input[:, 0] > 0) & (c.xyz_input[:, 1] * s > 0)).mean() for s in (1, -1)]
    assert abs(quarters[0] - quarters[1]) < 0.03


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 128, 255], np.uint8),
        ([0, 0.502, 1], np.float32),
        ([0, 128, 255], np.float32),
        ([0, 128 * 257, 65535], np.uint16),
        ([0.0, 128.0, 255.0], np.float64),
        ([0, 128, 255], np.int32),
    ],
)
def test_colours_in_every_numeric_form(values: list[float], kind: type) -> None:
    assert np.abs(colour_bytes(np.array([values], kind)).astype(int) - [0, 128, 255]).max() <= 1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (np.array([0, 1, 2, 2], np.int32), [0, 1, 2, 2]),
        (np.array([-1, 0, 1, 2], np.int32), [0, 1, 2, 3]),
        (np.array([-100, 0, 0, 5], np.int16), [0, 1, 1, 6]),
        (np.array([0, 2**31 + 7, 2**31 + 7, 3], np.uint32), [0, 2, 2, 1]),
        (np.array([0, 2**62, 5, 5], np.int64), [0, 2, 1, 1]),
        (np.array([0.0, 1.0, np.nan, 2.0], np.float32), None),
    ],
)
def test_instance_ids_of_every_kind(raw: np.ndarray, expected: list[int] | None) -> None:
    ids, issues = instance_ids(raw)
    if expected is not None:
        assert ids.tolist() == expected
    assert ids.dtype == np.int32 and ids.min() >= 0
    assert bool(issues) == bool((raw < 0).any() or np.isnan(raw.astype(float)).any())


# times and paths of lists


@pytest.mark.parametrize(
    ("stamps", "unit", "span"),
    [
        ([1.7e9 + 0.1 * k for k in range(9)], "seconds", 0.8),
        ([1_700_000_000_000 + 100 * k for k in range(9)], "milliseconds", 0.8),
        ([1_700_000_000_000_000 + 100_000 * k for k in range(9)], "microseconds", 0.8),
        ([1_700_000_000_000_000_000 + 100_000_000 * k for k in range(9)], "nanoseconds", 0.8),
        ([0.1 * k for k in range(9)], "seconds", 0.8),
        ([33 * k for k in range(9)], "milliseconds", 0.264),
        ([33_333 * k for k in range(9)], "microseconds", 0.266664),
        ([33_333_333 * k for k in range(9)], "nanoseconds", 0.266666664),
        ([k for k in range(9)], "seconds", 8),
        ([2.5 * k for k in range(9)], "seconds", 20),
    ],
)
def test_times_are_seconds_whatever_they_were(stamps: list[float], unit: str, span: float) -> None:
    seconds, found = in_seconds(stamps)
    assert found == unit and np.ptp(seconds) == pytest.approx(span, rel=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "images/0.png",
        "images\\0.png",
        ".\\images\\0.png",
        "C:\\Users\\me\\scan\\images\\0.png",
        "/home/me/scan/images/0.png",
        "./images/0.png",
    ],
)
def test_paths_of_other_systems(tmp_path: Path, name: str) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "images/0.png")
    assert listed_file(tmp_path, name) == tmp_path / "images/0.png" or listed_file(tmp_path, name).exists()


def test_a_path_that_is_nowhere_stays_in_its_folder(tmp_path: Path) -> None:
    assert (
        listed_file(tmp_path, "..\\..\\secret.png").is_relative_to(tmp_path) or not listed_file(tmp_path, "x").exists()
    )


@pytest.mark.parametrize(
    ("name", "is_folder", "expected"),
    [
        ("2026.05.01", True, "2026.05.01.cogmap"),
        ("a.b.mov", False, "a.b.cogmap"),
        ("scan.v2", True, "scan.v2.cogmap"),
        ("plain", True, "plain.cogmap"),
        ("x.ply", False, "x.cogmap"),
    ],
)
def test_outputs_are_named_after_the_source(tmp_path: Path, name: str, is_folder: bool, expected: str) -> None:
    (tmp_path / name).mkdir() if is_folder else (tmp_path / name).touch()
    assert default_output(tmp_path / name) == tmp_path / expected
    (tmp_path / "link").symlink_to(tmp_path / name)
    assert default_output(tmp_path / "link").name == "link.cogmap"


# pictures


@pytest.mark.parametrize(("bits", "white"), [(8, 255), (10, 1023), (12, 4095), (14, 16383), (16, 65535)])
def test_grey_of_every_depth_is_bright(tmp_path: Path, bits: int, white: int) -> None:
    ramp = np.linspace(0, white, 64 * 48).reshape(48, 64).astype(np.uint16)
    for k in range(3):
        Image.fromarray(ramp).save(tmp_path / f"{k}.png")
    c = capture(tmp_path)
    assert np.mean([f.rgb.mean() for f in c.frames(None)]) == pytest.approx(127, abs=3)
    assert ("W-IMAGE-RANGE" in codes(c)) == (bits < 16)


@pytest.mark.parametrize(
    ("file", "data", "kind"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        ("a.HEIF", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        ("a.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "AVIF"),
        ("a.las", b"LASF" + bytes(60), "LAS"),
        ("a.e57", b"ASTM-E57" + bytes(60), "E57"),
        ("a.obj", b"# mesh\nv 0 0 0\n", "OBJ"),
        ("a.glb", b"glTF\x02\0\0\0" + bytes(60), "GLB"),
        ("a.r3d", b"\x01\x02" + bytes(60), "Record3D"),
        ("a.bag", b"#ROSBAG V2.0\n", "ROS bag"),
    ],
)
def test_near_misses_are_named_with_the_way_out(tmp_path: Path, file: str, data: bytes, kind: str) -> None:
    (tmp_path / file).write_bytes(data)
    with pytest.raises(InputError, match="E-SOURCE-UNKNOWN") as caught:
        open_source(tmp_path / file)
    assert kind in caught.value.problem
    assert any(word in caught.value.remedy for word in ("Convert", "Export", "PLY", "TUM"))


def test_what_a_folder_holds_besides_pictures_is_counted(tmp_path: Path) -> None:
    for k in range(4):
        Image.new("RGB", (8, 8)).save(tmp_path / f"IMG_{k}.jpg")
    for name in ("IMG_4.HEIC", "IMG_5.dng", "._IMG_0.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "IMG_9.jpg").symlink_to(tmp_path / "gone.jpg")
    c = capture(tmp_path)
    (told,) = [n for n in c.report.notes if n.code == "W-FILES-SKIPPED"]
    assert c.n_frames == 4 and told.count == 4 and told.severity == "degraded"
    assert all(kind in told.effect for kind in ("HEIC", "DNG", "broken link", "resource fork"))


@pytest.mark.parametrize(("folder", "said"), [("color", "color/"), ("rgb", "rgb/"), ("images", "images/")])
def test_pictures_one_folder_deeper_are_pointed_at(tmp_path: Path, folder: str, said: str) -> None:
    (tmp_path / folder).mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / folder / "0.png")
    with pytest.raises(InputError, match="E-FOLDER-EMPTY") as caught:
        open_source(tmp_path)
    assert said in caught.value.remedy


@pytest.mark.parametrize("tag", [3, 6, 8])
@pytest.mark.parametrize("kind", ["colmap", "nerfstudio"])
@pytest.mark.parametrize("size", [(160, 120), (120, 120)])
def test_pictures_are_not_turned_against_their_cameras(
    tmp_path: Path, tag: int, kind: str, size: tuple[int, int]
) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = tag
    (tmp_path / "images").mkdir()
    Image.fromarray(rgb).save(tmp_path / "images/0.png", exif=exif)
    if kind == "nerfstudio":
        row = {"file_path": "images/0.png", "transform_matrix": np.eye(4).tolist()}
        data = {"fl_x": 100, "cx": size[0] / 2, "cy": size[1] / 2, "w": size[0], "h": size[1], "frames": [row]}
        (tmp_path / "transforms.json").write_text(json.dumps(data))
    else:
        import pycolmap

        model = pycolmap.Reconstruction()
        params = [100, 100, size[0] / 2, size[1] / 2]
        camera = pycolmap.Camera(model="PINHOLE", width=size[0], height=size[1], params=params, camera_id=1)
        model.add_camera_with_trivial_rig(camera)
        image = pycolmap.Image(name="0.png", camera_id=1, image_id=1)
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(np.eye(4)[:3]))
        (tmp_path / "sparse/0").mkdir(parents=True)
        model.write_binary(str(tmp_path / "sparse/0"))
    frame = next(capture(tmp_path).frames(None))
    assert np.array_equal(frame.rgb, rgb) and frame.K is not None and np.allclose(frame.K[:2, 2], np.array(size) / 2)


def test_pictures_whose_shape_only_fits_turned_are_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (160, 120)).save(tmp_path / "0.png", exif=exif)
    row = {"file_path": "0.png", "transform_matrix": np.eye(4).tolist()}
    data = {"fl_x": 100, "cx": 60, "cy": 80, "w": 120, "h": 160, "frames": [row]}
    (tmp_path / "transforms.json").write_text(json.dumps(data))
    assert next(capture(tmp_path).frames(None)).rgb.shape == (160, 120, 3)


@pytest.mark.parametrize("ratio", [(4, 3), (16, 11), (8, 9), (64, 45), (1, 1)])
def test_pixels_that_are_not_square_are_stretched(tmp_path: Path, ratio: tuple[int, int]) -> None:
    from fractions import Fraction

    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(*ratio)
        for _ in range(6):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 96, 3), 99, np.uint8))))
        out.mux(stream.encode())
    c = capture(tmp_path / "a.mp4")
    h, w = next(c.frames(None)).rgb.shape[:2]
    assert w / h == pytest.approx(96 / 64 * ratio[0] / ratio[1], rel=0.02) and h >= 64 and w >= 96
    assert ("W-VIDEO-PIXELS" in codes(c)) == (ratio[0] != ratio[1])


# lenses


@pytest.mark.parametrize(
    "lens",
    [
        Lens("OPENCV", (-0.25, 0.05, 0.0, 0.0)),
        Lens("OPENCV", (0.1, 0.0, 0.002, -0.003)),
        Lens("FULL_OPENCV", (-0.2, 0.03, 0.001, 0.001, 0.01, 0.0, 0.0, 0.0)),
        Lens("OPENCV_FISHEYE", (-0.03, 0.01, 0.0, 0.0)),
        Lens("FOV", (0.7,)),
        Lens("THIN_PRISM_FISHEYE", (0.01, 0.0, 0.001, 0.0, 0.0, 0.0, 0.001, 0.0)),
    ],
    ids=lambda x: f"{x.model} {x.parameters[:2]}",
)
def test_depth_and_picture_come_through_one_lens(lens: Lens) -> None:
    """A plane before the camera, seen through the lens, is the plane again."""
    import pycolmap

    size = (120, 160)
    camera = pycolmap.Camera(model=lens.model, width=160, height=120, params=[130, 130, 80, 60, *lens.parameters])
    v, u = np.mgrid[: size[0], : size[1]] + 0.5
    rays = camera.cam_from_img(np.stack([u.ravel(), v.ravel()], 1))
    xy = np.asarray(rays).reshape(*size, -1)[..., :2]
    plane = 3.0 / (1 + 0.3 * xy[..., 0] - 0.2 * xy[..., 1])
    value = 120 + 60 * np.sin(4 * xy[..., 0]) * np.cos(3 * xy[..., 1])
    x, y = (u - 80) / 130, (v - 60) / 130
    depth = undistorted_nearest(plane.astype(np.float32), K, lens)
    rgb, _ = undistorted(np.repeat(value[..., None], 3, 2).astype(np.uint8), K, lens)
    inner = (np.abs(x) < 0.45) & (np.abs(y) < 0.35) & (depth > 0)
    assert inner.mean() > 0.4 and np.abs(depth / (3.0 / (1 + 0.3 * x - 0.2 * y)) - 1)[inner].max() < 0.01
    assert np.abs(rgb[..., 0] - (120 + 60 * np.sin(4 * x) * np.cos(3 * y)))[inner].max() < 6


def test_every_frame_has_its_own_lens_and_unknown_terms_are_told(tmp_path: Path) -> None:
    rows = []
    for k, k1 in enumerate((0.0, -0.2, -0.3)):
        Image.fromarray(np.tile(np.arange(160, dtype=np.uint8), (120, 1))).convert("RGB").save(tmp_path / f"{k}.png")
        rows.append({"file_path": f"{k}.png", "transform_matrix": np.eye(4).tolist(), "k1": k1})
    data = {"fl_x": 130, "cx": 80, "cy": 60, "w": 160, "h": 120, "frames": rows, "s1": 0.01, "mood": "calm"}
    (tmp_path / "transforms.json").write_text(json.dumps(data))
    c = capture(tmp_path)
    firsts = [int(f.rgb[60, 5, 0]) for f in c.frames(None)]
    assert firsts[0] == 5 and firsts[0] < firsts[1] < firsts[2]
    assert {"W-FIELDS-UNKNOWN", "W-LENS-IGNORED"} <= codes(c)


# boxes


@pytest.mark.parametrize(
    ("keys", "yaw"),
    [
        ({"yaw": 0.785398}, 45),
        ({"heading": 0.785398}, 45),
        ({"yaw_rad": 0.785398}, 45),
        ({"rotation_y": 0.785398}, 45),
        ({"yaw": 45}, 45),
        ({"heading_deg": 30}, 30),
        ({"yaw_deg": -20}, -20),
        ({"angle": 1.0471976}, 60),
        ({"quaternion": [0, 0, 0.3826834, 0.9238795]}, 45),
        ({"rotation": [0, 0, 0.3826834, 0.9238795]}, 45),
        ({"R": [[0.8660254, -0.5, 0], [0.5, 0.8660254, 0], [0, 0, 1]]}, 30),
    ],
)
def test_headings_of_boxes_under_every_name(tmp_path: Path, keys: dict[str, Any], yaw: float) -> None:
    row = {"class": "sofa", "center": [1, 2, 0.4], "dimensions": [2.0, 0.9, 0.8], "id": "my-Sofa 7", **keys}
    (tmp_path / "b.json").write_text(json.dumps({"objects": [row]}))
    (thing,) = cogmap.build(tmp_path / "b.json").objects
    assert np.degrees(thing.box.yaw) == pytest.approx(yaw, abs=0.01) and thing.label == "sofa"
    assert thing.id == "my_sofa_7" and thing.box.size_m == pytest.approx((2.0, 0.9, 0.8), abs=1e-3)


def test_headings_turn_about_the_axis_that_is_up_and_unknown_fields_are_told(tmp_path: Path) -> None:
    row = {"label": "sofa", "center": [1, 0.4, -2], "size": [2.0, 0.8, 0.9], "yaw": 0.5, "mood": "calm"}
    (tmp_path / "b.json").write_text(json.dumps({"objects": [row]}))
    m = cogmap.build(tmp_path / "b.json", up="y")
    assert m.objects[0].box.size_m == pytest.approx((2.0, 0.9, 0.8), abs=1e-3)
    assert abs(abs(m.objects[0].box.yaw) - 0.5) < 1e-3
    assert m.quality.status == "ok" and "mood" in next(
        w.effect for w in m.quality.warnings if w.code == "W-FIELDS-UNKNOWN"
    )


@pytest.mark.parametrize(("factor", "unit"), [(1000.0, "mm"), (1.0, None)])
def test_units_of_boxes_are_found_where_they_are_certain(tmp_path: Path, factor: float, unit: str | None) -> None:
    rows = [
        {"label": "bed", "center_m": [factor * k, 0, 0.3 * factor], "size_m": [2 * factor, 1.5 * factor, 0.6 * factor]}
        for k in range(3)
    ]
    (tmp_path / "b.json").write_text(json.dumps({"objects": rows}))
    m = cogmap.build(tmp_path / "b.json")
    assert m.objects[0].box.size_m == pytest.approx((2, 1.5, 0.6), abs=1e-3)
    assert ("W-UNIT-GUESSED" in {w.code for w in m.quality.warnings}) == (unit is not None)
    (tmp_path / "b.json").write_text(json.dumps({"objects": [{**r, "size_m": [1e-4, 1e-4, 1e-4]} for r in rows]}))
    with pytest.raises(InputError, match="E-UNIT.*--unit"):
        cogmap.build(tmp_path / "b.json")


# arrays


def tensors(n: int = 6) -> dict[str, Any]:
    room = make_room(1)
    shots = [render(room, T, K, (120, 160)) for T in walk_path(room, n)]
    return {
        "rgb": np.array([s.rgb for s in shots]),
        "depth": np.array([s.depth for s in shots]),
        "K": K,
        "T_world_cam": np.array([s.T_world_cam for s in shots]),
    }


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], type[Exception] | None, str]] = {
    "half precision poses": (lambda a: {"T_world_cam": a["T_world_cam"].astype(np.float16)}, None, ""),
    "three rows": (lambda a: {"T_world_cam": a["T_world_cam"][:, :3]}, None, ""),
    "four numbers": (lambda a: {"K": np.array([130.0, 130, 80, 60])}, None, ""),
    "four numbers each": (lambda a: {"K": np.tile([130.0, 130, 80, 60], (6, 1))}, None, ""),
    "colours in shares": (lambda a: {"rgb": a["rgb"] / 255.0}, None, ""),
    "whole depth": (lambda a: {"depth": (1000 * a["depth"]).astype(np.uint16)}, InputError, "E-DEPTH-UNIT.*uint16"),
    "yes and no masks": (lambda a: {"masks": a["depth"] > 2}, InputError, "E-SHAPE.*bool"),
    "masks of another size": (lambda a: {"masks": np.zeros((6, 60, 80), int)}, InputError, "E-SHAPE"),
    "five rows": (lambda a: {"T_world_cam": np.zeros((6, 5, 4))}, InputError, "E-SHAPE"),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_arrays_as_models_give_them(name: str) -> None:
    given = tensors()
    change, error, said = CHANGES[name]
    if error is not None:
        with pytest.raises(error, match=said):
            capture_of(**{**given, **change(given)})
        return
    frames = list(capture_of(**{**given, **change(given)}).frames(None))
    assert np.allclose([f.K for f in frames], K)
    assert np.allclose([f.T_input_cam for f in frames], given["T_world_cam"], atol=5e-3)
    assert np.abs(frames[2].rgb.astype(int) - given["rgb"][2]).max() <= 1


@pytest.mark.parametrize(
    "option",
    [
        {"fps": 3.0},
        {"reconstructor": "sfm"},
        {"intrinsics": (1.0, 1, 1, 1)},
        {"unit": "mm"},
        {"sampling": "sharp"},
        {"labeler": "magic"},
    ],
)
def test_options_that_say_nothing_of_arrays_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="E-OPTION"):
        cogmap.build_arrays(**tensors(), **option)


@pytest.mark.parametrize(
    "text", ["nonsense.voxel_m=0.03", "label.voxel_m=0.03", "fuze.voxel_m=0.03", "instances.up=y", "x.y.z=1"]
)
def test_sections_of_settings_are_real(text: str) -> None:
    from cogmap.config import parse_setting

    with pytest.raises(ConfigError, match="E-OPTION-UNKNOWN.*Did you mean"):
        parse_setting(text)
    assert parse_setting("fuse.voxel_m=0.03") == parse_setting("voxel_m=0.03") == {"voxel_m": 0.03}


def test_a_video_without_oddities_says_nothing(tmp_path: Path) -> None:
    assert codes(capture(clip(tmp_path / "a.mp4"))) == set()
