"""Normals of points from the spread of their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def normals(xyz: Array, radius: float, toward: Array, threads: int) -> Array:
    """See the CPU column."""
    out = np.zeros((len(xyz), 3), np.float32)
    p = xyz.astype(np.float64)
    for i in range(len(p)):
        near = p[((p - p[i]) ** 2).sum(1) <= radius**2] - p[i]
        if len(near) >= 3:
            axis = np.linalg.eigh(np.cov(near.T, bias=True))[1][:, 0]
            out[i] = -axis if axis @ (toward - p[i]) < 0 else axis
    return out
