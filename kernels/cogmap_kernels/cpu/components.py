"""Connected components of voxels: runs along x, joined row by row with pointers that only move on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _rules
from . import threads as _threads
from .compiled import compiled
from .forest import join, root

Array = npt.NDArray[Any]

_pack = njit(_rules.pack, inline="always")


def components(key: Array, rows: Array, group: Array, threads: int) -> Array:
    """Labels (V,) of cells (V, 3); `rows` (R, 3) int64 of (dz, dy, reach along x), later rows only, (0, 0) first.

    `group` (V,) or (0,): cells of different groups never touch.
    """
    order = np.empty(0, np.int64) if _is_sorted(key) else np.lexsort((key[:, 0], key[:, 1], key[:, 2]))
    n = _count_runs(key, order, group)
    first, start, end = np.empty(n + 1, np.int32), np.empty(n, np.int64), np.empty(n, np.int64)
    _fill_runs(key, order, group, first, start, end)
    parent = np.arange(n, dtype=np.int32)
    of_run = group[order[first[:n]] if len(order) else first[:n]] if len(group) else group
    parts = list(_threads.slices(n, threads if n > 20_000 else 1))
    team = _threads.Team(len(parts))
    team.each(lambda k: _link_all(start, end, of_run, parent, rows, *parts[k], *parts[k]))
    for lo, hi in parts[:-1]:
        _link_across(start, end, of_run, parent, rows, lo, hi)
    out = np.empty(len(key), np.int32)
    _number(parent, first, order, out)
    return out


@compiled
def _is_sorted(key: Array) -> bool:
    for i in range(1, len(key)):
        if _pack(key[i, 0], key[i, 1], key[i, 2]) <= _pack(key[i - 1, 0], key[i - 1, 1], key[i - 1, 2]):
            return False
    return True


@compiled
def _count_runs(key: Array, order: Array, group: Array) -> int:
    n, last, of = 0, np.int64(-2), 0
    for j in range(len(key)):
        i = order[j] if len(order) else j
        packed = np.int64(_pack(key[i, 0], key[i, 1], key[i, 2]))
        mine = group[i] if len(group) else 0
        n += packed != last + 1 or mine != of
        last, of = packed, mine
    return n


@compiled
def _fill_runs(key: Array, order: Array, group: Array, first: Array, start: Array, end: Array) -> None:
    n, last, of = 0, np.int64(-2), 0
    for j in range(len(key)):
        i = order[j] if len(order) else j
        packed = np.int64(_pack(key[i, 0], key[i, 1], key[i, 2]))
        mine = group[i] if len(group) else 0
        if packed != last + 1 or mine != of:
            first[n], start[n] = j, packed
            n += 1
        end[n - 1] = packed
        last, of = packed, mine
    first[n] = len(key)


@compiled
def _link(
    start: Array, end: Array, group: Array, parent: Array, shift: int, reach: int, a0: int, a1: int, b0: int, b1: int
) -> None:
    """Join runs a0 to a1, moved by a shift, with the runs b0 to b1 that come within reach along x."""
    j = b0
    for a in range(a0, a1):
        low, high = start[a] + shift - reach, end[a] + shift + reach
        while j < b1 and end[j] < low:
            j += 1
        if j == b1:
            return
        b = j
        while b < b1 and start[b] <= high:
            if len(group) == 0 or group[a] == group[b]:
                p, q = root(parent, a), root(parent, b)
                if p != q:
                    join(parent, p, q)
            b += 1


@compiled
def _link_all(
    start: Array, end: Array, group: Array, parent: Array, rows: Array, a0: int, a1: int, b0: int, b1: int
) -> None:
    for r in range(len(rows)):
        shift, reach = (rows[r, 0] << 42) + (rows[r, 1] << 21), rows[r, 2]
        if shift > 0 or reach > 1 or len(group) > 0:
            _link(start, end, group, parent, shift, reach, a0, a1, b0, b1)


@compiled
def _link_across(start: Array, end: Array, group: Array, parent: Array, rows: Array, lo: int, hi: int) -> None:
    """Join the runs of one part with all that follow it."""
    n = len(start)
    if lo == hi or hi == n:
        return
    for r in range(len(rows)):
        shift, reach = (rows[r, 0] << 42) + (rows[r, 1] << 21), rows[r, 2]
        a0 = max(lo, np.searchsorted(end[:hi], start[hi] - shift - reach))
        _link(start, end, group, parent, shift, reach, a0, hi, hi, n)


@compiled
def _number(parent: Array, first: Array, order: Array, out: Array) -> None:
    """Label every cell, numbers in the order of the caller's first cells."""
    number = np.full(len(parent), -1, np.int32)
    n = 0
    for run in range(len(parent)):
        top = root(parent, run)
        if len(order):
            for j in range(first[run], first[run + 1]):
                out[order[j]] = top
            continue
        if number[top] < 0:
            number[top] = n
            n += 1
        for j in range(first[run], first[run + 1]):
            out[j] = number[top]
    if len(order):
        for i in range(len(out)):
            if number[out[i]] < 0:
                number[out[i]] = n
                n += 1
            out[i] = number[out[i]]
