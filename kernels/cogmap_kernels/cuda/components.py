"""Connected components: a hash of cells and a forest joined with compare and swap."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _rules
from . import launch

Array = npt.NDArray[Any]

_pack = cuda.jit(device=True)(_rules.pack)
_root = cuda.jit(device=True)(_rules.root)
_start = cuda.jit(device=True)(_rules.start_of)


def components(key: Array, rows: Array, group: Array, threads: int) -> Array:
    """See the CPU column."""
    n = len(key)
    slots = 1 << int(np.ceil(np.log2(2 * n + 2)))
    table = launch.device_array(np.full(slots, -1, np.int32))
    parent = launch.device_array(np.arange(n, dtype=np.int32))
    cells = launch.device_array(key)
    of = launch.device_array(group if len(group) else np.zeros(1, np.int32))
    launch.run(_fill, n, cells, table)
    launch.run(_link, n, cells, table, parent, launch.device_array(rows), of, len(group) > 0)
    return numbered(launch.host(parent))


def numbered(parent: Array) -> Array:
    """Labels from a forest whose roots are the first of their sets: 0, 1, ... in the order of the first members."""
    return np.asarray(np.unique(flat(parent), return_inverse=True)[1], np.int32)


def flat(parent: Array) -> Array:
    """The root of every element of a forest."""
    while not np.array_equal(parent[parent], parent):
        parent = parent[parent]
    return parent


@cuda.jit
def _fill(key, table):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(key):
        return
    mask = len(table) - 1
    place = _start(_pack(int(key[i, 0]), int(key[i, 1]), int(key[i, 2])), mask)
    while cuda.atomic.cas(table, place, -1, i) != -1:
        place = (place + 1) & mask


@cuda.jit(device=True)
def _find(key, table, x, y, z):  # type: ignore[no-untyped-def]
    mask = len(table) - 1
    place = _start(_pack(x, y, z), mask)
    while table[place] >= 0:
        j = table[place]
        if key[j, 0] == x and key[j, 1] == y and key[j, 2] == z:
            return j
        place = (place + 1) & mask
    return -1


@cuda.jit(device=True)
def join(parent, a, b):  # type: ignore[no-untyped-def]
    """Join two sets; the smaller root wins, whoever comes first."""
    while True:
        a, b = _root(parent, a), _root(parent, b)
        if a == b:
            return
        if a < b:
            a, b = b, a
        if cuda.atomic.cas(parent, a, a, b) == a:
            return


@cuda.jit
def _link(key, table, parent, rows, group, grouped):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(key):
        return
    for r in range(len(rows)):
        for dx in range(-rows[r, 2], rows[r, 2] + 1):
            if r == 0 and dx <= 0:
                continue
            j = _find(key, table, int(key[i, 0] + dx), int(key[i, 1] + rows[r, 1]), int(key[i, 2] + rows[r, 0]))
            if j >= 0 and (not grouped or group[i] == group[j]):
                join(parent, i, j)
