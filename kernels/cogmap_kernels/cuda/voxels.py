"""Voxel sums: a hash table numbers the cells, and atomic additions of integers fill one row for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _host, _rules
from .._results import Fields, Voxels
from . import launch
from . import voxel_kernels as kernels

Array = npt.NDArray[Any]
PLAIN, WEIGHTED, TURNED = 7, 8, 11  # columns: x, y, z inside the cell, red, green, blue, points; confidence; normal
CHUNK = 1 << 23  # points at once: the table is made for so many new cells
LEAST = 1 << 10  # slots, and half as many rows


class _Rows:
    """One row for each cell, in the order in which the cells were found."""

    def __init__(self, rows: int, columns: int, extents: bool, views: bool) -> None:
        self.sums = launch.empty((rows, columns), np.int64)
        self.extent = launch.empty((rows if extents else 1, 6), np.float32)
        self.views = launch.empty((rows if views else 1, 2), np.int32)
        launch.run(kernels.clear, rows, *self.all())

    def all(self) -> tuple[Any, Any, Any]:
        """Sums, extents and views."""
        return self.sums, self.extent, self.views


class VoxelTable:
    """See `cogmap_kernels.VoxelTable`. What lies on the device is used where it is."""

    def __init__(
        self, voxel: float, origin: Array, extents: bool, normals: bool, views: bool, confidence: bool, threads: int
    ) -> None:
        self.voxel, self.origin = voxel, launch.device_array(origin)
        self.with_extents, self.with_normals, self.with_views = extents, normals, views
        self.with_confidence = confidence
        self.columns = TURNED if normals else WEIGHTED if confidence else PLAIN
        self.n = self.n_dropped = 0
        self.counts, self.far = (launch.device_array(np.zeros(k, t)) for k, t in ((2, np.int64), (1, np.float64)))
        self.packed = launch.empty(LEAST // 2, np.int64)
        self._index(LEAST)
        self.rows = self._rows(LEAST // 2)
        self.labels: list[tuple[Array, Array]] = []

    def _rows(self, n: int) -> _Rows:
        return _Rows(n, self.columns, self.with_extents, self.with_views)

    def _index(self, slots: int) -> None:
        """An empty hash table: a key in each slot, and the row of its cell."""
        self.key, self.row = launch.empty(slots, np.int64), launch.empty(slots, np.int32)
        launch.run(kernels.vacate, slots, self.key)

    def check(self, xyz: Any) -> None:
        """Raise ValueError when a point lies beyond the last cell."""
        launch.run(kernels.farthest, len(xyz), launch.device_array(xyz), self.origin, self.voxel, self.far)
        beyond = launch.host(self.far)[0]
        if beyond > 0:
            self.far = launch.device_array(np.zeros(1))
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
        xyz = launch.empty((n, 3), np.float32)
        launch.run(
            kernels.unproject, n, launch.device_array(depth), launch.device_array(K), launch.device_array(T), xyz
        )
        self.add(xyz, fields.rows(n), view)

    def _on_device(self, fields: Fields) -> Fields:
        """All but the labels, which are counted on the host."""
        there = [None if a is None else launch.device_array(a) for a in fields[:3]]
        return Fields(*there, None if fields.label is None else launch.at_home(fields.label))  # type: ignore[call-arg]

    def _insert(self, xyz: Any, fields: Fields, view: int) -> None:
        n = len(xyz)
        self._reserve_slots(n)
        at = launch.empty(n, np.int32)
        launch.run(kernels.find, n, xyz, self.origin, self.voxel, self.key, self.row, self.packed, at, self.counts)
        self.n, self.n_dropped = launch.host(self.counts).tolist()
        self._reserve_rows()
        colour = fields.rgb if fields.rgb is not None else launch.empty((1, 3), np.uint8)
        sums, extent, views = self.rows.all()
        launch.run(
            kernels.add, n, xyz, self.origin, self.voxel, colour, fields.rgb is not None, self.row, at, sums
        )  # from here on `at` holds rows
        if fields.confidence is not None:
            launch.run(kernels.add_confidence, n, at, fields.confidence, sums)
        if fields.normal is not None:
            launch.run(kernels.add_normal, n, at, fields.normal, sums)
        if self.with_extents:
            launch.run(kernels.add_extent, n, at, xyz, extent)
        if self.with_views:
            launch.run(kernels.add_view, n, at, view, views)
        if fields.label is not None:
            self._vote(at, fields.label)

    def _vote(self, at: Any, label: Array) -> None:
        """Votes are counted on the host, by row."""
        row = launch.host(at)
        voting = (row >= 0) & (label > 0)
        self.labels.append((row[voting], label[voting]))

    def _reserve_slots(self, more: int) -> None:
        """Keep the hash table at most half full, and places for the keys of as many cells."""
        if 2 * (self.n + more) <= len(self.key):
            return
        self._index(1 << int(np.ceil(np.log2(2 * (self.n + more)))))
        old, self.packed = self.packed, launch.empty(len(self.key) // 2, np.int64)
        launch.run(kernels.enter, self.n, old, self.n, self.key, self.row, self.packed)

    def _reserve_rows(self) -> None:
        """Rows for all cells found, and half as many again when they are moved."""
        if self.n > len(self.rows.sums):
            old, self.rows = self.rows, self._rows(self.n + self.n // 2)
            launch.run(kernels.move, len(old.sums), *old.all(), *self.rows.all())

    def result(self) -> Voxels:
        """Everything so far, sorted by key, in main memory."""
        there = self.finished()
        return there._replace(**{k: launch.host(a) for k, a in there._asdict().items() if hasattr(a, "copy_to_host")})

    def finished(self) -> Voxels:
        """Everything so far, sorted by key, left on the device."""
        n, (sums, extent, views) = self.n, self.rows.all()
        packed = self.packed[:n]
        order = launch.ascending(packed)
        key, mean = launch.empty((n, 3), np.int32), launch.empty((n, 3), np.float32)
        count, rgb = launch.empty(n, np.int32), launch.empty((n, 3), np.uint8)
        launch.run(kernels.finish, n, packed, order, sums, self.origin, self.voxel, key, mean, count, rgb)
        weight = launch.empty(n, np.float32) if self.with_confidence else None
        if weight is not None:
            launch.run(kernels.finish_confidence, n, order, sums, weight)
        normal = launch.empty((n, 3), np.float32) if self.with_normals else None
        if normal is not None:
            launch.run(kernels.finish_normal, n, order, sums, normal)
        lo, hi = (launch.empty((n, 3), np.float32) if self.with_extents else None for _ in range(2))
        if self.with_extents:
            launch.run(kernels.finish_extent, n, order, extent, lo, hi)
        seen = launch.empty(n, np.int32) if self.with_views else None
        if seen is not None:
            launch.run(kernels.finish_views, n, order, views, seen)
        label = launch.device_array(self._majority(launch.host(order))) if self.labels else None
        return Voxels(key, mean, count, rgb, weight, lo, hi, normal, seen, label, self.n_dropped)

    def _majority(self, order: Array) -> Array:
        row, label = (np.concatenate(a) for a in zip(*self.labels))
        place = np.argsort(order)[row]
        pair, count = np.unique(np.stack([place, label]), axis=1, return_counts=True)
        return _host.majority(pair[0], pair[1], count, len(order))
