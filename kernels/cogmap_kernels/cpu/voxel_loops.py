"""The loops of the voxel table: keys, rows of a hash of bricks, integer sums, means."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _rules
from .compiled import compiled

Array = npt.NDArray[Any]
MOST = _rules.MOST
FULL = 0.5  # most of the places of a table that are taken

_cell = njit(_rules.cell, inline="always")
_inside = njit(_rules.inside, inline="always")
_fine = njit(_rules.fine, inline="always")
_pack = njit(_rules.pack, inline="always")
_brick_of = njit(_rules.brick_of, inline="always")
_within_brick = njit(_rules.within_brick, inline="always")
_recent_of = njit(_rules.recent_of, inline="always")
_slot_of = njit(_rules.slot_of, inline="always")
_shard_of = njit(_rules.shard_of, inline="always")


@compiled
def unproject(depth: Array, K: Array, T: Array, top: int, xyz: Array, first: int, last: int) -> None:
    """World points (h * W, 3) float32 of rows first to last of a strip of depth; not a number where it is unknown."""
    width = depth.shape[1]
    for y in range(first, last):
        b = (y + top + 0.5 - K[1, 2]) / K[1, 1]
        for x in range(width):
            z: Any = np.float64(depth[y, x])
            i = y * width + x
            if not z > 0:
                z = np.nan
            a = (x + 0.5 - K[0, 2]) / K[0, 0] * z
            c = b * z
            for k in range(3):
                xyz[i, k] = T[k, 0] * a + T[k, 1] * c + T[k, 2] * z + T[k, 3]


@compiled
def packed_keys(xyz: Array, origin: Array, voxel: float, keys: Array, fine: Array, first: int, last: int) -> int:
    """Packed key and place inside the cell of every point; -1 and how many for those that have none."""
    ox, oy, oz = origin[0], origin[1], origin[2]
    bad = 0
    for i in range(first, last):
        x = _cell(np.float64(xyz[i, 0]), ox, voxel)
        y = _cell(np.float64(xyz[i, 1]), oy, voxel)
        z = _cell(np.float64(xyz[i, 2]), oz, voxel)
        good = _inside(x) & _inside(y) & _inside(z)
        fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
        keys[i] = _pack(np.int64(fx), np.int64(fy), np.int64(fz)) if good else -1
        fine[i, 0] = _fine(x, fx) | (_fine(y, fy) << 32)
        fine[i, 1] = _fine(z, fz)
        bad += 0 if good else 1
    return bad


@compiled
def farthest(xyz: Array, origin: Array, voxel: float, first: int, last: int) -> Any:
    """Cells to the farthest finite point where that is beyond the last cell, else 0."""
    beyond: Any = 0.0
    for i in range(first, last):
        far: Any = 0.0
        for k in range(3):
            far = max(far, abs(_cell(np.float64(xyz[i, k]), origin[k], voxel)))
        if not _inside(far) and np.isfinite(xyz[i, 0]) and np.isfinite(xyz[i, 1]) and np.isfinite(xyz[i, 2]):
            beyond = max(beyond, far)
    return beyond


@compiled
def select(keys: Array, index: Array, first: int, last: int) -> Array:
    """Positions of keys first to last by the shard that holds them, into index[shard, first:]; how many each has."""
    shards = len(index)
    n = np.zeros(shards, np.int64)
    for i in range(first, last):
        if keys[i] >= 0:
            k = _shard_of(keys[i], shards) if shards > 1 else 0
            index[k, first + n[k]] = i
            n[k] += 1
    return n


@compiled
def gather(
    keys: Array,
    fine: Array,
    rgb: Array,
    index: Array,
    done: int,
    slot_key: Array,
    slot_brick: Array,
    cells: Array,
    key: Array,
    sums: Array,
    used: Array,
    row: Array,
) -> int:
    """Sum the selected points into their cells' rows, new ones too, until there is no room; returns how far it came.

    `used` counts the rows and the bricks, and names a row whose sums are full, else -1. `cells` (B, 64) holds the row
    of every cell of a brick, -1 without one. A row of `sums` packs two of x, y, z, r, g, b in each of three numbers,
    32 bits each, and counts the points in the fourth.
    """
    mask, most, coloured = len(slot_key) - 1, int(FULL * len(slot_key)), len(rgb) > 0
    n, bricks, last, at = used[0], used[1], np.int64(-1), np.int64(0)
    recent, recent_at = np.full(1024, -1, np.int64), np.zeros(1024, np.int64)  # bricks that rows of pixels come back to
    stop = len(index)
    used[2] = -1
    for j in range(done, len(index)):
        i = index[j]
        k = keys[i]
        brick = _brick_of(k)
        if brick != last:
            h = _recent_of(brick)
            if recent[h] != brick:
                place = _slot_of(brick, mask)
                while slot_key[place] != brick and slot_key[place] >= 0:
                    place = (place + 1) & mask
                if slot_key[place] < 0:
                    if bricks >= most or bricks == len(cells):
                        stop = j
                        break
                    slot_key[place], slot_brick[place] = brick, bricks
                    cells[bricks, :] = -1
                    bricks += 1
                recent[h], recent_at[h] = brick, slot_brick[place]
            last, at = brick, recent_at[h]
        low = _within_brick(k)
        r = cells[at, low]
        if r < 0:
            if n == len(key):
                stop = j
                break
            r = n
            cells[at, low], key[n] = r, k
            n += 1
        row[j] = r
        if sums[r, 3] == MOST:
            used[2], stop = r, j
            break
        red = green = blue = np.int64(0)
        if coloured:
            red, green, blue = np.int64(rgb[i, 0]), np.int64(rgb[i, 1]), np.int64(rgb[i, 2])
        sums[r, 0] += fine[i, 0]
        sums[r, 1] += fine[i, 1] | (red << 32)
        sums[r, 2] += green | (blue << 32)
        sums[r, 3] += 1
    used[0], used[1] = n, bricks
    return stop


@compiled
def rehash(slot_key: Array, slot_brick: Array, old_key: Array, old_brick: Array) -> None:
    """Fill larger tables with the bricks of the old ones."""
    mask = len(slot_key) - 1
    for i in range(len(old_key)):
        if old_key[i] >= 0:
            place = _slot_of(old_key[i], mask)
            while slot_key[place] >= 0:
                place = (place + 1) & mask
            slot_key[place], slot_brick[place] = old_key[i], old_brick[i]


@compiled
def add_confidence(total: Array, confidence: Array, index: Array, row: Array) -> None:
    """Sum confidences in 1/65536; those that are not finite count as 0."""
    for j in range(len(index)):
        c = confidence[index[j]]
        if np.isfinite(c):
            total[row[j]] += int(np.round(np.float64(c) * 65536.0))


@compiled
def clear_extent(extent: Array, first: int, last: int) -> None:
    """Empty extents for rows first to last."""
    for r in range(first, last):
        for k in range(3):
            extent[r, k] = np.inf
            extent[r, 3 + k] = -np.inf


@compiled
def add_extent(extent: Array, xyz: Array, index: Array, row: Array) -> None:
    """Widen the extents of the rows by their points."""
    for j in range(len(index)):
        i, r = index[j], row[j]
        for k in range(3):
            x = np.float32(xyz[i, k])
            extent[r, k] = min(extent[r, k], x)
            extent[r, 3 + k] = max(extent[r, 3 + k], x)


@compiled
def add_normal(total: Array, normal: Array, index: Array, row: Array) -> None:
    """Sum normals in 1/1024; components that are not finite count as 0."""
    for j in range(len(index)):
        i, r = index[j], row[j]
        for k in range(3):
            if np.isfinite(normal[i, k]):
                total[r, k] += int(np.round(normal[i, k] * 1024.0))


@compiled
def add_view(views: Array, first: int, last: int, view: int, row: Array) -> None:
    """Count a view for every row that it reaches; rows first to last are new."""
    for r in range(first, last):
        views[r, 0], views[r, 1] = 0, view - 1
    for r in row:
        if views[r, 1] != view:
            views[r, 0] += 1
            views[r, 1] = view


@compiled
def count_before(keys: Array, order: Array, other: Array, other_order: Array, rank: Array) -> None:
    """Add to the rank of each key how many keys of another shard are smaller; both are walked in order."""
    j = 0
    for i in order:
        while j < len(other_order) and other[other_order[j]] < keys[i]:
            j += 1
        rank[i] += j


@compiled
def place_in_order(order: Array, rank: Array) -> None:
    """rank[order[j]] = j."""
    for j in range(len(order)):
        rank[order[j]] = j


@compiled
def emit(
    packed: Array,
    sums: Array,
    rank: Array,
    origin: Array,
    voxel: float,
    key: Array,
    mean: Array,
    n_points: Array,
    rgb: Array,
) -> None:
    """Write cells, means, counts and colours of a shard at their ranks."""
    for r in range(len(rank)):
        j, count = rank[r], sums[r, 3]
        for k in range(3):
            cell = ((packed[r] >> (21 * k)) & 0x1FFFFF) - 1048576
            place = (sums[r, k // 2] >> (32 * (k % 2))) & 0xFFFFFFFF
            colour = (sums[r, (k + 3) // 2] >> (32 * ((k + 3) % 2))) & 0xFFFFFFFF
            key[j, k] = cell
            mean[j, k] = origin[k] + (cell + (place / count + 0.5) / 16384.0) * voxel
            rgb[j, k] = colour // count
        n_points[j] = count


@compiled
def emit_full(
    packed: Array, total: Array, rank: Array, origin: Array, voxel: float, mean: Array, n_points: Array, rgb: Array
) -> None:
    """The same for the few rows (M, 7) whose sums x, y, z, r, g, b and count outgrew 32 bits."""
    for r in range(len(rank)):
        j, count = rank[r], total[r, 6]
        for k in range(3):
            cell = ((packed[r] >> (21 * k)) & 0x1FFFFF) - 1048576
            mean[j, k] = origin[k] + (cell + (total[r, k] / count + 0.5) / 16384.0) * voxel
            rgb[j, k] = total[r, 3 + k] // count
        n_points[j] = count


@compiled
def emit_confidence(total: Array, rank: Array, n_points: Array, out: Array) -> None:
    """Write mean confidences at their ranks."""
    for r in range(len(rank)):
        out[rank[r]] = total[r] / n_points[rank[r]] / 65536.0


@compiled
def emit_normal(total: Array, rank: Array, out: Array) -> None:
    """Write unit normals at their ranks, 0 where nothing was summed."""
    for r in range(len(rank)):
        x, y, z = np.float64(total[r, 0]), np.float64(total[r, 1]), np.float64(total[r, 2])
        length = max(np.sqrt(x * x + y * y + z * z), 1e-9)
        out[rank[r], 0], out[rank[r], 1], out[rank[r], 2] = x / length, y / length, z / length
