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
from ..geometry.solids import gap_error, solids

NEAR_M = 0.5
BESIDE_M = 2.0
MOST_NEIGHBOURS = 6
MOST_NEAR = 16
TOUCH_M = 0.05
OVER = 0.5
WITHIN = 0.8
OVERLAPS = 0.25
MOST_TOUCH_M = 0.12
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


class _Things:
    """Outlines, heights and boxes of all objects as arrays, ready to be compared in pairs."""

    def __init__(self, objects: tuple[MapObject, ...], rel_sigma: float) -> None:
        boxes = [o.box for o in objects]
        self.id = np.array([o.id for o in objects], object)
        self.label = np.array([o.label or "" for o in objects], object)
        self.stands_over = np.array([o.noun in STANDS_OVER for o in objects], bool)
        self.size = np.array([b.size_m for b in boxes], np.float64).reshape(-1, 3)
        self.yaw = np.array([b.yaw for b in boxes], np.float64)
        self.solids = solids(objects)
        self.low, self.top, self.floor = self.solids.low, self.solids.top, self.solids.outline
        self.center = self.solids.middle
        self.sigma, self.rel_sigma = np.array([o.sigma_m for o in objects], np.float64), rel_sigma
        self.facing = np.array([np.nan if o.facing is None else o.facing for o in objects], np.float64)

    def gap_sigma(self, a: Array, b: Array, gap: F64) -> F64:
        """Standard errors (P,) of gaps; see `geometry.solids.gap_error`."""
        return gap_error(self.sigma[a], self.sigma[b], gap, self.rel_sigma)


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
    things = _Things(scene.objects, scene.scale.rel_sigma)
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
    gap = things.solids.gap(a, b)
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
    sigma = things.gap_sigma(pairs.a[at], pairs.b[at], pairs.gap[at])
    gaps, margins, sigmas = (np.round(v, 4).tolist() for v in (pairs.gap[at], margin[at], sigma))
    return map(Edge, subjects, relations, objects, frames, gaps, margins, [None] * len(at), sigmas)


def _near(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    yield from _edges(things, pairs, pairs.gap <= NEAR_M, "near", NEAR_M - pairs.gap)


def _stacked(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """What is on, under, inside, above, below what: for pairs whose outlines share floor."""
    meet = shapely.intersects(things.floor[pairs.a], things.floor[pairs.b])
    pairs = _Pairs(*(field[meet] for field in pairs))
    a, b = pairs.a, pairs.b
    over, under = things.solids.over(a, b), things.solids.over(b, a)
    low_a, top_a, low_b, top_b = things.low[a], things.top[a], things.low[b], things.top[b]
    tolerance = np.minimum(TOUCH_M + 2 * np.maximum(things.sigma[a], things.sigma[b]), MOST_TOUCH_M)
    rests, carries = np.abs(low_a - top_b) <= tolerance, np.abs(low_b - top_a) <= tolerance
    inner = (low_a >= low_b - tolerance) & (top_a <= top_b - 2 * TOUCH_M)
    on, carrying = rests & (over >= OVER), carries & (under >= OVER)
    inside = inner & (over >= WITHIN) & ~on
    beneath = inside & (things.stands_over[b] | (low_b >= top_a - tolerance))
    overlap = np.maximum(over, under) >= OVERLAPS
    edges = partial(_edges, things, pairs)
    yield from edges(on, "on", tolerance - np.abs(low_a - top_b))
    yield from edges(beneath & ~carrying, "under", top_b - top_a)
    yield from edges(inside & ~beneath, "inside", np.minimum(top_b - top_a, low_a - low_b + tolerance))
    yield from edges(carrying, "under", tolerance - np.abs(low_b - top_a))
    yield from edges(overlap & (low_a > top_b + tolerance), "above", low_a - top_b)
    yield from edges(overlap & (low_b > top_a + tolerance), "below", low_b - top_a)


def _sides(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """On which side of b thing a lies: in the world, and as b sees it when it has a front."""
    turn = np.pi / 2 - things.facing[pairs.b]
    yield from _side(things, pairs, np.zeros(len(turn)), np.ones(len(turn), bool), "world")
    seen = np.isfinite(turn)
    yield from _side(things, pairs, np.where(seen, turn, 0.0), seen, "object:" + things.id[pairs.b])


def _side(things: _Things, pairs: _Pairs, turn: F64, holds: Bool, frame: str | Array) -> Iterator[Edge]:
    """Sides seen with the world turned by an angle (P,) a pair.

    The middle of each lies there as the other sees it, and no part of either reaches beyond the middle of the other:
    so that nothing is left of a row of counters that goes round it.
    """
    mine, its = (_turned(things.center[k], turn) for k in (pairs.a, pairs.b))
    x, y = (mine - its).T
    which = np.argmax([x, -x, y, -y], axis=0)
    axis, sign = which // 2, np.where(which % 2 == 0, 1.0, -1.0)
    at = np.arange(len(which))
    nearest = -_reach(things.floor[pairs.a], turn, axis, -sign)
    farthest = _reach(things.floor[pairs.b], turn, axis, sign)
    clear = (nearest >= its[at, axis] * sign) & (farthest <= mine[at, axis] * sign)
    margin = np.abs(np.abs(x) - np.abs(y))
    holds = holds & clear & (margin > CLEAR * np.hypot(x, y))
    yield from _edges(things, pairs, holds, SIDES[which], margin, frame)


def _reach(outline: Array, turn: F64, axis: Array, sign: F64) -> F64:
    """The largest of sign * coordinate (P,) of outlines (P,) along an axis (P,) of a world turned by an angle (P,)."""
    if not len(outline):
        return np.zeros(0)
    xy, of = shapely.get_coordinates(outline, return_index=True)
    along = _turned(xy, turn[of])[np.arange(len(of)), axis[of]]
    return np.asarray(np.maximum.reduceat(along * sign[of], np.searchsorted(of, np.arange(len(outline)))), np.float64)


def _turned(xy: F64, yaw: F64) -> F64:
    """Points (P, 2) turned about the origin by angles (P,), counter-clockwise."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack([c * xy[:, 0] - s * xy[:, 1], s * xy[:, 0] + c * xy[:, 1]], axis=1)


def _facing(things: _Things, pairs: _Pairs) -> Iterator[Edge]:
    """Whether a looks at b."""
    step = things.center[pairs.b] - things.center[pairs.a]
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
    aside = np.abs(_turned(things.center[b] - things.center[a], -things.yaw[a])).min(1)
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
    middle, first, second = (things.center[k] for k in (a, b, c))
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
    sigma = np.round(things.gap_sigma(a, b, gap), 4).tolist()
    for holds, relation, margin in ((maybe, "between", ASIDE * length - aside), (mirror > 0, "symmetric", mirror)):
        for k in np.flatnonzero(holds):
            frame = f"object:{things.id[a[k]]}" if relation == "symmetric" else "world"
            ids, far = (things.id[a[k]], things.id[b[k]], things.id[c[k]]), round(float(gap[k]), 4)
            yield Edge(ids[0], relation, ids[1], frame, far, round(float(margin[k]), 4), ids[2], sigma[k])


def _mirrored(things: _Things, a: Array, b: Array, c: Array) -> F64:
    """How much nearer than 10 cm b and c (P,) are to mirror images about an axis of a; at most 0 when they are not."""
    p, q = (_turned(things.center[k] - things.center[a], -things.yaw[a]) for k in (b, c))
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
            numbers = (round(float(far), 4), round(WALL_M - float(far), 4), None, round(float(things.sigma[thing]), 4))
            yield Edge(things.id[thing], "against", walls[k].id, "world", *numbers)


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
