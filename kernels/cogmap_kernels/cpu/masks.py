"""How often every mask of a picture falls on every cell that the picture shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._results import Votes
from .compiled import compiled

Array = npt.NDArray[Any]


def mask_votes(cell_image: Array, mask_image: Array, threads: int) -> Votes:
    """See `cogmap_kernels.mask_votes`."""
    pair = _pairs(cell_image.ravel(), mask_image.ravel())
    pair.sort()
    edge = np.flatnonzero(np.diff(pair, prepend=-1))
    count = np.diff(np.append(edge, len(pair)))
    return Votes(
        (pair[edge] >> 32).astype(np.int32), (pair[edge] & 0xFFFFFFFF).astype(np.int32), count.astype(np.int32)
    )


@compiled
def _pairs(cell: Array, mask: Array) -> Array:
    out = np.empty(len(cell), np.int64)
    n = 0
    for i in range(len(cell)):
        out[n] = np.int64(cell[i]) << 32 | np.int64(mask[i])
        n += cell[i] >= 0 and mask[i] > 0
    return out[:n].copy()
