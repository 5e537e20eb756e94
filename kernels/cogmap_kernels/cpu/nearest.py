"""Nearest points between two sets, through two levels of boxes round points that lie together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _float_rules
from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]
LEAF = 32

_gap = njit(_float_rules.gap, inline="always")


def nearest(xyz: Array, to: Array, threads: int) -> tuple[Array, Array]:
    """Distance (P,) float64 to and index (P,) int32 of the nearest of `to` (Q, 3); the smaller index of equals."""
    order = together(to)
    points = np.ascontiguousarray(to[order], np.float64)
    leaves = boxes_of(points, points)
    groups = boxes_of(leaves[:, :3], leaves[:, 3:])
    distance, index = np.empty(len(xyz)), np.empty(len(xyz), np.int32)
    queries = together(xyz)
    team = _threads.Team(threads)
    team.over(len(xyz), lambda a, b: _search(xyz, queries, points, order, leaves, groups, a, b, distance, index))
    return distance, index


def together(xyz: Array) -> Array:
    """An order in which points that are near in space are near in the list: bits of x, y, z in turn (Morton, 1966)."""
    span = np.ptp(xyz, axis=0).max() if len(xyz) else 1.0
    cell = ((xyz - xyz.min(0, initial=np.inf)) / max(float(span), 1e-12) * 1023).astype(np.int64)
    code = np.zeros(len(xyz), np.int64)
    for bit in range(10):
        for axis in range(3):
            code |= (cell[:, axis] >> bit & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


def boxes_of(lo: Array, hi: Array) -> Array:
    """Lower and upper corners (N, 6) of every 32 boxes or points."""
    at = np.arange(0, len(lo), LEAF)
    return np.concatenate([np.minimum.reduceat(lo, at, axis=0), np.maximum.reduceat(hi, at, axis=0)], axis=1)


@compiled
def _search(
    xyz: Array,
    queries: Array,
    points: Array,
    order: Array,
    leaves: Array,
    groups: Array,
    a: int,
    b: int,
    distance: Array,
    index: Array,
) -> None:
    guess = 0
    for n in range(a, b):
        i = queries[n]
        x, y, z = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
        dx, dy, dz = points[guess, 0] - x, points[guess, 1] - y, points[guess, 2] - z
        best, who = dx * dx + dy * dy + dz * dz, guess
        for g in range(len(groups)):
            if _gap(groups, g, x, y, z) > best:
                continue
            for leaf in range(g * LEAF, min((g + 1) * LEAF, len(leaves))):
                if _gap(leaves, leaf, x, y, z) > best:
                    continue
                for j in range(leaf * LEAF, min((leaf + 1) * LEAF, len(points))):
                    dx, dy, dz = points[j, 0] - x, points[j, 1] - y, points[j, 2] - z
                    d = dx * dx + dy * dy + dz * dz
                    if d < best or (d == best and order[j] < order[who]):
                        best, who = d, j
        guess = who
        distance[i], index[i] = np.sqrt(best), order[who]
