"""Queries against hand-made keys, laws, and brute force by shapely."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import shapely

from cogmap import CognitiveMap
from cogmap.data.answers import Answer
from cogmap.data.scene import CameraPose, Layout, Room, SceneMap
from cogmap.errors import InputError
from cogmap.query.routes import route
from cogmap.query.table import QUERIES

from .maps import living_room, map_of, without_metres
from .references import Reference
from .rooms.camera import look_at


def in_a_room(scene: SceneMap, width: float, depth: float, low: tuple[float, float] = (0.0, 0.0)) -> SceneMap:
    """The scene with a room round it."""
    (x, y), (w, d) = low, (width, depth)
    corners = np.array([[x, y], [x + w, y], [x + w, y + d], [x, y + d]])
    return replace(scene, layout=Layout(w * d, rooms=(Room("room_1", corners, w * d, 1.0),)))


def filmed(scene: SceneMap) -> SceneMap:
    """The scene with three cameras: from the south, from the east, and a step ahead of the first."""
    K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
    eyes = [((0, -2, 1.5), (0, 2, 0.8)), ((5, 2, 1.5), (0, 2, 0.8)), ((0.2, -1.5, 1.5), (0.2, 2, 0.8))]
    path = tuple(
        CameraPose(i, i, float(i), K, look_at(np.array(eye, float), np.array(at, float)), (320, 240))
        for i, (eye, at) in enumerate(eyes)
    )
    return replace(scene, camera_path=path)


@pytest.fixture
def m() -> CognitiveMap:
    return CognitiveMap(filmed(in_a_room(living_room(), 8, 7, (-4, -1))))


def test_measures_of_a_room_with_a_key(m: CognitiveMap) -> None:
    assert m.count("chair") == 2 and m.count("couches") == 1 and m.query("count", label="lamps").value == 1
    assert float(m.size("sofa_1")) == pytest.approx(1.8) and float(m.size("sofa", "height")) == pytest.approx(0.8)
    assert float(m.distance("chair_1", "table_1")) == pytest.approx(1.0 - 0.225 - 0.6)
    assert float(m.distance("chair_1", "table_1", mode="center")) == pytest.approx(np.hypot(1.0, 0.09))
    assert float(m.distance("lamp", "sofa")) == pytest.approx(np.hypot(1.45, 0.0))
    assert float(m.depth("f000", "table_1")) == pytest.approx(4.05, abs=0.1)
    assert float(m.area("room_1")) == 56 and float(m.area()) == 56 and float(m.area("table")) == pytest.approx(0.96)
    assert float(m.height("shelf")) == pytest.approx(1.8)
    assert m.query("exists", label="piano").value is False and m.query("exists", label="tables").value is True
    assert m.distance("chair", "lamp").ids == ("chair_2", "lamp_1")  # of two chairs the one that is nearer


def test_every_answer_has_unit_error_and_evidence(m: CognitiveMap) -> None:
    for answer in (m.size("sofa_1"), m.distance("sofa_1", "table_1"), m.depth("f000", "sofa_1")):
        assert answer.status == "ok" and answer.unit == "m" and answer.sigma and answer.sigma > 0 and answer.ids
        assert json.loads(json.dumps(answer.as_dict()))["sentence"].endswith(".")
    relative = CognitiveMap(without_metres(m.scene)).distance("sofa_1", "table_1")
    assert (relative.status, relative.unit) == ("scale_unknown", "map units") and "metre" not in relative.sentence
    several = m.size("chair")
    assert several.status == "ambiguous" and several.candidates == ("chair_1", "chair_2") and several.value is None
    nothing = m.size("sofaa")
    assert nothing.status == "unknown" and "sofa" in nothing.reason


@pytest.mark.parametrize(
    ("a", "b", "frame", "word"),
    [
        ("chair_1", "table_1", "world", "left"),
        ("chair_1", "table_1", "camera:f000", "left"),
        ("chair_1", "table_1", "camera:f001", "behind"),
        ("chair_2", "table_1", "camera:f001", "front"),
        ("sofa_1", "table_1", "world", "front"),
        ("sofa_1", "table_1", "camera:f000", "behind"),
        ("sofa_1", "table_1", "camera:f001", "right"),
        ("chair_1", "sofa_1", "object:sofa_1", "front"),
        ("chair_2", "sofa_1", "object:sofa_1", "front"),
        ("table_1", "sofa_1", "object:sofa_1", "front"),
        ("shelf_1", "sofa_1", "object:sofa_1", "left"),
        ("lamp_1", "table_1", "world", "on"),
        ("table_1", "lamp_1", "camera:f001", "under"),
        ("books_1", "shelf_1", "world", "inside"),
        ("box_1", "table_1", "world", "under"),
        ("picture_1", "sofa_1", "world", "above"),
        ("table_1", "sofa_1", "viewer:0,0,90", "front"),
        ("chair_1", "chair_2", "viewer:0,5,-90", "right"),
    ],
)
def test_relations_under_named_frames(m: CognitiveMap, a: str, b: str, frame: str, word: str) -> None:
    things = tuple(replace(o, facing=-np.pi / 2) if o.id == "sofa_1" else o for o in m.scene.objects)
    answer = CognitiveMap(replace(m.scene, objects=things)).relation(a, b, frame)
    assert answer.value == word and answer.frame == frame


def test_a_frame_without_a_front_is_unknown(m: CognitiveMap) -> None:
    assert "no front" in m.relation("chair_1", "table_1", "object:table_1").reason
    assert m.relation("chair_1", "table_1", "camera:f099").status == "unknown"


@pytest.mark.parametrize(
    ("at", "facing", "target", "among", "word"),
    [
        ("table_1", "sofa_1", "chair_1", "sides", "left"),
        ("table_1", "sofa_1", "chair_2", "sides", "right"),
        ("sofa_1", "table_1", "chair_1", "quadrants", "front-right"),
        ("chair_1", "table_1", "sofa_1", "quadrants", "front-left"),
        ("chair_1", "chair_2", "sofa_1", "three", "left"),
        ("table_1", "chair_1", "shelf_1", "three", "back"),
        ((0.0, 0.0), (0.0, 1.0), "shelf_1", "clock", 2),
        ("table_1", "sofa_1", "chair_2", "four", "right"),
    ],
)
def test_an_imagined_viewer(m: CognitiveMap, at: object, facing: object, target: str, among: str, word: object) -> None:
    view = m.view_from(at, facing)  # type: ignore[arg-type]
    assert not isinstance(view, Answer) and view.direction(target, among).value == word


def test_left_and_right_swap_when_the_viewer_turns_round(m: CognitiveMap) -> None:
    for target in ("chair_1", "chair_2", "shelf_1", "sofa_1"):
        ways = [m.view_from((0.1, 1.0), heading_deg=h) for h in (40.0, 220.0)]
        bearings = [w.bearing_deg(target) for w in ways if not isinstance(w, Answer)]
        assert bearings[0] is not None and bearings[1] is not None
        assert (bearings[0] - bearings[1]) % 360 == pytest.approx(180)


def test_near_far_at_and_within(m: CognitiveMap) -> None:
    assert m.nearest("sofa_1").value == "picture_1" and m.nearest("sofa_1", "chair").value in ("chair_1", "chair_2")
    assert m.query("farthest", to="chair_1").value in ("shelf_1", "books_1")
    assert m.nearest("table_1", k=3).value == ("box_1", "lamp_1", "chair_1")
    assert set(m.within("table_1", 0.5).value) == {"box_1", "lamp_1", "chair_1", "chair_2"}  # type: ignore[arg-type]
    assert m.what_is_at(0.3, 2.0).value == ("lamp_1", "table_1") and m.what_is_at(0.3, 2.0, 1.0).value == ("lamp_1",)
    assert m.what_is_at(-3.0, 0.0).value == ()


def test_cameras(m: CognitiveMap) -> None:
    motion = m.camera_motion("f000", "f002")
    assert motion.details["distance"] == pytest.approx(np.hypot(0.2, 0.5)) and motion.value == "moves forward"
    assert m.camera_motion(0, 1).details["angle_deg"] == pytest.approx(90, abs=3)
    assert float(m.query("path_length")) == pytest.approx(np.hypot(5, 4) + np.hypot(4.8, 3.5), abs=1e-6)


def test_order_of_appearance(light: Reference) -> None:
    m = light.map
    seen = sorted((o for o in m.objects if o.seen), key=lambda o: (o.seen[0][0], o.number))
    asked = [seen[-1].id, seen[0].id, seen[len(seen) // 2].id]
    first = {o.id: o.seen[0][0] for o in seen}
    answer = m.appearance_order(asked)
    assert [first[i] for i in answer.value] == sorted(first[i] for i in asked)  # type: ignore[union-attr]
    assert sorted(answer.value) == sorted(asked)  # type: ignore[type-var, arg-type]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("the chair left of the table", ("chair_1",)),
        ("the object between chair_1 and chair_2", ("box_1", "table_1", "lamp_1")),
        ("the thing on the table", ("lamp_1",)),
        ("the object under the table", ("box_1",)),
        ("the chair nearest to the shelf", ("chair_2",)),
        ("nearest chair to the shelf", ("chair_2",)),
        ("the tallest object", ("shelf_1",)),
        ("the object inside the shelf", ("books_1",)),
        ("the chair", ("chair_1", "chair_2")),
        ("chair_2", ("chair_2",)),
        ("the object above the sofa", ("picture_1",)),
        ("the chair farthest from the shelf", ("chair_1",)),
        ("the thing in front of the table", ("sofa_1", "picture_1")),
        ("the rightmost chair", ("chair_2",)),
        ("the second chair", ("chair_2",)),
        ("the object closest to the thing on the table", ("table_1",)),
    ],
)
def test_descriptions_with_and_without_names(m: CognitiveMap, text: str, ids: tuple[str, ...]) -> None:
    found = m.refer(text)
    assert found.candidates == ids
    assert (found.status, found.value) == (("ok", ids[0]) if len(ids) == 1 else ("ambiguous", None))


def test_a_description_that_nothing_fits_says_so(m: CognitiveMap) -> None:
    assert m.refer("the piano").status == "unknown" and m.refer("the chair on the table").status == "unknown"
    assert m.refer("colourless green ideas sleep").status == "unknown"


def test_chains_of_steps_name_the_step_that_fails(m: CognitiveMap) -> None:
    last, steps = m.solve(["nearest chair to shelf_1", "distance from it to sofa_1"])
    assert steps[0].value == "chair_2" and float(last) == pytest.approx(float(m.distance("chair_2", "sofa_1")))
    last, steps = m.solve(["the tallest object", "nearest chair to it", "the object on the table", "height of it"])
    assert [s.value for s in steps[:3]] == ["shelf_1", "chair_2", "lamp_1"] and float(last) == pytest.approx(0.4)
    last, steps = m.solve(["the tallest object", "nearest piano to it", "size of it"])
    assert last.status == "unknown" and "step 2" in last.reason and len(steps) == 2
    assert m.solve(["distance to tv_1"])[0].reason.startswith("step 1")


def random_boxes(seed: int, n: int) -> SceneMap:
    rng = np.random.default_rng(seed)
    rows = [
        (
            "box",
            (*rng.uniform(-4, 4, 2).tolist(), float(rng.uniform(0, 2))),
            tuple(rng.uniform(0.1, 1.5, 3).tolist()),
            float(rng.uniform(-90, 90)),
        )
        for _ in range(n)
    ]
    return map_of(*rows)


def test_distances_agree_with_shapely_are_symmetric_and_do_not_turn_with_the_map() -> None:
    scene = random_boxes(0, 24)
    m, angle = CognitiveMap(scene), np.radians(37)
    c, s = np.cos(angle), np.sin(angle)
    rows = [
        (
            o.label,
            (
                c * o.box.center_m[0] - s * o.box.center_m[1],
                s * o.box.center_m[0] + c * o.box.center_m[1],
                o.box.center_m[2],
            ),
            o.box.size_m,
            float(np.degrees(o.box.yaw + angle)),
        )
        for o in scene.objects
    ]
    turned = map_of(*rows)
    by_place = {
        tuple(
            np.round([c * o.box.center_m[0] + s * o.box.center_m[1], -s * o.box.center_m[0] + c * o.box.center_m[1]], 6)
        ): o.id
        for o in turned.objects
    }
    other = {o.id: by_place[tuple(np.round(o.box.center_m[:2], 6))] for o in scene.objects}
    for k, a in enumerate(scene.objects):
        for b in scene.objects[k + 1 :]:
            p, q = shapely.Polygon(a.footprint_map), shapely.Polygon(b.footprint_map)
            up = max(0.0, a.box.low - b.box.top, b.box.low - a.box.top)
            got = float(m.distance(a.id, b.id))
            assert got == pytest.approx(np.hypot(p.distance(q), up), abs=1e-9)
            assert got == float(m.distance(b.id, a.id))
            assert got == pytest.approx(float(CognitiveMap(turned).distance(other[a.id], other[b.id])), abs=1e-6)


def test_routes_keep_clear_and_are_near_the_shortest() -> None:
    ratios = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows = [
            (
                "box",
                (*rng.uniform(1, 9, 2).tolist(), 0.5),
                (*rng.uniform(0.3, 2, 2).tolist(), 1.0),
                float(rng.uniform(-90, 90)),
            )
            for _ in range(10)
        ]
        scene = in_a_room(map_of(*rows), 10, 10)
        found, true = route(scene, (0.5, 0.5), (9.5, 9.5), 0.25), shortest(scene, 0.25)
        if true is None:
            assert found.value is None and found.reason
            continue
        line = shapely.LineString([p[:2] for p in found.points])
        assert min(line.distance(shapely.Polygon(o.footprint_map)) for o in scene.objects) > 0.25 - 0.04
        ratios.append(float(found) / true)
    assert len(ratios) >= 8 and max(ratios) < 1.05 and min(ratios) > 0.98


def shortest(scene: SceneMap, radius: float) -> float | None:
    """The length of the shortest way by a visibility graph over grown obstacles, or None."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    grown = shapely.union_all([shapely.Polygon(o.footprint_map).buffer(radius, quad_segs=6) for o in scene.objects])
    free = shapely.Polygon(scene.layout.rooms[0].polygon_m).buffer(-radius).difference(grown)
    rings = [r for g in shapely.get_parts(free) for r in (g.exterior, *g.interiors)]
    points = np.array([(0.5, 0.5), (9.5, 9.5), *(c for r in rings for c in r.coords[:-1])])
    i, j = np.triu_indices(len(points), 1)
    wide = free.buffer(1e-6)
    shapely.prepare(wide)
    seen = wide.covers(shapely.linestrings(np.stack([points[i], points[j]], 1)))
    graph = csr_matrix((np.linalg.norm(points[i] - points[j], axis=1)[seen], (i[seen], j[seen])), (len(points),) * 2)
    length = float(dijkstra(graph, directed=False, indices=0)[1])
    return length if np.isfinite(length) else None


