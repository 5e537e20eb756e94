"""Voxel sums in one hash table of cells, filled with atomic additions of integers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _host, _rules
from .._results import Fields, Voxels
from . import launch

Array = npt.NDArray[Any]
PLAIN, WEIGHTED, TURNED = 7, 8, 11  # columns: x, y, z inside the cell, red, green, blue, points; confidence; normal
EMPTY = _rules.NO_KEY
CHUNK = 1 << 22  # points at once: the table is made for so many new cells
PLACE_BITS, COLOUR_BITS = 19, 13  # of the sum of a warp: 32 times 14 bits, 32 times 8 bits

_cell = cuda.jit(device=True)(_rules.cell)
_inside = cuda.jit(device=True)(_rules.inside)
_fine = cuda.jit(device=True)(_rules.fine)
_pack = cuda.jit(device=True)(_rules.pack)


class VoxelTable:
    """See `cogmap_kernels.VoxelTable`. What lies on the device is used where it is."""

    def __init__(
        self, voxel: float, origin: Array, extents: bool, normals: bool, views: bool, confidence: bool, threads: int
    ) -> None:
        self.voxel, self.origin = voxel, launch.device_array(origin)
        self.with_extents, self.with_normals, self.with_views = extents, normals, views
        self.with_confidence = confidence
        self.columns = TURNED if normals else WEIGHTED if confidence else PLAIN
        self.n_dropped = self.n = 0
        self._make(1 << 10)
        self.labels: list[tuple[Array, Array]] = []

    def _make(self, slots: int) -> None:
        self.key = cuda.device_array(slots, np.int64)
        self.sums = cuda.device_array((slots, self.columns), np.int64)
        self.extent = cuda.device_array((slots if self.with_extents else 1, 6), np.float32)
        self.views = cuda.device_array((slots if self.with_views else 1, 2), np.int32)
        launch.run(_clear, slots, self.key, self.sums, self.extent, self.views)

    def check(self, xyz: Any) -> None:
        """Raise ValueError when a point lies beyond the last cell."""
        far = launch.device_array(np.zeros(1))
        launch.run(_farthest, len(xyz), launch.device_array(xyz), self.origin, self.voxel, far)
        beyond = launch.host(far)[0]
        if beyond > 0:
            smallest = self.voxel * beyond / (_rules.HALF - 1)
            raise ValueError(f"points lie beyond 2**20 voxels of the origin; voxel must be at least {smallest:.4g}")

    def add(self, xyz: Any, fields: Fields, view: int) -> None:
        """Add points (P, 3) of one view, or nothing when one lies beyond the last cell."""
        points, on_device = launch.device_array(xyz), self._on_device(fields)
        self.check(points)
        for lo in range(0, len(points), CHUNK):
            self._insert(points[lo : lo + CHUNK], on_device.part(lo, lo + CHUNK), view)

    def add_depth(self, depth: Any, K: Array, T: Array, fields: Fields, view: int) -> None:
        """Add the known pixels of a depth image (H, W)."""
        n = depth.shape[0] * depth.shape[1]
        xyz = cuda.device_array((n, 3), np.float32)
        launch.run(_unproject, n, launch.device_array(depth), launch.device_array(K), launch.device_array(T), xyz)
        self.add(xyz, fields.rows(n), view)

    def _on_device(self, fields: Fields) -> Fields:
        """All but the labels, which are counted on the host."""
        there = [None if a is None else launch.device_array(a) for a in fields[:3]]
        return Fields(*there, None if fields.label is None else launch.at_home(fields.label))  # type: ignore[call-arg]

    def _insert(self, xyz: Any, fields: Fields, view: int) -> None:
        n = len(xyz)
        self._reserve(n)
        counts = launch.device_array(np.zeros(2, np.int64))  # new cells, dropped points
        slot = cuda.device_array(n, np.int64)
        launch.run(_find, n, xyz, self.origin, self.voxel, self.key, self.sums, slot, counts)
        if fields.rgb is not None:
            launch.run(_add_rgb, n, slot, fields.rgb, self.sums)
        if fields.confidence is not None:
            launch.run(_add_confidence, n, slot, fields.confidence, self.sums)
        if fields.normal is not None:
            launch.run(_add_normal, n, slot, fields.normal, self.sums)
        if self.with_extents:
            launch.run(_add_extent, n, slot, xyz, self.extent)
        if self.with_views:
            launch.run(_add_view, n, slot, view, self.views)
        if fields.label is not None:
            self._vote(slot, fields.label)
        new, dropped = launch.host(counts).tolist()
        self.n += new
        self.n_dropped += dropped

    def _vote(self, slot: Any, label: Array) -> None:
        """Votes are counted on the host, by key, for slots move when the table grows."""
        key = cuda.device_array(len(slot), np.int64)
        launch.run(_key_of, len(slot), slot, self.key, key)
        found = launch.host(key)
        voting = (found != EMPTY) & (label > 0)
        self.labels.append((found[voting], label[voting]))

    def _reserve(self, more: int) -> None:
        """Keep the table at most half full."""
        if 2 * (self.n + more) <= len(self.key):
            return
        old = (self.key, self.sums, self.extent, self.views)
        self._make(1 << int(np.ceil(np.log2(2 * (self.n + more)))))
        new = (self.key, self.sums, self.extent, self.views)
        launch.run(_move, len(old[0]), *old, *new, self.with_extents, self.with_views)

    def result(self) -> Voxels:
        """Everything so far, sorted by key, in main memory."""
        there = self.finished()
        return there._replace(**{k: launch.host(a) for k, a in there._asdict().items() if hasattr(a, "copy_to_host")})

    def finished(self) -> Voxels:
        """Everything so far, sorted by key, left on the device."""
        n = self.n
        counter = launch.device_array(np.zeros(1, np.int64))
        packed, slot = cuda.device_array(n, np.int64), cuda.device_array(n, np.int64)
        launch.run(_list, len(self.key), self.key, packed, slot, counter)
        order = launch.ascending(packed)
        key, mean = cuda.device_array((n, 3), np.int32), cuda.device_array((n, 3), np.float32)
        count, rgb = cuda.device_array(n, np.int32), cuda.device_array((n, 3), np.uint8)
        launch.run(_finish, n, packed, slot, order, self.sums, self.origin, self.voxel, key, mean, count, rgb)
        weight = cuda.device_array(n, np.float32) if self.with_confidence else None
        if weight is not None:
            launch.run(_finish_confidence, n, slot, order, self.sums, weight)
        normal = cuda.device_array((n, 3), np.float32) if self.with_normals else None
        if normal is not None:
            launch.run(_finish_normal, n, slot, order, self.sums, normal)
        lo, hi = (cuda.device_array((n, 3), np.float32) if self.with_extents else None for _ in range(2))
        if self.with_extents:
            launch.run(_finish_extent, n, slot, order, self.extent, lo, hi)
        views = cuda.device_array(n, np.int32) if self.with_views else None
        if views is not None:
            launch.run(_finish_views, n, slot, order, self.views, views)
        label = launch.device_array(self._majority(np.sort(launch.host(packed)))) if self.labels else None
        return Voxels(key, mean, count, rgb, weight, lo, hi, normal, views, label, self.n_dropped)

    def _majority(self, packed: Array) -> Array:
        key, label = (np.concatenate(a) for a in zip(*self.labels))
        pair, count = np.unique(np.stack([np.searchsorted(packed, key), label]), axis=1, return_counts=True)
        return _host.majority(pair[0], pair[1], count, len(packed))


@cuda.jit
def _clear(key, sums, extent, views):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(key):
        return
    key[i] = EMPTY
    for k in range(sums.shape[1]):
        sums[i, k] = 0
    if i < len(extent):
        for k in range(3):
            extent[i, k], extent[i, 3 + k] = np.inf, -np.inf
    if i < len(views):
        views[i, 0], views[i, 1] = 0, -(1 << 31)


@cuda.jit
def _list(key, packed, slot, counter):  # type: ignore[no-untyped-def]
    """The keys of the table and where they are, in any order."""
    i = cuda.grid(1)
    if i < len(key) and key[i] != EMPTY:
        at = cuda.atomic.add(counter, 0, 1)
        packed[at], slot[at] = key[i], i


@cuda.jit
def _finish(packed, slot, order, sums, origin, voxel, key, mean, count, rgb):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(order):
        return
    at = order[i]
    row, n = slot[at], sums[slot[at], 6]
    count[i] = n
    for k in range(3):
        cell = ((packed[at] >> (21 * k)) & 0x1FFFFF) - _rules.HALF
        inside = launch.add(sums[row, k] / n, 0.5) / _rules.FINE
        key[i, k] = cell
        mean[i, k] = launch.add(origin[k], launch.mul(launch.add(cell, inside), voxel))
        rgb[i, k] = sums[row, 3 + k] // n


@cuda.jit
def _finish_confidence(slot, order, sums, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(order):
        row = slot[order[i]]
        out[i] = sums[row, 7] / sums[row, 6] / _rules.WEIGHT


@cuda.jit
def _finish_normal(slot, order, sums, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(order):
        return
    row = slot[order[i]]
    x, y, z = np.float64(sums[row, 8]), np.float64(sums[row, 9]), np.float64(sums[row, 10])
    length = max(math.sqrt(launch.dot(x, y, z, x, y, z)), 1e-9)
    out[i, 0], out[i, 1], out[i, 2] = x / length, y / length, z / length


@cuda.jit
def _finish_extent(slot, order, extent, lo, hi):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(order):
        for k in range(3):
            lo[i, k], hi[i, k] = extent[slot[order[i]], k], extent[slot[order[i]], 3 + k]


@cuda.jit
def _finish_views(slot, order, views, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(order):
        out[i] = views[slot[order[i]], 0]


@cuda.jit
def _key_of(slot, key, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot):
        out[i] = key[slot[i]] if slot[i] >= 0 else EMPTY


@cuda.jit
def _farthest(xyz, origin, voxel, far):  # type: ignore[no-untyped-def]
    """Cells to the farthest finite point where it is beyond the last cell."""
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    x = abs(_cell(np.float64(xyz[i, 0]), origin[0], voxel))
    y = abs(_cell(np.float64(xyz[i, 1]), origin[1], voxel))
    z = abs(_cell(np.float64(xyz[i, 2]), origin[2], voxel))
    most = max(max(x, y), z)
    if most < np.inf and x < np.inf and y < np.inf and z < np.inf and not _inside(most):
        cuda.atomic.max(far, 0, most)


@cuda.jit
def _unproject(depth, K, T, xyz):  # type: ignore[no-untyped-def]
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
    """(slot of a key, whether it is new): open addressing with compare and swap."""
    mask = len(key) - 1
    mixed = k ^ (k >> 17) ^ (k >> 34)
    place = (mixed ^ (mixed >> 7)) & mask
    while True:
        there = cuda.atomic.cas(key, place, EMPTY, k)
        if there == EMPTY:
            return place, True
        if there == k:
            return place, False
        place = (place + 1) & mask


@cuda.jit
def _find(xyz, origin, voxel, key, sums, slot, counts):  # type: ignore[no-untyped-def]
    """The slot of every point's cell; points of one cell that one warp holds are added as one."""
    i = cuda.grid(1)
    k, place = EMPTY, 0
    if i < len(xyz):
        x = _cell(np.float64(xyz[i, 0]), origin[0], voxel)
        y = _cell(np.float64(xyz[i, 1]), origin[1], voxel)
        z = _cell(np.float64(xyz[i, 2]), origin[2], voxel)
        if _inside(x) and _inside(y) and _inside(z):
            fx, fy, fz = np.float64(math.floor(x)), np.float64(math.floor(y)), np.float64(math.floor(z))
            k = _pack(int(fx), int(fy), int(fz))
            place = (
                (1 << 3 * PLACE_BITS) | (_fine(z, fz) << 2 * PLACE_BITS) | (_fine(y, fy) << PLACE_BITS) | _fine(x, fx)
            )
        else:
            cuda.atomic.add(counts, 1, 1)
    lanes = launch.alike(k)
    many, mine = launch.total(lanes, place), -1
    if k != EMPTY and launch.first_of(lanes):
        mine, new = _claim(key, k)
        if new:
            cuda.atomic.add(counts, 0, 1)
        for axis in range(3):
            cuda.atomic.add(sums, (mine, axis), (many >> axis * PLACE_BITS) & ((1 << PLACE_BITS) - 1))
        cuda.atomic.add(sums, (mine, 6), many >> 3 * PLACE_BITS)
    mine = launch.told_by_first(lanes, mine)
    if i < len(xyz):
        slot[i] = mine


