"""Kernels of the table of voxels: one thread a point, a slot or a cell.

A slot of the hash table holds a key and the number of a row; `sums` (rows, 7 to 11) holds x, y, z inside the cell, red,
green, blue, points, confidence and normal of a cell.
"""

from __future__ import annotations

import math

import numpy as np
from numba import cuda

from .. import _rules
from . import launch

EMPTY = _rules.NO_KEY
PLACE_BITS, COLOUR_BITS = 19, 13  # of the sum of a warp: 32 times 14 bits, 32 times 8 bits

_cell = cuda.jit(device=True)(_rules.cell)
_inside = cuda.jit(device=True)(_rules.inside)
_fine = cuda.jit(device=True)(_rules.fine)
_pack = cuda.jit(device=True)(_rules.pack)
_start = cuda.jit(device=True)(_rules.start_of)


@cuda.jit(device=True)
def _cells(xyz, i, origin, voxel):  # type: ignore[no-untyped-def]
    """Cells from the origin to a point along x, y and z, as floats."""
    x = _cell(np.float64(xyz[i, 0]), origin[0], voxel)
    y = _cell(np.float64(xyz[i, 1]), origin[1], voxel)
    return x, y, _cell(np.float64(xyz[i, 2]), origin[2], voxel)


@cuda.jit
def vacate(key):  # type: ignore[no-untyped-def]
    """Empty every slot."""
    i = cuda.grid(1)
    if i < len(key):
        key[i] = EMPTY


@cuda.jit
def clear(sums, extent, views):  # type: ignore[no-untyped-def]
    """Rows without points."""
    i = cuda.grid(1)
    if i >= len(sums):
        return
    for k in range(sums.shape[1]):
        sums[i, k] = 0
    if i < len(extent):
        for k in range(3):
            extent[i, k], extent[i, 3 + k] = np.inf, -np.inf
    if i < len(views):
        views[i, 0], views[i, 1] = 0, -(1 << 31)


@cuda.jit
def move(sums, extent, views, new_sums, new_extent, new_views):  # type: ignore[no-untyped-def]
    """Copy rows to the first of new ones."""
    i = cuda.grid(1)
    if i >= len(sums):
        return
    for k in range(sums.shape[1]):
        new_sums[i, k] = sums[i, k]
    if i < len(extent):
        for k in range(6):
            new_extent[i, k] = extent[i, k]
    if i < len(views):
        new_views[i, 0], new_views[i, 1] = views[i, 0], views[i, 1]


@cuda.jit
def finish(packed, order, sums, origin, voxel, key, mean, count, rgb):  # type: ignore[no-untyped-def]
    """Cell, mean, points and colour of every row, in the order of keys."""
    i = cuda.grid(1)
    if i >= len(order):
        return
    row = order[i]
    n = sums[row, 6]
    count[i] = n
    for k in range(3):
        cell = ((packed[row] >> (21 * k)) & 0x1FFFFF) - _rules.HALF
        inside = launch.add(sums[row, k] / n, 0.5) / _rules.FINE
        key[i, k] = cell
        mean[i, k] = launch.add(origin[k], launch.mul(launch.add(cell, inside), voxel))
        rgb[i, k] = sums[row, 3 + k] // n


@cuda.jit
def finish_confidence(order, sums, out):  # type: ignore[no-untyped-def]
    """Mean confidence."""
    i = cuda.grid(1)
    if i < len(order):
        row = order[i]
        out[i] = sums[row, 7] / sums[row, 6] / _rules.WEIGHT


@cuda.jit
def finish_normal(order, sums, out):  # type: ignore[no-untyped-def]
    """Sums of normals as unit vectors."""
    i = cuda.grid(1)
    if i >= len(order):
        return
    row = order[i]
    x, y, z = np.float64(sums[row, 8]), np.float64(sums[row, 9]), np.float64(sums[row, 10])
    length = max(math.sqrt(launch.dot(x, y, z, x, y, z)), 1e-9)
    out[i, 0], out[i, 1], out[i, 2] = x / length, y / length, z / length


@cuda.jit
def finish_extent(order, extent, lo, hi):  # type: ignore[no-untyped-def]
    """Lowest and highest coordinates."""
    i = cuda.grid(1)
    if i < len(order):
        for k in range(3):
            lo[i, k], hi[i, k] = extent[order[i], k], extent[order[i], 3 + k]


@cuda.jit
def finish_views(order, views, out):  # type: ignore[no-untyped-def]
    """How many views saw a cell."""
    i = cuda.grid(1)
    if i < len(order):
        out[i] = views[order[i], 0]


@cuda.jit
def farthest(xyz, origin, voxel, far):  # type: ignore[no-untyped-def]
    """Cells to the farthest finite point where it is beyond the last cell."""
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    x, y, z = _cells(xyz, i, origin, voxel)
    x, y, z = abs(x), abs(y), abs(z)
    most = max(max(x, y), z)
    if most < np.inf and x < np.inf and y < np.inf and z < np.inf and not _inside(most):
        cuda.atomic.max(far, 0, most)


