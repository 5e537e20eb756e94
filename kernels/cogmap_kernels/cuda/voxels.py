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
SUMS = 11  # columns: x, y, z inside the cell, red, green, blue, points, confidence, normal
EMPTY = _rules.NO_KEY

_cell = cuda.jit(device=True)(_rules.cell)
_inside = cuda.jit(device=True)(_rules.inside)
_fine = cuda.jit(device=True)(_rules.fine)
_pack = cuda.jit(device=True)(_rules.pack)


class VoxelTable:
    """See `cogmap_kernels.VoxelTable`. Points and depth that lie on the device are used where they are."""

    def __init__(
        self, voxel: float, origin: Array, extents: bool, normals: bool, views: bool, confidence: bool, threads: int
    ) -> None:
        self.voxel, self.origin = voxel, origin
        self.with_extents, self.with_normals, self.with_views = extents, normals, views
        self.with_confidence = confidence
        self.n_dropped = self.n = 0
        self._make(1 << 10)
        self.labels: list[tuple[Array, Array]] = []

    def _make(self, slots: int) -> None:
        self.key = cuda.to_device(np.full(slots, EMPTY, np.int64))
        self.sums = cuda.to_device(np.zeros((slots, SUMS), np.int64))
        self.extent = cuda.to_device(
            np.tile(np.array([np.inf] * 3 + [-np.inf] * 3, np.float32), (slots if self.with_extents else 1, 1))
        )
        self.views = cuda.to_device(np.tile(np.array([0, -(1 << 31)], np.int32), (slots if self.with_views else 1, 1)))

    def check(self, xyz: Any) -> None:
        """Raise ValueError when a point lies beyond the last cell."""
        far = cuda.to_device(np.zeros(1))
        launch.run(_farthest, len(xyz), launch.device_array(xyz), launch.device_array(self.origin), self.voxel, far)
        beyond = float(launch.host(far)[0])
        if beyond > 0:
            smallest = self.voxel * beyond / (_rules.HALF - 1)
            raise ValueError(f"points lie beyond 2**20 voxels of the origin; voxel must be at least {smallest:.4g}")

    def add(self, xyz: Any, fields: Fields, view: int) -> None:
        """Add points (P, 3) of one view, or nothing when one lies beyond the last cell."""
        self.check(xyz)
        self._insert(launch.device_array(xyz), fields, view)

    def add_depth(self, depth: Any, K: Array, T: Array, fields: Fields, view: int) -> None:
        """Add the known pixels of a depth image (H, W)."""
        n = depth.shape[0] * depth.shape[1]
        xyz = cuda.device_array((n, 3), np.float32)
        launch.run(_unproject, n, launch.device_array(depth), launch.device_array(K), launch.device_array(T), xyz)
        self.check(xyz)
        self._insert(xyz, fields.rows(n), view)

    def _insert(self, xyz: Any, fields: Fields, view: int) -> None:
        n = len(xyz)
        self._reserve(n)
        counts = cuda.to_device(np.zeros(2, np.int64))  # new cells, dropped points
        slot = cuda.device_array(n, np.int64)
        origin = launch.device_array(self.origin)
        launch.run(_find, n, xyz, origin, self.voxel, self.key, self.sums, slot, counts)
        if fields.rgb is not None:
            launch.run(_add_rgb, n, slot, launch.device_array(fields.rgb), self.sums)
        if fields.confidence is not None:
            launch.run(_add_confidence, n, slot, launch.device_array(fields.confidence), self.sums)
        if fields.normal is not None:
            launch.run(_add_normal, n, slot, launch.device_array(fields.normal), self.sums)
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
        where, key = launch.host(slot), launch.host(self.key)
        voting = (where >= 0) & (label > 0)
        self.labels.append((key[where[voting]], label[voting]))

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
        packed, sums = launch.host(self.key), launch.host(self.sums)
        slots = np.flatnonzero(packed != EMPTY)
        slots = slots[np.argsort(packed[slots])]
        packed, sums = packed[slots], sums[slots]
        count = sums[:, 6:7]
        cell = np.stack([(packed >> (21 * k) & 0x1FFFFF) - _rules.HALF for k in range(3)], axis=1)
        mean = self.origin + (cell + (sums[:, :3] / count + 0.5) / _rules.FINE) * self.voxel
        turned = sums[:, 8:11].astype(np.float64)
        length = np.maximum(np.sqrt((turned**2).sum(1, keepdims=True)), 1e-9)
        extent = launch.host(self.extent)[slots] if self.with_extents else None
        return Voxels(
            cell.astype(np.int32),
            mean.astype(np.float32),
            count[:, 0].astype(np.int32),
            (sums[:, 3:6] // count).astype(np.uint8),
            (sums[:, 7] / count[:, 0] / _rules.WEIGHT).astype(np.float32) if self.with_confidence else None,
            None if extent is None else extent[:, :3],
            None if extent is None else extent[:, 3:],
            (turned / length).astype(np.float32) if self.with_normals else None,
            launch.host(self.views)[slots, 0] if self.with_views else None,
            self._majority(packed) if self.labels else None,
            self.n_dropped,
        )

    def _majority(self, packed: Array) -> Array:
        key, label = (np.concatenate(a) for a in zip(*self.labels))
        pair, count = np.unique(np.stack([np.searchsorted(packed, key), label]), axis=1, return_counts=True)
        return _host.majority(pair[0], pair[1], count, len(packed))


@cuda.jit
def _farthest(xyz, origin, voxel, far):  # type: ignore[no-untyped-def]
    """Cells to the farthest finite point where it is beyond the last cell."""
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    x = abs(_cell(float(xyz[i, 0]), origin[0], voxel))
    y = abs(_cell(float(xyz[i, 1]), origin[1], voxel))
    z = abs(_cell(float(xyz[i, 2]), origin[2], voxel))
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
    z = float(depth[row, i - row * width])
    if not z > 0:
        z = np.nan
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
    i = cuda.grid(1)
    if i >= len(xyz):
        return
    x = _cell(float(xyz[i, 0]), origin[0], voxel)
    y = _cell(float(xyz[i, 1]), origin[1], voxel)
    z = _cell(float(xyz[i, 2]), origin[2], voxel)
    if not (_inside(x) and _inside(y) and _inside(z)):
        slot[i] = -1
        cuda.atomic.add(counts, 1, 1)
        return
    fx, fy, fz = float(math.floor(x)), float(math.floor(y)), float(math.floor(z))
    place, new = _claim(key, _pack(int(fx), int(fy), int(fz)))
    slot[i] = place
    if new:
        cuda.atomic.add(counts, 0, 1)
    cuda.atomic.add(sums, (place, 0), _fine(x, fx))
    cuda.atomic.add(sums, (place, 1), _fine(y, fy))
    cuda.atomic.add(sums, (place, 2), _fine(z, fz))
    cuda.atomic.add(sums, (place, 6), 1)


@cuda.jit
def _add_rgb(slot, rgb, sums):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot) and slot[i] >= 0:
        for k in range(3):
            cuda.atomic.add(sums, (slot[i], 3 + k), int(rgb[i, k]))


@cuda.jit
def _add_confidence(slot, confidence, sums):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot) and slot[i] >= 0 and abs(confidence[i]) < np.inf:
        cuda.atomic.add(sums, (slot[i], 7), int(round(float(confidence[i]) * 65536.0)))


@cuda.jit
def _add_normal(slot, normal, sums):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < len(slot) and slot[i] >= 0:
        for k in range(3):
            if abs(normal[i, k]) < np.inf:
                cuda.atomic.add(sums, (slot[i], 8 + k), int(round(float(normal[i, k]) * 1024.0)))


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
    for k in range(SUMS):
        new_sums[place, k] = sums[i, k]
    if extents:
        for k in range(6):
            new_extent[place, k] = extent[i, k]
    if count_views:
        new_views[place, 0], new_views[place, 1] = views[i, 0], views[i, 1]
