"""Exact DBSCAN on a grid whose cells are so small that two points of one cell are always neighbours."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _host
from . import sorting
from . import threads as _threads
from .compiled import compiled
from .forest import join, root

Array = npt.NDArray[Any]
REACH = 2  # cells of side eps / sqrt(3) on each axis that can hold a neighbour
ROWS = 25


def dbscan(xyz: Array, eps: float, min_points: int, threads: int) -> Array:
    """Labels (P,) int32 of points (P, 3) float32 or float64, -1 = noise."""
    n = len(xyz)
    if n == 0:
        return np.empty(0, np.int32)
    (lo, hi), side = _host.bounds(xyz), eps / np.sqrt(3.0) * (1 - 1e-9)
    wide = np.floor((hi - lo) / side).astype(np.int64) + 1 + 2 * REACH
    step = np.array([wide[0] * wide[1], wide[0]])  # of the key from one z to the next, and from one y
    team = _threads.Team(threads)
    order, first, cell = _sorted_cells(team, xyz, lo, side, step, int(wide.astype(object).prod()))
    points = np.empty_like(xyz)
    team.over(n, lambda a, b: _gather(xyz, order, a, b, points))
    core = np.zeros(n, np.bool_)
    cuts = _even_cuts(first, threads)
    team.each(lambda k: _find_cores(points, cell, step, first, eps, min_points, cuts[k], cuts[k + 1], core))
    parent = np.arange(len(cell), dtype=np.int32)
    counts = _first_cores(core, first)
    given: tuple[Any, ...] = (points, cell, step, first, core, counts, eps, parent)
    for reach in (1, REACH):  # most cells belong together once the closest are joined
        team.each(partial(_join_own, given, reach, cuts))
        for k in range(threads - 1):
            _join(reach, cuts[k], cuts[k + 1], len(cell), *given)
    label = _number(parent, core, first, order)
    out = np.empty(n, np.int32)
    team.each(lambda k: _assign(points, cell, step, first, core, label, eps, cuts[k], cuts[k + 1], order, out))
    return out


def _join_own(given: tuple[Any, ...], reach: int, cuts: list[int], k: int) -> None:
    """Join the cells of part k among themselves."""
    _join(reach, cuts[k], cuts[k + 1], cuts[k + 1], *given)


def _sorted_cells(
    team: _threads.Team, xyz: Array, lo: Array, side: float, step: Array, cells: int
) -> tuple[Array, Array, Array]:
    """The points in the order of their cells, the first point of every cell, the cells' keys."""
    numbers, width = np.empty(len(xyz), np.int64), len(xyz).bit_length()
    if cells.bit_length() + width <= sorting.ROOM:  # a cell and a point's position are one number
        team.over(len(xyz), lambda a, b: _keys(xyz, lo, side, step, width, a, b, numbers))
        numbers = sorting.by_bits(team, numbers, width, cells.bit_length())
        order = (numbers & ((1 << width) - 1)).astype(np.int32)
        numbers >>= width
    else:
        team.over(len(xyz), lambda a, b: _keys(xyz, lo, side, step, 0, a, b, numbers))
        order = np.argsort(numbers).astype(np.int32)
        numbers = numbers[order]
    return order, *_cells(numbers)


