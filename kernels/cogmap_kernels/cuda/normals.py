"""Normals of points: a thread a point, over cells that the host has sorted."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _float_rules, _host
from . import launch
from .dbscan import _bound

Array = npt.NDArray[Any]

_smallest_axis = cuda.jit(device=True)(_float_rules.smallest_axis)


def normals(xyz: Array, radius: float, toward: Array, threads: int) -> Array:
    """See the CPU column."""
    if len(xyz) == 0:
        return np.zeros((0, 3), np.float32)
    cell = np.floor((xyz - _host.bounds(xyz)[0]) / radius).astype(np.int64) + 1
    key = cell[:, 2] << 42 | cell[:, 1] << 21 | cell[:, 0]
    order = np.argsort(key)
    out = launch.device_array(np.zeros((len(xyz), 3), np.float32))
    points, sorted_key = launch.device_array(xyz[order]), launch.device_array(key[order])
    launch.run(_normals, len(xyz), points, sorted_key, radius * radius, launch.device_array(toward), out)
    result = np.empty((len(xyz), 3), np.float32)
    result[order] = launch.host(out)
    return result


@cuda.jit
def _normals(xyz, key, square, toward, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    C, V = cuda.local.array((3, 3), numba.float64), cuda.local.array((3, 3), numba.float64)
    s = cuda.local.array(3, numba.float64)
    n = 0
    for a in range(3):
        s[a] = 0.0
        for b in range(3):
            C[a, b] = 0.0
    for r in range(9):
        middle = key[i] + ((r // 3 - 1) << 42) + ((r % 3 - 1) << 21)
        for j in range(_bound(key, middle - 1), _bound(key, middle + 2)):
            x = np.float64(xyz[j, 0]) - np.float64(xyz[i, 0])
            y = np.float64(xyz[j, 1]) - np.float64(xyz[i, 1])
            z = np.float64(xyz[j, 2]) - np.float64(xyz[i, 2])
            if x * x + y * y + z * z <= square:
                n += 1
                s[0] += x
                s[1] += y
                s[2] += z
                C[0, 0] += x * x
                C[1, 1] += y * y
                C[2, 2] += z * z
                C[0, 1] += x * y
                C[0, 2] += x * z
                C[1, 2] += y * z
    if n < 3:
        return
    for a in range(3):
        for b in range(a, 3):
            C[a, b] -= s[a] * s[b] / n
            C[b, a] = C[a, b]
    k = _smallest_axis(C, V)
    side = 0.0
    for a in range(3):
        side += V[a, k] * (toward[a] - np.float64(xyz[i, a]))
    for a in range(3):
        out[i, a] = -V[a, k] if side < 0 else V[a, k]
