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
GROUPS = 128  # of bricks, in which scattered points are brought together
BLOCK = 2048  # points whose keys and places stay in the nearest cache

_cell = njit(_rules.cell, inline="always")
_inside = njit(_rules.inside, inline="always")
_fine = njit(_rules.fine, inline="always")
_pack = njit(_rules.pack, inline="always")
_brick_of = njit(_rules.brick_of, inline="always")
_within_brick = njit(_rules.within_brick, inline="always")
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


@njit(inline="never")
def _keys(flat: Array, origin: Array, voxel: float, keys: Array, level: Array, upper: Array) -> int:
    """Packed keys of points x, y, z, x, y, ... and their places inside the cells; -1 and how many for those without.

    One plain loop over adjacent numbers, so that it is compiled to wide instructions.
    """
    ox, oy, oz = origin[0], origin[1], origin[2]
    bad = 0
    for i in range(len(keys)):
        x = _cell(np.float64(flat[3 * i]), ox, voxel)
        y = _cell(np.float64(flat[3 * i + 1]), oy, voxel)
        z = _cell(np.float64(flat[3 * i + 2]), oz, voxel)
        good = _inside(x) & _inside(y) & _inside(z)
        fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
        keys[i] = _pack(np.int64(fx), np.int64(fy), np.int64(fz)) if good else -1
        level[i] = _fine(x, fx) | (_fine(y, fy) << 32)
        upper[i] = _fine(z, fz)
        bad += 0 if good else 1
    return bad


@njit(inline="never")
def _own(keys: Array, shard: int, shards: int, mine: Array, own: Array) -> int:
    """Positions of the keys that this shard holds, and how many."""
    for i in range(len(keys)):
        mine[i] = (keys[i] >= 0) & (_shard_of(_brick_of(keys[i]), shards) == shard)
    n: Any = 0
    for i in range(len(keys)):
        own[n] = i
        n += np.int64(mine[i])
    return n


@njit(inline="never")
def _bricks(keys: Array, own: Array, slot_key: Array, slot_brick: Array, cells: Array, bricks: int, at: Array) -> int:
    """The brick of each key, with new ones where there were none; how many there are now."""
    mask = len(slot_key) - 1
    for j in range(len(own)):
        brick = _brick_of(keys[own[j]])
        place = _slot_of(brick, mask)
        while slot_key[place] != brick:
            if slot_key[place] < 0:
                slot_key[place], slot_brick[place] = brick, bricks
                cells[bricks, :] = -1
                bricks += 1
                break
            place = (place + 1) & mask
        at[j] = slot_brick[place]
    return bricks


@njit(inline="never")
def _rows(keys: Array, own: Array, at: Array, cells: Array, key: Array, n: int, row: Array) -> int:
    """The row of each key, with new ones where there were none; how many there are now."""
    for j in range(len(own)):
        k = keys[own[j]]
        low = _within_brick(k)
        r = cells[at[j], low]
        if r < 0:
            r = n
            cells[at[j], low], key[n] = r, k
            n += 1
        row[j] = r
    return n


@njit(inline="never")
def _sum(level: Array, upper: Array, rgb: Array, own: Array, row: Array, sums: Array) -> bool:
    """Add points to their rows; whether a row may be full before the next block ends."""
    coloured, full = len(rgb) > 0, False
    for j in range(len(own)):
        i, r = own[j], row[j]
        red = green = blue = np.int64(0)
        if coloured:
            red, green, blue = np.int64(rgb[i, 0]), np.int64(rgb[i, 1]), np.int64(rgb[i, 2])
        sums[r, 0] += level[i]
        sums[r, 1] += upper[i] | (red << 32)
        sums[r, 2] += green | (blue << 32)
        sums[r, 3] += 1
        full |= sums[r, 3] > MOST - BLOCK
    return full


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
def scattered(xyz: Array, origin: Array, voxel: float) -> bool:
    """Whether adjacent points seldom share a brick, as after a shuffle; a block of them is asked."""
    n, changes = min(BLOCK, len(xyz)), 0
    keys, level, upper = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    _keys(xyz.reshape(-1), origin, voxel, keys, level, upper)
    for i in range(1, n):
        changes += 1 if _brick_of(keys[i]) != _brick_of(keys[i - 1]) else 0
    return 10 * changes > 9 * n


