"""The scene graph: what stands on, under, inside, near, between, beside what, in which frame, and by what margin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from shapely import STRtree
from shapely.geometry import LineString, Polygon

from ..data.scene import Edge, MapObject, SceneGraph, SceneMap
from ..geometry.box import shared_area, turn_xy

NEAR_M = 0.5
BESIDE_M = 2.0
MOST_NEIGHBOURS = 6
MOST_NEAR = 16
TOUCH_M = 0.05
OVER = 0.5
WITHIN = 0.8
WALL_M = 0.15
MIDDLE = (0.2, 0.8)
ASIDE = 0.25
ALIGNED_M = 0.1
ALIGNED = np.radians(5)
FACES = np.radians(20)
DOOR_M = 0.3
STANDS_OVER = ("table", "desk", "bench", "counter", "bed", "stool", "chair", "sofa", "couch")
VECTORS = {"right": (1.0, 0.0), "left": (-1.0, 0.0), "front": (0.0, 1.0), "behind": (0.0, -1.0)}


class _Shape:
    """An object's box, ready to be compared."""

    def __init__(self, thing: MapObject) -> None:
        box = thing.box
        self.thing, self.id, self.box = thing, thing.id, box
        self.center = np.array(box.center_m)
        self.floor = Polygon(box.floor_corners)
        self.low, self.top = box.low, box.top

    def gap(self, other: _Shape) -> float:
        """Smallest distance between the surfaces of both boxes, 0 where they meet."""
        up = max(0.0, self.low - other.top, other.low - self.top)
        return float(np.hypot(self.floor.distance(other.floor), up))

    def over(self, other: _Shape) -> float:
        """Share of this outline that lies over the other's."""
        return shared_area(self.floor, other.floor) / max(float(self.floor.area), 1e-9)


def scene_graph(scene: SceneMap) -> SceneGraph:
    """The relations between neighbours; sparse, so that its size grows with the number of objects.

    "near" joins surfaces within 50 cm. Sides ("left", "right", "front", "behind") are told for the six nearest within
    2 m: as seen from above with y ahead ("world"), and as seen by objects that have a front. "front" of something in
    the world is farther along y.
    """
    shapes = [_Shape(o) for o in scene.objects]
    near = _neighbours(shapes)
    edges: list[Edge] = []
    for k, row in enumerate(near):
        others = [shapes[j] for j in row]
        for other in others:
            edges += _pair(shapes[k], other)
        edges += _among(shapes[k], others[:MOST_NEIGHBOURS])
        edges += _walls(shapes[k], scene)
    edges += _doors(scene)
    rounded = {
        (e.subject, e.relation, e.object, e.other or "", e.frame): Edge(
            e.subject, e.relation, e.object, e.frame, round(e.distance_m, 4), round(e.margin_m, 4), e.other
        )
        for e in edges
    }
    return SceneGraph(tuple(rounded[key] for key in sorted(rounded)))


def _neighbours(shapes: list[_Shape]) -> list[list[int]]:
    """For each shape the at most six nearest others within 2 m, and sixteen within 50 cm; by gap, then position."""
    if not shapes:
        return []
    tree = STRtree([s.floor for s in shapes])
    out = []
    for k, shape in enumerate(shapes):
        found = [int(j) for j in tree.query(shape.floor.buffer(BESIDE_M), predicate="intersects") if j != k]
        ranked = sorted((shape.gap(shapes[j]), j) for j in found)
        kept = ranked[:MOST_NEAR]
        out.append([j for n, (gap, j) in enumerate(kept) if gap <= (BESIDE_M if n < MOST_NEIGHBOURS else NEAR_M)])
    return out


def _pair(a: _Shape, b: _Shape) -> Iterator[Edge]:
    """Relations of one thing to another."""
    gap = a.gap(b)

    def edge(relation: str, margin: float, frame: str = "world") -> Edge:
        return Edge(a.id, relation, b.id, frame, gap, margin)

    if gap <= NEAR_M:
        yield edge("near", NEAR_M - gap)
    tolerance = TOUCH_M + 2 * max(a.thing.sigma_m, b.thing.sigma_m)
    over, under = a.over(b), b.over(a)
    off = abs(a.low - b.top)
    inside = over >= WITHIN and a.low >= b.low - tolerance and a.top <= b.top - 2 * TOUCH_M
    if over >= OVER and off <= tolerance:
        yield edge("on", tolerance - off)
    elif inside and (b.thing.noun in STANDS_OVER or b.low >= a.top - tolerance):
        yield edge("under", b.top - a.top)
    elif inside:
        yield edge("inside", min(b.top - a.top, a.low - b.low + tolerance))
    if under >= OVER and abs(b.low - a.top) <= tolerance:
        yield edge("under", tolerance - abs(b.low - a.top))
    if max(over, under) > 0 and a.low > b.top + tolerance:
        yield edge("above", a.low - b.top)
    if max(over, under) > 0 and b.low > a.top + tolerance:
        yield edge("below", b.low - a.top)
    yield from _sides(a, b, gap)
    yield from _fronts(a, b, gap)


