"""What a camera sees of a set of cells, and what a depth image says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

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
    """See the CPU column."""
    depth, owner = np.zeros((height, width), np.float32), np.full((height, width), -1, np.int32)
    for (x, y, z), k in zip(xyz.astype(np.float64), number):
        if not z > edge:
            continue
        u, v = x / z * fx + cx, y / z * fy + cy
        ru, rv = 0.5 * edge * fx / z, 0.5 * edge * fy / z
        if u + ru < 0 or v + rv < 0 or u - ru >= width or v - rv >= height:
            continue
        rows = slice(max(int(np.floor(v - rv)), 0), min(int(np.floor(v + rv)), height - 1) + 1)
        columns = slice(max(int(np.floor(u - ru)), 0), min(int(np.floor(u + ru)), width - 1) + 1)
        d, o = depth[rows, columns], owner[rows, columns]
        wins = (d == 0) | (np.float32(z) < d) | ((np.float32(z) == d) & (k < o))
        d[wins], o[wins] = z, k
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
    """See the CPU column."""
    cam = xyz.astype(np.float64) @ T[:3, :3].T + T[:3, 3]
    z = cam[:, 2]
    ahead = np.flatnonzero(z > 1e-6)
    u, v = (cam[ahead, k] / z[ahead] * f + c for k, f, c in ((0, fx, cx), (1, fy, cy)))
    inside = (u >= 0) & (v >= 0) & (u < depth.shape[1]) & (v < depth.shape[0])
    who = ahead[inside]
    d = depth[v[inside].astype(int), u[inside].astype(int)]
    same = np.abs(d - z[who]) <= near * z[who]
    agree[who[(d > 0) & same]] += 1
    conflict[who[(d > z[who]) & ~same]] += 1
