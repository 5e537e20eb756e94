"""Every sentence of `relations` and `facts` against a checker of its own: outlines by shapely, heights, and nothing
else. It reads the sentences that a model gets, not the graph behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon

import cogmap
from cogmap import CognitiveMap
from cogmap.data.scene import MapObject, SceneMap
from cogmap.render.text_facts import parse_facts
from cogmap.render.text_relations import parse_relations

from .maps import map_of
from .references import Reference

L_SHAPE = np.array([[0, 0], [3, 0], [3, 0.6], [0.6, 0.6], [0.6, 3], [0, 3]], float)
U_SHAPE = np.array([[0, 0], [3, 0], [3, 3], [2.4, 3], [2.4, 0.6], [0.6, 0.6], [0.6, 3], [0, 3]], float)
KINDS = ("table", "chair", "counter", "cup", "shelf", "lamp", "box", "")


def shaped(thing: MapObject, outline: np.ndarray) -> MapObject:
    """The thing with an outline that fills its box's floor."""
    local = (outline - outline.min(0)) / np.ptp(outline, axis=0) - 0.5
    turned = affinity.rotate(Polygon(local * thing.box.size_m[:2]), np.degrees(thing.box.yaw), origin=(0, 0))
    corners = np.asarray(turned.exterior.coords)[:-1] + thing.box.center_m[:2]
    return replace(thing, footprint_map=corners)


