"""Scalar rules that the CPU and the GPU compile from the same source: what a voxel is, how its key is packed.

A key holds three signed cell numbers of 21 bits each, iz above iy above ix, so that sorting keys sorts cells by
(iz, iy, ix). No rule multiplies and then adds floats: there is nothing that a compiler could contract.
"""

from __future__ import annotations

from typing import Any

HALF = 1 << 20  # cells on each side of the origin
FINE = 16384  # steps of a point's place inside its voxel
WEIGHT = 65536  # steps of a confidence
NO_KEY = -1
MOST = (1 << 18) - 1  # points whose places, 16383 each at most, fit 32 bits


def cell(x: float, origin: float, voxel: float) -> float:
    """Cells from the origin to a coordinate, as a float: its floor is the cell's number."""
    return (x - origin) / voxel


def inside(q: float) -> bool:
    """Whether a cell number fits a key; false for what is not a number."""
    return -1048575.0 < q < 1048575.0


def fine(q: float, floor: float) -> int:
    """Place inside the cell, in 1/16384 of its edge, rounded down; `floor` is that of q.

    Just below a whole number q - floor rounds to 1: the last place, not the next cell's first.
    """
    return min(int((q - floor) * 16384.0), 16383)


def pack(ix: int, iy: int, iz: int) -> int:
    """One integer of three cell numbers, each within 2**20 of 0."""
    return ((iz + 1048576) << 42) | ((iy + 1048576) << 21) | (ix + 1048576)


def brick_of(key: int) -> int:
    """The key of the first cell of the 4 x 4 x 4 brick that holds a cell."""
    return key & ~((3 << 42) | (3 << 21) | 3)


def within_brick(key: int) -> int:
    """Place of a cell in its brick, 0 to 63."""
    return (key & 3) | ((key >> 19) & 12) | ((key >> 38) & 48)


def slot_of(brick: int, mask: int) -> int:
    """Where a brick's search starts in a table of mask + 1 places, at most 2**31 of them."""
    mixed = (brick >> 2) * 40503 + (brick >> 23) * 73856093 + (brick >> 44) * 83492791
    return (mixed ^ (mixed >> 15)) & mask


def start_of(key: int, mask: int) -> int:
    """Where the search for a cell's key starts in a table of mask + 1 places, at most 2**31 of them."""
    mixed = (key & 2097151) * 40503 + (key >> 21 & 2097151) * 73856093 + (key >> 42) * 83492791
    return (mixed ^ (mixed >> 15)) & mask


def shard_of(brick: int, shards: int) -> int:
    """Which of up to 65536 tables holds a brick."""
    mixed = (brick >> 2) * 40503 + (brick >> 23) * 30011 + (brick >> 44) * 52673
    return ((mixed >> 4 & 65535) * shards) >> 16


def draw(seed: int, step: int, n: int) -> int:
    """A number from 0 to n - 1 that depends on seed and step alone (Widynski, "Squares", 2020, one round)."""
    mixed = (seed * 2654435761 + step * 40503 + 12345) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 73244475) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 73244475) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 16)) * n) >> 32


def root(parent: Any, i: int) -> int:
    """The set of an element in a forest of parents."""
    while parent[i] != i:
        i = parent[i]
    return i
