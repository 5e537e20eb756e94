"""Streaming voxel sums in open-addressing hash tables, one table a thread, each for cells of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _host, _rules
from .._results import Fields, Voxels
from . import threads as _threads
from . import voxel_loops as loops

Array = npt.NDArray[Any]
CHUNK = 1 << 17
NO_COLOUR = np.zeros((0, 3), np.uint8)
SUMS = 4  # columns: x and y, z and red, green and blue, 32 bits each; points
FIRST = 1 << 11


class Shard:
    """One table and the sums of its cells in the order in which they were first seen."""

    def __init__(self, extents: bool, normals: bool, views: bool, confidence: bool) -> None:
        self.used = np.array([0, 0, -1])
        self.slot_key = np.full(1 << 10, _rules.NO_KEY, np.int64)
        self.slot_brick = np.empty(1 << 10, np.int32)
        self.cells = np.empty((1 << 8, 64), np.int32)
        self.key = np.empty(FIRST, np.int64)
        self.sums = np.zeros((FIRST, SUMS), np.int64)
        self.full: dict[int, Array] = {}
        self.confidence = np.zeros(FIRST if confidence else 0, np.int64)
        self.extent = np.empty((FIRST if extents else 0, 6), np.float32)
        self.normal = np.zeros((FIRST if normals else 0, 3), np.int64)
        self.views = np.zeros((FIRST if views else 0, 2), np.int32)
        self.votes: list[Array] = []
        self.row = np.empty(CHUNK, np.int32)

    @property
    def n(self) -> int:
        """Cells so far."""
        return int(self.used[0])

    def insert(self, keys: Array, fine: Array, rgb: Array, index: Array) -> Array:
        """Sum the points of an index, all of this shard; new cells get new rows. Returns the row of each."""
        done = 0
        while True:
            tables = (self.slot_key, self.slot_brick, self.cells, self.key, self.sums, self.used)
            done = loops.gather(keys, fine, rgb, index, done, *tables, self.row)
            if done == len(index):
                return self.row[:done]
            if self.used[2] >= 0:
                self._empty(int(self.used[2]))
            else:
                self._grow()

    def _empty(self, row: int) -> None:
        """Move the full sums of a row to wide ones."""
        packed = self.sums[row]
        parts = [packed[k // 2] >> (32 * (k % 2)) & 0xFFFFFFFF for k in range(6)]
        self.full[row] = self.full.get(row, np.zeros(7, np.int64)) + np.array([*parts, packed[3]])
        packed[:] = 0

    def totals(self) -> tuple[Array, Array]:
        """Rows whose sums are wide, and all of them (M, 7)."""
        for row in list(self.full):
            self._empty(row)
        rows = np.array(sorted(self.full), np.int64)
        return rows, np.array([self.full[r] for r in rows.tolist()], np.int64).reshape(-1, 7)

    def _grow(self) -> None:
        """Half as many again of whatever is full; sums move without a copy where the system can."""
        n, bricks, _ = self.used.tolist()
        if n == len(self.key):
            for name in ("key", "sums", "extent", "normal", "views", "confidence"):
                array = getattr(self, name)
                if len(array):
                    array.resize((n + n // 2, *array.shape[1:]), refcheck=False)
        if bricks == len(self.cells):
            self.cells.resize((bricks + bricks // 2, 64), refcheck=False)
        if bricks >= int(loops.FULL * len(self.slot_key)):
            old = (self.slot_key, self.slot_brick)
            self.slot_key = np.full(2 * len(old[0]), _rules.NO_KEY, np.int64)
            self.slot_brick = np.empty(len(self.slot_key), np.int32)
            loops.rehash(self.slot_key, self.slot_brick, *old)


class VoxelTable:
    """See `cogmap_kernels.VoxelTable`."""

    def __init__(
        self, voxel: float, origin: Array, extents: bool, normals: bool, views: bool, confidence: bool, threads: int
    ) -> None:
        self.voxel, self.origin = voxel, origin
        self.with_confidence = confidence
        self._kinds = (extents, normals, views, confidence)
        self._clear(threads)
        self._keys = np.empty(CHUNK, np.int64)
        self._fine = np.empty((CHUNK, 2), np.int64)
        self._index = np.empty((threads, CHUNK), np.int32)

    def add(self, xyz: Array, fields: Fields, view: int) -> None:
        """Add points (P, 3) of one view, or nothing when one lies beyond the last cell.

        A table that holds something looks at all points first; an empty one is simply emptied again.
        """
        empty = not any(s.n for s in self.shards)
        if not empty:
            self.check(xyz)
        try:
            with _threads.Team(len(self.shards)) as team:
                self._in_chunks(team, xyz, fields, view)
        except ValueError:
            if empty:
                self._clear(len(self.shards))
            raise

    def _clear(self, threads: int) -> None:
        self.shards, self.n_dropped = [Shard(*self._kinds) for _ in range(threads)], 0

    def add_depth(self, depth: Array, K: Array, T: Array, fields: Fields, view: int) -> None:
        """Add the known pixels of a depth image (H, W), a strip of rows at a time."""
        height, width = depth.shape
        rows = max(1, CHUNK // max(width, 1))
        xyz = np.empty((rows * width, 3), np.float32)
        with _threads.Team(len(self.shards)) as team:
            for top in range(0, height, rows):
                strip = depth[top : top + rows]
                team.over(len(strip), partial(loops.unproject, strip, K, T, top, xyz))
                self._in_chunks(team, xyz[: strip.size], fields.part(top, top + rows).rows(strip.size), view)

    def _in_chunks(self, team: _threads.Team, xyz: Array, fields: Fields, view: int) -> None:
        for lo in range(0, len(xyz), CHUNK):
            part, extra = xyz[lo : lo + CHUNK], fields.part(lo, lo + CHUNK)
            keys, fine = self._keys[: len(part)], self._fine[: len(part)]
            found = team.over(len(part), partial(self._sort_out, part, keys, fine))
            bad = sum(f[0] for f in found)
            if bad:
                self.check(part)
                self.n_dropped += bad
            counts = [f[1] for f in found]
            team.each(partial(self._gather, part, extra, view, keys, fine, counts))

    def _sort_out(self, xyz: Array, keys: Array, fine: Array, first: int, last: int) -> tuple[int, Array]:
        """Keys of points first to last, and which shard holds them."""
        bad = loops.packed_keys(xyz, self.origin, self.voxel, keys, fine, first, last)
        return bad, loops.select(keys, self._index, first, last)

    def _gather(
        self, xyz: Array, fields: Fields, view: int, keys: Array, fine: Array, counts: list[Array], k: int
    ) -> None:
        """Shard k takes its points from every part of a chunk."""
        shard, rgb = self.shards[k], NO_COLOUR if fields.rgb is None else fields.rgb
        for (first, _), count in zip(_threads.slices(len(xyz), len(self.shards)), counts):
            index = self._index[k, first : first + count[k]]
            before = shard.n
            row = shard.insert(keys, fine, rgb, index)
            if fields.confidence is not None:
                loops.add_confidence(shard.confidence, fields.confidence, index, row)
            if len(shard.extent):
                loops.clear_extent(shard.extent, before, shard.n)
                loops.add_extent(shard.extent, xyz, index, row)
            if fields.normal is not None:
                loops.add_normal(shard.normal, fields.normal, index, row)
            if len(shard.views):
                loops.add_view(shard.views, before, shard.n, view, row)
            if fields.label is not None:
                shard.votes.append(_counted(row, fields.label[index]))

    def check(self, xyz: Array) -> None:
        """Raise ValueError before anything is added when a point lies beyond the last cell."""
        with _threads.Team(len(self.shards)) as team:
            beyond = max(team.over(len(xyz), partial(loops.farthest, xyz, self.origin, self.voxel)))
        if beyond > 0:
            raise _too_far(beyond, self.voxel)

    def result(self) -> Voxels:
        """Everything so far, sorted by key; the table stays as it is."""
        out = self._empty(sum(s.n for s in self.shards))
        with _threads.Team(len(self.shards)) as team:
            orders = team.each(lambda k: np.argsort(self.shards[k].key[: self.shards[k].n]))
            team.each(lambda k: self._emit(k, orders, out))
        return Voxels(**out, n_dropped=self.n_dropped)

    def _empty(self, n: int) -> dict[str, Any]:
        one = self.shards[0]
        out: dict[str, Any] = {
            "key": np.empty((n, 3), np.int32),
            "mean": np.empty((n, 3), np.float32),
            "n_points": np.empty(n, np.int32),
            "rgb": np.empty((n, 3), np.uint8),
        }
        if self.with_confidence:
            out["confidence"] = np.empty(n, np.float32)
        if len(one.extent):
            out["lo"], out["hi"] = np.empty((n, 3), np.float32), np.empty((n, 3), np.float32)
        if len(one.normal):
            out["normal"] = np.empty((n, 3), np.float32)
        if len(one.views):
            out["n_views"] = np.empty(n, np.int32)
        if any(s.votes for s in self.shards):
            out["label"] = np.zeros(n, np.int32)
        return out

    def _emit(self, k: int, orders: list[Array], out: dict[str, Any]) -> None:
        """Write what shard k holds where its keys stand among those of all shards."""
        shard = self.shards[k]
        rank = np.empty(shard.n, np.int32)
        loops.place_in_order(orders[k], rank)
        for other, order in zip(self.shards, orders):
            if other is not shard:
                loops.count_before(shard.key, orders[k], other.key, order, rank)
        results = (out["key"], out["mean"], out["n_points"], out["rgb"])
        loops.emit(shard.key, shard.sums, rank, self.origin, self.voxel, *results)
        rows, total = shard.totals()
        if len(rows):
            shared = (self.origin, self.voxel, out["mean"], out["n_points"], out["rgb"])
            loops.emit_full(shard.key[rows], total, rank[rows], *shared)
        if "confidence" in out:
            loops.emit_confidence(shard.confidence, rank, out["n_points"], out["confidence"])
        if "lo" in out:
            out["lo"][rank], out["hi"][rank] = shard.extent[: shard.n, :3], shard.extent[: shard.n, 3:]
        if "normal" in out:
            loops.emit_normal(shard.normal, rank, out["normal"])
        if "n_views" in out:
            out["n_views"][rank] = shard.views[: shard.n, 0]
        if "label" in out:
            out["label"][rank] = _majority(shard.votes, shard.n) if shard.votes else 0


def _too_far(beyond: float, voxel: float) -> ValueError:
    smallest = voxel * beyond / (_rules.HALF - 1)
    return ValueError(f"points lie beyond 2**20 voxels of the origin; voxel must be at least {smallest:.4g}")


def _counted(row: Array, label: Array) -> Array:
    """(2, M) of row << 32 | label and its number, for labels above 0."""
    known = label > 0
    pair, count = np.unique(row[known].astype(np.int64) << 32 | label[known].astype(np.int64), return_counts=True)
    return np.stack([pair, count])


def _majority(votes: list[Array], n: int) -> Array:
    pair, where = np.unique(np.concatenate([v[0] for v in votes]), return_inverse=True)
    count = np.bincount(where, np.concatenate([v[1] for v in votes]), minlength=len(pair)).astype(np.int64)
    return _host.majority(pair >> 32, pair & 0xFFFFFFFF, count, n)
