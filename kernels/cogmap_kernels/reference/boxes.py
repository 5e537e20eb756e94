"""Smallest upright boxes: every side of the hull is tried."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError

from .._results import YawBoxes

Array = npt.NDArray[Any]


def yaw_boxes(xyz: Array, label: Array, n: int, threads: int) -> YawBoxes:
    """See the CPU column."""
    center, size, yaw = np.full((n, 3), np.nan), np.full((n, 3), np.nan), np.full(n, np.nan)
    for k in range(n):
        p = xyz[label == k].astype(np.float64)
        if len(p):
            center[k, :2], size[k, :2], yaw[k] = _rectangle(p[:, :2])
            center[k, 2], size[k, 2] = (p[:, 2].min() + p[:, 2].max()) / 2, np.ptp(p[:, 2])
    return YawBoxes(center, size, yaw)


def _rectangle(xy: Array) -> tuple[Array, Array, float]:
    try:
        hull = xy[ConvexHull(xy).vertices]
    except (QhullError, ValueError):  # fewer than three points, or all on one line
        ends = xy[[np.lexsort(xy.T[::-1])[0], np.lexsort(xy.T[::-1])[-1]]]
        hull = np.unique(ends, axis=0)
    best: tuple[float, Array, Array, float] = (np.inf, hull.mean(0), np.zeros(2), 0.0)
    for a, b in zip(hull, np.roll(hull, -1, axis=0)):
        if np.linalg.norm(b - a) < 1e-12:
            continue
        angle = np.arctan2(b[1] - a[1], b[0] - a[0])
        axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        lo, hi = (hull @ axes.T).min(0), (hull @ axes.T).max(0)
        if np.prod(hi - lo) < best[0] - 1e-15:
            best = (float(np.prod(hi - lo)), axes.T @ ((lo + hi) / 2), hi - lo, float(angle))
    _, center, size, angle = best
    if size[1] > size[0]:
        size, angle = size[::-1], angle + np.pi / 2
    return center, size, float(np.pi / 2 - (np.pi / 2 - angle) % np.pi)
