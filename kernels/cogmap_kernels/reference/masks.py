"""How often every mask falls on every cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._results import Votes

Array = npt.NDArray[Any]


def mask_votes(cell_image: Array, mask_image: Array, threads: int) -> Votes:
    """See the CPU column."""
    seen = (cell_image >= 0) & (mask_image > 0)
    pair, count = np.unique(np.stack([cell_image[seen], mask_image[seen]]), axis=1, return_counts=True)
    return Votes(pair[0].astype(np.int32), pair[1].astype(np.int32), count.astype(np.int32))
