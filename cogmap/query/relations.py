"""The scene graph: what stands on, under, inside, near, between, beside what, in which frame, and by what margin."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry import Polygon

from .._checks import F64, Array, Bool
from ..data.scene import Edge, MapObject, SceneGraph, SceneMap
from ..geometry.box import SNAP

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
SIDES = np.array(["right", "left", "front", "behind"])
CLEAR = 0.1
SLIVER = 1e-6


class _Things:
    """The boxes of all objects as arrays, ready to be compared in pairs."""

    def __init__(self, objects: tuple[MapObject, ...]) -> None:
        boxes = [o.box for o in objects]
        self.id = np.array([o.id for o in objects], object)
        self.label = np.array([o.label or "" for o in objects], object)
        self.stands_over = np.array([o.noun in STANDS_OVER for o in objects], bool)
        self.center = np.array([b.center_m for b in boxes], np.float64).reshape(-1, 3)
        self.size = np.array([b.size_m for b in boxes], np.float64).reshape(-1, 3)
        self.yaw = np.array([b.yaw for b in boxes], np.float64)
        self.low, self.top = self.center[:, 2] - self.size[:, 2] / 2, self.center[:, 2] + self.size[:, 2] / 2
        self.sigma = np.array([o.sigma_m for o in objects], np.float64)
        self.facing = np.array([np.nan if o.facing is None else o.facing for o in objects], np.float64)
        corners = np.array([b.floor_corners for b in boxes], np.float64).reshape(-1, 4, 2)
        self.floor = shapely.polygons(corners)
        middle = self.center[:, None, :2]
        self.inner = shapely.polygons(middle + (corners - middle) * (1 - SLIVER))

    def gap(self, a: Array, b: Array) -> F64:
        """Smallest distances (P,) between the surfaces of boxes a and b (P,), 0 where they meet."""
        up = np.maximum(0.0, np.maximum(self.low[a] - self.top[b], self.low[b] - self.top[a]))
        return np.asarray(np.hypot(shapely.distance(self.floor[a], self.floor[b]), up), np.float64)

    def over(self, a: Array, b: Array) -> F64:
        """Shares (P,) of the outlines of a that lie over those of b; corners snap, see `geometry.box.shared_area`."""
        shared = shapely.area(shapely.intersection(self.floor[a], self.floor[b], grid_size=SNAP))
        return np.asarray(shared / np.maximum(shapely.area(self.floor[a]), 1e-9), np.float64)


class _Pairs(NamedTuple):
    """Neighbours: `b` (P,) beside `a` (P,) at a gap (P,); sorted by a, the nearest first; its rank among those of a."""

    a: Array
    b: Array
    gap: F64
    rank: Array


def scene_graph(scene: SceneMap) -> SceneGraph:
    """The relations between neighbours; sparse, so that its size grows with the number of objects.

    "near" joins surfaces within 50 cm. Sides ("left", "right", "front", "behind") are told for the six nearest within
    2 m: as seen from above with y ahead ("world"), and as seen by objects that have a front. "front" of something in
    the world is farther along y.
    """
    if not scene.objects:
        return SceneGraph(tuple(sorted(_doors(scene), key=_key)))
    things = _Things(scene.objects)
    pairs = _neighbours(things)
    edges = [
        *_near(things, pairs),
        *_stacked(things, pairs),
        *_sides(things, pairs),
        *_facing(things, pairs),
        *_aligned(things, pairs),
        *_among(things, pairs),
        *_walls(things, scene),
        *_doors(scene),
    ]
    return SceneGraph(tuple(sorted(edges, key=_key)))


def _key(edge: Edge) -> tuple[str, str, str, str, str]:
    return edge.subject, edge.relation, edge.object, edge.other or "", edge.frame


def _neighbours(things: _Things) -> _Pairs:
    """For each thing the at most six nearest others within 2 m, and sixteen within 50 cm; by gap, then position."""
    x_min, y_min, x_max, y_max = shapely.bounds(things.floor).T
    around = shapely.box(x_min - BESIDE_M, y_min - BESIDE_M, x_max + BESIDE_M, y_max + BESIDE_M)
    a, b = shapely.STRtree(things.floor).query(around)
    apart = np.maximum(things.low[a] - things.top[b], things.low[b] - things.top[a])
    kept = (a != b) & (apart <= BESIDE_M)
    a, b = a[kept], b[kept]
    gap = things.gap(a, b)
    order = np.lexsort((b, gap, a))
    a, b, gap = a[order], b[order], gap[order]
    rank = np.arange(len(a)) - np.searchsorted(a, a)
    kept = (rank < MOST_NEAR) & (gap <= np.where(rank < MOST_NEIGHBOURS, BESIDE_M, NEAR_M))
    return _Pairs(a[kept], b[kept], gap[kept], rank[kept])


def _edges(
    things: _Things, pairs: _Pairs, holds: Bool, relation: str | Array, margin: Array, frame: str | Array = "world"
) -> Iterator[Edge]:
    """Edges of the pairs for which a relation holds; relation and frame are one text or one a pair."""
    at = np.flatnonzero(holds)
    relations = np.broadcast_to(np.asarray(relation, object), holds.shape)[at].tolist()
    frames = np.broadcast_to(np.asarray(frame, object), holds.shape)[at].tolist()
    subjects, objects = things.id[pairs.a[at]].tolist(), things.id[pairs.b[at]].tolist()
    gaps, margins = np.round(pairs.gap[at], 4).tolist(), np.round(margin[at], 4).tolist()
    return map(Edge, subjects, relations, objects, frames, gaps, margins)


def _near(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    yield from _edges(things, pairs, pairs.gap <= NEAR_M, "near", NEAR_M - pairs.gap)


def _stacked(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """What is on, under, inside, above, below what: for pairs whose outlines share floor."""
    meet = shapely.intersects(things.inner[pairs.a], things.floor[pairs.b])
    pairs = _Pairs(*(field[meet] for field in pairs))
    a, b = pairs.a, pairs.b
    low_a, top_a, low_b, top_b = things.low[a], things.top[a], things.low[b], things.top[b]
    tolerance = TOUCH_M + 2 * np.maximum(things.sigma[a], things.sigma[b])
    rests, carries = np.abs(low_a - top_b) <= tolerance, np.abs(low_b - top_a) <= tolerance
    inner = (low_a >= low_b - tolerance) & (top_a <= top_b - 2 * TOUCH_M)
    over, under = np.zeros(len(a)), np.zeros(len(a))
    ask, back = rests | inner, carries
    over[ask], under[back] = things.over(a[ask], b[ask]), things.over(b[back], a[back])
    on, carrying = rests & (over >= OVER), carries & (under >= OVER)
    inside = inner & (over >= WITHIN) & ~on
    beneath = inside & (things.stands_over[b] | (low_b >= top_a - tolerance))
    edges = partial(_edges, things, pairs)
    yield from edges(on, "on", tolerance - np.abs(low_a - top_b))
    yield from edges(beneath & ~carrying, "under", top_b - top_a)
    yield from edges(inside & ~beneath, "inside", np.minimum(top_b - top_a, low_a - low_b + tolerance))
    yield from edges(carrying, "under", tolerance - np.abs(low_b - top_a))
    yield from edges(low_a > top_b + tolerance, "above", low_a - top_b)
    yield from edges(low_b > top_a + tolerance, "below", low_b - top_a)


def _sides(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """On which side of b thing a lies: in the world, and as b sees it when it has a front."""
    step = things.center[pairs.a, :2] - things.center[pairs.b, :2]
    turn = np.pi / 2 - things.facing[pairs.b]
    yield from _side(things, pairs, step, np.ones(len(step), bool), "world")
    seen = np.isfinite(turn)
    yield from _side(things, pairs, _turned(step, np.where(seen, turn, 0.0)), seen, "object:" + things.id[pairs.b])


def _side(things: _Things, pairs: _Pairs, along: F64, holds: Bool, frame: str | Array) -> Iterator[Edge]:
    x, y = along.T
    margin = np.abs(np.abs(x) - np.abs(y))
    relation = SIDES[np.argmax([x, -x, y, -y], axis=0)]
    yield from _edges(things, pairs, holds & (margin > CLEAR * np.hypot(x, y)), relation, margin, frame)


def _turned(xy: F64, yaw: F64) -> F64:
    """Points (P, 2) turned about the origin by angles (P,), counter-clockwise."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([c * xy[:, 0] - s * xy[:, 1], s * xy[:, 0] + c * xy[:, 1]], axis=1)


