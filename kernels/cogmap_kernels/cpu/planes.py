"""Planes of a point cloud: hypotheses scored on a sample, the best refitted to all points."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _host, _rules
from .._results import Planes
from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]
BLOCK = 1 << 16
REFITS = 3

_draw = njit(_rules.draw, inline="always")


def segment_planes(
    xyz: Array,
    distance: float,
    most: int,
    hypotheses: int,
    sample: int,
    least: int,
    up: Array,
    tilt_cos: float,
    seed: int,
    threads: int,
) -> Planes:
    """See `cogmap_kernels.segment_planes`; `up` (3,) or (0,), `tilt_cos` the cosine of the largest tilt."""
    owner = np.full(len(xyz), -1, np.int32)
    normals, offsets, counts = [], [], []
    team = _threads.Team(threads)
    for k in range(most):
        left = np.flatnonzero(owner < 0) if k else np.arange(len(xyz))
        if len(left) < max(least, 3):
            break
        some = xyz[_host.spread(left, sample)].astype(np.float64)
        found = team.over(hypotheses, partial(_best, some, distance, up, tilt_cos, seed + k))
        plane = max(found, key=lambda f: f[1])[0]  # the first of equals
        for _ in range(REFITS):
            plane = _refitted(team, xyz, owner, plane, distance, up, tilt_cos)
        found = sum(team.over(len(xyz), partial(_claim, xyz, owner, plane, distance, k)))
        if found < least:
            owner[owner == k] = -1
            break
        normals.append(plane[:3])
        offsets.append(plane[3])
        counts.append(found)
    return Planes(
        np.array(normals, np.float64).reshape(-1, 3), np.array(offsets, np.float64), np.array(counts, np.int64), owner
    )


def _refitted(
    team: _threads.Team, xyz: Array, owner: Array, plane: Array, distance: float, up: Array, tilt_cos: float
) -> Array:
    """Least squares over the points near a plane: sums by blocks of fixed size, so threads change nothing."""
    blocks = np.zeros((-(-len(xyz) // BLOCK), 10))
    team.over(len(blocks), lambda a, b: _moments(xyz, owner, plane, distance, a, b, blocks))
    return _host.plane_of(blocks.sum(0), plane, up, tilt_cos)


@compiled
def _best(p: Array, distance: float, up: Array, tilt_cos: float, seed: int, first: int, last: int) -> tuple[Array, int]:
    """The plane through three points that most of the sample is near to, the first of equals, and how many are near.

    Every second hypothesis takes its other points from the 16 that follow the first, so that small planes in clouds
    with an order are met too.
    """
    n, best, count = len(p), np.array([0.0, 0.0, 1.0, 0.0]), -1
    for h in range(first, last):
        i = _draw(seed, 3 * h, n)
        if h % 2:
            j, k = (i + 1 + _draw(seed, 3 * h + 1, 16)) % n, (i + 1 + _draw(seed, 3 * h + 2, 16)) % n
        else:
            j, k = _draw(seed, 3 * h + 1, n), _draw(seed, 3 * h + 2, n)
        ax, ay, az = p[j, 0] - p[i, 0], p[j, 1] - p[i, 1], p[j, 2] - p[i, 2]
        bx, by, bz = p[k, 0] - p[i, 0], p[k, 1] - p[i, 1], p[k, 2] - p[i, 2]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        length = np.sqrt(x * x + y * y + z * z)
        if length < 1e-12:
            continue
        x, y, z = x / length, y / length, z / length
        if len(up) and abs(x * up[0] + y * up[1] + z * up[2]) < tilt_cos:
            continue
        d = x * p[i, 0] + y * p[i, 1] + z * p[i, 2]
        near = 0
        for m in range(n):
            near += abs(x * p[m, 0] + y * p[m, 1] + z * p[m, 2] - d) <= distance
        if near > count:
            count = near
            best[0], best[1], best[2], best[3] = x, y, z, d
    return best, count


@compiled
def _moments(xyz: Array, owner: Array, plane: Array, distance: float, a: int, b: int, blocks: Array) -> None:
    """Sums of x, y, z, their squares and products, and the number of free points near a plane, about a point of it."""
    ox, oy, oz = plane[0] * plane[3], plane[1] * plane[3], plane[2] * plane[3]
    for block in range(a, b):
        sx = sy = sz = xx = yy = zz = xy = xz = yz = n = 0.0
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(xyz))):
            x, y, z = xyz[i, 0] - ox, xyz[i, 1] - oy, xyz[i, 2] - oz
            if owner[i] >= 0 or not abs(plane[0] * x + plane[1] * y + plane[2] * z) <= distance:
                continue
            sx += x
            sy += y
            sz += z
            xx += x * x
            yy += y * y
            zz += z * z
            xy += x * y
            xz += x * z
            yz += y * z
            n += 1.0
        blocks[block, :] = np.array([sx, sy, sz, xx, yy, zz, xy, xz, yz, n])


@compiled
def _claim(xyz: Array, owner: Array, plane: Array, distance: float, number: int, a: int, b: int) -> int:
    n = 0
    for i in range(a, b):
        off = plane[0] * xyz[i, 0] + plane[1] * xyz[i, 1] + plane[2] * xyz[i, 2] - plane[3]
        if owner[i] < 0 and abs(off) <= distance:
            owner[i] = number
            n += 1
    return n
