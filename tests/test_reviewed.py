"""Slips that a fresh reading found, each with the input that showed it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cogmap
from cogmap import CognitiveMap
from cogmap.clients.base import Client
from cogmap.data.reconstruction import Scale
from cogmap.errors import InputError, OutputError, RemoteError
from cogmap.exporting import export_map
from cogmap.label.recorded import recorded_labeler
from cogmap.mapfile.upgrade import upgraded
from cogmap.query.relations import scene_graph
from cogmap.stages.instances import absorbed

from .maps import living_room, map_of

CHAIR = ("chair", (0.0, 0.0, 0.45), (0.5, 0.5, 0.9), 0)
TABLE = ("Kitchen Table", (2.0, 0.0, 0.37), (1.2, 0.8, 0.74), 0)


def test_named_objects_stay_in_every_form_whatever_the_budget() -> None:
    one, two = CognitiveMap(map_of(CHAIR)), CognitiveMap(map_of(CHAIR, TABLE))
    assert "Bbox(chair" in one.to_text("layout", max_tokens=3, question="chair")
    text = two.to_text("layout", max_tokens=3, question="chair")
    assert "Bbox(chair" in text and "Table" not in text and text.count("left out") == 1
    assert "left out" not in one.to_text("metric", max_tokens=3, question="chair")
    assert "# number id" in one.to_text("metric", max_tokens=3, question="chair")


def test_nothing_fits_is_an_answer_and_guesses_are_no_names() -> None:
    m = CognitiveMap(map_of(CHAIR, (None, (3.0, 0.0, 0.45), (0.5, 0.5, 0.9), 0)))
    assert m.find("unicorn", Client("judge", lambda ask: "None.")) == ()
    assert m.find("chair", Client("judge", lambda ask: "- 1: 90"))[0].score == 0.9
    with pytest.raises(RemoteError):
        m.find("unicorn", Client("judge", lambda ask: "I am a model."))
    assert len(m.label("shape-prior").find("chair")) == 1
    blue = replace(m.scene, objects=tuple(replace(o, color_name="blue") for o in m.scene.objects))
    assert CognitiveMap(blue).find("red chair")[0].score == 0.5


def test_pictures_of_unknown_price_are_dropped_too() -> None:
    p = CognitiveMap(living_room()).prompt("q", parts=["metric", "bev"], provider="ollama")
    assert p.fit(250, "ollama").left_out == ("bev",)


def test_layout_lines_keep_thin_things_and_their_own_walls() -> None:
    m = CognitiveMap(map_of(("poster", (0.0, 0.0, 1.0), (0.5, 0.004, 0.7), 0)))
    assert len(CognitiveMap.from_layout(m.to_text("layout")).objects) == 1
    text = (
        "door_0=Door(wall_2,2.00,1.00,1.00,0.90,2.00)\nwall_1=Wall(0,0,0,4,0,0,2.5,0)\nwall_2=Wall(2,0,0,2,3,0,2.5,0)\n"
    )
    (door,) = CognitiveMap.from_layout(text).layout.openings
    assert door.wall == "wall_2" and door.box.yaw == pytest.approx(np.pi / 2)
    relative = CognitiveMap(replace(m.scene, scale=Scale("relative", "none", 0.0)))
    with pytest.raises(InputError, match="E-NO-SCALE"):
        CognitiveMap.from_layout(relative.to_text("layout"))


def test_a_front_that_turns_round_is_a_difference_and_rotations_move_along(tmp_path: Path) -> None:
    R = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    rows = [
        {"label": "chair", "center_m": [0, 0, 0.45], "size_m": [0.5, 0.5, 0.9], "facing_deg": 90},
        {"label": "beam", "center_m": [2, 0, 1], "size_m": [0.2, 0.3, 2.0], "rotation": R},
    ]
    (tmp_path / "b.json").write_text(json.dumps({"objects": rows}))
    m = cogmap.build(tmp_path / "b.json")
    assert [c.kind for c in m.diff(m.edit().move("chair_1", turn_deg=180).done())] == ["turned"]
    beam = m.edit().move("beam_1", dx=1.0).done()["beam_1"]
    assert beam.box.obb is not None and np.allclose(beam.pose[:3, :3], R) and np.allclose(beam.pose[:3, 3], [3, 0, 1])


def test_what_stands_under_a_table_of_any_name_is_under_it() -> None:
    scene = map_of(TABLE, ("box", (2.0, 0.0, 0.15), (0.3, 0.3, 0.3), 0))
    assert ("box_1", "under") in {(e.subject, e.relation) for e in scene_graph(scene).edges}


def test_packed_things_have_few_edges() -> None:
    books = [("book", (0.04 * k, 0.0, 0.1), (0.03, 0.15, 0.2), 0) for k in range(120)]
    assert len(scene_graph(map_of(*books)).edges) < 120 * 60


def test_small_parsers(tmp_path: Path) -> None:
    m = CognitiveMap(map_of(("bookshelf", (0.0, 0.0, 1.0), (1.0, 0.3, 2.0), 0)))
    assert m.count("bookshelves") == m.count("shelves") == m.count("bookcase") == 1
    assert upgraded({"schema_version": "1.0", "objects": None})["objects"] is None
    assert upgraded({"schema_version": ["1.0"]}) == {"schema_version": ["1.0"]}
    things = [{"label": "a", "box": [640, 20, 660, 200]}, {"label": "b", "box": [600, 20, 660, 200]}]
    (tmp_path / "x.json").write_text(json.dumps({"frames": {"0": {"size": [640, 480], "things": things}}}))
    found = recorded_labeler(tmp_path / "x.json").detect(np.zeros((2, 2, 3), np.uint8), 0)
    assert found is not None and found.labels == ("b",)
    with pytest.raises(OutputError, match="E-OUTPUT-DENIED"):
        export_map(m.scene, "glb", tmp_path / "missing" / "x.glb")
    with pytest.raises(InputError, match="E-NO-FRAMES"):
        m.to_text("rationale")


def test_things_inside_things_inside_things_end_in_the_largest() -> None:
    from cogmap.data.voxels import Voxels

    key = np.array([[x, y, z] for z in range(30) for y in range(30) for x in range(30)], np.int32)
    of = np.zeros(len(key), np.int32)
    of[((key >= 10) & (key < 17)).all(1)] = 1
    of[((key >= 12) & (key < 14)).all(1)] = 2
    n, mean = len(key), (key * 0.02).astype(np.float32)
    one = np.ones(n, np.int32)
    voxels = Voxels(0.02, np.zeros(3), key, mean, mean, mean, np.zeros((n, 3), np.uint8), one, one,
                    np.ones(n, np.float32), mean, one)  # fmt: skip
    assert np.bincount(absorbed(voxels, of, 0.0)).tolist() == [n]
