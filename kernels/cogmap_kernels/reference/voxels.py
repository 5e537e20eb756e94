"""Voxel sums by sorting everything at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _rules
from .._results import Fields, Voxels

Array = npt.NDArray[Any]


class VoxelTable:
    """Keeps all points and sums them up when asked."""

    def __init__(
        self, voxel: float, origin: Array, extents: bool, normals: bool, views: bool, confidence: bool, threads: int
    ) -> None:
        self.voxel, self.origin = voxel, origin
        self.with_extents, self.with_normals, self.with_views = extents, normals, views
        self.with_confidence = confidence
        self.n_dropped = 0
        self.batches: list[tuple[Array, ...]] = []

    def check(self, xyz: Array) -> None:
        """Raise ValueError when a point lies beyond the last cell."""
        q = np.abs((xyz.astype(np.float64) - self.origin) / self.voxel)[np.isfinite(xyz).all(1)]
        if q.size and not _rules.inside(q.max()):
            smallest = self.voxel * q.max() / (_rules.HALF - 1)
            raise ValueError(f"points lie beyond 2**20 voxels of the origin; voxel must be at least {smallest:.4g}")

    def add(self, xyz: Array, fields: Fields, view: int) -> None:
        """Add points (P, 3) of one view, or nothing when one lies beyond the last cell."""
        self.check(xyz)
        good = np.isfinite(xyz).all(1)
        self.n_dropped += int((~good).sum())
        n = len(xyz)
        rgb, confidence, normal, label = fields
        batch = (
            xyz,
            np.zeros((n, 3), np.uint8) if rgb is None else rgb,
            np.zeros(n, np.float32) if confidence is None else np.where(np.isfinite(confidence), confidence, 0),
            np.zeros((n, 3), np.float32) if normal is None else np.where(np.isfinite(normal), normal, 0),
            np.zeros(n, np.int32) if label is None else label,
            np.full(n, view),
        )
        self.batches.append(tuple(a[good] for a in batch))

    def add_depth(self, depth: Array, K: Array, T: Array, fields: Fields, view: int) -> None:
        """Add the known pixels of a depth image (H, W)."""
        v, u = (g + 0.5 for g in np.mgrid[: depth.shape[0], : depth.shape[1]])
        z = np.where(depth > 0, depth, np.nan).astype(np.float64)
        x, y = (u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z
        xyz = np.stack([T[k, 0] * x + T[k, 1] * y + T[k, 2] * z + T[k, 3] for k in range(3)], axis=-1)
        self.add(xyz.reshape(-1, 3).astype(np.float32), fields.rows(depth.size), view)

    def result(self) -> Voxels:
        """Everything so far, sorted by key."""
        none = ((0, 3), (0, 3), (0,), (0, 3), (0,), (0,))
        empty = [tuple(np.zeros(s) for s in none)]
        xyz, rgb, confidence, normal, label, view = (np.concatenate(a) for a in zip(*(self.batches or empty)))
        q = (xyz.astype(np.float64) - self.origin) / self.voxel
        cell = np.floor(q).astype(np.int64)
        packed = _rules.pack(cell[:, 0], cell[:, 1], cell[:, 2])  # type: ignore[arg-type]
        _, first, where, count = np.unique(packed, return_index=True, return_inverse=True, return_counts=True)
        key = cell[first]
        n = len(key)

        def sums(steps: Array) -> Array:
            out = np.zeros((n, steps.shape[1]), np.int64)
            np.add.at(out, where, steps.astype(np.int64))
            return out

        inside = sums(np.minimum(np.floor((q - cell) * _rules.FINE), _rules.FINE - 1))
        mean = self.origin + (key + (inside / count[:, None] + 0.5) / _rules.FINE) * self.voxel
        turned = sums(np.round(normal.astype(np.float32) * 1024.0)).astype(np.float64)
        length = np.maximum(np.sqrt((turned**2).sum(1, keepdims=True)), 1e-9)
        lo, hi = np.full((n, 3), np.inf, np.float32), np.full((n, 3), -np.inf, np.float32)
        np.minimum.at(lo, where, xyz.astype(np.float32))
        np.maximum.at(hi, where, xyz.astype(np.float32))
        weight = sums(np.round(confidence.astype(np.float64) * _rules.WEIGHT)[:, None])[:, 0]
        views = np.bincount(np.unique(np.stack([where, view.astype(int)]), axis=1)[0], minlength=n)
        return Voxels(
            key.astype(np.int32),
            mean.astype(np.float32),
            count.astype(np.int32),
            (sums(rgb) // count[:, None]).astype(np.uint8),
            (weight / count / _rules.WEIGHT).astype(np.float32) if self.with_confidence else None,
            lo if self.with_extents else None,
            hi if self.with_extents else None,
            (turned / length).astype(np.float32) if self.with_normals else None,
            views.astype(np.int32) if self.with_views else None,
            _majority(where, label.astype(int), n) if label.any() else None,
            self.n_dropped,
        )


def _majority(where: Array, label: Array, n: int) -> Array:
    out = np.zeros(n, np.int32)
    for v in range(n):
        votes = np.bincount(label[(where == v) & (label > 0)])
        out[v] = votes.argmax() if len(votes) else 0
    return out
