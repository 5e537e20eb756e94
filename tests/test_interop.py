"""Other libraries read what cogmap hands them, and cogmap reads it back. `make test-interop` installs them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cogmap import CognitiveMap, build, pipeline
from cogmap.config import Config
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.data.scene import Box
from cogmap.errors import InputError, OutputError
from cogmap.exporting import export_map
from cogmap.geometry.camera import project, unproject
from cogmap.geometry.rigid import about_z, apply

from .maps import living_room
from .references import windows
from .rooms import make_room, walk_path
from .test_exports import room  # noqa: F401

REASON = "{0} is not installed: make test-interop installs it"


@pytest.fixture()
def o3d() -> object:
    return pytest.importorskip("open3d", reason=REASON.format("open3d"), exc_type=ImportError)


def test_open3d_points_and_boxes_go_both_ways(o3d: object, room: CognitiveMap) -> None:  # noqa: F811
    from cogmap.interop.open3d import from_boxes, from_points, to_boxes, to_points

    cloud = to_points(room.scene)
    back = from_points(cloud)
    voxels = room.scene.voxels
    assert voxels is not None and np.allclose(back.xyz_input, voxels.mean_map)
    assert np.array_equal(back.rgb, voxels.rgb)
    boxes = to_boxes(room.scene)
    for thing, box in zip(room.objects, boxes):
        corners = np.asarray(box.get_box_points())
        assert all(np.linalg.norm(corners - c, axis=1).min() < 1e-6 for c in thing.box.corners)
    again = build(from_boxes(boxes, [o.label for o in room.objects]))
    for old, new in zip(sorted(room.objects, key=_place), sorted(again.objects, key=_place)):
        assert np.allclose(old.box.center_m, new.box.center_m, atol=1e-3)
        assert np.allclose(old.box.size_m, new.box.size_m, atol=1e-3)
    with pytest.raises(InputError, match="E-ROWS"):
        from_boxes(boxes, ["one"])


def _place(thing: object) -> tuple[float, ...]:
    return tuple(np.round(thing.box.center_m, 2))  # type: ignore[attr-defined]


def test_a_cloud_in_memory_builds_as_its_file_does(o3d: object, room: CognitiveMap, tmp_path: Path) -> None:  # noqa: F811
    import open3d

    from cogmap.interop.open3d import from_points, to_points

    cloud = to_points(room.scene)
    open3d.io.write_point_cloud(str(tmp_path / "room.ply"), cloud)
    by_file, in_memory = build(tmp_path / "room.ply"), build(from_points(cloud))
    assert [o.box for o in by_file.objects] == [o.box for o in in_memory.objects]


def test_the_mesh_lies_on_the_surfaces(o3d: object, room: CognitiveMap, tmp_path: Path) -> None:  # noqa: F811
    import open3d

    export_map(room.scene, "mesh", tmp_path / "room.ply")
    mesh = open3d.io.read_triangle_mesh(str(tmp_path / "room.ply"))
    assert len(mesh.triangles) > 10_000 and mesh.has_vertex_colors()
    voxels = room.scene.voxels
    assert voxels is not None
    surfaces = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(voxels.mean_map.astype(float)))
    vertices = open3d.geometry.PointCloud(mesh.vertices)
    gap = np.asarray(vertices.compute_point_cloud_distance(surfaces))
    assert np.median(gap) < 0.02  # a half pixel off shows as a shift that grows with distance
    with pytest.raises(InputError, match="E-NO-FRAMES"):
        export_map(living_room(), "mesh", tmp_path / "none.ply")
    with pytest.raises(OutputError, match="E-OUTPUT-DENIED"):
        export_map(room.scene, "mesh", tmp_path / "missing" / "room.ply")


def test_rerun_reads_the_recording(room: CognitiveMap, tmp_path: Path) -> None:  # noqa: F811
    pytest.importorskip("rerun", reason=REASON.format("rerun"))
    export_map(room.scene, "rerun", tmp_path / "room.rrd")
    assert "verified without error" in _rerun("verify", tmp_path / "room.rrd")
    listed = _rerun("print", "-vvv", tmp_path / "room.rrd")
    for entity in ("/map/surfaces", "/map/objects", "/map/walls", "/map/path", "/map/camera", "/map/camera/picture"):
        assert f"{entity}\n" in listed or f"{entity} " in listed, entity
    for component in ("Boxes3D:labels", "Pinhole:image_from_camera", "EncodedImage:blob", "ViewCoordinates:xyz"):
        assert component in listed, component


def _rerun(*words: object) -> str:
    """What the command of the viewer itself says of a recording."""
    run = subprocess.run([sys.executable, "-m", "rerun", "rrd", *map(str, words)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def test_coco_tools_read_the_boxes_of_every_frame(room: CognitiveMap, tmp_path: Path) -> None:  # noqa: F811
    coco = pytest.importorskip("pycocotools.coco", reason=REASON.format("pycocotools"))
    export_map(room.scene, "coco3d", tmp_path / "boxes.json")
    read = coco.COCO(str(tmp_path / "boxes.json"))
    assert len(read.getImgIds()) == len(room.scene.camera_path)
    rows = read.loadAnns(read.getAnnIds())
    assert len(rows) == sum(len(o.seen) for o in room.objects)
    for row in rows:
        camera, box = room.scene.camera_path[row["image_id"]], room[row["object"]].box
        corners = apply(camera.T_map_cam, np.array(row["bbox3D_cam"]))
        assert all(np.linalg.norm(corners - c, axis=1).min() < 1e-3 for c in box.corners)
        width, height, length = row["dimensions"]  # as Omni3D makes a cuboid of them
        signs = np.array([[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
        made = np.array(row["center_cam"]) + (signs * [length, height, width] / 2) @ np.array(row["R_cam"]).T
        assert np.allclose(made, row["bbox3D_cam"], atol=1e-3)
        assert np.isclose(np.linalg.det(np.array(row["R_cam"])), 1, atol=1e-4)
        u, v, w, h = row["bbox"]
        assert u >= 0 and u + w <= 640 and v >= 0 and v + h <= 480 and w >= 0 and h >= 0
    json.loads((tmp_path / "boxes.json").read_text())


def test_boxes_in_pixels_are_those_of_the_picture_that_is_named(tmp_path: Path) -> None:
    """Pictures of four times the pixels of their depth: numbers and file must go together."""
    built = make_room(1)
    large = (replace(w, picture=w.rgb.repeat(2, 1).repeat(2, 2)) for w in windows(built, walk_path(built, 10)))
    source = Reconstruction(large, Scale("metric", "sensor", 0.01))
    m = CognitiveMap(pipeline.map_reconstruction(source, Config(), pipeline.Diary()))
    m.save(tmp_path / "room.cogmap")
    m.export("coco3d", tmp_path / "boxes.json")
    data = json.loads((tmp_path / "boxes.json").read_text())
    for image in data["images"]:
        with Image.open(tmp_path / "room.cogmap" / image["file_path"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (640, 480)
        assert image["K"][0][0] == pytest.approx(2 * m.frame(image["id"]).K[0, 0])
    with pytest.raises(InputError, match="E-NO-FRAMES"):
        export_map(living_room(), "coco3d", tmp_path / "none.json")


@pytest.fixture()
def p3d() -> object:
    return pytest.importorskip("pytorch3d", reason="pytorch3d is not installed: make test-pytorch3d builds it")


def test_pytorch3d_cameras_see_points_where_ours_do(p3d: object, room: CognitiveMap) -> None:  # noqa: F811
    import torch

    from cogmap.interop.pytorch3d import to_cameras

    frame = room.frame(5)
    size = frame.depth.shape
    points = unproject(frame.depth, frame.K)[::40, ::40].reshape(-1, 3)
    points = points[points[:, 2] > 0]
    ours, _ = project(points, frame.K)
    xyz_map = apply(frame.T_map_cam, points)
    camera = to_cameras(frame.T_map_cam, frame.K, (size[0], size[1]))
    theirs = camera.transform_points_screen(torch.as_tensor(xyz_map[None], dtype=torch.float32), image_size=[size])
    assert np.abs(theirs[0, :, :2].numpy() - ours).max() < 0.05
    assert np.allclose(camera.get_camera_center()[0].numpy(), frame.T_map_cam[:3, 3], atol=1e-4)


def test_pytorch3d_judges_our_overlap_of_boxes(p3d: object) -> None:
    from cogmap.geometry.box import iou
    from cogmap.interop.pytorch3d import box_iou

    from .maps import map_of

    rng = np.random.default_rng(0)
    rows = [
        ("box", tuple(rng.uniform(-1, 1, 3)), tuple(rng.uniform(0.3, 2, 3)), float(rng.uniform(-90, 90)))
        for _ in range(30)
    ]
    boxes = [o.box for o in map_of(*rows).objects]
    theirs = box_iou(boxes, boxes)
    flat = [(np.array(b.center_m), np.array(b.size_m), b.yaw) for b in boxes]
    ours = [[iou(*a, *b) for b in flat] for a in flat]
    off = np.abs(theirs - ours)
    assert (off < 1e-4).mean() > 0.99
    for a, b in np.argwhere(off >= 1e-4):  # a third judge decides
        thrown = sampled_iou(boxes[a], boxes[b])
        assert abs(thrown - ours[a][b]) < 0.002 < abs(thrown - theirs[a, b])


def sampled_iou(a: Box, b: Box) -> float:
    """Intersection over union by two million points thrown into the first."""
    half = np.random.default_rng(1).uniform(-0.5, 0.5, (2_000_000, 3)) * a.size_m
    local = (half @ about_z(a.yaw).T + a.center_m - b.center_m) @ about_z(b.yaw)
    shared = (np.abs(local) <= np.array(b.size_m) / 2).all(1).mean() * np.prod(a.size_m)
    return float(shared / (np.prod(a.size_m) + np.prod(b.size_m) - shared))


def test_pytorch3d_draws_the_same_view(p3d: object, room: CognitiveMap) -> None:  # noqa: F811
    frame = room.frame(3)
    ours, theirs = (room.render(frame.T_map_cam, renderer=r) for r in ("kernel", "pytorch3d"))
    both = (ours > 0) & (theirs > 0)
    assert both.mean() > 0.9 * (ours > 0).mean()
    assert np.median(np.abs(ours - theirs)[both]) < 0.02  # a voxel: squares here, discs there
    known = both & (frame.depth > 0)
    assert np.median(np.abs(theirs - frame.depth)[known]) < 0.03
    number = room.render(frame.T_map_cam, "number", renderer="pytorch3d")
    assert (number == room.render(frame.T_map_cam, "number"))[both].mean() > 0.97


def test_embodiedscan_angles_turn_boxes_as_its_own_reader_does(p3d: object, tmp_path: Path) -> None:
    import torch
    from pytorch3d.transforms import euler_angles_to_matrix

    scene = living_room()
    export_map(scene, "boxes", tmp_path / "boxes.json")
    for row in json.loads((tmp_path / "boxes.json").read_text())["annotations"]:
        turn = euler_angles_to_matrix(torch.tensor(row["bbox_9dof"][6:]), "ZXY").numpy()
        assert np.allclose(turn, row["R"], atol=1e-5)
