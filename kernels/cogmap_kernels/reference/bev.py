"""Points dropped onto a bird's-eye grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._results import Bev

Array = npt.NDArray[Any]


def splat_bev(xyz: Array, rgb: Array, origin: Array, cell: float, shape: tuple[int, int], threads: int) -> Bev:
    """See the CPU column."""
    q = (xyz[:, :2].astype(np.float64) - origin) / cell
    good = np.isfinite(xyz).all(1) & (q >= 0).all(1) & (q < shape[::-1]).all(1)
    ix, iy = np.floor(q[good]).astype(np.int64).T
    count, sums = np.zeros(shape, np.int32), np.zeros((*shape, 3), np.int64)
    np.add.at(count, (iy, ix), 1)
    if len(rgb):
        np.add.at(sums, (iy, ix), rgb[good].astype(np.int64))
    top = np.full(shape, -np.inf, np.float32)
    np.maximum.at(top, (iy, ix), xyz[good, 2].astype(np.float32))
    return Bev(
        count,
        np.where(count > 0, top, np.nan).astype(np.float32),
        (sums // np.maximum(count, 1)[..., None]).astype(np.uint8),
    )
