"""A map folder: published whole, read back equal, the same bytes twice, every picture and text checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image
from shapely.geometry import Point, Polygon

import cogmap
from cogmap._checks import equal
from cogmap.errors import ConfigError, InputError, OutputError
from cogmap.geometry.camera import unproject
from cogmap.geometry.rigid import apply
from cogmap.mapfile.schema import MapFile, json_schema
from cogmap.render.anchors import anchors_of
from cogmap.render.bev import bev_view

from .rooms import make_room, render, walk_path, write_sevenscenes

K = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = make_room(2)
    source = tmp_path_factory.mktemp("capture") / "scan"
    write_sevenscenes(source, [render(room, T, K, (120, 160)) for T in walk_path(room, 40)])
    cogmap.build(source).save(source.parent / "room.cogmap")
    return source.parent


@pytest.fixture(scope="module")
def m(folder: Path) -> cogmap.CognitiveMap:
    return cogmap.load(folder / "room.cogmap")


def test_save_then_load_is_the_identity(folder: Path, m: cogmap.CognitiveMap, tmp_path: Path) -> None:
    m.save(tmp_path / "copy.cogmap")
    again = cogmap.load(tmp_path / "copy.cogmap")
    for name in ("objects", "layout", "freespace", "camera_path", "keyframes", "scale", "quality", "voxels"):
        assert equal(getattr(m.scene, name), getattr(again.scene, name)), name
    a, b = (p / "map.json" for p in (folder / "room.cogmap", tmp_path / "copy.cogmap"))
    assert a.read_bytes() == b.read_bytes()


def test_the_same_input_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    cogmap.build(folder / "scan").save(tmp_path / "again.cogmap")
    for name in ("map.json", "voxels.npz", "bev.png", "bev.svg", "map.yaml", "map.txt", "scene.ply"):
        assert (folder / "room.cogmap" / name).read_bytes() == (tmp_path / "again.cogmap" / name).read_bytes(), name


def test_json_passes_the_published_schema_and_yaml_is_its_twin(folder: Path) -> None:
    data = json.loads((folder / "room.cogmap/map.json").read_text())
    jsonschema.validate(data, json.loads(json_schema()))
    published = Path(__file__).parents[1] / "docs/map.schema.json"
    assert published.read_text() == json_schema()
    twin = yaml.safe_load((folder / "room.cogmap/map.yaml").read_text())
    assert MapFile.model_validate(twin) == MapFile.model_validate(data)


def test_metric_text_parses_back(m: cogmap.CognitiveMap) -> None:
    text = m.to_text("metric")
    rows = cogmap.parse_metric(text)
    assert [r.id for r in rows] == [o.id for o in m.objects]
    for row, thing in zip(rows, m.objects):
        assert np.allclose(row.center_m, thing.box.center_m, atol=0.0051)
        assert np.allclose(row.size_m, thing.box.size_m, atol=0.0051)
    assert "units cm" in text and "z up" in text and "scale from sensor" in text
    with pytest.raises(InputError, match="line 8"):
        lines = text.splitlines()
        lines[7] = "7 chair_1 what"
        cogmap.parse_metric("\n".join(lines))


def test_bev_numbers_stand_in_their_footprints(m: cogmap.CognitiveMap) -> None:
    view = bev_view(m.scene)
    for thing, at in zip(m.objects, anchors_of(m.objects)):
        assert Polygon(thing.footprint_map).distance(Point(at)) < 1e-6
        u, v = view.pixel(at)
        assert 0 <= u < 896 and 0 <= v < 896
    first = m.to_image("bev", 672)
    picture = Image.open(__import__("io").BytesIO(first))
    assert picture.size == (672, 672) and picture.mode == "P" and first == m.to_image("bev", 672)


def test_frames_hold_geometry(m: cogmap.CognitiveMap) -> None:
    f = m.frame("f003")
    xyz = f.xyz()
    known = f.depth > 0
    assert np.abs(xyz[known] - apply(f.T_map_cam, unproject(f.depth, f.K))[known]).max() < 1e-4
    assert np.isnan(xyz[~known]).all()
    assert f.xyz(patch=14).shape == (120 // 14, 160 // 14, 3)
    with pytest.raises(InputError, match="E-FRAME"):
        m.frame("f999")


def test_marked_frames_use_the_map_s_numbers(m: cogmap.CognitiveMap) -> None:
    marked = m.mark_frames(3)
    assert len(marked) == 3
    for name, rgb in marked.items():
        assert (rgb != m.frame(name).rgb).any()


def test_scale_is_set_from_a_known_object(m: cogmap.CognitiveMap, tmp_path: Path) -> None:
    shrunk = m.set_scale(m.objects[0].id, height=0.37 * m.objects[0].box.size_m[2])
    back = shrunk.set_scale(m.objects[0].id, height=m.objects[0].box.size_m[2])
    for a, b in zip(m.objects, back.objects):
        assert np.allclose(a.box.size_m, b.box.size_m, rtol=0.02)
    assert back.scale.source == "known-object" and m.scale.source == "sensor"
    back.save(tmp_path / "s.cogmap")
    f, g = m.frame(5), cogmap.load(tmp_path / "s.cogmap").frame(5)
    assert np.allclose(f.depth, g.depth, rtol=1e-3)
    with pytest.raises(ConfigError, match="E-UNKNOWN-ID"):
        m.set_scale("door_77", height=2)


def test_an_existing_output_is_kept(folder: Path, m: cogmap.CognitiveMap, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="E-OUTPUT-EXISTS"):
        m.save(folder / "room.cogmap")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/a.txt").write_text("x")
    with pytest.raises(OutputError, match="no map"):
        m.save(tmp_path / "precious", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_a_failing_writer_leaves_nothing(
    m: cogmap.CognitiveMap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("cogmap.publish.export_ply", fail)
    with pytest.raises(OSError, match="disk full"):
        m.save(tmp_path / "x.cogmap")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d["objects"][0]["box"].update(size_m=[1, -1, 1]), "objects.0.box.size_m.1"),
        (lambda d: d.update(schema_version="2.0"), "E-MAP-VERSION"),
        (lambda d: d["scale"].update(kind="guess"), "scale.kind"),
    ],
)
def test_a_wrong_map_is_refused_by_field(folder: Path, tmp_path: Path, change, code: str) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(folder / "room.cogmap", tmp_path / "m")
    data = json.loads((tmp_path / "m/map.json").read_text())
    change(data)
    (tmp_path / "m/map.json").write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        cogmap.load(tmp_path / "m")
    assert code in str(caught.value)


def test_changed_voxels_are_noticed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "room.cogmap", tmp_path / "m")
    (tmp_path / "m/voxels.npz").write_bytes(b"no")
    with pytest.raises(InputError, match="E-MAP-HASH"):
        cogmap.load(tmp_path / "m")


def test_a_future_minor_field_is_kept(folder: Path) -> None:
    data = json.loads((folder / "room.cogmap/map.json").read_text())
    data["schema_version"], data["objects"][0]["mood"] = "1.7", "calm"
    assert MapFile.model_validate(data).model_dump(mode="json")["objects"][0]["mood"] == "calm"
