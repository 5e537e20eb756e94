"""Planes of a point cloud: a thread a hypothesis, then a thread a block of points."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _host, _rules
from .._results import Planes
from . import launch

Array = npt.NDArray[Any]
BLOCK = 1 << 10
REFITS = 3

_draw = cuda.jit(device=True)(_rules.draw)


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
    """See the CPU column."""
    points, owner = launch.device_array(xyz), launch.device_array(np.full(len(xyz), -1, np.int32))
    rows: list[tuple[Array, int]] = []
    taken = np.full(len(xyz), -1, np.int32)
    for k in range(most):
        left = np.flatnonzero(taken < 0)
        if len(left) < max(least, 3):
            break
        some = xyz[_host.spread(left, sample)].astype(np.float64)
        plane = _best(some, distance, hypotheses, up, tilt_cos, seed + k)
        for _ in range(REFITS):
            plane = _refitted(points, owner, plane, distance, up, tilt_cos)
        launch.run(_claim, len(xyz), points, owner, launch.device_array(plane), distance, k)
        now = launch.host(owner)
        found = int((now == k).sum())
        if found < least:
            break
        taken = now
        rows.append((plane, found))
    planes = np.array([r[0] for r in rows]).reshape(-1, 4)
    return Planes(planes[:, :3], planes[:, 3], np.array([r[1] for r in rows], np.int64), taken)


def _best(some: Array, distance: float, hypotheses: int, up: Array, tilt_cos: float, seed: int) -> Array:
    planes, counts = cuda.device_array((hypotheses, 4)), cuda.device_array(hypotheses, np.int64)
    axis = launch.device_array(up if len(up) else np.zeros(3))
    launch.run(_try, hypotheses, launch.device_array(some), distance, axis, len(up) > 0, tilt_cos, seed, planes, counts)
    count = launch.host(counts)
    best = int(np.argmax(count))
    return launch.host(planes)[best] if count[best] >= 0 else np.array([0.0, 0.0, 1.0, 0.0])


def _refitted(points: Any, owner: Any, plane: Array, distance: float, up: Array, tilt_cos: float) -> Array:
    blocks = cuda.device_array((-(-len(points) // BLOCK), 10))
    launch.run(_moments, len(blocks), points, owner, launch.device_array(plane), distance, blocks)
    return _host.plane_of(launch.host(blocks).sum(0), plane, up, tilt_cos)


@cuda.jit
def _try(p, distance, up, level, tilt_cos, seed, planes, counts):  # type: ignore[no-untyped-def]
    h = cuda.grid(1)
    if h >= len(counts):
        return
    n = len(p)
    counts[h] = -1
    i = _draw(seed, 3 * h, n)
    if h % 2:
        j, k = (i + 1 + _draw(seed, 3 * h + 1, 16)) % n, (i + 1 + _draw(seed, 3 * h + 2, 16)) % n
    else:
        j, k = _draw(seed, 3 * h + 1, n), _draw(seed, 3 * h + 2, n)
    ax, ay, az = p[j, 0] - p[i, 0], p[j, 1] - p[i, 1], p[j, 2] - p[i, 2]
    bx, by, bz = p[k, 0] - p[i, 0], p[k, 1] - p[i, 1], p[k, 2] - p[i, 2]
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    length = (x * x + y * y + z * z) ** 0.5
    if length < 1e-12:
        return
    x, y, z = x / length, y / length, z / length
    if level and abs(x * up[0] + y * up[1] + z * up[2]) < tilt_cos:
        return
    d = launch.dot(x, y, z, p[i, 0], p[i, 1], p[i, 2])
    near = 0
    for m in range(n):
        if abs(launch.dot(x, y, z, p[m, 0], p[m, 1], p[m, 2]) - d) <= distance:
            near += 1
    planes[h, 0], planes[h, 1], planes[h, 2], planes[h, 3] = x, y, z, d
    counts[h] = near


@cuda.jit
def _moments(xyz, owner, plane, distance, blocks):  # type: ignore[no-untyped-def]
    block = cuda.grid(1)
    if block >= len(blocks):
        return
    for k in range(10):
        blocks[block, k] = 0.0
    for i in range(block * BLOCK, min((block + 1) * BLOCK, len(xyz))):
        x = xyz[i, 0] - plane[0] * plane[3]
        y = xyz[i, 1] - plane[1] * plane[3]
        z = xyz[i, 2] - plane[2] * plane[3]
        if owner[i] < 0 and abs(plane[0] * x + plane[1] * y + plane[2] * z) <= distance:
            blocks[block, 0] += x
            blocks[block, 1] += y
            blocks[block, 2] += z
            blocks[block, 3] += x * x
            blocks[block, 4] += y * y
            blocks[block, 5] += z * z
            blocks[block, 6] += x * y
            blocks[block, 7] += x * z
            blocks[block, 8] += y * z
            blocks[block, 9] += 1.0


@cuda.jit
def _claim(xyz, owner, plane, distance, number):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz) or owner[i] >= 0:
        return
    x, y, z = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
    if abs(launch.dot(plane[0], plane[1], plane[2], x, y, z) - plane[3]) <= distance:
        owner[i] = number