@cuda.jit
def unproject(depth, K, T, xyz):  # type: ignore[no-untyped-def]
    """World point of every pixel in float32; not a number where depth is unknown. Nothing is contracted."""
    i = cuda.grid(1)
    width = depth.shape[1]
    if i >= depth.shape[0] * width:
        return
    row = i // width
    known = depth[row, i - row * width] > 0
    z = np.float64(depth[row, i - row * width]) if known else np.nan
    x = launch.mul((i - row * width + 0.5 - K[0, 2]) / K[0, 0], z)
    y = launch.mul((row + 0.5 - K[1, 2]) / K[1, 1], z)
    for k in range(3):
        total = launch.add(launch.mul(T[k, 0], x), launch.mul(T[k, 1], y))
        xyz[i, k] = launch.add(launch.add(total, launch.mul(T[k, 2], z)), T[k, 3])


@cuda.jit(device=True)
def _claim(key, k):  # type: ignore[no-untyped-def]
    """(slot of a key, whether it is new): open addressing; a slot is looked at first, and taken by compare and swap."""
    mask = len(key) - 1
    place = _start(k, mask)
    while True:
        there = key[place]
        if there == EMPTY:
            there = cuda.atomic.cas(key, place, EMPTY, k)
            if there == EMPTY:
                return place, True
        if there == k:
            return place, False
        place = (place + 1) & mask


@cuda.jit
def enter(packed, n, key, row, new_packed):  # type: ignore[no-untyped-def]
    """Put the first n keys and the numbers of their rows into an empty hash table, and the keys into a longer list."""
    i = cuda.grid(1)
    if i < n:
        place, _ = _claim(key, packed[i])
        row[place], new_packed[i] = i, packed[i]


@cuda.jit
def find(xyz, origin, voxel, key, row, packed, at, counts):  # type: ignore[no-untyped-def]
    """The slot of every point's cell, -1 for none; a new cell is given the next row."""
    i = cuda.grid(1)
    k = EMPTY
    if i < len(xyz):
        x, y, z = _cells(xyz, i, origin, voxel)
        if _inside(x) and _inside(y) and _inside(z):
            k = _pack(int(math.floor(x)), int(math.floor(y)), int(math.floor(z)))
    lanes = launch.alike(k)
    mine, new = -1, False
    if k != EMPTY and launch.first_of(lanes):
        mine, new = _claim(key, k)
    number = launch.place_in(counts, 0, new)
    if new:
        row[mine], packed[number] = number, k
    mine = launch.told_by_first(lanes, mine)
    lost = i < len(xyz) and k == EMPTY
    launch.place_in(counts, 1, lost)
    if i < len(xyz):
        at[i] = mine


@cuda.jit
def add(xyz, origin, voxel, rgb, coloured, row, at, sums):  # type: ignore[no-untyped-def]
    """Add places and colours to the row of every point's slot, which `at` holds from then on.

    Points of one cell that one warp holds are added as one.
    """
    i = cuda.grid(1)
    mine, place, colour = -1, np.int64(0), np.int64(0)
    if i < len(xyz) and at[i] >= 0:
        mine = row[at[i]]
        at[i] = mine
        x, y, z = _cells(xyz, i, origin, voxel)
        fx, fy, fz = np.float64(math.floor(x)), np.float64(math.floor(y)), np.float64(math.floor(z))
        place = (1 << 3 * PLACE_BITS) | (_fine(z, fz) << 2 * PLACE_BITS) | (_fine(y, fy) << PLACE_BITS) | _fine(x, fx)
        if coloured:
            for k in range(3):
                colour |= np.int64(rgb[i, k]) << k * COLOUR_BITS
    lanes = launch.alike(mine)
    place = launch.total(lanes, place)
    if coloured:
        colour = launch.total(lanes, colour)
    if mine < 0 or not launch.first_of(lanes):
        return
    for k in range(3):
        cuda.atomic.add(sums, (mine, k), (place >> k * PLACE_BITS) & ((1 << PLACE_BITS) - 1))
        if coloured:
            cuda.atomic.add(sums, (mine, 3 + k), (colour >> k * COLOUR_BITS) & ((1 << COLOUR_BITS) - 1))
    cuda.atomic.add(sums, (mine, 6), place >> 3 * PLACE_BITS)


@cuda.jit
def add_confidence(row, confidence, sums):  # type: ignore[no-untyped-def]
    """Add confidence in 1/65536."""
    i = cuda.grid(1)
    if i < len(row) and row[i] >= 0 and abs(confidence[i]) < np.inf:
        cuda.atomic.add(sums, (row[i], 7), int(round(np.float64(confidence[i]) * 65536.0)))


@cuda.jit
def add_normal(row, normal, sums):  # type: ignore[no-untyped-def]
    """Add normals in 1/1024."""
    i = cuda.grid(1)
    if i < len(row) and row[i] >= 0:
        for k in range(3):
            if abs(normal[i, k]) < np.inf:
                cuda.atomic.add(sums, (row[i], 8 + k), int(round(np.float64(normal[i, k]) * 1024.0)))


@cuda.jit
def add_extent(row, xyz, extent):  # type: ignore[no-untyped-def]
    """Widen the extent of the row of every point."""
    i = cuda.grid(1)
    if i < len(row) and row[i] >= 0:
        for k in range(3):
            cuda.atomic.min(extent, (row[i], k), np.float32(xyz[i, k]))
            cuda.atomic.max(extent, (row[i], 3 + k), np.float32(xyz[i, k]))


@cuda.jit
def add_view(row, view, views):  # type: ignore[no-untyped-def]
    """Count a view for a row that it has not been counted for."""
    i = cuda.grid(1)
    if i < len(row) and row[i] >= 0 and cuda.atomic.exch(views, (row[i], 1), view) != view:
        cuda.atomic.add(views, (row[i], 0), 1)
