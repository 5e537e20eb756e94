"""Smallest upright boxes of groups of points: hulls on the floor and rotating calipers."""

from __future__ import annotations

from functools import partial
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
    center, size, yaw = np.full((n, 3), np.nan), np.full((n, 3), np.nan), np.full(n, np.nan)
    team = _threads.Team(threads)
    best, who, z = zip(*team.over(len(xyz), partial(_extremes, xyz, label, n)))
    who = np.take_along_axis(np.array(who), np.argmax(best, axis=0)[None], axis=0)[0]
    bottom_top = np.array(z).max(0) * (-1, 1)
    sides = _sides(xyz, who)
    members = np.concatenate(team.over(len(xyz), partial(_outer, xyz, label, sides)))
    members = members[np.argsort(label[members], kind="stable")]
    first = np.searchsorted(label[members], np.arange(n + 1))
    team.over(n, partial(_boxes, xyz, members, first, bottom_top, center, size, yaw))
    return YawBoxes(center, size, yaw)


@compiled
def _extremes(xyz: Array, label: Array, n: int, lo: int, hi: int) -> tuple[Array, Array, Array]:
    """How far points lo to hi of each label reach in 8 directions, the first points that do, and to -z and z."""
    best, who, z = np.full((n, SIDES), -np.inf), np.full((n, SIDES), -1), np.full((n, 2), -np.inf)
    v = np.empty(SIDES)
    for i in range(lo, hi):
        k = label[i]
        if k < 0:
            continue
        x, y, h = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
        z[k, 0], z[k, 1] = max(z[k, 0], -h), max(z[k, 1], h)
        v[0], v[1], v[2], v[3] = x, x + y, y, y - x
        v[4], v[5], v[6], v[7] = -x, -x - y, -y, x - y
        farther = False
        for s in range(SIDES):
            farther |= v[s] > best[k, s]
        if farther:
            for s in range(SIDES):
                if v[s] > best[k, s]:
                    best[k, s], who[k, s] = v[s], i
    return best, who, z


@compiled
def _sides(xyz: Array, who: Array) -> Array:
    """Sides (n, 4, 8) of the polygons of the extreme points: start x, y and run x, y.

    A point that is the extreme in two directions has no side between them: everything lies inside of it.
    """
    sides = np.zeros((len(who), 4, SIDES))
    for k in range(len(who)):
        if who[k, 0] < 0:
            continue
        alone = who[k].min() == who[k].max()
        for s in range(SIDES):
            p, q = who[k, s], who[k, (s + 1) % SIDES]
            if p != q or alone:
                sides[k, 0, s], sides[k, 1, s] = xyz[p, 0], xyz[p, 1]
                sides[k, 2, s] = np.float64(xyz[q, 0]) - np.float64(xyz[p, 0])
                sides[k, 3, s] = np.float64(xyz[q, 1]) - np.float64(xyz[p, 1])
            else:
                sides[k, 1, s], sides[k, 2, s] = np.inf, -1.0
    return sides


@compiled
def _outer(xyz: Array, label: Array, sides: Array, lo: int, hi: int) -> Array:
    """Those of points lo to hi that may be corners of a hull: they are not strictly inside their label's polygon."""
    kept, n = np.empty(hi - lo, np.int64), 0
    for i in range(lo, hi):
        k = label[i]
        if k < 0:
            continue
        x, y = np.float64(xyz[i, 0]), np.float64(xyz[i, 1])
        inside = True
        for s in range(SIDES):
            inside &= sides[k, 2, s] * (y - sides[k, 1, s]) - sides[k, 3, s] * (x - sides[k, 0, s]) > 0
        kept[n] = i
        n += not inside
    return kept[:n].copy()


@compiled
def _boxes(
    xyz: Array, members: Array, first: Array, z: Array, center: Array, size: Array, yaw: Array, lo: int, hi: int
) -> None:
    """Boxes of labels lo to hi from the points that may be corners of their hulls."""
    for k in range(lo, hi):
        if first[k] == first[k + 1]:
            continue
        outer = np.empty((first[k + 1] - first[k], 2))
        for j in range(len(outer)):
            outer[j, 0], outer[j, 1] = xyz[members[first[k] + j], 0], xyz[members[first[k] + j], 1]
        x, y, w, d, a = _calipers(_hull(outer))
        if d > w:
            w, d, a = d, w, a + np.pi / 2
        while a > np.pi / 2:
            a -= np.pi
        while a <= -np.pi / 2:
            a += np.pi
        center[k, 0], center[k, 1], center[k, 2] = x, y, (z[k, 0] + z[k, 1]) / 2
        size[k, 0], size[k, 1], size[k, 2] = w, d, z[k, 1] - z[k, 0]
        yaw[k] = a


@compiled
def _turn(a: Array, b: Array, c: Array) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@compiled
def _hull(p: Array) -> Array:
    """Convex hull of points (N, 2), counter-clockwise, without points on its sides (Eddy, 1977: quickhull).

    A stack holds sides of the polygon so far and the points beyond each; the farthest of them splits the side.
    """
    low = high = 0
    for i in range(1, len(p)):
        if p[i, 0] < p[low, 0] or (p[i, 0] == p[low, 0] and p[i, 1] < p[low, 1]):
            low = i
        if p[i, 0] > p[high, 0] or (p[i, 0] == p[high, 0] and p[i, 1] > p[high, 1]):
            high = i
    points = np.arange(len(p))
    middle = _beyond(p, points, 0, len(p), low, high)
    end = _beyond(p, points, middle, len(p), high, low)
    todo = [(high, low, middle, end), (low, high, 0, middle)]
    corners = np.empty(len(p) + 1, np.int64)
    n = 0
    while len(todo) > 0:
        a, b, first, last = todo.pop()
        if first == last:
            corners[n] = a
            n += 1
            continue
        top, far = -1.0, a
        for j in range(first, last):
            h = -_turn(p[a], p[b], p[points[j]])
            if h > top:
                top, far = h, points[j]
        middle = _beyond(p, points, first, last, a, far)
        end = _beyond(p, points, middle, last, far, b)
        todo.append((far, b, middle, end))
        todo.append((a, far, first, middle))
    return p[corners[: n if low != high else 1]].copy()


@compiled
def _beyond(p: Array, points: Array, first: int, last: int, a: int, b: int) -> int:
    """Move those of points first to last that lie to the right of a side to the front; one past the last of them."""
    for j in range(first, last):
        if _turn(p[a], p[b], p[points[j]]) < 0:
            points[first], points[j] = points[j], points[first]
            first += 1
    return first


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
