"""Points dropped onto a bird's-eye grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _rules
from .._results import Bev
from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]

_cell = njit(_rules.cell, inline="always")


def splat_bev(xyz: Array, rgb: Array, origin: Array, cell: float, shape: tuple[int, int], threads: int) -> Bev:
    """See `cogmap_kernels.splat_bev`; `rgb` (P, 3) or (0, 3). Every thread fills rows of its own."""
    count, top = np.zeros(shape, np.int32), np.full(shape, np.nan, np.float32)
    sums = np.zeros((*shape, 3), np.int64)
    team = _threads.Team(threads)
    team.over(shape[0], lambda a, b: _splat(xyz, rgb, origin, cell, a, b, count, top, sums))
    return Bev(count, top, (sums // np.maximum(count, 1)[..., None]).astype(np.uint8))


@compiled
def _splat(
    xyz: Array, rgb: Array, origin: Array, cell: float, first: int, last: int, count: Array, top: Array, sums: Array
) -> None:
    columns = count.shape[1]
    for i in range(len(xyz)):
        x, y = _cell(np.float64(xyz[i, 0]), origin[0], cell), _cell(np.float64(xyz[i, 1]), origin[1], cell)
        if not (0 <= x < columns and first <= y < last and np.isfinite(xyz[i, 2])):
            continue
        ix, iy = int(x), int(y)
        z = np.float32(xyz[i, 2])
        if count[iy, ix] == 0 or z > top[iy, ix]:
            top[iy, ix] = z
        count[iy, ix] += 1
        if len(rgb):
            for k in range(3):
                sums[iy, ix, k] += rgb[i, k]
