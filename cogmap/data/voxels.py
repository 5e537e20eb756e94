"""Fused surface samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._checks import F32, F64, I32, U8, Array, shaped

PER_VOXEL = ("key", "mean_map", "lo_map", "hi_map", "rgb", "n_points", "n_views", "confidence", "normal", "instance_id")


@dataclass(frozen=True)
class Voxels:
    """Occupied cells, sorted by (iz, iy, ix).

    Attributes:
        voxel_m: edge in metres (map units when the scale is relative).
        origin_map: (3,) float64, lower corner of voxel (0, 0, 0).
        key: (V, 3) int32 (ix, iy, iz).
        mean_map, lo_map, hi_map: (V, 3) float32, mean and extent of the points.
        rgb: (V, 3) uint8. n_points: (V,) int32. n_views: (V,) int32, frames that saw or confirm it.
        confidence: (V,) float32, share of the views that agree. normal: (V, 3) float32, zero if unknown.
        instance_id: (V,) int32, the majority id given from outside, 0 = none.
    """

    voxel_m: float
    origin_map: F64
    key: I32
    mean_map: F32
    lo_map: F32
    hi_map: F32
    rgb: U8
    n_points: I32
    n_views: I32
    confidence: F32
    normal: F32
    instance_id: I32

    def __post_init__(self) -> None:
        n = shaped("key", self.key, "V", 3)["V"]
        for name in ("mean_map", "lo_map", "hi_map", "rgb", "normal"):
            shaped(name, getattr(self, name), n, 3)
        for name in ("n_points", "n_views", "confidence", "instance_id"):
            shaped(name, getattr(self, name), n)

    def __len__(self) -> int:
        return len(self.key)

    @cached_property
    def usual_views(self) -> float:
        """Median of `n_views`, 0 without voxels."""
        return float(np.median(self.n_views)) if len(self) else 0.0


def joined(first: Voxels, second: Voxels) -> Voxels:
    """Two sets of voxels of one grid that share no cell, in the order of all."""
    key = np.concatenate([first.key, second.key])
    order = np.lexsort((key[:, 0], key[:, 1], key[:, 2]))
    both = {name: np.concatenate([getattr(first, name), getattr(second, name)])[order] for name in PER_VOXEL}
    return Voxels(voxel_m=first.voxel_m, origin_map=first.origin_map, **both)


def take(voxels: Voxels, index: Array) -> Voxels:
    """The voxels of a mask (V,) or an ascending index (W,), in the same order."""
    per_voxel = {name: getattr(voxels, name)[index] for name in PER_VOXEL}
    return Voxels(voxel_m=voxels.voxel_m, origin_map=voxels.origin_map, **per_voxel)
