"""Smallest upright boxes of groups of points: hulls on the floor and rotating calipers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._results import YawBoxes
from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]
SIDES = 8  # directions of the outline inside which no point can be a corner of the hull


def yaw_boxes(xyz: Array, label: Array, n: int, threads: int) -> YawBoxes:
    """Boxes of the points (P, 3) of labels 0 to n - 1; labels below 0 are left out, empty ones are NaN."""
    bounds = np.bincount(label[label >= 0], minlength=n)
    first = np.concatenate([[0], np.cumsum(bounds)]).astype(np.int64)
    members = np.empty(int(first[-1]), np.int64)
    _sort_by_label(label, first.copy(), members)
    center, size, yaw = np.full((n, 3), np.nan), np.full((n, 3), np.nan), np.full(n, np.nan)
    cuts = [int(np.searchsorted(first, first[-1] * k // threads)) for k in range(threads)] + [n]
    with _threads.Team(threads) as team:
        team.each(lambda k: _boxes(xyz, members, first, cuts[k], cuts[k + 1], center, size, yaw))
    return YawBoxes(center, size, yaw)


@compiled
def _sort_by_label(label: Array, at: Array, members: Array) -> None:
    for i in range(len(label)):
        if label[i] >= 0:
            members[at[label[i]]] = i
            at[label[i]] += 1


@compiled
def _boxes(xyz: Array, members: Array, first: Array, lo: int, hi: int, center: Array, size: Array, yaw: Array) -> None:
    for k in range(lo, hi):
        if first[k] == first[k + 1]:
            continue
        mine = members[first[k] : first[k + 1]]
        outer, bottom, top = _outer(xyz, mine)
        hull = _hull(outer)
        x, y, w, d, a = _calipers(hull)
        if d > w:
            w, d, a = d, w, a + np.pi / 2
        while a > np.pi / 2:
            a -= np.pi
        while a <= -np.pi / 2:
            a += np.pi
        center[k, 0], center[k, 1], center[k, 2] = x, y, (bottom + top) / 2
        size[k, 0], size[k, 1], size[k, 2] = w, d, top - bottom
        yaw[k] = a


@compiled
def _outer(xyz: Array, mine: Array) -> tuple[Array, float, float]:
    """Floor places of the points that may be corners of the hull, lowest and highest z.

    Points strictly inside the polygon of the extreme points of 8 directions are no corners.
    """
    best, who = np.full(SIDES, -np.inf), np.zeros(SIDES, np.int64)
    bottom, top = np.inf, -np.inf
    v = np.empty(SIDES)
    for i in mine:
        x, y, z = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
        bottom, top = min(bottom, z), max(top, z)
        v[0], v[1], v[2], v[3] = x, x + y, y, y - x
        v[4], v[5], v[6], v[7] = -x, -x - y, -y, x - y
        for s in range(SIDES):
            if v[s] > best[s]:
                best[s], who[s] = v[s], i
    px, py, ax, ay = np.empty(SIDES), np.empty(SIDES), np.empty(SIDES), np.empty(SIDES)
    for s in range(SIDES):
        p, q = who[s], who[(s + 1) % SIDES]
        px[s], py[s] = xyz[p, 0], xyz[p, 1]
        ax[s], ay[s] = np.float64(xyz[q, 0]) - px[s], np.float64(xyz[q, 1]) - py[s]
        if p == q:  # no edge: everything lies inside of it
            px[s], py[s], ax[s], ay[s] = 0.0, np.inf, -1.0, 0.0
    one = who.min() == who.max()
    kept = np.empty((len(mine), 2))
    n = 0
    for i in mine:
        x, y = np.float64(xyz[i, 0]), np.float64(xyz[i, 1])
        least = np.inf
        for s in range(SIDES):
            least = min(least, ax[s] * (y - py[s]) - ay[s] * (x - px[s]))
        kept[n, 0], kept[n, 1] = x, y
        n += one or not least > 0
    return kept[:n].copy(), bottom, top


@compiled
def _turn(a: Array, b: Array, c: Array) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@compiled
def _hull(p: Array) -> Array:
    """Convex hull, counter-clockwise (Andrew, 1979)."""
    order = np.argsort(p[:, 1])
    order = order[np.argsort(p[order, 0], kind="mergesort")]
    p = p[order]
    hull = np.empty((2 * len(p) + 1, 2))
    n = 0
    for sweep in range(2):
        base = n
        for k in range(len(p)):
            q = p[k] if sweep == 0 else p[len(p) - 1 - k]
            while n >= base + 2 and _turn(hull[n - 2], hull[n - 1], q) <= 0:
                n -= 1
            hull[n] = q
            n += 1
        n -= 1
    return hull[: max(n, 1)].copy()


@compiled
def _calipers(hull: Array) -> tuple[float, float, float, float, float]:
    """Centre, extents and turn of the smallest rectangle; one of its sides lies on the hull (Freeman, 1975)."""
    best, out = np.inf, (hull[0, 0], hull[0, 1], 0.0, 0.0, 0.0)
    for k in range(len(hull)):
        other = hull[(k + 1) % len(hull)]
        ex, ey = other[0] - hull[k, 0], other[1] - hull[k, 1]
        length = np.sqrt(ex * ex + ey * ey)
        if length < 1e-12:
            continue
        ex, ey = ex / length, ey / length
        u0 = v0 = np.inf
        u1 = v1 = -np.inf
        for q in hull:
            u, v = q[0] * ex + q[1] * ey, q[1] * ex - q[0] * ey
            u0, u1, v0, v1 = min(u0, u), max(u1, u), min(v0, v), max(v1, v)
        if (u1 - u0) * (v1 - v0) < best - 1e-15:
            best = (u1 - u0) * (v1 - v0)
            u, v = (u0 + u1) / 2, (v0 + v1) / 2
            out = (u * ex - v * ey, u * ey + v * ex, u1 - u0, v1 - v0, np.arctan2(ey, ex))
    return out
