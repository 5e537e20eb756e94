"""Streaming voxel sums in open-addressing hash tables, one table a thread, each for cells of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _rules
from .._results import Fields, Voxels
from . import threads as _threads
from . import voxel_loops as loops

Array = npt.NDArray[Any]
CHUNK = 1 << 17
NO_COLOUR = np.zeros((0, 3), np.uint8)
SUMS = 8  # columns: x, y, z inside the cell, red, green, blue, points, confidence
FIRST = 1 << 11


class Shard:
    """One table and the sums of its cells in the order in which they were first seen."""

    def __init__(self, extents: bool, normals: bool, views: bool) -> None:
        self.used = np.zeros(2, np.int64)
        self.slot_key = np.full(1 << 10, _rules.NO_KEY, np.int64)
        self.slot_brick = np.empty(1 << 10, np.int32)
        self.cells = np.empty((1 << 8, 64), np.int32)
        self.key = np.empty(FIRST, np.int64)
        self.sums = np.zeros((FIRST, SUMS), np.int64)
        self.extent = np.empty((FIRST if extents else 0, 6), np.float32)
        self.normal = np.zeros((FIRST if normals else 0, 3), np.int64)
        self.views = np.zeros((FIRST if views else 0, 2), np.int32)
        self.votes: list[Array] = []
        self.index = np.empty(CHUNK, np.int32)
        self.row = np.empty(CHUNK, np.int32)

    @property
    def n(self) -> int:
        """Cells so far."""
        return int(self.used[0])

    def insert(self, keys: Array, fine: Array, rgb: Array, k: int, shards: int) -> int:
        """Rows of the keys that belong to this shard; new cells get new rows. Returns how many keys there are."""
        mine = loops.select(keys, k, shards, self.index)
        done = 0
        while True:
            tables = (self.slot_key, self.slot_brick, self.cells, self.key, self.used)
            done = loops.rows(keys, self.index, done, mine, *tables, self.row)
            if done == mine:
                break
            self._grow()
        loops.add(self.sums, fine, rgb, self.index[:mine], self.row[:mine])
        return mine

    def _grow(self) -> None:
        """Half as many again of whatever is full; sums move without a copy where the system can."""
        n, bricks = self.used.tolist()
        if n == len(self.key):
            for name in ("key", "sums", "extent", "normal", "views"):
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
        self.n_dropped = 0
        self.with_confidence = confidence
        self.shards = [Shard(extents, normals, views) for _ in range(threads)]
        self._keys = np.empty(CHUNK, np.int64)
        self._fine = np.empty(CHUNK, np.int64)

    def add(self, xyz: Array, fields: Fields, view: int) -> None:
        """Add checked points (P, 3) of one view."""
        with _threads.Team(len(self.shards)) as team:
            self._in_chunks(team, xyz, fields, view)

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
            bad = sum(team.over(len(part), partial(loops.packed_keys, part, self.origin, self.voxel, keys, fine)))
            if bad:
                self.check(part)
                self.n_dropped += bad
            team.each(partial(self._gather, part, extra, view, keys, fine))

    def _gather(self, xyz: Array, fields: Fields, view: int, keys: Array, fine: Array, k: int) -> None:
        shard = self.shards[k]
        before = shard.n
        mine = shard.insert(keys, fine, NO_COLOUR if fields.rgb is None else fields.rgb, k, len(self.shards))
        index, row = shard.index[:mine], shard.row[:mine]
        if fields.confidence is not None:
            loops.add_confidence(shard.sums, fields.confidence, index, row)
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
        keys = np.concatenate([s.key[: s.n] for s in self.shards])
        order = np.argsort(keys)
        rank = np.empty(len(keys), np.int32)
        base = np.cumsum([0, *(s.n for s in self.shards)])
        out = self._empty(len(keys))
        with _threads.Team(len(self.shards)) as team:
            team.over(len(keys), partial(loops.invert, order, rank))
            team.each(lambda k: self._emit(self.shards[k], rank[base[k] : base[k + 1]], out))
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
        loops.emit(
            shard.key, shard.sums, rank, self.origin, self.voxel, out["key"], out["mean"], out["n_points"], out["rgb"]
        )
        if "confidence" in out:
            loops.emit_confidence(shard.sums, rank, out["confidence"])
        if "lo" in out:
            out["lo"][rank], out["hi"][rank] = shard.extent[: shard.n, :3], shard.extent[: shard.n, 3:]
        if "normal" in out:
            loops.emit_normal(shard.normal, rank, out["normal"])
        if "n_views" in out:
            out["n_views"][rank] = shard.views[: shard.n, 0]
        if "label" in out:
            out["label"][rank] = _majority(shard.votes, shard.n)


def _too_far(beyond: float, voxel: float) -> ValueError:
    smallest = voxel * beyond / (_rules.HALF - 1)
    return ValueError(f"points lie beyond 2**20 voxels of the origin; voxel must be at least {smallest:.4g}")


def _counted(row: Array, label: Array) -> Array:
    """(2, M) of row << 32 | label and its number, for labels above 0."""
    known = label > 0
    pair, count = np.unique(row[known].astype(np.int64) << 32 | label[known].astype(np.int64), return_counts=True)
    return np.stack([pair, count])


def _majority(votes: list[Array], n: int) -> Array:
    winner = np.zeros(n, np.int32)
    if any(v.shape[1] for v in votes):
        pair, where = np.unique(np.concatenate([v[0] for v in votes]), return_inverse=True)
        count = np.bincount(where, np.concatenate([v[1] for v in votes])).astype(np.int64)
        row, label = pair >> 32, pair & 0xFFFFFFFF
        order = np.lexsort((-label, count, row))
        last = np.append(row[order][1:] != row[order][:-1], True)
        winner[row[order][last]] = label[order][last]
    return winner
