"""Normals of points from the spread of their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _float_rules, _host
from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]

_smallest_axis = njit(_float_rules.smallest_axis)


def normals(xyz: Array, radius: float, toward: Array, threads: int) -> Array:
    """See `cogmap_kernels.normals`."""
    out = np.zeros((len(xyz), 3), np.float32)
    if len(xyz) == 0:
        return out
    lo = _host.bounds(xyz)[0]
    cell = np.floor((xyz - lo) / radius).astype(np.int64) + 1
    key = cell[:, 2] << 42 | cell[:, 1] << 21 | cell[:, 0]
    order = np.argsort(key)
    key = key[order]
    team = _threads.Team(threads)
    team.over(len(xyz), lambda a, b: _normals(xyz, key, order, radius, toward, a, b, out))
    return out


@compiled
def _normals(xyz: Array, key: Array, order: Array, radius: float, toward: Array, a: int, b: int, out: Array) -> None:
    lo, hi, last = np.zeros(9, np.int64), np.zeros(9, np.int64), np.int64(-1)
    C, V = np.empty((3, 3)), np.empty((3, 3))
    for n in range(a, b):
        if key[n] != last:
            last = key[n]
            for r in range(9):
                row = last + (np.int64(r // 3 - 1) << 42) + (np.int64(r % 3 - 1) << 21)
                lo[r] = np.searchsorted(key, row - 1)
                hi[r] = np.searchsorted(key, row + 1, side="right")
        i = order[n]
        px, py, pz = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
        count = _spread(xyz, order, lo, hi, px, py, pz, radius * radius, C)
        if count < 3:
            continue
        k = _smallest_axis(C, V)
        x, y, z = V[0, k], V[1, k], V[2, k]
        side = x * (toward[0] - px) + y * (toward[1] - py) + z * (toward[2] - pz)
        s = -1.0 if side < 0 else 1.0
        out[i, 0], out[i, 1], out[i, 2] = s * x, s * y, s * z


@compiled
def _spread(
    xyz: Array, order: Array, lo: Array, hi: Array, px: float, py: float, pz: float, square: float, C: Array
) -> int:
    """Covariance times count of the neighbours of a point; how many they are, itself included."""
    n = 0
    sx = sy = sz = xx = yy = zz = xy = xz = yz = 0.0
    for r in range(9):
        for m in range(lo[r], hi[r]):
            j = order[m]
            x, y, z = np.float64(xyz[j, 0]) - px, np.float64(xyz[j, 1]) - py, np.float64(xyz[j, 2]) - pz
            if x * x + y * y + z * z <= square:
                n += 1
                sx += x
                sy += y
                sz += z
                xx += x * x
                yy += y * y
                zz += z * z
                xy += x * y
                xz += x * z
                yz += y * z
    if n:
        C[0, 0], C[1, 1], C[2, 2] = xx - sx * sx / n, yy - sy * sy / n, zz - sz * sz / n
        C[0, 1] = C[1, 0] = xy - sx * sy / n
        C[0, 2] = C[2, 0] = xz - sx * sz / n
        C[1, 2] = C[2, 1] = yz - sy * sz / n
    return n
