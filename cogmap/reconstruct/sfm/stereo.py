"""Plane-sweep depth on known cameras, refined at edges and checked both ways between pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cogmap_kernels
import numpy as np

from ..._checks import F32, F64, I32, U8
from ...geometry.rigid import inverse

PLANES = 64
NEIGHBOURS = 4
WINDOW = 7
LEAST_SCORE = 0.5
REFINED = 0.3
LEAST_VOTES = 2
BEST_ANGLE_DEG = 8.0
REL_NOISE = 0.01


@dataclass(frozen=True)
class View:
    """A picture with its camera, at the size that depth is computed at.

    Attributes:
        grey: (H, W) uint8. K: (3, 3). T_world_cam: (4, 4). near, far: range of depth to search.
        neighbours: positions of the views to compare with, best first.
    """

    grey: U8
    K: F64
    T_world_cam: F64
    near: float
    far: float
    neighbours: tuple[int, ...]


@dataclass(frozen=True)
class SparseCloud:
    """Sparse points xyz (P, 3) and who sees them: rows (O, 2) int32 of (view, point)."""

    xyz: F64
    seen: I32


def choose_neighbours(cloud: SparseCloud, centers: F64, count: int = NEIGHBOURS) -> list[tuple[int, ...]]:
    """Per view the views that share most points at good angles.

    A shared point counts by how near its viewing angle is to 8 degrees: min(angle, 8) / 8, falling
    again beyond 24 degrees (after Goesele et al., ICCV 2007).
    """
    n = len(centers)
    score = np.zeros((n, n))
    order = np.argsort(cloud.seen[:, 1], kind="stable")
    view, point = cloud.seen[order].T
    for group in np.split(np.arange(len(view)), np.flatnonzero(np.diff(point)) + 1):
        if len(group) < 2:
            continue
        v = view[group]
        ray = cloud.xyz[point[group[0]]] - centers[v]
        ray /= np.maximum(np.linalg.norm(ray, axis=1, keepdims=True), 1e-12)
        angle = np.degrees(np.arccos(np.clip(ray @ ray.T, -1, 1)))
        weight = np.minimum(angle / BEST_ANGLE_DEG, 1) * np.clip(2 - angle / 24.0, 0, 1)
        score[v[:, None], v[None, :]] += weight
    np.fill_diagonal(score, 0)
    ranked = np.argsort(-score, axis=1, kind="stable")[:, :count]
    return [tuple(int(j) for j in ranked[i] if score[i, j] > 0) for i in range(n)]


def depth_ranges(cloud: SparseCloud, T_world_cam: F64) -> list[tuple[float, float]]:
    """Per view the depth range that its sparse points span, widened by half; (0, 0) where it sees under five."""
    out = []
    for i, T in enumerate(T_world_cam):
        points = cloud.xyz[cloud.seen[cloud.seen[:, 0] == i, 1]]
        z = (points - T[:3, 3]) @ T[:3, 2]
        z = z[z > 0]
        lo, hi = (0.6 * np.percentile(z, 1), 1.5 * np.percentile(z, 99)) if len(z) >= 5 else (0.0, 0.0)
        out.append((float(lo), float(hi)))
    return out


def sweep(views: Sequence[View], folder: Path) -> None:
    """Refined depth of every view, 0 where its score is below 0.5.

    It is written to `folder`, so that memory does not grow with the clip.
    """
    for i, view in enumerate(views):
        others = [views[j] for j in view.neighbours]
        depth = np.zeros(view.grey.shape, np.float32)
        if others and 0 < view.near < view.far:
            planes = np.linspace(1 / view.far, 1 / view.near, PLANES)
            seen = (
                view.grey.astype(np.float32),
                np.stack([o.grey.astype(np.float32) for o in others]),
                view.K,
                np.stack([o.K for o in others]),
                np.stack([inverse(o.T_world_cam) @ view.T_world_cam for o in others]),
            )
            swept = _scored(*cogmap_kernels.plane_sweep(*seen, planes, WINDOW))
            depth = _scored(*cogmap_kernels.refine_depth(swept, *seen, REFINED * (planes[1] - planes[0])))
        np.save(folder / f"raw{i:05d}.npy", depth)


def _scored(depth: F32, score: F32) -> F32:
    """The depth (H, W) where its score is high enough, 0 elsewhere."""
    return np.where(score >= LEAST_SCORE, depth, 0).astype(np.float32)


def checked_depths(views: Sequence[View], folder: Path) -> Iterator[tuple[F32, F32]]:
    """Per view depth (H, W) that at least two neighbours confirm, 0 elsewhere, and confidence in [0, 1].

    Confidence is the share of the neighbours that agree within 1.5 pixels and 1.5 % there and back.
    """

    @lru_cache(maxsize=48)
    def raw(i: int) -> F32:
        return np.asarray(np.load(folder / f"raw{i:05d}.npy"))

    for i, view in enumerate(views):
        near = view.neighbours
        if len(near) < LEAST_VOTES:
            yield np.zeros(view.grey.shape, np.float32), np.zeros(view.grey.shape, np.float32)
            continue
        T = np.stack([inverse(views[j].T_world_cam) @ view.T_world_cam for j in near])
        K = np.stack([views[j].K for j in near])
        depth, votes = cogmap_kernels.consistent(raw(i), np.stack([raw(j) for j in near]), view.K, K, T)
        good = votes >= LEAST_VOTES
        yield np.where(good, depth, 0).astype(np.float32), np.where(good, votes / len(near), 0).astype(np.float32)