def test_a_closed_door_is_no_route_and_is_named(suite: Reference) -> None:
    wall = ("wardrobe", (5.0, 5.0, 1.0), (9.98, 0.4, 2.0), 0.0)
    scene = in_a_room(
        map_of(("bed", (5, 2, 0.3), (2, 1.5, 0.6), 0), ("desk", (5, 8, 0.4), (1.4, 0.7, 0.75), 0), wall), 10, 10
    )
    closed = route(scene, "bed", "desk")
    assert closed.status == "unknown" and "wardrobe_1" in closed.reason
    gap = map_of(
        ("bed", (5, 2, 0.3), (2, 1.5, 0.6), 0),
        ("desk", (5, 8, 0.4), (1.4, 0.7, 0.75), 0),
        ("wardrobe", (4.6, 5.0, 1.0), (9.2, 0.4, 2.0), 0.0),
    )
    open_ = route(in_a_room(gap, 10, 10), "bed", "desk")
    assert open_.value and "turn" in open_.sentence
    narrow = route(in_a_room(gap, 10, 10), "bed", "desk", 0.6)
    assert narrow.status == "unknown" and "widest passage is 0.7" in narrow.reason or "0.8" in narrow.reason


def test_a_route_of_a_built_map_stays_on_its_free_floor(light: Reference) -> None:
    m = light.map
    on_floor = [o for o in m.objects if o.low < 0.05 and o.seen]
    found = m.route(on_floor[0].id, on_floor[-1].id, 0.2)
    if found.value is None:
        assert found.reason
        return
    grid = m.scene.freespace
    assert grid is not None
    xy = np.concatenate([np.linspace(a[:2], b[:2], 50) for a, b in zip(found.points, found.points[1:])])
    cell = np.floor((xy - grid.origin_map) / grid.cell_m).astype(int)
    assert (grid.cells[cell[:, 1], cell[:, 0]] == 1).all()


