"""What a camera sees of a set of cells, and what a depth image says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]


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
    """See `cogmap_kernels.zbuffer`; every thread draws rows of its own."""
    depth, owner = np.zeros((height, width), np.float32), np.full((height, width), -1, np.int32)
    team = _threads.Team(threads)
    team.over(height, lambda a, b: _draw(xyz, number, fx, fy, cx, cy, edge, a, b, depth, owner))
    return depth, owner


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
    """See `cogmap_kernels.agreement`."""
    team = _threads.Team(threads)
    team.over(len(xyz), lambda a, b: _agree(xyz, depth, fx, fy, cx, cy, T, near, a, b, agree, conflict))


@compiled
def _draw(
    xyz: Array,
    number: Array,
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    edge: float,
    first: int,
    last: int,
    depth: Array,
    owner: Array,
) -> None:
    """Draw into rows first to last."""
    width = depth.shape[1]
    for i in range(len(xyz)):
        z = np.float64(xyz[i, 2])
        if not z > edge:
            continue
        u, v = xyz[i, 0] / z * fx + cx, xyz[i, 1] / z * fy + cy
        ru, rv = 0.5 * edge * fx / z, 0.5 * edge * fy / z
        if u + ru < 0 or v + rv < first or u - ru >= width or v - rv >= last:
            continue
        x0, x1 = max(int(np.floor(u - ru)), 0), min(int(np.floor(u + ru)), width - 1)
        y0, y1 = max(int(np.floor(v - rv)), first), min(int(np.floor(v + rv)), last - 1)
        near = np.float32(z)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                d = depth[y, x]
                if d == 0 or near < d or (near == d and number[i] < owner[y, x]):
                    depth[y, x] = near
                    owner[y, x] = number[i]


@compiled
def _agree(
    xyz: Array,
    depth: Array,
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    T: Array,
    near: float,
    first: int,
    last: int,
    agree: Array,
    conflict: Array,
) -> None:
    height, width = depth.shape
    for i in range(first, last):
        x, y, w = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
        z = T[2, 0] * x + T[2, 1] * y + T[2, 2] * w + T[2, 3]
        if z <= 1e-6:
            continue
        u = (T[0, 0] * x + T[0, 1] * y + T[0, 2] * w + T[0, 3]) / z * fx + cx
        v = (T[1, 0] * x + T[1, 1] * y + T[1, 2] * w + T[1, 3]) / z * fy + cy
        if u < 0 or v < 0 or u >= width or v >= height:
            continue
        d = depth[int(v), int(u)]
        if d <= 0:
            continue
        if abs(d - z) <= near * z:
            agree[i] += 1
        elif d > z:
            conflict[i] += 1