def _even_cuts(first: Array, parts: int) -> list[int]:
    """Cells that cut the points into parts of like size."""
    return [int(np.searchsorted(first[:-1], first[-1] * k // parts)) for k in range(parts)] + [len(first) - 1]


@compiled
def _keys(xyz: Array, lo: Array, side: float, step: Array, width: int, a: int, b: int, keys: Array) -> None:
    """Cell numbers of points a to b, above `width` bits of the points' own positions."""
    mask = (1 << width) - 1
    for i in range(a, b):
        x = np.int64(np.floor((np.float64(xyz[i, 0]) - lo[0]) / side))
        y = np.int64(np.floor((np.float64(xyz[i, 1]) - lo[1]) / side))
        z = np.int64(np.floor((np.float64(xyz[i, 2]) - lo[2]) / side))
        keys[i] = ((z + REACH) * step[0] + (y + REACH) * step[1] + x + REACH) << width | (i & mask)


@compiled
def _cells(keys: Array) -> tuple[Array, Array]:
    """First point of every occupied cell and one past the last, and the cells' keys; keys come in order."""
    n = 1
    for j in range(1, len(keys)):
        n += keys[j] != keys[j - 1]
    first, cell = np.empty(n + 1, np.int32), np.empty(n, np.int64)
    n = 0
    for j in range(len(keys)):
        if j == 0 or keys[j] != keys[j - 1]:
            first[n], cell[n] = j, keys[j]
            n += 1
    first[n] = len(keys)
    return first, cell


@compiled
def _gather(xyz: Array, order: Array, a: int, b: int, points: Array) -> None:
    for j in range(a, b):
        for k in range(3):
            points[j, k] = xyz[order[j], k]


@njit(inline="always")
def _near(points: Array, i: int, j: int, square: float) -> bool:
    x = np.float64(points[i, 0]) - np.float64(points[j, 0])
    y = np.float64(points[i, 1]) - np.float64(points[j, 1])
    z = np.float64(points[i, 2]) - np.float64(points[j, 2])
    return bool(x * x + y * y + z * z <= square)


@compiled
def _row_starts(cell: Array, step: Array, at: int) -> Array:
    """For each of the 25 rows round a cell the first cell not before its window."""
    start = np.empty(ROWS, np.int64)
    for r in range(ROWS):
        shift = (r // 5 - 2) * step[0] + (r % 5 - 2) * step[1]
        start[r] = np.searchsorted(cell, cell[at] + shift - REACH)
    return start


@compiled
def _find_cores(
    points: Array, cell: Array, step: Array, first: Array, eps: float, least: int, lo: int, hi: int, core: Array
) -> None:
    """Mark the points with at least `least` neighbours, themselves included, in cells lo to hi."""
    if lo >= hi:
        return
    square, pointer = eps * eps, _row_starts(cell, step, lo)
    for c in range(lo, hi):
        if first[c + 1] - first[c] >= least:
            core[first[c] : first[c + 1]] = True
            continue
        window_lo, window_hi = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
        total = 0
        for r in range(ROWS):
            shift = (r // 5 - 2) * step[0] + (r % 5 - 2) * step[1]
            j = pointer[r]
            while j < len(cell) and cell[j] < cell[c] + shift - REACH:
                j += 1
            pointer[r] = j
            while j < len(cell) and cell[j] <= cell[c] + shift + REACH:
                j += 1
            window_lo[r], window_hi[r] = first[pointer[r]], first[j]
            total += window_hi[r] - window_lo[r]
        if total < least:
            continue
        for i in range(first[c], first[c + 1]):
            core[i] = _has(points, i, window_lo, window_hi, square, least)


@compiled
def _has(points: Array, i: int, window_lo: Array, window_hi: Array, square: float, least: int) -> bool:
    n = 0
    for step in range(ROWS):
        r = (12 + (step + 1) // 2 * (1 if step % 2 else -1)) % ROWS  # the middle rows first
        for j in range(window_lo[r], window_hi[r]):
            n += _near(points, i, j, square)
            if n >= least:
                return True
    return False


@compiled
def _first_cores(core: Array, first: Array) -> Array:
    """Number of core points of every cell."""
    count = np.zeros(len(first) - 1, np.int32)
    for c in range(len(count)):
        for i in range(first[c], first[c + 1]):
            count[c] += core[i]
    return count


@compiled
def _join(
    reach: int,
    lo: int,
    hi: int,
    end: int,
    points: Array,
    cell: Array,
    step: Array,
    first: Array,
    core: Array,
    cores: Array,
    eps: float,
    parent: Array,
) -> None:
    """Join cells lo to hi with later cells below `end` that hold a core point within eps of one of theirs.

    With `end` beyond `hi` only pairs that cross `hi` are looked at.
    """
    if lo >= hi:
        return
    square, pointer, low = eps * eps, _row_starts(cell, step, lo), (lo if end == hi else hi)
    for c in range(lo, hi):
        if cores[c] == 0:
            continue
        for r in range(12, ROWS):
            if max(r // 5 - 2, abs(r % 5 - 2)) > reach:
                continue
            shift = (r // 5 - 2) * step[0] + (r % 5 - 2) * step[1]
            j = max(pointer[r], low)
            while j < end and cell[j] < cell[c] + shift - reach:
                j += 1
            pointer[r] = j
            while j < end and cell[j] <= cell[c] + shift + reach:
                if j > c and cores[j] > 0:
                    p, q = root(parent, c), root(parent, j)
                    if p != q and _touch(points, first, core, c, j, square):
                        join(parent, p, q)
                j += 1


@compiled
def _touch(points: Array, first: Array, core: Array, a: int, b: int, square: float) -> bool:
    for i in range(first[a], first[a + 1]):
        if core[i]:
            for j in range(first[b], first[b + 1]):
                if core[j] and _near(points, i, j, square):
                    return True
    return False


@compiled
def _number(parent: Array, core: Array, first: Array, order: Array) -> Array:
    """Cluster of every cell with core points, numbered by the caller's first core point; -1 without."""
    n = len(parent)
    earliest = np.full(n, len(order), np.int64)
    for c in range(n):
        for i in range(first[c], first[c + 1]):
            if core[i]:
                top = root(parent, c)
                earliest[top] = min(earliest[top], order[i])
    roots = np.flatnonzero(earliest < len(order))
    rank = np.full(n, -1, np.int32)
    ranked = roots[np.argsort(earliest[roots])]
    for k in range(len(ranked)):
        rank[ranked[k]] = k
    label = np.empty(n, np.int32)
    for c in range(n):
        label[c] = rank[root(parent, c)]
    return label


@compiled
def _assign(
    points: Array,
    cell: Array,
    step: Array,
    first: Array,
    core: Array,
    label: Array,
    eps: float,
    lo: int,
    hi: int,
    order: Array,
    out: Array,
) -> None:
    """Core points take their cell's cluster, others the lowest of the clusters with a core point within eps."""
    if lo >= hi:
        return
    square, pointer = eps * eps, _row_starts(cell, step, lo)
    for c in range(lo, hi):
        whole = True
        for i in range(first[c], first[c + 1]):
            out[order[i]] = label[c] if core[i] else -1
            whole &= core[i]
        if whole:
            continue
        for r in range(ROWS):
            shift = (r // 5 - 2) * step[0] + (r % 5 - 2) * step[1]
            j = pointer[r]
            while j < len(cell) and cell[j] < cell[c] + shift - REACH:
                j += 1
            pointer[r] = j
            while j < len(cell) and cell[j] <= cell[c] + shift + REACH:
                if label[j] >= 0:
                    _adopt(points, first, core, c, j, label[j], square, order, out)
                j += 1


@compiled
def _adopt(
    points: Array,
    first: Array,
    core: Array,
    c: int,
    other: int,
    label: int,
    square: float,
    order: Array,
    out: Array,
) -> None:
    """Points of a cell that are no cores join the cluster of another cell's near core points where it is lower."""
    for i in range(first[c], first[c + 1]):
        if core[i] or 0 <= out[order[i]] <= label:
            continue
        for j in range(first[other], first[other + 1]):
            if core[j] and _near(points, i, j, square):
                out[order[i]] = label
                break