@compiled
def group(xyz: Array, origin: Array, voxel: float, shard: int, shards: int, groups: Array, end: Array) -> int:
    """Which of a shard's groups of bricks each point is in, GROUPS for others; the groups' first places, in order.

    Returns how many points have no cell.
    """
    keys, level, upper = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    count, flat, bad = np.zeros(GROUPS + 1, np.int64), xyz.reshape(-1), 0
    for done in range(0, len(xyz), BLOCK):
        n = min(BLOCK, len(xyz) - done)
        bad += _keys(flat[3 * done : 3 * (done + n)], origin, voxel, keys[:n], level[:n], upper[:n])
        for i in range(n):
            brick = _brick_of(keys[i])
            own = (keys[i] >= 0) & (_shard_of(brick, shards) == shard)
            groups[done + i] = _slot_of(brick, GROUPS - 1) if own else GROUPS
        for i in range(done, done + n):
            count[groups[i]] += 1
    end[0] = 0
    for k in range(GROUPS):
        end[k + 1] = end[k] + count[k]
    return bad


@compiled
def bring_together(xyz: Array, rgb: Array, groups: Array, end: Array, near: Array, tint: Array, order: Array) -> None:
    """Copy the points of groups 0, 1, ... after one another, and their positions; `end` moves from starts to ends."""
    for i in range(len(xyz)):
        if groups[i] < GROUPS:
            to = end[groups[i]]
            end[groups[i]] = to + 1
            order[to] = i
            for k in range(3):
                near[to, k] = xyz[i, k]
            if len(rgb):
                for k in range(3):
                    tint[to, k] = rgb[i, k]


@compiled
def take(
    xyz: Array,
    rgb: Array,
    origin: Array,
    voxel: float,
    shard: int,
    shards: int,
    done: int,
    slot_key: Array,
    slot_brick: Array,
    cells: Array,
    key: Array,
    sums: Array,
    used: Array,
    index: Array,
    row: Array,
) -> int:
    """Sum a shard's share of points done, done + 1, ... into its rows, a block at a time; returns how far it came.

    It stops before a block for which a table might lack room and after one that left a row of sums nearly full.
    `used` counts the rows, the bricks, the points taken, whose positions and rows go to `index` and `row`, and those
    without a cell; it ends with 1 where a row is nearly full. `cells` (B, 64) holds the row of every cell of a brick,
    -1 without one. A row of `sums` packs two of x, y, z, r, g, b in each of three numbers, 32 bits each, and counts
    the points in the fourth.
    """
    keys, level, upper = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    mine, own, at = np.empty(BLOCK, np.uint8), np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    flat, most = xyz.reshape(-1), min(int(FULL * len(slot_key)), len(cells)) - BLOCK
    used[4] = 0
    while done < len(xyz) and not used[4] and used[0] + BLOCK <= len(key) and used[1] <= most:
        n = min(BLOCK, len(xyz) - done)
        used[3] += _keys(flat[3 * done : 3 * (done + n)], origin, voxel, keys[:n], level[:n], upper[:n])
        m, first = _own(keys[:n], shard, shards, mine, own), used[2]
        to = row[first : first + m]
        used[1] = _bricks(keys, own[:m], slot_key, slot_brick, cells, used[1], at)
        used[0] = _rows(keys, own[:m], at, cells, key, used[0], to)
        used[4] = _sum(level, upper, rgb[done : done + n], own[:m], to, sums)
        for j in range(m):
            index[first + j] = done + own[j]
        used[2] += m
        done += n
    return done


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
def span(keys: Array) -> tuple[Array, Array]:
    """Smallest and largest packed cell number on each axis."""
    lo, hi = np.full(3, (1 << 21) - 1), np.zeros(3, np.int64)
    for i in range(len(keys)):
        for k in range(3):
            cell = (keys[i] >> (21 * k)) & 0x1FFFFF
            lo[k], hi[k] = min(lo[k], cell), max(hi[k], cell)
    return lo, hi


@compiled
def numbered(keys: Array, lo: Array, shifts: Array, first: int, numbers: Array) -> None:
    """Cells from the smallest, packed at other bits, above the keys' own numbers from `first` on."""
    for i in range(len(keys)):
        numbers[first + i] = first + i
        for k in range(3):
            numbers[first + i] |= (((keys[i] >> (21 * k)) & 0x1FFFFF) - lo[k]) << shifts[k]


@compiled
def place_in_order(order: Array, mask: int, rank: Array, first: int, last: int) -> None:
    """rank[order[j] & mask] = j."""
    for j in range(first, last):
        rank[order[j] & mask] = j


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