def test_the_table_of_queries_takes_checked_arguments(m: CognitiveMap) -> None:
    assert len(QUERIES) >= 20
    for name, query in QUERIES.items():
        schema = query.arguments.model_json_schema()
        assert schema["type"] == "object" and query.about, name
    with pytest.raises(InputError, match="E-ARGUMENT"):
        m.query("distance", a="sofa_1")
    with pytest.raises(InputError, match="E-QUERY.*distance"):
        m.query("distanc")


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("How many chairs are there?", 2),
        ("How many chair(s) are in this room?", 2),
        ("How far is the sofa from the table?", 1.15),
        ("Is there a piano?", False),
        ("Which chair is closest to the shelf?", "chair_2"),
        ("What is the area of this room?", 56.0),
        ("Where is the lamp relative to the table?", "on"),
        ("How tall is the shelf?", 1.8),
    ],
)
def test_plain_questions(m: CognitiveMap, question: str, value: object) -> None:
    found = m.ask(question)
    assert found.value == (pytest.approx(value) if isinstance(value, float) else value)


def test_what_is_not_understood_is_unknown(m: CognitiveMap) -> None:
    for question in (
        "Why is the sofa red?",
        "",
        "How many chairs are there and is the sofa near the table?",
        "?" * 3000,
    ):
        assert m.ask(question).status == "unknown"