@cuda.jit
def _add_rgb(slot, rgb, sums):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    at = slot[i] if i < len(slot) else -1
    colour = np.int64(0)
    if i < len(slot):
        for k in range(3):
            colour |= np.int64(rgb[i, k]) << k * COLOUR_BITS
    lanes = launch.alike(at)
    many = launch.total(lanes, colour)
    if at >= 0 and launch.first_of(lanes):
        for k in range(3):
            cuda.atomic.add(sums, (at, 3 + k), (many >> k * COLOUR_BITS) & ((1 << COLOUR_BITS) - 1))


@cuda.jit
def _add_confidence(slot, confidence, sums):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot) and slot[i] >= 0 and abs(confidence[i]) < np.inf:
        cuda.atomic.add(sums, (slot[i], 7), int(round(np.float64(confidence[i]) * 65536.0)))


@cuda.jit
def _add_normal(slot, normal, sums):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot) and slot[i] >= 0:
        for k in range(3):
            if abs(normal[i, k]) < np.inf:
                cuda.atomic.add(sums, (slot[i], 8 + k), int(round(np.float64(normal[i, k]) * 1024.0)))


@cuda.jit
def _add_extent(slot, xyz, extent):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot) and slot[i] >= 0:
        for k in range(3):
            cuda.atomic.min(extent, (slot[i], k), np.float32(xyz[i, k]))
            cuda.atomic.max(extent, (slot[i], 3 + k), np.float32(xyz[i, k]))


@cuda.jit
def _add_view(slot, view, views):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot) and slot[i] >= 0 and cuda.atomic.exch(views, (slot[i], 1), view) != view:
        cuda.atomic.add(views, (slot[i], 0), 1)


@cuda.jit
def _move(key, sums, extent, views, new_key, new_sums, new_extent, new_views, extents, count_views):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(key) or key[i] == EMPTY:
        return
    place, _ = _claim(new_key, key[i])
    for k in range(sums.shape[1]):
        new_sums[place, k] = sums[i, k]
    if extents:
        for k in range(6):
            new_extent[place, k] = extent[i, k]
    if count_views:
        new_views[place, 0], new_views[place, 1] = views[i, 0], views[i, 1]
