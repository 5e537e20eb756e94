"""Connected components of sorted voxel keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


def components(key: Array, radius: int, group: Array) -> Array:
    """See `cogmap_kernels.components`."""
    packed = _pack(key)
    order = np.argsort(packed, kind="stable")
    root = _unite(packed[order], order, group, _half_ball(radius))
    _, first, label = np.unique(root, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[label].astype(np.int32)


def _pack(key: Array) -> Array:
    k = key.astype(np.int64) + (1 << 20)
    return np.asarray(k[:, 2] << 42 | k[:, 1] << 21 | k[:, 0])


def _half_ball(radius: int) -> Array:
    """One of each pair of opposite steps, as differences of packed keys."""
    r = np.arange(-radius, radius + 1)
    z, y, x = (g.ravel() for g in np.meshgrid(r, r, r, indexing="ij"))
    step = (z.astype(np.int64) << 42) + (y.astype(np.int64) << 21) + x
    return np.asarray(np.sort(step[step > 0]))


@njit(cache=True)
def _root(parent: Array, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def _unite(packed: Array, order: Array, group: Array, steps: Array) -> Array:
    """Root of every voxel, in the caller's order; one moving pointer for each step."""
    n = len(packed)
    parent = np.arange(n)
    for step in steps:
        j = 0
        for i in range(n):
            wanted = packed[i] + step
            while j < n and packed[j] < wanted:
                j += 1
            if j == n:
                break
            if packed[j] == wanted and group[order[i]] == group[order[j]]:
                a, b = _root(parent, i), _root(parent, j)
                if a != b:
                    parent[max(a, b)] = min(a, b)
    out = np.empty(n, np.int64)
    for i in range(n):
        out[order[i]] = _root(parent, i)
    return out