def crowded(seed: int, n: int = 24) -> SceneMap:
    """Things of usual sizes, on the floor and on one another, a third of them L- or U-shaped; fronts and errors."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        size = tuple(rng.uniform(0.1, 1.2, 3).tolist()) if k % 3 else (3.0, 3.0, 0.9)
        low = float(rng.choice([0.0, 0.0, 0.45, 0.75, 0.9, 1.4]))
        place = (*rng.uniform(-4, 4, 2).tolist(), low + size[2] / 2)
        yaw = float(rng.choice([0.0, 90.0, rng.uniform(-90, 90)]))
        rows.append((str(rng.choice(KINDS)) or None, place, size, yaw))
    scene = map_of(*rows)
    things = []
    for k, o in enumerate(scene.objects):
        outline = (L_SHAPE, U_SHAPE)[k % 2] if max(o.box.size_m) > 2 else None
        o = o if outline is None else shaped(o, outline)
        facing = float(rng.uniform(-3, 3)) if rng.random() < 0.4 else None
        things.append(replace(o, facing=facing, sigma_m=float(rng.uniform(0.005, 0.06))))
    return replace(scene, objects=tuple(things))


class Checker:
    """What is true of a map, worked out pair by pair."""

    def __init__(self, scene: SceneMap) -> None:
        self.scene = scene
        self.by_id = {o.id: o for o in scene.objects}
        self.walls = {w.id: LineString([w.from_m, w.to_m]) for w in scene.layout.walls}
        self.rooms = {r.id: Polygon(r.polygon_m) for r in scene.layout.rooms}
        self.openings = {o.id: o.box for o in scene.layout.openings}

    def prism(self, name: str) -> tuple[Polygon, float, float]:
        box = self.by_id[name].box if name in self.by_id else self.openings[name]
        outline = self.by_id[name].footprint_map if name in self.by_id else box.floor_corners
        half = box.size_m[2] / 2
        return Polygon(outline), box.center_m[2] - half, box.center_m[2] + half

    def gap(self, a: str, b: str) -> float:
        if b in self.walls:
            return self.prism(a)[0].distance(self.walls[b])
        (p, low_a, top_a), (q, low_b, top_b) = self.prism(a), self.prism(b)
        return float(np.hypot(p.distance(q), max(0.0, low_a - top_b, low_b - top_a)))

    def distance_holds(self, printed_m: float, true_m: float) -> bool:
        rounded = abs(printed_m - true_m) <= 0.00505
        return rounded if true_m < 1.5e-4 or true_m >= 0.005 else printed_m == 0.01

    def holds(self, a: str, relation: str, b: str, other: str | None, frame: str) -> bool:
        if relation == "links":
            door = Polygon(self.openings[a].floor_corners)
            return all(self.rooms[r].distance(door) <= 0.305 for r in (b, other) if r)
        if relation == "against":
            return self.gap(a, b) <= 0.155
        (p, low_a, top_a), (q, low_b, top_b) = self.prism(a), self.prism(b)
        over, back = p.intersection(q).area / p.area, p.intersection(q).area / q.area
        slack = 0.1205
        match relation:
            case "near":
                return self.gap(a, b) <= 0.505
            case "on":
                return over >= 0.49 and abs(low_a - top_b) <= slack
            case "under":
                return (over >= 0.79 and top_a <= top_b) or (back >= 0.49 and abs(low_b - top_a) <= slack)
            case "inside":
                return over >= 0.79 and low_a >= low_b - slack and top_a < top_b
            case "above":
                return max(over, back) >= 0.24 and low_a > top_b
            case "below":
                return max(over, back) >= 0.24 and low_b > top_a
            case "left" | "right" | "front" | "behind":
                return self.side(p, relation, q, frame)
            case "facing":
                front = self.by_id[a].facing
                assert front is not None
                to = np.subtract(q.centroid.coords[0], p.centroid.coords[0])
                off = (np.degrees(np.arctan2(to[1], to[0]) - front) + 180) % 360 - 180
                return abs(off) <= 20.5
            case "aligned":
                return self.by_id[a].label == self.by_id[b].label
            case "between":
                assert other is not None
                r = self.prism(other)[0]
                return LineString([q.centroid, r.centroid]).distance(p) < 1e-6
            case "symmetric":
                assert other is not None
                return np.allclose(
                    p.centroid.distance(q.centroid), p.centroid.distance(self.prism(other)[0].centroid), atol=0.11
                )
        raise AssertionError(relation)

    def side(self, p: Polygon, relation: str, q: Polygon, frame: str) -> bool:
        """Every corner of p lies there of the middle of q, and the other way round, as the frame's owner sees it."""
        if frame != "world":
            seer = self.by_id[frame.partition(":")[2]]
            assert seer.facing is not None
            p, q = (affinity.rotate(s, 90 - np.degrees(seer.facing), origin=(0, 0)) for s in (p, q))
        axis, sign = {"left": (0, -1), "right": (0, 1), "behind": (1, -1), "front": (1, 1)}[relation]
        mine, its = (np.asarray(s.exterior.coords)[:, axis] * sign for s in (p, q))
        apart = (np.subtract(p.centroid.coords[0], q.centroid.coords[0]) * sign)[axis]
        whole = np.hypot(*np.subtract(p.centroid.coords[0], q.centroid.coords[0]))
        middle_p, middle_q = (s.centroid.coords[0][axis] * sign for s in (p, q))
        return bool(
            mine.min() >= middle_q - 1e-6 and its.max() <= middle_p + 1e-6 and apart >= whole * np.cos(np.radians(45))
        )


def false_sentences(scene: SceneMap) -> tuple[list[str], int]:
    """Sentences of a map that are not true, and how many there are."""
    m, checker, wrong, n = CognitiveMap(scene), Checker(scene), [], 0
    for e in parse_relations(m.to_text("relations", most=100_000)):
        n += 1
        true = checker.holds(e.subject, e.relation, e.object, e.other, e.frame)
        if e.relation not in ("links", "between", "symmetric"):
            true = true and checker.distance_holds(e.distance_m, checker.gap(e.subject, e.object))
        if not true:
            wrong.append(str(e))
    for f in parse_facts(m.to_text("facts")):
        if f.kind == "gap":
            n += 1
            (a, b), (printed, sigma, bearing) = f.ids, f.values
            step = np.subtract(*(checker_box(scene, i) for i in (b, a)))
            off = (bearing - np.degrees(np.arctan2(step[1], step[0])) + 180) % 360 - 180
            if not (checker.distance_holds(printed, checker.gap(a, b)) and sigma > 0 and abs(off) <= 0.51):
                wrong.append(str(f))
    return wrong, n


