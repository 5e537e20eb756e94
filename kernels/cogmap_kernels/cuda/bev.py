"""Points dropped onto a bird's-eye grid with atomic additions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _rules
from .._results import Bev
from . import launch

Array = npt.NDArray[Any]

_cell = cuda.jit(device=True)(_rules.cell)


def splat_bev(xyz: Array, rgb: Array, origin: Array, cell: float, shape: tuple[int, int], threads: int) -> Bev:
    """See the CPU column."""
    count, sums = launch.device_array(np.zeros(shape, np.int32)), launch.device_array(np.zeros((*shape, 3), np.int64))
    top = launch.device_array(np.full(shape, -np.inf, np.float32))
    colour = launch.device_array(rgb if len(rgb) else np.zeros((1, 3), np.uint8))
    corner = launch.device_array(origin)
    launch.run(_splat, len(xyz), launch.device_array(xyz), colour, len(rgb) > 0, corner, cell, count, top, sums)
    n = launch.host(count)
    mean = launch.host(sums) // np.maximum(n, 1)[..., None]
    return Bev(n, np.where(n > 0, launch.host(top), np.nan).astype(np.float32), mean.astype(np.uint8))


@cuda.jit
def _splat(xyz, rgb, coloured, origin, cell, count, top, sums):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    x, y = _cell(np.float64(xyz[i, 0]), origin[0], cell), _cell(np.float64(xyz[i, 1]), origin[1], cell)
    if not (0 <= x < count.shape[1] and 0 <= y < count.shape[0] and abs(xyz[i, 2]) < np.inf):
        return
    at = (int(y), int(x))
    cuda.atomic.add(count, at, 1)
    cuda.atomic.max(top, at, np.float32(xyz[i, 2]))
    if coloured:
        for k in range(3):
            cuda.atomic.add(sums, (int(y), int(x), k), int(rgb[i, k]))
