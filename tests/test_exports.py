"""Exports, each read back: by another library where there is one, else by its format's own words."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import yaml

from cogmap import CognitiveMap, build
from cogmap.data.scene import FREE, OCCUPIED
from cogmap.errors import ConfigError, InputError
from cogmap.exporting import EXPORTS, export_map
from cogmap.mapfile.export_glb import corners
from cogmap.render.text_layout import parse_layout

from .maps import living_room
from .references import Reference


@pytest.fixture(scope="module")
def room(light: Reference) -> CognitiveMap:
    return light.map


def test_glb_holds_every_box_with_y_up(tmp_path: Path) -> None:
    scene = living_room()
    export_map(scene, "glb", tmp_path / "a.glb")
    data = (tmp_path / "a.glb").read_bytes()
    magic, version, length, size, kind = struct.unpack("<IIIII", data[:20])
    assert (magic, version, length, kind) == (0x46546C67, 2, len(data), 0x4E4F534A)
    head = json.loads(data[20 : 20 + size])
    assert [n["name"] for n in head["nodes"]] == [o.id for o in scene.objects]
    table = scene.objects[[o.id for o in scene.objects].index("table_1")].box
    assert np.allclose(corners(table).max(0), [0.6, 0.72, -1.6]) and np.allclose(corners(table).min(0)[1], 0.0)


def test_glb_opens_in_another_library(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed: make test-models installs it")
    scene = living_room()
    export_map(scene, "glb", tmp_path / "a.glb")
    read = trimesh.load_scene(tmp_path / "a.glb")
    assert len(read.geometry) == len(scene.objects)
    volume = sum(abs(g.volume) for g in read.geometry.values())
    assert volume == pytest.approx(sum(np.prod(o.box.size_m) for o in scene.objects), rel=1e-4)
    assert all(g.is_watertight and g.volume > 0 for g in read.geometry.values())


def test_a_nerfstudio_folder_builds_the_same_cameras(tmp_path: Path, room: CognitiveMap) -> None:
    export_map(room.scene, "nerfstudio", tmp_path / "ns")
    from cogmap.capture.nerfstudio import accepts, open_nerfstudio

    assert accepts(tmp_path / "ns")
    capture = open_nerfstudio(tmp_path / "ns")
    frames = list(capture.frames(None))
    assert len(frames) == len(room.scene.camera_path)
    for f, c in zip(frames, room.scene.camera_path):
        assert f.T_input_cam is not None and np.allclose(f.T_input_cam, c.T_map_cam, atol=1e-6)
        assert f.K is not None and np.allclose(f.K, c.K, atol=1e-6)


def test_nav2_cells_are_those_of_the_map(tmp_path: Path, room: CognitiveMap) -> None:
    export_map(room.scene, "nav2", tmp_path / "floor.yaml")
    said = yaml.safe_load((tmp_path / "floor.yaml").read_text())
    head, size, most, data = (tmp_path / said["image"]).read_bytes().split(b"\n", 3)
    columns, rows = map(int, size.split())
    cells = np.frombuffer(data, np.uint8).reshape(rows, columns)[::-1]
    grid = room.scene.freespace
    assert grid is not None and head == b"P5" and most == b"255"
    assert np.array_equal(cells == 254, grid.cells == FREE) and np.array_equal(cells == 0, grid.cells == OCCUPIED)
    assert said["resolution"] == grid.cell_m and np.allclose(said["origin"][:2], grid.origin_map, atol=1e-4)
    occupied = (255 - cells.astype(float)) / 255  # what the map server computes
    assert np.array_equal(occupied < said["free_thresh"], grid.cells == FREE) and said["negate"] == 0
    assert np.array_equal(occupied > said["occupied_thresh"], grid.cells == OCCUPIED)


def test_boxes_and_layout_come_back(tmp_path: Path) -> None:
    scene = living_room()
    export_map(scene, "boxes", tmp_path / "boxes.json")
    data = json.loads((tmp_path / "boxes.json").read_text())
    assert [a["name"] for a in data["annotations"]] == [o.id for o in scene.objects]
    again = {"objects": [{"label": a["category_name"], "center_m": a["center_m"], "size_m": a["size_m"],
                          "rotation": a["R"]} for a in data["annotations"]]}  # fmt: skip
    (tmp_path / "again.json").write_text(json.dumps(again))
    back = build(tmp_path / "again.json").objects
    assert all(np.allclose(a.box.size_m, b.box.size_m, atol=1e-3) for a, b in zip(back, scene.objects))
    export_map(scene, "spatiallm", tmp_path / "layout.txt")
    assert len(parse_layout((tmp_path / "layout.txt").read_text()).boxes) == len(scene.objects)


def test_what_a_map_lacks_is_said(tmp_path: Path) -> None:
    scene = living_room()
    for to, code in (("ply", "E-NO-VOXELS"), ("nerfstudio", "E-NO-FRAMES"), ("nav2", "E-NO-FLOOR")):
        with pytest.raises(InputError, match=code):
            export_map(scene, to, tmp_path / "x")
    with pytest.raises(ConfigError, match=", ".join(EXPORTS)):
        export_map(scene, "stl", tmp_path / "x")
