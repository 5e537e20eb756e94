"""Sets that join: who stands for an element, when every element names another of its set or itself."""

from __future__ import annotations

import numpy as np

from .._checks import Array


def root(parent: list[int], k: int) -> int:
    """The element that stands for the set of k; the way there is halved (Tarjan and van Leeuwen, 1984)."""
    while parent[k] != k:
        parent[k] = k = parent[parent[k]]
    return k


def roots(parent: Array) -> Array:
    """The element (N,) that stands for the set of every element."""
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    return parent
