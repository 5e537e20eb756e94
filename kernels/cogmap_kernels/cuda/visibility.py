"""What a camera sees of a set of cells, and what a depth image says of them; a thread a cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from . import launch

Array = npt.NDArray[Any]
NOBODY = (1 << 31) - 1


def zbuffer(
    xyz: Array,
    number: Array,
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    height: int,
    width: int,
    edge: float,
    threads: int,
) -> tuple[Array, Array]:
    """See the CPU column: the nearest depth first, then the smallest number at that depth."""
    depth = launch.device_array(np.full((height, width), np.inf, np.float32))
    owner = launch.device_array(np.full((height, width), NOBODY, np.int32))
    points, ids = launch.device_array(xyz), launch.device_array(number)
    for owners in (False, True):
        launch.run(_draw, len(xyz), points, ids, fx, fy, cx, cy, edge, owners, depth, owner)
    d, o = launch.host(depth), launch.host(owner)
    return np.where(np.isfinite(d), d, 0).astype(np.float32), np.where(o == NOBODY, -1, o).astype(np.int32)


def agreement(
    xyz: Array,
    depth: Array,
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    T: Array,
    near: float,
    agree: Array,
    conflict: Array,
    threads: int,
) -> None:
    """See the CPU column."""
    counts = [launch.device_array(a) for a in (agree, conflict)]
    image, pose = launch.device_array(depth), launch.device_array(T)
    launch.run(_agree, len(xyz), launch.device_array(xyz), image, fx, fy, cx, cy, pose, near, *counts)
    agree[:], conflict[:] = (launch.host(c) for c in counts)


@cuda.jit
def _draw(xyz, number, fx, fy, cx, cy, edge, owners, depth, owner):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz) or not xyz[i, 2] > edge:
        return
    height, width = depth.shape
    z = np.float64(xyz[i, 2])
    u = launch.add(launch.mul(np.float64(xyz[i, 0]) / z, fx), cx)
    v = launch.add(launch.mul(np.float64(xyz[i, 1]) / z, fy), cy)
    ru, rv = launch.mul(0.5 * edge, fx) / z, launch.mul(0.5 * edge, fy) / z
    if u + ru < 0 or v + rv < 0 or u - ru >= width or v - rv >= height:
        return
    x0, x1 = max(int(math.floor(u - ru)), 0), min(int(math.floor(u + ru)), width - 1)
    y0, y1 = max(int(math.floor(v - rv)), 0), min(int(math.floor(v + rv)), height - 1)
    near = np.float32(z)
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            if not owners:
                cuda.atomic.min(depth, (y, x), near)
            elif depth[y, x] == near:
                cuda.atomic.min(owner, (y, x), number[i])


@cuda.jit
def _agree(xyz, depth, fx, fy, cx, cy, T, near, agree, conflict):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    x, y, w = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
    z = launch.add(launch.dot(T[2, 0], T[2, 1], T[2, 2], x, y, w), T[2, 3])
    if z <= 1e-6:
        return
    u = launch.add(launch.mul(launch.add(launch.dot(T[0, 0], T[0, 1], T[0, 2], x, y, w), T[0, 3]) / z, fx), cx)
    v = launch.add(launch.mul(launch.add(launch.dot(T[1, 0], T[1, 1], T[1, 2], x, y, w), T[1, 3]) / z, fy), cy)
    if u < 0 or v < 0 or u >= depth.shape[1] or v >= depth.shape[0]:
        return
    d = np.float64(depth[int(v), int(u)])
    if d <= 0:
        return
    if abs(d - z) <= near * z:
        agree[i] += 1
    elif d > z:
        conflict[i] += 1
