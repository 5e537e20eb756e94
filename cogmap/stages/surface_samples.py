"""A thin sample of surface points with normals, drawn before anything is fused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import F64
from ..data.frames import FrameStore
from ..geometry.camera import normals_of_depth, unproject
from ..geometry.rigid import apply


@dataclass(frozen=True)
class SurfaceSample:
    """Points (P, 3) and unit normals (P, 3) in the world, towards their cameras, and cameras (N, 4, 4)."""

    xyz_world: F64
    normal_world: F64
    T_world_cam: F64


def sample_surface(store: FrameStore, budget: int = 300_000) -> SurfaceSample:
    """Draw about `budget` points on a regular pixel lattice over all frames of a store."""
    xyz, normals, poses = [], [], []
    each = max(budget // max(len(store), 1), 200)
    for frame in store:
        p = unproject(frame.depth, frame.K)
        n = normals_of_depth(frame.depth, frame.K, store.normal_radius)
        step = max(1, int(np.sqrt(frame.depth.size / each)))
        p, n = p[::step, ::step].reshape(-1, 3), n[::step, ::step].reshape(-1, 3)
        good = np.isfinite(n).all(1)
        xyz.append(apply(frame.T_map_cam, p[good]))
        normals.append(np.asarray(n[good] @ frame.T_map_cam[:3, :3].T, np.float64))
        poses.append(frame.T_map_cam)
    none = np.zeros((0, 3))
    return SurfaceSample(
        np.concatenate([none, *xyz]), np.concatenate([none, *normals]), np.array(poses).reshape(-1, 4, 4)
    )


def moved(sample: SurfaceSample, T_a_world: F64) -> SurfaceSample:
    """The sample after a rigid transform."""
    return SurfaceSample(
        apply(T_a_world, sample.xyz_world),
        sample.normal_world @ T_a_world[:3, :3].T,
        np.asarray(T_a_world @ sample.T_world_cam),
    )


def scaled(sample: SurfaceSample, scale: float) -> SurfaceSample:
    """The sample with all lengths multiplied."""
    T = sample.T_world_cam.copy()
    T[:, :3, 3] *= scale
    return SurfaceSample(sample.xyz_world * scale, sample.normal_world, T)
