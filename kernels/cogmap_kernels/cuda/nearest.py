"""Nearest points between two sets: a thread a query, through the CPU's two levels of boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _float_rules
from ..cpu.nearest import LEAF, boxes_of, together
from . import launch

Array = npt.NDArray[Any]

_gap = cuda.jit(device=True)(_float_rules.gap)


def nearest(xyz: Array, to: Array, threads: int) -> tuple[Array, Array]:
    """See the CPU column."""
    order = together(to)
    points = np.ascontiguousarray(to[order], np.float64)
    leaves = boxes_of(points, points)
    groups = boxes_of(leaves[:, :3], leaves[:, 3:])
    square, index = cuda.device_array(len(xyz)), cuda.device_array(len(xyz), np.int32)
    given = [launch.device_array(a) for a in (xyz, points, order.astype(np.int32), leaves, groups)]
    launch.run(_search, len(xyz), *given, square, index)
    return np.sqrt(launch.host(square)), launch.host(index)


@cuda.jit
def _search(xyz, points, order, leaves, groups, square, index):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    x, y, z = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
    best, who = np.inf, 0
    for g in range(len(groups)):
        if _gap(groups, g, x, y, z) > best * (1 + 1e-12):
            continue
        for leaf in range(g * LEAF, min((g + 1) * LEAF, len(leaves))):
            if _gap(leaves, leaf, x, y, z) > best * (1 + 1e-12):
                continue
            for j in range(leaf * LEAF, min((leaf + 1) * LEAF, len(points))):
                dx, dy, dz = points[j, 0] - x, points[j, 1] - y, points[j, 2] - z
                d = launch.add(launch.add(launch.mul(dx, dx), launch.mul(dy, dy)), launch.mul(dz, dz))
                if d < best or (d == best and order[j] < order[who]):
                    best, who = d, j
    square[i], index[i] = best, order[who]
