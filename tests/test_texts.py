"""Every text form parses back and survives hostile labels; budgets, prompts, layouts, slices, views."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from shapely.geometry import Polygon

from cogmap import CognitiveMap
from cogmap.data.scene import SceneMap
from cogmap.errors import ConfigError, InputError
from cogmap.geometry.rigid import apply, inverse
from cogmap.prompt.budget import estimate_tokens, named_in
from cogmap.prompt.compose import TEXTS
from cogmap.prompt.parts import STYLES
from cogmap.prompt.providers import SHAPES, image_tokens
from cogmap.render.slices import from_slices
from cogmap.render.text_aabb import bounds, parse_aabb
from cogmap.render.text_ego import clock, ego, parse_ego
from cogmap.render.text_ego3d import parse_ego3d
from cogmap.render.text_facts import parse_facts
from cogmap.render.text_grid import parse_grid
from cogmap.render.text_layout import parse_layout
from cogmap.render.text_metric import parse_metric
from cogmap.render.text_mindcube import parse_mindcube
from cogmap.render.text_rationale import parse_rationale
from cogmap.render.text_video2layout import parse_video2layout
from cogmap.render.text_vsibench import parse_vsibench

from .maps import living_room, map_of, random_map
from .references import Reference

MANY = settings(max_examples=200, deadline=None)


@pytest.fixture(scope="module")
def room(light: Reference) -> CognitiveMap:
    return light.map


def boxes_of(scene: SceneMap) -> dict[str, tuple[float, float, float]]:
    return {o.id: o.box.center_m for o in scene.objects}


@MANY
@given(st.integers(0, 10_000), st.integers(0, 12))
def test_texts_of_any_map_parse_back(seed: int, n: int) -> None:
    scene = random_map(seed, n)
    m = CognitiveMap(scene)
    rows = parse_metric(m.to_text("metric"))
    assert [r.id for r in rows] == [o.id for o in scene.objects]
    boxes = parse_layout(m.to_text("layout")).boxes
    assert len(boxes) == n
    grid = parse_grid(m.to_text("grid", size=20))
    for o in scene.objects:  # the middle lies in its cell, but for what the header rounds
        low = np.array(grid.origin_m) + np.array(grid.cells[o.id]) * grid.cell_m
        assert (np.array(o.box.center_m[:2]) > low - 0.12).all()
        assert (np.array(o.box.center_m[:2]) < low + grid.cell_m + 0.12).all()
    sights = parse_ego(m.to_text("ego", at=(1.0, 2.0), heading=0.4))
    assert {s.id for s in sights} == {o.id for o in scene.objects}
    assert [s.distance_m for s in sights] == sorted(s.distance_m for s in sights)
    for s in sights:
        right, ahead = ego(np.array(boxes_of(scene)[s.id][:2]), np.array([1.0, 2.0]), 0.4)
        assert np.allclose([s.right_m, s.ahead_m, s.up_m], [right, ahead, boxes_of(scene)[s.id][2]], atol=0.0051)
    for row, given_box, o in zip(rows, boxes, scene.objects):
        assert np.allclose(row.center_m, o.box.center_m, atol=0.0051)
        assert np.allclose(given_box.center_m, o.box.center_m, atol=0.0051)
        assert np.allclose(given_box.size_m, o.box.size_m, atol=0.0051)
        assert abs(np.radians(given_box.yaw_deg or 0) - o.box.yaw) < 0.0051
    sides = parse_aabb(m.to_text("aabb"))
    assert all(np.allclose(sides[o.id], bounds(o.box), atol=0.0051) for o in scene.objects)
    shuffled = CognitiveMap(replace(scene, objects=scene.objects[::-1]))
    assert sorted(shuffled.to_text("aabb").splitlines()) == sorted(m.to_text("aabb").splitlines())
    for form in ("grid", "relations"):
        assert all("\r" not in line and line.isprintable() for line in m.to_text(form).splitlines())


@MANY
@given(st.integers(0, 10_000), st.integers(0, 12))
def test_facts_of_any_map_are_true(seed: int, n: int) -> None:
    scene = random_map(seed, n)
    boxes = {o.id: o.box for o in scene.objects}
    facts = parse_facts(CognitiveMap(scene).to_text("facts"))
    assert len({f.ids for f in facts}) == len(facts) and (n < 2 or set(boxes) == {i for f in facts for i in f.ids})
    for fact in facts:
        a, b = (boxes[i] for i in fact.ids)
        apart = Polygon(a.floor_corners).distance(Polygon(b.floor_corners))
        up = max(0.0, a.low - b.top, b.low - a.top)
        assert fact.values[0] == pytest.approx(np.hypot(apart, up), abs=0.0051)
        step = np.subtract(b.center_m, a.center_m)
        assert np.allclose(np.cos(np.radians(fact.values[2]) - np.arctan2(step[1], step[0])), 1, atol=1e-4)


def test_the_nearest_is_told_by_surfaces_not_by_middles() -> None:
    """A lamp 5 cm from the end of a long shelf, whose middle is far away."""
    rows = [("shelf", (0.0, 0.0, 0.5), (6.0, 0.3, 1.0), 0), ("lamp", (2.9, 0.3, 0.2), (0.2, 0.2, 0.4), 0)]
    rows += [("box", (2.9 + dx, 1.2, 0.2), (0.2, 0.2, 0.4), 0) for dx in (-0.4, 0.0, 0.4)]
    facts = parse_facts(CognitiveMap(map_of(*rows)).to_text("facts", about="lamp_1"))
    gaps = {f.ids: f.values[0] for f in facts if f.kind == "gap"}
    assert any("shelf_1" in ids and gap == pytest.approx(0.05, abs=0.006) for ids, gap in gaps.items())


def test_facts_tell_rooms_and_what_came_first(room: CognitiveMap) -> None:
    facts = parse_facts(room.to_text("facts"))
    order = [f.ids[0] for f in facts if f.kind == "first"]
    assert order == [o.id for o in sorted(room.objects, key=lambda o: (o.seen[0][0], o.number))]
    (area,) = [f for f in facts if f.kind == "room"]
    assert area.values[0] == pytest.approx(room.layout.rooms[0].area_m2, abs=0.051)
    a, b = room.objects[0].id, room.objects[-1].id
    asked = parse_facts(room.to_text("facts", about=[a, b]))
    assert any(f.ids == (a, b) for f in asked if f.kind == "gap") and len(asked) < len(facts)
    with pytest.raises(InputError, match="E-UNKNOWN-ID"):
        room.to_text("facts", about="nothing_1")
    with pytest.raises(InputError, match="line 2 is no fact"):
        parse_facts("# x\ngap a b far")


def test_a_bad_line_is_refused_by_its_number() -> None:
    m = CognitiveMap(living_room())
    parsers = {"layout": parse_layout, "aabb": parse_aabb, "metric": parse_metric, "grid": parse_grid}
    for form, parse in parsers.items():
        lines = m.to_text(form).splitlines()
        with pytest.raises(InputError, match=f"line {len(lines) + 1} "):
            parse("\n".join([*lines, "bbox_9=Bbox(chair,1,2)"]))
    with pytest.raises(ConfigError, match="metric, grid, layout"):
        m.to_text("poem")
    with pytest.raises(ConfigError, match="E-OPTION"):
        m.to_text("grid", colour="red")


def test_a_layout_text_rebuilds_walls_doors_and_boxes(room: CognitiveMap) -> None:
    text = room.to_text("layout") + "door_0=Door(wall_0,1.00,0.00,1.00,0.90,2.00)\n"
    back = CognitiveMap.from_layout(text)
    assert sorted(back.to_text("layout").splitlines()) == sorted(_renumbered(text))
    assert back.layout.openings[0].wall == "wall_1" and len(back.layout.walls) == len(room.layout.walls)


def _renumbered(text: str) -> list[str]:
    """The lines with boxes numbered in the order of their centres, as imports are."""
    lines = text.splitlines()
    boxes = sorted(
        (line.partition("=")[2] for line in lines if line.startswith("bbox")),
        key=lambda b: [float(v) for v in b[5:-1].split(",")[1:4]],
    )
    return [line for line in lines if not line.startswith("bbox")] + [f"bbox_{k}={b}" for k, b in enumerate(boxes)]


def test_ten_thousand_objects_are_written() -> None:
    m = CognitiveMap(random_map(0, 10_000))
    for form in ("metric", "grid", "layout", "aabb"):
        assert len(m.to_text(form).splitlines()) >= 10_000


@settings(max_examples=200)
@given(st.integers(0, 10**6))
def test_a_question_keeps_what_it_names_within_200_tokens(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = ["chair", "table", "sofa", "tv", "lamp", "bed", "bin", "desk"]
    rows = [
        (str(rng.choice(kinds)), tuple(rng.uniform(-5, 5, 3).tolist()), tuple(rng.uniform(0.2, 2, 3).tolist()), 0.0)
        for _ in range(60)
    ]
    m = CognitiveMap(map_of(*rows))
    a, b = (m.objects[int(k)].id for k in rng.choice(60, 2, replace=False))
    text = m.to_text("metric", max_tokens=200, question=f"How far is {a} from {b}?")
    kept = {r.id for r in parse_metric(text)}
    assert {a, b} <= kept and estimate_tokens(text) <= 200
    assert "left out" in text


def test_words_of_a_question_find_labels_and_their_synonyms() -> None:
    m = CognitiveMap(map_of(("couch", (0, 0, 0.4), (2, 1, 0.8), 0), ("television", (3, 0, 1), (1, 0.1, 0.6), 0)))
    assert named_in(m.scene, "How far is the sofa from the TV?") == {"couch_1", "television_1"}
    assert named_in(m.scene, "Where is #2?") == {m.objects[1].id} and named_in(m.scene, "") == set()


def test_ego_texts_say_right_and_ahead() -> None:
    assert np.allclose(ego(np.array([1.0, 0]), np.zeros(2), np.pi / 2), [1, 0])  # looking along +y, x is right
    assert np.allclose(ego(np.array([0, 2.0]), np.zeros(2), np.pi / 2), [0, 2])
    assert [clock(*p) for p in ((0, 1), (1, 0), (0, -1), (-1, 0))] == [12, 3, 6, 9]
    text = CognitiveMap(living_room()).to_text("ego", at=(0.0, 0.0), heading=np.pi / 2)
    lamp = next(line for line in text.splitlines() if " lamp_1 " in line)
    assert lamp.split()[2:] == ["30", "200", "92", "202", "12"]


def test_rationale_numbers_are_those_of_the_frame(room: CognitiveMap) -> None:
    text = room.to_text("rationale", frame=3)
    depths = [float(line.split()[2]) for line in text.splitlines() if not line.startswith("#")]
    assert depths == sorted(depths) and depths
    camera = room.scene.camera_path[3]
    back = parse_rationale(text)
    assert (
        back.frame == 3
        and back.view_deg == (63, 50)
        and list(back.seen) == [x.split()[1] for x in text.splitlines()[2:]]
    )
    for name, (depth, _, share) in back.seen.items():
        middle = apply(inverse(camera.T_map_cam), np.array(room[name].box.center_m))
        assert depth == pytest.approx(middle[2], abs=0.0051) and share == pytest.approx(
            dict(room[name].seen)[3], abs=0.0051
        )
    with pytest.raises(InputError, match="line 3 is no sight"):
        parse_rationale("\n".join([*text.splitlines()[:2], "chair far away"]))
    head = text.splitlines()[0]
    assert f"camera {camera.T_map_cam[2, 3]:.2f} m" in head
    pitch = round(float(np.degrees(np.arcsin(camera.T_map_cam[2, 2]))))
    assert f"pitch {pitch}," in head and "field of view 63 x 50" in head
    with pytest.raises(InputError, match="E-FRAME"):
        room.to_text("rationale", frame=99)


def test_a_prompt_has_its_question_last_and_every_number_in_its_pictures(room: CognitiveMap) -> None:
    p = room.prompt("How many chairs?", parts=["metric", "bev", "frames"], style="short", frames=2)
    assert [x.role.split()[0] for x in p.parts] == [
        "introduction", "metric", "bev", "frame", "frame", "instructions", "question",
    ]  # fmt: skip
    assert p.parts[-1].text == "Question: How many chairs?" and "Image 3" in p.parts[4].text
    assert (
        p.fingerprint
        == room.prompt("How many chairs?", parts=["metric", "bev", "frames"], style="short", frames=2).fingerprint
    )
    small = p.fit(p.estimate("anthropic").text + 1600, "anthropic")
    assert small.left_out == ("frame " + p.parts[4].role.split()[1], "frame " + p.parts[3].role.split()[1])
    for options, said in (({"style": "rhyme"}, "styles"), ({"parts": ["smell"]}, "Forms")):
        with pytest.raises(ConfigError, match=f"(?i){said}"):
            room.prompt("?", **options)


@pytest.mark.parametrize("provider", list(SHAPES))
def test_shapes_hold_all_words_and_pictures(room: CognitiveMap, provider: str) -> None:
    p = room.prompt("Where is the door?", parts=["grid", "bev"], provider=provider)
    shaped = repr(p.to(provider))
    data = base64.b64encode(p.parts[2].png).decode()
    assert data in shaped and "Where is the door?" in shaped and "grid: 10 x 10" in shaped
    with pytest.raises(ConfigError, match="E-OPTION"):
        p.to("smoke signals")


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (1, 1), (1, 900)])
def test_pictures_keep_their_shape(size: tuple[int, int]) -> None:
    from cogmap.prompt.compose import picture

    part = picture(np.zeros((size[1], size[0], 3), np.uint8), "frame f000", "x", 896)
    with Image.open(io.BytesIO(part.png)) as picture:
        assert picture.size == part.size and max(part.size) <= 896 + (max(size) <= 896) * 1024
    assert (
        abs(part.size[0] / part.size[1] - size[0] / size[1]) <= 0.01 * max(1, size[0] / size[1]) or min(part.size) == 1
    )
    assert all((image_tokens(k, part.size) or 1) > 0 for k in SHAPES)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_slices_give_the_voxels_back(room: CognitiveMap, axis: str) -> None:
    pictures = room.slices(axis, 8)
    assert len(pictures) == 8 and all(a.high_m == pytest.approx(b.low_m) for a, b in zip(pictures, pictures[1:]))
    assert np.array_equal(from_slices([s.png for s in pictures]), room.scene.voxels.key)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="E-SLICES"):
        from_slices([b"no picture"])


def test_every_style_from_above_shows_the_same_numbers(room: CognitiveMap) -> None:
    pictures = {s: room.to_image("bev", 448, style=s) for s in ("schematic", "photo", "height", "occupancy")}
    assert len(set(pictures.values())) == 4
    assert pictures["photo"] == room.to_image("bev", 448, style="photo")
    for data in pictures.values():
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.size == (448, 448)
    with pytest.raises(ConfigError, match="Styles"):
        room.to_image(style="oil")
    with pytest.raises(InputError, match="E-NO-VOXELS"):
        CognitiveMap(living_room()).to_image(style="photo")


def test_the_plan_says_areas_and_lengths(room: CognitiveMap) -> None:
    svg = room.to_image("plan").decode()
    tree = ElementTree.fromstring(svg)
    ids = {e.get("id") for e in tree.iter()}
    assert {o.id for o in room.objects} | {w.id for w in room.layout.walls} | {"room_1"} <= ids
    assert f"{room.layout.rooms[0].area_m2:.1f} m" in svg
    wall = room.layout.walls[0]
    assert f"{np.hypot(*np.subtract(wall.to_m, wall.from_m)):.2f} m" in svg
    with pytest.raises(InputError, match="E-NO-ROOM"):
        CognitiveMap(living_room()).to_image("plan")


def test_the_map_from_a_frames_pose_has_that_frames_depth(room: CognitiveMap) -> None:
    frame = room.frame(5)
    drawn = room.render(frame.T_map_cam, "depth", K=frame.K, size=(240, 320))
    both = (drawn > 0) & (frame.depth > 0)
    assert both.mean() > 0.9 and np.median(np.abs(drawn - frame.depth)[both]) < 0.03
    numbers = room.render(frame.T_map_cam, "number")
    assert set(np.unique(numbers)) <= {0, *(o.number for o in room.objects)} and numbers.max() > 0
    assert room.render(frame.T_map_cam, "color").shape == (240, 320, 3)
    ours = {"metric", "grid", "layout", "relations", "ego", "rationale", "aabb", "facts"}
    assert set(TEXTS) == ours | {"vsibench", "mindcube", "video2layout", "ego3d", "spatiallm"}
    assert re.match(r"# frame f000", room.to_text("rationale"))


@pytest.mark.parametrize("style", list(STYLES))
def test_every_style_of_prompt_is_as_it_was(style: str) -> None:
    """Snapshots of the words: a change of them is a change of what models are asked."""
    p = CognitiveMap(living_room()).prompt("How far is the lamp from the sofa?", parts=["metric", "bev"], style=style)
    stored = Path(__file__).parent / "samples" / f"prompt_{style}.txt"
    assert p.text + "\n" == stored.read_text()


def test_forms_of_the_field_are_read_back(light: Reference) -> None:
    m = CognitiveMap(living_room())
    grid = parse_grid(m.to_text("grid")).cells
    cells = parse_vsibench(f"Here it is: {m.to_text('vsibench')}")
    assert sorted(c for rows in cells.values() for c in rows) == sorted(grid[o.id] for o in m.objects)
    assert cells["chair"] == sorted(grid[o.id] for o in m.labelled("chair"))
    cube = parse_mindcube(light.map.to_text("mindcube"))
    placed = parse_grid(light.map.to_text("grid")).cells
    assert {k: (x, 9 - y) for k, ((x, y), _) in cube.objects.items()} == {o.id: placed[o.id] for o in light.map.objects}
    assert len(cube.views) == len(light.map.scene.keyframes) and all(f for _, f in cube.views.values())
    for (name, box), o in zip(parse_video2layout(m.to_text("video2layout")), m.objects):
        lo, hi = o.box.floor_corners.min(0), o.box.floor_corners.max(0)
        assert name == o.label and np.allclose(box, [*lo, *hi], atol=0.051)
    seen = parse_ego3d(light.map.to_text("ego3d"))
    first = light.scene.camera_path[0].T_map_cam
    for (_, _, place), o in zip(seen, light.map.objects):
        assert np.allclose(np.linalg.inv(first)[:3] @ [*o.box.center_m, 1], place, atol=0.501)
    assert m.to_text("spatiallm") == m.to_text("layout") and "#" not in m.to_text("spatiallm")
    for parse in (parse_vsibench, parse_mindcube, parse_video2layout, parse_ego3d):
        with pytest.raises(InputError, match="E-TEXT"):
            parse("no map at all")


def test_pictures_say_what_their_numbers_mean_where_no_text_does(masked: Reference) -> None:
    m = CognitiveMap(masked.scene)
    plain = m.prompt("Where is the table?", parts=["metric", "bev", "frames"])
    assert all("numbers as in the text" in p.text for p in plain.parts if p.kind == "image")
    for parts in (["relations", "bev"], ["facts", "frames"], ["bev"]):
        for part in (p for p in m.prompt("Where is the table?", parts=parts).parts if p.kind == "image"):
            pairs = dict(re.findall(r"(\d+) ([a-z_]+_\d+)", part.text.partition("numbers are ")[2]))
            assert pairs and all(m[name].number == int(number) for number, name in pairs.items())
            assert "bev" not in parts or len(pairs) == len(m.objects) + len(m.layout.openings)
