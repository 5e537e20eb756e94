"""Rays across a bird's-eye grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def carve(cells: Array, start: Array, ends: Array, threads: int) -> None:
    """See the CPU column: the cells between the crossings of all grid lines, the last one left out."""
    for end in ends[np.isfinite(ends).all(1)]:
        d = end - start
        crossings = []
        for axis in (1, 0):  # where both are crossed at once, y goes first
            lo, hi = sorted((int(np.floor(start[axis])), int(np.floor(end[axis]))))
            lines = np.arange(lo + 1, hi + 1)
            crossings += [((line - start[axis]) / d[axis], 1 - axis, axis) for line in lines]
        at = np.floor(start).astype(int)
        for _, _, axis in sorted(crossings):
            if 0 <= at[1] < cells.shape[0] and 0 <= at[0] < cells.shape[1]:
                cells[at[1], at[0]] += 1
            at[axis] += 1 if d[axis] > 0 else -1
