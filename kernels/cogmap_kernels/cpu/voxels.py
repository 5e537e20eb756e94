"""Streaming voxel sums in an open-addressing hash table."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
EMPTY = -1
BITS = 21
HALF = 1 << 20
FINE = 16384.0
NORMAL_STEP = 1024.0
# columns of the integer sums
SUM_X, SUM_R, SUM_N, COUNT, VIEWS, LAST_VIEW, N_SUMS = 0, 3, 6, 9, 10, 11, 12


class VoxelSums(NamedTuple):
    """Voxels sorted by (iz, iy, ix); see `VoxelTable.result`."""

    key: Array
    mean: Array
    lo: Array
    hi: Array
    rgb: Array
    normal: Array
    n_points: Array
    n_views: Array
    instance_id: Array


class VoxelTable:
    """Gathers points, one view at a time, into cubic voxels.

    Args:
        voxel_m: edge, above 0. origin: (3,) lower corner of voxel (0, 0, 0).

    Attributes:
        n_dropped: points that were not finite.
    """

    def __init__(self, voxel_m: float, origin: Array | None = None) -> None:
        if not voxel_m > 0:
            raise ValueError(f"voxel_m must be above 0, got {voxel_m}")
        self.voxel_m = float(voxel_m)
        self.origin = np.zeros(3) if origin is None else np.asarray(origin, np.float64)
        self.n_dropped = 0
        self._n = 0
        self._table = np.full(1 << 16, EMPTY, np.int64)
        self._packed = np.empty(1 << 14, np.int64)
        self._sums = np.zeros((1 << 14, N_SUMS), np.int64)
        self._lo = np.empty((1 << 14, 3), np.float32)
        self._hi = np.empty((1 << 14, 3), np.float32)
        self._votes: list[Array] = []

    def add(
        self,
        xyz: Array,
        rgb: Array | None = None,
        normal: Array | None = None,
        instance_id: Array | None = None,
        view: int = 0,
    ) -> None:
        """Add points (P, 3) seen in one view, with colour (P, 3) uint8, normal (P, 3), id (P,) where known.

        Raises:
            ValueError: wrong shapes, or a point more than 2**20 voxels from the origin; then nothing is added.
        """
        p = np.ascontiguousarray(xyz, np.float64)
        if p.ndim != 2 or p.shape[1] != 3:
            raise ValueError(f"xyz must be (P, 3), got {p.shape}")
        finite = np.isfinite(p).all(1)
        self.n_dropped += int((~finite).sum())
        keys = np.floor((p - self.origin) / self.voxel_m)
        if finite.any() and np.abs(keys[finite]).max() >= HALF:
            smallest = np.abs(p[finite] - self.origin).max() / (HALF - 1)
            raise ValueError(f"points lie beyond 2**20 voxels; voxel_m must be at least {smallest:.3g}")
        colour = np.zeros((0, 3), np.uint8) if rgb is None else np.ascontiguousarray(rgb, np.uint8)
        turned = np.zeros((0, 3), np.float32) if normal is None else np.ascontiguousarray(normal, np.float32)
        self._reserve(len(p))
        row = np.empty(len(p), np.int64)
        arrays = (self._table, self._packed, self._sums, self._lo, self._hi)
        self._n = _insert(p, self.origin, self.voxel_m, colour, turned, view, self._n, *arrays, row)
        if instance_id is not None:
            self._vote(row, np.asarray(instance_id))

    def _reserve(self, n_new: int) -> None:
        need = self._n + n_new
        while need > len(self._packed):
            grow = len(self._packed)
            self._packed = np.concatenate([self._packed, np.empty(grow, np.int64)])
            self._sums = np.concatenate([self._sums, np.zeros((grow, N_SUMS), np.int64)])
            self._lo = np.concatenate([self._lo, np.empty((grow, 3), np.float32)])
            self._hi = np.concatenate([self._hi, np.empty((grow, 3), np.float32)])
        if 2 * need > len(self._table):
            self._table = np.full(1 << int(np.ceil(np.log2(4 * need))), EMPTY, np.int64)
            _rehash(self._table, self._packed, self._n)

    def _vote(self, row: Array, instance_id: Array) -> None:
        known = (row >= 0) & (instance_id > 0)
        pair = row[known] << 24 | instance_id[known].astype(np.int64)
        unique, count = np.unique(pair, return_counts=True)
        self._votes.append(np.stack([unique, count]))

    def _majority(self) -> Array:
        winner = np.zeros(self._n, np.int32)
        if self._votes:
            pair, where = np.unique(np.concatenate([v[0] for v in self._votes]), return_inverse=True)
            count = np.bincount(where, np.concatenate([v[1] for v in self._votes])).astype(np.int64)
            row, number = pair >> 24, pair & 0xFFFFFF
            order = np.lexsort((-number, count, row))
            last = np.append(row[order][1:] != row[order][:-1], True)
            winner[row[order][last]] = number[order][last]
        return winner

    def result(self) -> VoxelSums:
        """Voxels so far: key (V, 3) int32; mean, lo, hi (V, 3) float32; rgb uint8; normal; counts; majority id."""
        packed, sums = self._packed[: self._n], self._sums[: self._n]
        order = np.argsort(packed, kind="stable")
        sums, packed = sums[order], packed[order]
        key = np.stack([packed & 0x1FFFFF, packed >> BITS & 0x1FFFFF, packed >> 2 * BITS], axis=1) - HALF
        count = np.maximum(sums[:, COUNT : COUNT + 1], 1)
        offset = (sums[:, SUM_X : SUM_X + 3] / count + 0.5) / FINE
        mean = self.origin + (key + offset) * self.voxel_m
        normal = sums[:, SUM_N : SUM_N + 3].astype(np.float64)
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        return VoxelSums(
            key.astype(np.int32),
            mean.astype(np.float32),
            self._lo[: self._n][order],
            self._hi[: self._n][order],
            (sums[:, SUM_R : SUM_R + 3] // count).astype(np.uint8),
            (normal / np.maximum(length, 1e-9)).astype(np.float32),
            sums[:, COUNT].astype(np.int32),
            sums[:, VIEWS].astype(np.int32),
            self._majority()[order],
        )


@njit(cache=True)
def _slot(table: Array, packed: Array, value: int) -> int:
    """Where the key stands in the table, or the empty place where it would stand."""
    mask = len(table) - 1
    h = (value ^ (value >> 17)) * 0x9E3779B1
    place = (h ^ (h >> 15)) & mask
    while table[place] >= 0 and packed[table[place]] != value:
        place = (place + 1) & mask
    return place


@njit(cache=True)
def _rehash(table: Array, packed: Array, n: int) -> None:
    for i in range(n):
        table[_slot(table, packed, packed[i])] = i


@njit(cache=True)
def _insert(
    p: Array,
    origin: Array,
    voxel_m: float,
    rgb: Array,
    normal: Array,
    view: int,
    n: int,
    table: Array,
    packed: Array,
    sums: Array,
    lo: Array,
    hi: Array,
    row: Array,
) -> int:
    for i in range(len(p)):
        row[i] = -1
        if not (np.isfinite(p[i, 0]) and np.isfinite(p[i, 1]) and np.isfinite(p[i, 2])):
            continue
        value = 0
        for a in (2, 1, 0):
            value = value << 21 | (int(np.floor((p[i, a] - origin[a]) / voxel_m)) + (1 << 20))
        place = _slot(table, packed, value)
        r = table[place]
        if r < 0:
            r = n
            n += 1
            table[place] = r
            packed[r] = value
            sums[r, 11] = -1
            for a in range(3):
                lo[r, a] = np.inf
                hi[r, a] = -np.inf
        row[i] = r
        for a in range(3):
            q = (p[i, a] - origin[a]) / voxel_m
            sums[r, a] += int((q - np.floor(q)) * 16384.0)
            lo[r, a] = min(lo[r, a], np.float32(p[i, a]))
            hi[r, a] = max(hi[r, a], np.float32(p[i, a]))
            if len(rgb):
                sums[r, 3 + a] += rgb[i, a]
            if len(normal) and np.isfinite(normal[i, a]):
                sums[r, 6 + a] += int(np.round(normal[i, a] * 1024.0))
        sums[r, 9] += 1
        if sums[r, 11] != view:
            sums[r, 11] = view
            sums[r, 10] += 1
    return n
