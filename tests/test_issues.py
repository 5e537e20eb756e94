"""What a map says against itself: one table, severity where it is raised, no copy that is better than its source."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cogmap
from cogmap import CognitiveMap
from cogmap.clients.base import Ask, Client
from cogmap.data.issues import CODES, Issue, by_share, table
from cogmap.data.scene import Quality, SceneMap
from cogmap.errors import InputError

from .maps import living_room, without_metres
from .references import Reference
from .rooms.scans import counter_and_shelf

ROOT = Path(__file__).parents[1]


def test_every_code_is_in_the_table_and_the_page_is_generated() -> None:
    used = set()
    for path in (ROOT / "cogmap").rglob("*.py"):
        if path.name != "issues.py":
            used |= set(re.findall(r'"(W-[A-Z0-9-]+)"', path.read_text()))
    assert used == CODES.keys()
    assert (ROOT / "docs/codes.md").read_text() == table()
    assert all(c.meaning.endswith(".") and c.remedy.endswith(".") for c in CODES.values())


def test_severity_is_that_of_the_code_or_of_the_one_who_raises_it() -> None:
    assert Issue("W-PARTS", 1, "x", "y").severity == "degraded" and Issue("W-VIDEO-HDR", 1, "x", "y").severity == "note"
    assert Issue("W-FRAMES-INCOMPLETE", 9, "x", "y", by_share(9, 20)).severity == "degraded"
    assert Issue("W-FRAMES-INCOMPLETE", 2, "x", "y", by_share(2, 20)).severity == "note"
    assert Issue("W-OF-A-LATER-VERSION", 1, "x", "y", "note").severity == "note"
    with pytest.raises(InputError, match="E-ISSUE"):
        Issue("W-NOBODY-KNOWS", 1, "x", "y")


def first_is_a_chair(ask: Ask) -> str:
    """The reply of a model that names the first number it is shown."""
    return f"{ask.text.rpartition('Numbers: ')[2].partition(',')[0]}: chair"


def copies(m: CognitiveMap, tmp: Path) -> dict[str, CognitiveMap]:
    """A map after everything that changes maps."""
    out = {"scaled": m.set_scale(m.objects[0].id, height=0.9), "moved": m.edit().move(m.objects[0].id, dx=0.3).done()}
    out["removed"] = m.edit().remove(m.objects[-1].id).done()
    out["relabelled"] = m.edit().relabel(m.objects[0].id, "thing").done()
    out["guessed"] = m.label("shape-prior")
    m.save(tmp / "copy.cogmap")
    out["read back"] = cogmap.load(tmp / "copy.cogmap")
    if m.scene.voxels is not None:
        out["aligned"] = m.align()
    if m.scene.keyframes:
        out["labelled"] = m.label(Client("one", first_is_a_chair), n_frames=1)
    return out


def never_better(source: SceneMap, copy: SceneMap) -> None:
    """No issue is gone, no severity is milder, and the status is no better."""
    kept = {(w.code, w.place): w.severity for w in copy.quality.warnings}
    for w in source.quality.warnings:
        assert (w.code, w.place) in kept
        assert w.severity == "note" or kept[w.code, w.place] == "degraded"
    assert source.quality.status == "ok" or copy.quality.status == "degraded"


@pytest.mark.parametrize("name", ["scan", *(pytest.param(n, marks=pytest.mark.slow) for n in ("light", "movie"))])
def test_no_copy_of_a_built_map_is_better_than_it(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    ref: Reference = request.getfixturevalue(name)
    worse = ref.scene.quality.with_issues(
        Issue("W-PARTS", 3, "reconstruct", "apart"), Issue("W-VIDEO-HDR", 1, "x", "y")
    )
    m = CognitiveMap(replace(ref.scene, quality=worse))
    for change, copy in copies(m, tmp_path).items():
        print(change)
        never_better(m.scene, copy.scene)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(sorted(CODES)), max_size=6), st.lists(st.sampled_from(sorted(CODES)), max_size=6))
def test_more_issues_never_make_it_better(first: list[str], more: list[str]) -> None:
    a = Quality("ok").with_issues(*(Issue(c, 1, "x", "y") for c in first))
    b = a.with_issues(*(Issue(c, 1, "x", "y") for c in more))
    assert set(a.warnings) <= set(b.warnings) and not (a.status == "degraded" and b.status == "ok")
    assert (b.status == "degraded") == any(CODES[c].severity == "degraded" for c in (*first, *more))


def test_copies_of_frames_are_no_better_either(light: Reference) -> None:
    m = CognitiveMap(replace(light.scene, quality=light.scene.quality.with_issues(Issue("W-PARTS", 3, "x", "apart"))))
    for copy in (m.set_scale(m.objects[0].id, height=0.9), m.label(Client("one", first_is_a_chair), n_frames=1)):
        never_better(m.scene, copy.scene)


def test_aligning_keeps_frames_path_and_keyframes(light: Reference) -> None:
    m = light.map.align()
    assert m.scene.frames is not None and len(m.scene.camera_path) == len(light.scene.camera_path)
    assert m.scene.keyframes == light.scene.keyframes and m.scene.scale == light.scene.scale
    turn = m.scene.T_map_input @ np.linalg.inv(light.scene.T_map_input)
    assert np.allclose(m.scene.camera_path[5].T_map_cam, turn @ light.scene.camera_path[5].T_map_cam, atol=1e-4)


def test_changes_by_hand_are_recorded_and_told(tmp_path: Path) -> None:
    m = CognitiveMap(living_room())
    n = m.edit().move("chair_1", dx=0.5).relabel("lamp_1", "torch").done()
    n.save(tmp_path / "n.cogmap")
    back = cogmap.load(tmp_path / "n.cogmap")
    assert [e.what for e in back.scene.edits] == ["move chair_1 by 0.5, 0, 0", "relabel lamp_1 to torch"]
    assert len({e.from_sha256 for e in back.scene.edits}) == 1 and back.scene.edits[0].at.endswith("+00:00")
    assert "W-EDITED" in {w.code for w in back.quality.warnings} and back.quality.status == "ok"
    again = back.edit().remove("sofa_1").done()
    assert len(again.scene.edits) == 3 and again.scene.edits[2].from_sha256 != back.scene.edits[0].from_sha256
    assert [o.number for o in again.objects] == [o.number for o in back.objects if o.id != "sofa_1"]


def test_validate_tells_what_is_not_as_it_was_written(tmp_path: Path) -> None:
    from cogmap.mapfile.read import notices

    CognitiveMap(living_room()).save(tmp_path / "m.cogmap")
    folder = tmp_path / "m.cogmap"
    assert notices(folder) == []
    (folder / "map.txt").write_text("# a table of my own\n")
    (folder / "note.txt").write_text("x")
    (folder / "bev.svg").unlink()
    data = json.loads((folder / "map.json").read_text())
    data["objects"][0]["label"] = "throne"
    (folder / "map.json").write_text(json.dumps(data))
    told = [x.effect for x in notices(folder)]
    for said in ("map.json was edited", "map.txt changed", "note.txt is new", "bev.svg is gone", "map.yaml differs"):
        assert any(said in t for t in told), (said, told)


def test_nothing_turns_map_units_into_metres_by_itself(movie: Reference, tmp_path: Path) -> None:
    m = cogmap.CognitiveMap(without_metres(movie.scene))
    assert m.scale.kind == "relative" and len(m.objects) > 2
    for to, file in (("ply", "a.ply"), ("boxes", "a.json")):
        m.export(to, tmp_path / file)
        back = cogmap.build(tmp_path / file)
        assert back.scale.kind == "relative" and back.quality.status == "degraded", to
        assert "W-SCALE-UNKNOWN" in {w.code for w in back.quality.warnings}
    m.save(tmp_path / "m.cogmap")
    back = cogmap.build(tmp_path / "m.cogmap" / "map.json")
    assert back.scale.kind == "relative" and len(back.objects) == len(m.objects)
    m.export("spatiallm", tmp_path / "a.txt")
    with pytest.raises(InputError, match="E-NO-SCALE"):
        cogmap.build(tmp_path / "a.txt")
    for refused in (lambda: m.export("nav2", tmp_path / "floor"), lambda: m.free_spots("floor", (0.5, 0.5))):
        with pytest.raises(InputError, match="E-NO-(SCALE|FLOOR)"):
            refused()


def test_what_a_map_exports_is_read_back_in_metres(light: Reference, tmp_path: Path) -> None:
    m = light.map
    m.export("boxes", tmp_path / "a.json")
    m.save(tmp_path / "m.cogmap")
    (tmp_path / "a.txt").write_text(m.to_text("layout"))
    for source in ("a.json", "m.cogmap", "m.cogmap/map.json", "a.txt"):
        back = cogmap.build(tmp_path / source)
        assert back.scale.kind == "metric" and len(back.objects) == len(m.objects), source
        sizes = [sorted(np.prod(o.box.size_m) for o in x.objects) for x in (back, m)]
        assert np.allclose(*sizes, rtol=0.06, atol=1e-3)
    doubtful = replace(m.scene, quality=m.quality.with_issues(Issue("W-FLOOR-NOT-SEEN", 1, "align", "height 0 is low")))
    CognitiveMap(doubtful).export("nav2", tmp_path / "floor.yaml")
    assert "W-FLOOR-NOT-SEEN" in (tmp_path / "floor.yaml").read_text()
    with pytest.raises(InputError, match="E-NO-FLOOR"):
        CognitiveMap(doubtful).free_spots("floor", (0.5, 0.5))


def test_frames_keep_their_noise_and_may_be_left_out(light: Reference, tmp_path: Path) -> None:
    frames = light.scene.frames
    assert frames is not None
    other = replace(light.scene, frames=frames.posed(np.array([c.T_map_cam for c in light.scene.camera_path])))
    assert other.frames is not None
    other.frames.rel_noise = 0.0123
    CognitiveMap(other).save(tmp_path / "m.cogmap")
    back = cogmap.load(tmp_path / "m.cogmap")
    assert back.scene.frames is not None and back.scene.frames.rel_noise == 0.0123
    m = cogmap.build(counter_and_shelf(), keep_depth=False)
    assert m.scene.frames is None
