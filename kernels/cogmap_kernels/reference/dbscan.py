"""Exact DBSCAN (Ester et al., KDD 1996) from all distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def dbscan(xyz: Array, eps: float, min_points: int, threads: int) -> Array:
    """See the CPU column."""
    p = xyz.astype(np.float64)
    near = ((p[:, None] - p[None]) ** 2).sum(2) <= eps * eps
    core = near.sum(1) >= min_points
    out = np.full(len(p), -1, np.int32)
    n = 0
    for first in np.flatnonzero(core):
        if out[first] >= 0:
            continue
        todo = [int(first)]
        while todo:
            i = todo.pop()
            fresh = np.flatnonzero(near[i] & (out < 0))
            out[fresh] = n
            todo += [int(j) for j in fresh if core[j]]
        n += 1
    return out
