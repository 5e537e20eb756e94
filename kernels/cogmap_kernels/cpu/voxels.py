"""Streaming voxel sums in open-addressing hash tables, one table a thread, each for cells of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _host, _rules
from .._results import Fields, Voxels
from . import sorting
from . import threads as _threads
from . import voxel_loops as loops

Array = npt.NDArray[Any]
CHUNK = 1 << 16
SLAB = 1 << 21  # scattered points that are brought together at a time
NO_COLOUR = np.zeros((0, 3), np.uint8)
SUMS = 4  # columns: x and y, z and red, green and blue, 32 bits each; points
FIRST = 1 << 11


class Shard:
    """One table and the sums of its cells in the order in which they were first seen."""

    def __init__(self, extents: bool, normals: bool, views: bool, confidence: bool) -> None:
        self.used = np.zeros(5, np.int64)
        self.slot_key = np.full(1 << 13, _rules.NO_KEY, np.int64)
        self.slot_brick = np.empty(1 << 13, np.int32)
        self.cells = np.empty((loops.BLOCK + (1 << 8), 64), np.int32)
        self.key = np.empty(FIRST, np.int64)
        self.sums = np.zeros((FIRST, SUMS), np.int64)
        self.full: dict[int, Array] = {}
        self.confidence = np.zeros(FIRST if confidence else 0, np.int64)
        self.extent = np.empty((FIRST if extents else 0, 6), np.float32)
        self.normal = np.zeros((FIRST if normals else 0, 3), np.int64)
        self.views = np.zeros((FIRST if views else 0, 2), np.int32)
        self.votes: list[Array] = []
        self.index, self.row = np.empty(CHUNK, np.int32), np.empty(CHUNK, np.int32)

    @property
    def n(self) -> int:
        """Cells so far."""
        return int(self.used[0])

    def reserve(self, rows: int) -> None:
        """Make room in an empty shard; what is not used is never touched, so it costs no memory."""
        if rows > len(self.key):
            self.cells = np.empty((loops.BLOCK + rows // 4, 64), np.int32)
            for name in ("key", "sums", "extent", "normal", "views", "confidence"):
                array = getattr(self, name)
                if len(array):
                    setattr(self, name, np.zeros((rows, *array.shape[1:]), array.dtype))

    def take(self, xyz: Array, rgb: Array, origin: Array, voxel: float, shard: int, shards: int) -> tuple[Array, Array]:
        """Sum this shard's share of at most CHUNK points; their positions and their rows, new ones where needed."""
        done, self.used[2:4] = 0, 0
        while True:
            tables = (self.slot_key, self.slot_brick, self.cells, self.key, self.sums, self.used)
            rows = (self.index, self.row)
            done = loops.take(xyz, rgb, origin, voxel, shard, shards, done, *tables, *rows)
            if self.used[4]:
                for row in np.flatnonzero(self.sums[: self.n, 3] > loops.MOST - loops.BLOCK).tolist():
                    self._empty(row)
            if done == len(xyz):
                return self.index[: self.used[2]], self.row[: self.used[2]]
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
        """Half as many again of whatever may lack room for a block; sums move without a copy where the system can."""
        n, bricks = self.used[:2].tolist()
        if n + loops.BLOCK > len(self.key):
            for name in ("key", "sums", "extent", "normal", "views", "confidence"):
                array = getattr(self, name)
                if len(array):
                    array.resize((len(array) + n // 2 + loops.BLOCK, *array.shape[1:]), refcheck=False)
        if bricks + loops.BLOCK > len(self.cells):
            self.cells.resize((len(self.cells) + bricks // 2 + loops.BLOCK, 64), refcheck=False)
        if bricks + loops.BLOCK > int(loops.FULL * len(self.slot_key)):
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

    def add(self, xyz: Array, fields: Fields, view: int) -> None:
        """Add points (P, 3) of one view, or nothing when one lies beyond the last cell.

        A table that holds something looks at all points first; an empty one is simply emptied again.
        """
        empty = not any(s.n for s in self.shards)
        if not empty:
            self.check(xyz)
        else:
            for shard in self.shards:
                shard.reserve(len(xyz) // (4 * len(self.shards)))
        try:
            team = _threads.Team(len(self.shards))
            team.each(partial(self._take, xyz, fields, view))
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
        team = _threads.Team(len(self.shards))
        for top in range(0, height, rows):
            strip = depth[top : top + rows]
            team.over(len(strip), partial(loops.unproject, strip, K, T, top, xyz))
            extra = fields.part(top, top + rows).rows(strip.size)
            team.each(partial(self._take, xyz[: strip.size], extra, view))

    def _take(self, xyz: Array, fields: Fields, view: int, k: int) -> None:
        """Shard k looks at all points and takes those of its cells; no shard waits for another."""
        if not loops.scattered(xyz, self.origin, self.voxel):
            self._take_in_order(xyz, fields, view, k, len(self.shards))
            return
        size = min(len(xyz), SLAB)
        places = (np.empty((size, 3), xyz.dtype), np.empty((size, 3), np.uint8), np.empty(size, np.int32))
        for lo in range(0, len(xyz), SLAB):
            near, extra = self._together(xyz[lo : lo + SLAB], fields.part(lo, lo + SLAB), k, *places)
            self._take_in_order(near, extra, view, k, 1)

    def _together(
        self, xyz: Array, fields: Fields, k: int, near: Array, tint: Array, order: Array
    ) -> tuple[Array, Fields]:
        """Copies of shard k's points, by groups of bricks whose sums fit a near cache."""
        groups, end = np.empty(len(xyz), np.uint8), np.empty(loops.GROUPS + 1, np.int64)
        self._count_dropped(xyz, loops.group(xyz, self.origin, self.voxel, k, len(self.shards), groups, end), k)
        loops.bring_together(xyz, NO_COLOUR if fields.rgb is None else fields.rgb, groups, end, near, tint, order)
        n = int(end[-1])
        others = fields._replace(rgb=None).at(order[:n])
        return near[:n], others if fields.rgb is None else others._replace(rgb=tint[:n])

    def _take_in_order(self, xyz: Array, fields: Fields, view: int, k: int, shards: int) -> None:
        """Shard k takes its share of points, a chunk at a time; of one shard, all."""
        shard = self.shards[k]
        for lo in range(0, len(xyz), CHUNK):
            part, extra = xyz[lo : lo + CHUNK], fields.part(lo, lo + CHUNK)
            before, rgb = shard.n, NO_COLOUR if extra.rgb is None else extra.rgb
            index, row = shard.take(part, rgb, self.origin, self.voxel, k if shards > 1 else 0, shards)
            self._count_dropped(part, int(shard.used[3]), k)
            if extra.confidence is not None:
                loops.add_confidence(shard.confidence, extra.confidence, index, row)
            if len(shard.extent):
                loops.clear_extent(shard.extent, before, shard.n)
                loops.add_extent(shard.extent, part, index, row)
            if extra.normal is not None:
                loops.add_normal(shard.normal, extra.normal, index, row)
            if len(shard.views):
                loops.add_view(shard.views, before, shard.n, view, row)
            if extra.label is not None:
                shard.votes.append(_counted(row, extra.label[index]))

    def _count_dropped(self, xyz: Array, dropped: int, k: int) -> None:
        """Points without a cell, told once for all shards; raises ValueError where one lies beyond the last cell."""
        if dropped and k == 0:
            self._refuse(loops.farthest(xyz, self.origin, self.voxel, 0, len(xyz)))
            self.n_dropped += dropped

    def check(self, xyz: Array) -> None:
        """Raise ValueError before anything is added when a point lies beyond the last cell."""
        team = _threads.Team(len(self.shards))
        self._refuse(max(team.over(len(xyz), partial(loops.farthest, xyz, self.origin, self.voxel))))

    def _refuse(self, beyond: float) -> None:
        if beyond > 0:
            smallest = self.voxel * beyond / (_rules.HALF - 1)
            raise ValueError(f"points lie beyond 2**20 voxels of the origin; voxel must be at least {smallest:.4g}")

    def result(self) -> Voxels:
        """Everything so far, sorted by key; the table stays as it is."""
        out = self._empty(sum(s.n for s in self.shards))
        team = _threads.Team(len(self.shards))
        first = np.cumsum([0] + [s.n for s in self.shards])
        rank = _ranks(team, [s.key[: s.n] for s in self.shards], first)
        team.each(lambda k: self._emit(self.shards[k], rank[first[k] : first[k + 1]], out))
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

    def _emit(self, shard: Shard, rank: Array, out: dict[str, Any]) -> None:
        """Write what a shard holds at the ranks of its cells."""
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


def _ranks(team: _threads.Team, keys: list[Array], first: Array) -> Array:
    """Place of every key in the order of those of all shards; key i of shard k has the number first[k] + i.

    A key and its number are sorted as one where both fit, as they do unless the cells span a very wide box.
    """
    lo, hi = (np.array(ends) for ends in zip(*team.each(lambda k: loops.span(keys[k]))))
    bits = [int(d).bit_length() for d in hi.max(0) - lo.min(0)]
    width, rank = int(first[-1]).bit_length(), np.empty(first[-1], np.int32)
    if sum(bits) + width <= sorting.ROOM:
        shifts = width + np.cumsum([0, *bits[:2]])
        numbers = np.empty(first[-1], np.int64)
        team.each(lambda k: loops.numbered(keys[k], lo.min(0), shifts, first[k], numbers))
        order = sorting.by_bits(team, numbers, width, sum(bits))
    else:
        order = np.argsort(np.concatenate(keys))
    team.over(len(rank), partial(loops.place_in_order, order, (1 << width) - 1, rank))
    return rank


def _counted(row: Array, label: Array) -> Array:
    """(2, M) of row << 32 | label and its number, for labels above 0."""
    known = label > 0
    pair, count = np.unique(row[known].astype(np.int64) << 32 | label[known].astype(np.int64), return_counts=True)
    return np.stack([pair, count])


def _majority(votes: list[Array], n: int) -> Array:
    pair, where = np.unique(np.concatenate([v[0] for v in votes]), return_inverse=True)
    count = np.bincount(where, np.concatenate([v[1] for v in votes]), minlength=len(pair)).astype(np.int64)
    return _host.majority(pair >> 32, pair & 0xFFFFFFFF, count, n)