def _sides(a: _Shape, b: _Shape, gap: float) -> Iterator[Edge]:
    """On which side of b thing a lies: in the world, and as b sees it when it has a front."""
    step = a.center[:2] - b.center[:2]
    frames = [("world", step)]
    if b.thing.facing is not None:
        frames.append((f"object:{b.id}", turn_xy(np.pi / 2 - b.thing.facing) @ step))
    for frame, along in frames:
        relation = max(VECTORS, key=lambda r: float(np.dot(VECTORS[r], along)))
        margin = abs(abs(along[0]) - abs(along[1]))
        if margin > 0.1 * np.linalg.norm(step):
            yield Edge(a.id, relation, b.id, frame, gap, float(margin))


def _fronts(a: _Shape, b: _Shape, gap: float) -> Iterator[Edge]:
    """Whether a looks at b; whether both stand in line."""
    step = b.center[:2] - a.center[:2]
    length = float(np.linalg.norm(step))
    if a.thing.facing is not None and length > 0:
        off = abs((np.arctan2(step[1], step[0]) - a.thing.facing + np.pi) % (2 * np.pi) - np.pi)
        if off <= FACES:
            yield Edge(a.id, "facing", b.id, "world", gap, float((FACES - off) * length))
    turn = abs((a.box.yaw - b.box.yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    if a.thing.label is not None and a.thing.label == b.thing.label and turn <= ALIGNED:
        aside = float(np.abs(turn_xy(-a.box.yaw) @ step).min())
        if aside <= ALIGNED_M:
            yield Edge(a.id, "aligned", b.id, "world", gap, ALIGNED_M - aside)


def _among(a: _Shape, others: list[_Shape]) -> Iterator[Edge]:
    """Between which two things a lies, and which two stand mirrored about it."""
    for b, c in combinations(sorted(others, key=lambda s: s.id), 2):
        line = c.center[:2] - b.center[:2]
        length = float(np.linalg.norm(line))
        if length < 1e-6:
            continue
        along = float((a.center[:2] - b.center[:2]) @ line) / length**2
        aside = abs(float(np.cross([*line, 0], [*(a.center[:2] - b.center[:2]), 0])[2])) / length
        reach = ASIDE * length
        meets = LineString([b.center[:2], c.center[:2]]).intersects(a.floor)
        level = a.low < min(b.top, c.top) and a.top > max(b.low, c.low)
        if MIDDLE[0] <= along <= MIDDLE[1] and aside <= reach and meets and level:
            yield Edge(a.id, "between", b.id, "world", min(a.gap(b), a.gap(c)), reach - aside, c.id)
        if b.thing.label is not None and b.thing.label == c.thing.label:
            margin = _mirrored(a, b, c)
            if margin > 0:
                yield Edge(a.id, "symmetric", b.id, f"object:{a.id}", min(a.gap(b), a.gap(c)), margin, c.id)


def _mirrored(a: _Shape, b: _Shape, c: _Shape) -> float:
    """How much nearer than 10 cm b and c are to mirror images about an axis of a; at most 0 when they are not."""
    p, q = (turn_xy(-a.box.yaw) @ (s.center[:2] - a.center[:2]) for s in (b, c))
    similar = np.allclose(b.box.size_m, c.box.size_m, rtol=0.15, atol=0.03)
    off = min(float(np.hypot(p[0] + q[0], p[1] - q[1])), float(np.hypot(p[0] - q[0], p[1] + q[1])))
    apart = float(np.linalg.norm(p - q)) > 2 * ALIGNED_M
    return ALIGNED_M - off if similar and apart else 0.0


def _walls(a: _Shape, scene: SceneMap) -> Iterator[Edge]:
    for wall in scene.layout.walls:
        gap = float(LineString([wall.from_m, wall.to_m]).distance(a.floor)) if wall.from_m != wall.to_m else np.inf
        if gap <= WALL_M and a.low < wall.height_m:
            yield Edge(a.id, "against", wall.id, "world", gap, WALL_M - gap)


def _doors(scene: SceneMap) -> Iterator[Edge]:
    """Which rooms a door or opening links: those whose outline is within 30 cm of it."""
    for opening in scene.layout.openings:
        if opening.kind == "window":
            continue
        floor = Polygon(opening.box.floor_corners)
        near = sorted((Polygon(r.polygon_m).distance(floor), r.id) for r in scene.layout.rooms if len(r.polygon_m) > 2)
        if len(near) > 1 and near[1][0] <= DOOR_M:
            first, second = sorted((near[0][1], near[1][1]))
            yield Edge(opening.id, "links", first, "world", near[0][0], DOOR_M - near[1][0], second)
