"""Routes of a body over the free floor, their length, turns in words, and what blocks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra

from .._checks import F64, Array, Bool
from ..data.answers import Answer, unknown
from ..data.scene import FREE, SceneMap
from .measures import Place, length_of, missing, places, said, solid

CELL_M = 0.05
REACH_M = 0.6
BODY_HEIGHT_M = 1.8
STEP_OVER_M = 0.05
TURN_DEG = 20.0
AROUND_DEG = 150.0
MOST_CELLS = 60_000
MOST_CORNERS = 60
STEPS = [(0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1)]


@dataclass(frozen=True)
class Floor:
    """Where a body may stand: cells [iy, ix] and what is occupied; lower corner, edge of a cell in metres."""

    free: Bool
    origin: F64
    cell_m: float

    def middle_of(self, cells: Array) -> F64:
        """Middles (P, 2) of cells (P, 2)."""
        return np.asarray((cells[:, ::-1] + 0.5) * self.cell_m + self.origin, np.float64)

    def grown(self, radius_m: float) -> Bool:
        """Cells whose middle keeps a radius from everything that is not free."""
        padded = np.pad(self.free, 1)
        gap = ndimage.distance_transform_edt(padded)[1:-1, 1:-1] - 0.5
        return np.asarray(gap * self.cell_m >= radius_m - 1e-9) & self.free


def route(
    scene: SceneMap, a: str | Sequence[float], b: str | Sequence[float], radius: float = 0.25, *, door_m: float = 0.0
) -> Answer:
    """The shortest way from one place to another for a round body: its length, corners and turns.

    A route to a thing ends beside it, within reach of 60 cm of its outline. Where there is none, the reason says what
    stands in the way, or how narrow the passage is. `door_m`: least width of doors and openings to go through.
    """
    ends = []
    for name in (a, b):
        found = places(scene, name)
        if not found:
            return missing(scene, "route", str(name))
        ends.append(found)
    floor = floor_of(scene, door_m)
    if floor is None:
        return unknown("route", "the map has no free floor")
    if not scene.floor_seen:
        return unknown("route", "no floor was seen: height 0 may be a table")
    path = shortest(floor, floor.grown(radius), *(_beside(floor, e, radius) for e in ends))
    names = " to ".join(str(e[0][0]) for e in ends)
    if path is None:
        reason = f"no route from {names} for a body of {2 * radius:.2f} m: {_blocked(scene, floor, ends, radius)}"
        return unknown("route", reason)
    steps = np.diff(path, axis=0)
    value = float(np.linalg.norm(steps, axis=1).sum())
    unit, status = length_of(scene)
    turns = turns_of(path)
    return Answer("route", value, unit, f"From {names}: {in_words(path, unit)}", status, scene.scale.rel_sigma * value,
                  ids=tuple(e[0][0] for e in ends), points=tuple((float(x), float(y)) for x, y in path),
                  details={"turns": float(sum(abs(t) > TURN_DEG for t in turns))})  # fmt: skip


def floor_of(scene: SceneMap, door_m: float = 0.0) -> Floor | None:
    """The free floor: as it was seen; of boxes and layouts, the rooms without what stands in them."""
    if scene.freespace is not None:
        grid = scene.freespace
        return Floor(grid.cells == FREE, np.array(grid.origin_map), grid.cell_m)
    rooms = [shapely.Polygon(r.polygon_m) for r in scene.layout.rooms]
    if not rooms:
        return None
    doors = [shapely.Polygon(o.outline).buffer(0.15) for o in scene.layout.openings
             if o.kind != "window" and o.box.size_m[0] >= door_m]  # fmt: skip
    inside = shapely.union_all([*rooms, *doors])
    stands = [solid(o)[0] for o in scene.objects if o.low < BODY_HEIGHT_M and o.top > STEP_OVER_M]
    open_floor = inside.difference(shapely.union_all(stands)) if stands else inside
    low, high = np.array(inside.bounds[:2]) - CELL_M, np.array(inside.bounds[2:]) + CELL_M
    cell = max(CELL_M, float(np.sqrt(np.prod(high - low) / MOST_CELLS)))
    shape = np.ceil((high - low) / cell).astype(int)[::-1]
    floor = Floor(np.zeros(shape, bool), low, cell)
    cells = np.argwhere(np.ones(shape, bool))
    floor.free[:] = shapely.contains_xy(open_floor, floor.middle_of(cells)).reshape(shape)
    return floor


def _beside(floor: Floor, ends: list[Place], radius: float) -> Bool:
    """Cells from which something may be reached."""
    out = np.zeros(floor.free.shape, bool)
    cells = np.argwhere(floor.free)
    middle = floor.middle_of(cells)
    for _, place in ends:
        gap = shapely.distance(solid(place)[0], shapely.points(middle))
        near = gap <= (radius + REACH_M if not isinstance(place, np.ndarray) else floor.cell_m * 1.5)
        out[tuple(cells[near].T)] = True
    return out


def shortest(floor: Floor, open_: Bool, start: Bool, goal: Bool) -> F64 | None:
    """Corners (K, 2) of the shortest way over open cells from one set of cells to another, pulled straight; or None."""
    label, _ = ndimage.label(open_, np.ones((3, 3)))
    both = np.intersect1d(label[start & open_], label[goal & open_])
    if not len(both):
        return None
    open_ = open_ & np.isin(label, both)
    number = np.full(open_.shape, -1)
    cells = np.argwhere(open_)
    number[tuple(cells.T)] = np.arange(len(cells))
    graph = _graph(number, open_, len(cells))
    first = number[start & open_]
    gap, before, _ = dijkstra(graph, directed=False, indices=first, min_only=True, return_predecessors=True)
    ends = number[goal & open_]
    at = int(ends[int(np.argmin(gap[ends]))])
    if not np.isfinite(gap[at]):
        return None
    chain = [at]
    while before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    return pulled(floor, open_, cells[chain[::-1]])


def _graph(number: Array, open_: Bool, n: int) -> sparse.csr_matrix:
    """Steps between open cells in sixteen directions; a long one only where the cells that it passes are open."""
    rows, columns, lengths = [], [], []
    height, width = number.shape
    for dy, dx in STEPS:
        ys, xs = slice(0, height - dy), slice(max(0, -dx), width - max(0, dx))
        yt, xt = slice(dy, height), slice(max(0, dx), width + min(0, dx))
        ok = open_[ys, xs] & open_[yt, xt]
        if abs(dy) + abs(dx) > 1:  # both cells that a slanted step passes between
            sy, sx = np.sign(dy), np.sign(dx)
            for my, mx in ((sy, 0), (0, sx)) if abs(dy) == abs(dx) else ((dy // 2, int(dx / 2)), (sy, sx)):
                mid = open_[my : my + height - dy, max(0, -dx) + mx : max(0, -dx) + mx + width - abs(dx)]
                ok = ok & mid
        rows.append(number[ys, xs][ok])
        columns.append(number[yt, xt][ok])
        lengths.append(np.full(int(ok.sum()), np.hypot(dy, dx)))
    data = np.concatenate(lengths)
    return sparse.csr_matrix((data, (np.concatenate(rows), np.concatenate(columns))), (n, n))


def pulled(floor: Floor, open_: Bool, chain: Array) -> F64:
    """A chain of cells (P, 2) pulled straight: the shortest way over some of its cells by lines over open cells."""
    bends = np.flatnonzero((np.diff(chain, 2, axis=0) != 0).any(1)) + 1 if len(chain) > 2 else np.zeros(0, int)
    spread = np.linspace(0, len(chain) - 1, min(len(chain), MOST_CORNERS)).astype(int)
    some = chain[np.unique(np.concatenate([bends[:: max(1, len(bends) // MOST_CORNERS)], spread]))]
    i, j = np.triu_indices(len(some), 1)
    seen = clear(open_, some[i], some[j])
    i, j = i[seen], j[seen]
    length = np.linalg.norm(some[i] - some[j], axis=1)
    graph = sparse.csr_matrix((length, (i, j)), (len(some), len(some)))
    before = dijkstra(graph, indices=[0], return_predecessors=True)[1][0]
    kept = [len(some) - 1]
    while before[kept[-1]] >= 0:
        kept.append(int(before[kept[-1]]))
    return floor.middle_of(some[kept[::-1]])


def clear(open_: Bool, a: Array, b: Array) -> Bool:
    """Which straight lines (P,) between two cells (P, 2) as (iy, ix) pass open cells only."""
    n = 2 * int(np.abs(b - a).max(initial=0)) + 2
    share = np.linspace(0, 1, n)[None, :, None]
    at = a[:, None] * (1 - share) + b[:, None] * share
    low, high = np.floor(at + 0.499).astype(int), np.ceil(at - 0.499).astype(int)
    return np.asarray((open_[low[..., 0], low[..., 1]] & open_[high[..., 0], high[..., 1]]).all(1))


def turns_of(path: F64) -> list[float]:
    """Turns at the inner corners in degrees, left positive."""
    steps = np.diff(path, axis=0)
    heading = np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))
    return [float((d + 180) % 360 - 180) for d in np.diff(heading)]


def in_words(path: F64, unit: str) -> str:
    """Turn by turn."""
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    if not len(lengths):
        return "you are there."
    words, run = [], float(lengths[0])
    for turn, length in zip(turns_of(path), lengths[1:]):
        if abs(turn) <= TURN_DEG:
            run += float(length)
            continue
        side = (
            "turn back"
            if abs(turn) > AROUND_DEG
            else f"turn {'left' if turn > 0 else 'right'} by {abs(turn):.0f} degrees"
        )
        words += [f"go {said(run, unit)}", side]
        run = float(length)
    return ", ".join([*words, f"go {said(run, unit)}"]) + "."


def _blocked(scene: SceneMap, floor: Floor, ends: list[list[Place]], radius: float) -> str:
    """Why there is no route: a passage that is too narrow, or what stands in the way."""
    sides = [_beside(floor, e, radius) for e in ends]
    if not all((s & floor.grown(0.0)).any() for s in sides):
        return "no free floor was seen beside " + " and ".join(e[0][0] for e, s in zip(ends, sides) if not s.any())
    if shortest(floor, floor.grown(0.0), *sides) is not None:
        low, high = 0.0, radius
        while high - low > floor.cell_m / 2:
            middle = (low + high) / 2
            low, high = (middle, high) if shortest(floor, floor.grown(middle), *sides) is not None else (low, middle)
        return f"the widest passage is {2 * low:.2f} m"
    everywhere = np.ones_like(floor.free)
    path = shortest(floor, everywhere, *sides)
    if path is None:
        return "they lie apart"
    line = shapely.LineString(path) if len(path) > 1 else shapely.Point(path[0])
    met = [o.id for o in scene.objects if o.low < BODY_HEIGHT_M and line.distance(solid(o)[0]) < radius
           and o.id not in [id for e in ends for id, _ in e]]  # fmt: skip
    walls = [w.id for w in scene.layout.walls if line.crosses(shapely.LineString([w.from_m, w.to_m]))]
    return f"{', '.join([*met[:4], *walls[:2]]) or 'floor that was not seen'} lies between"