def _facing(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """Whether a looks at b."""
    step = things.center[pairs.b, :2] - things.center[pairs.a, :2]
    length = np.hypot(*step.T)
    facing = things.facing[pairs.a]
    off = np.abs((np.arctan2(step[:, 1], step[:, 0]) - np.nan_to_num(facing) + np.pi) % (2 * np.pi) - np.pi)
    yield from _edges(
        things, pairs, np.isfinite(facing) & (length > 0) & (off <= FACES), "facing", (FACES - off) * length
    )


def _aligned(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """Whether two things of one label stand in line."""
    a, b = pairs.a, pairs.b
    turn = np.abs((things.yaw[a] - things.yaw[b] + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    aside = np.abs(_turned(things.center[b, :2] - things.center[a, :2], -things.yaw[a])).min(1)
    alike = (things.label[a] != "") & (things.label[a] == things.label[b])
    yield from _edges(things, pairs, alike & (turn <= ALIGNED) & (aside <= ALIGNED_M), "aligned", ALIGNED_M - aside)


def _among(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """Between which two things a lies, and which two stand mirrored about it."""
    close = np.full((len(things.id), MOST_NEIGHBOURS), -1)
    gaps = np.zeros(close.shape)
    nearest = pairs.rank < MOST_NEIGHBOURS
    close[pairs.a[nearest], pairs.rank[nearest]] = pairs.b[nearest]
    gaps[pairs.a[nearest], pairs.rank[nearest]] = pairs.gap[nearest]
    position = np.empty(len(things.id), np.int64)
    position[np.argsort(things.id.astype(str), kind="stable")] = np.arange(len(things.id))
    for m, n in combinations(range(MOST_NEIGHBOURS), 2):
        a = np.flatnonzero(close[:, n] >= 0)
        b, c = close[a, m], close[a, n]
        later = position[b] > position[c]
        gap = np.minimum(gaps[a, m], gaps[a, n])
        yield from _threes(things, a, np.where(later, c, b), np.where(later, b, c), gap)


def _threes(things: _Things, a: Array, b: Array, c: Array, gap: F64) -> Iterator[Edge]:
    """The edges of things a (P,) with pairs of neighbours b, c (P,)."""
    middle, first, second = (things.center[k, :2] for k in (a, b, c))
    line = second - first
    length = np.hypot(*line.T)
    apart = length >= 1e-6
    safe, step = np.where(apart, length, 1.0), middle - first
    along = (step * line).sum(1) / safe**2
    aside = np.abs(line[:, 0] * step[:, 1] - line[:, 1] * step[:, 0]) / safe
    level = things.low[a] < np.minimum(things.top[b], things.top[c])
    level &= things.top[a] > np.maximum(things.low[b], things.low[c])
    maybe = apart & level & (along >= MIDDLE[0]) & (along <= MIDDLE[1]) & (aside <= ASIDE * length)
    maybe[maybe] = shapely.intersects(shapely.linestrings(np.stack([first, second], 1)[maybe]), things.floor[a[maybe]])
    alike = apart & (things.label[b] != "") & (things.label[b] == things.label[c])
    mirror = np.zeros(len(a))
    mirror[alike] = _mirrored(things, a[alike], b[alike], c[alike])
    for holds, relation, margin in ((maybe, "between", ASIDE * length - aside), (mirror > 0, "symmetric", mirror)):
        for k in np.flatnonzero(holds):
            frame = f"object:{things.id[a[k]]}" if relation == "symmetric" else "world"
            ids, far = (things.id[a[k]], things.id[b[k]], things.id[c[k]]), round(float(gap[k]), 4)
            yield Edge(ids[0], relation, ids[1], frame, far, round(float(margin[k]), 4), ids[2])


def _mirrored(things: _Things, a: Array, b: Array, c: Array) -> F64:
    """How much nearer than 10 cm b and c (P,) are to mirror images about an axis of a; at most 0 when they are not."""
    p, q = (_turned(things.center[k, :2] - things.center[a, :2], -things.yaw[a]) for k in (b, c))
    similar = np.isclose(things.size[b], things.size[c], rtol=0.15, atol=0.03).all(1)
    off = np.minimum(np.hypot(p[:, 0] + q[:, 0], p[:, 1] - q[:, 1]), np.hypot(p[:, 0] - q[:, 0], p[:, 1] + q[:, 1]))
    apart = np.hypot(*(p - q).T) > 2 * ALIGNED_M
    return np.where(similar & apart, ALIGNED_M - off, 0.0)


def _walls(things: _Things, scene: SceneMap) -> Iterator[Edge]:
    """What stands against a wall."""
    walls = [w for w in scene.layout.walls if w.from_m != w.to_m]
    if not walls:
        return
    lines = shapely.linestrings([[w.from_m, w.to_m] for w in walls])
    of, a = shapely.STRtree(things.floor).query(lines, predicate="dwithin", distance=WALL_M)
    gap = shapely.distance(lines[of], things.floor[a])
    for k, thing, far in zip(of, a, gap):
        if things.low[thing] < walls[k].height_m:
            far = float(far)
            yield Edge(things.id[thing], "against", walls[k].id, "world", round(far, 4), round(WALL_M - far, 4))


def _doors(scene: SceneMap) -> Iterator[Edge]:
    """Which rooms a door or opening links: those whose outline is within 30 cm of it."""
    for opening in scene.layout.openings:
        if opening.kind == "window":
            continue
        floor = Polygon(opening.box.floor_corners)
        near = sorted((Polygon(r.polygon_m).distance(floor), r.id) for r in scene.layout.rooms if len(r.polygon_m) > 2)
        if len(near) > 1 and near[1][0] <= DOOR_M:
            first, second = sorted((near[0][1], near[1][1]))
            far, margin = round(float(near[0][0]), 4), round(float(DOOR_M - near[1][0]), 4)
            yield Edge(opening.id, "links", first, "world", far, margin, second)
