"""Pairs of cell and mask of every pixel; the host counts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .._results import Votes
from . import launch

Array = npt.NDArray[Any]


def mask_votes(cell_image: Array, mask_image: Array, threads: int) -> Votes:
    """See the CPU column."""
    n = cell_image.size
    pair = cuda.device_array(n, np.int64)
    launch.run(_pairs, n, launch.device_array(cell_image.ravel()), launch.device_array(mask_image.ravel()), pair)
    every = launch.host(pair) if n else np.zeros(0, np.int64)
    both, count = np.unique(every[every >= 0], return_counts=True)
    return Votes((both >> 32).astype(np.int32), (both & 0xFFFFFFFF).astype(np.int32), count.astype(np.int32))


@cuda.jit
def _pairs(cell, mask, pair):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(pair):
        pair[i] = (int(cell[i]) << 32 | int(mask[i])) if cell[i] >= 0 and mask[i] > 0 else -1