def checker_box(scene: SceneMap, name: str) -> tuple[float, float]:
    boxes = {o.id: o.box for o in scene.objects} | {o.id: o.box for o in scene.layout.openings}
    return boxes[name].center_m[:2]


@pytest.mark.parametrize("seed", range(10))
def test_every_sentence_of_a_crowded_room_is_true(seed: int) -> None:
    wrong, n = false_sentences(crowded(seed))
    assert n > 60 and not wrong, wrong[:5]


def test_every_sentence_of_a_built_map_is_true(middle: Reference, suite: Reference, movie: Reference) -> None:
    for ref in (middle, suite, movie):
        wrong, n = false_sentences(ref.scene)
        assert n > 10 and not wrong, wrong[:5]


def test_a_chair_in_the_crook_of_a_counter_is_not_inside_it_and_its_gap_is_that_of_the_outlines() -> None:
    scene = map_of(("counter", (0, 0, 0.45), (3, 3, 0.9), 0), ("chair", (0.3, 0.3, 0.4), (0.5, 0.5, 0.8), 0))
    things = {o.label: o for o in scene.objects}
    scene = replace(scene, objects=tuple(shaped(o, L_SHAPE) if o is things["counter"] else o for o in scene.objects))
    edges = parse_relations(CognitiveMap(scene).to_text("relations"))
    said = {(e.subject, e.relation, e.object) for e in edges}
    assert not any(r in ("inside", "under", "on") for _, r, _ in said)
    counter = Polygon(scene.thing("counter_1").footprint_map)
    gap = counter.distance(Polygon(scene.thing("chair_1").footprint_map))
    assert gap == pytest.approx(0.95, abs=0.01) and not any(r == "near" for _, r, _ in said)
    (fact,) = (f for f in parse_facts(CognitiveMap(scene).to_text("facts")) if f.kind == "gap")
    assert fact.values[0] == pytest.approx(gap, abs=0.0051)
    assert not counter.contains(Point(0.3, 0.3))


def test_what_a_ring_of_counters_goes_round_is_on_no_side_of_it() -> None:
    scene = map_of(("counter", (0, 0, 0.45), (3, 3, 0.9), 0), ("stool", (0.1, 0.4, 0.3), (0.3, 0.3, 0.6), 0))
    scene = replace(scene, objects=tuple(shaped(o, U_SHAPE) if o.label == "counter" else o for o in scene.objects))
    sides = {e.relation for e in CognitiveMap(scene).graph().edges} & {"left", "right", "front", "behind", "inside"}
    assert not sides


def test_only_what_touches_is_printed_as_nothing_apart() -> None:
    rows = [("box", (x, 0.0, 0.5), (1, 1, 1), 0) for x in (0.0, 1.0, 2.003)]
    edges = parse_relations(CognitiveMap(map_of(*rows)).to_text("relations"))
    gaps = {frozenset((e.subject, e.object)): e.distance_m for e in edges if e.relation == "near"}
    assert gaps == {frozenset(("box_1", "box_2")): 0.0, frozenset(("box_2", "box_3")): 0.01}


def test_errors_of_gaps_hold_both_boxes_and_the_scale() -> None:
    scene = map_of(("box", (0, 0, 0.5), (1, 1, 1), 0), ("box", (1.4, 0, 0.5), (1, 1, 1), 0))
    scene = replace(scene, objects=tuple(replace(o, sigma_m=0.03) for o in scene.objects))
    scene = replace(scene, scale=cogmap.data.reconstruction.Scale("metric", "assumed", 0.1))
    edge = next(e for e in CognitiveMap(scene).graph().edges if e.relation == "near")
    assert edge.sigma_m == pytest.approx(np.sqrt(2 * 0.03**2 + 0.04**2), abs=1e-3)
    assert "40±6 cm apart" in CognitiveMap(scene).to_text("relations")
