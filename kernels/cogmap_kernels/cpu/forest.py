"""Disjoint sets as a forest of parents (Tarjan, 1975, with path halving)."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from .compiled import compiled

Array = npt.NDArray[Any]


@compiled
def root(parent: Array, i: int) -> int:
    """The set of an element; paths are halved on the way."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled
def join(parent: Array, p: int, q: int) -> None:
    """Make one set of two, given their roots; the smaller root stays."""
    parent[max(p, q)] = min(p, q)
