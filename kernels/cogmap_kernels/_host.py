"""Steps in NumPy that the CPU and the CUDA column share: what is small once the loops are done."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
WIDE = 256


def bounds(points: Array) -> tuple[Array, Array]:
    """Smallest and largest coordinates (3,) float64 of points (P, 3), P at least 1; not a number where one is not.

    Many points at a time: along rows of three NumPy is twenty times slower.
    """
    rows = len(points) // WIDE * WIDE
    parts = [points[:rows].reshape(-1, 3 * WIDE), points[rows:]]
    lo, hi = (np.concatenate([f(p, axis=0).reshape(-1, 3) for p in parts if len(p)]) for f in (np.min, np.max))
    return lo.min(0).astype(np.float64), hi.max(0).astype(np.float64)


def spread(index: Array, most: int) -> Array:
    """At most `most` of an index, evenly spread."""
    return np.asarray(index[np.linspace(0, len(index) - 1, min(most, len(index))).astype(np.int64)])


def plane_of(total: Array, plane: Array, up: Array, tilt_cos: float) -> Array:
    """The least-squares plane (4,) of points from their sums about `plane[:3] * plane[3]`, or the old plane.

    `total` (10,): x, y, z, xx, yy, zz, xy, xz, yz and the number of points. Too few points and too much tilt keep the
    old plane.
    """
    if total[9] < 3:
        return plane
    mean = total[:3] / total[9]
    xx, yy, zz, xy, xz, yz = total[3:9] / total[9]
    C = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) - np.outer(mean, mean)
    normal = np.linalg.eigh(C)[1][:, 0]
    normal = normal if normal @ plane[:3] >= 0 else -normal
    if len(up) and abs(normal @ up) < tilt_cos:
        return plane
    return np.array([*normal, normal @ (mean + plane[:3] * plane[3])])


def majority(cell: Array, label: Array, count: Array, n: int) -> Array:
    """(n,) int32: the label of each cell with the largest count, the smaller of equals, 0 without votes.

    Each pair of `cell` and `label` comes once.
    """
    order = np.lexsort((-label, count, cell))
    winner = np.zeros(n, np.int32)
    winner[cell[order]] = label[order]  # the last one written has most votes
    return winner
