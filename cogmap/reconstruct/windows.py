"""Long videos in bounded memory: overlapping windows, each joined to those before it by a similarity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._checks import F64, Array
from ..geometry.rigid import inverse, rotation_angle
from ..geometry.similarity import apply_to_pose, scale_of
from .base import Prediction

SURE = 0.5
LEAST_PX = 500


def plan(n: int, window: int, overlap: int) -> list[range]:
    """Windows of frames 0 to n - 1: each starts `overlap` frames before the last one ends; the last is never shorter.

    >>> plan(10, 6, 2)
    [range(0, 6), range(4, 10)]
    """
    if n <= window:
        return [range(n)]
    starts = list(range(0, n - window, window - overlap)) + [n - window]
    return [range(s, s + window) for s in dict.fromkeys(starts)]


def join(done: Prediction, new: Prediction) -> tuple[F64, float]:
    """The similarity (4, 4) that takes the world of a prediction to that of another, and its seam error.

    Args:
        done, new: what two passes said of the same frames, in the same order.

    The scale is the median ratio of the depths of the same pixels, those surer than the median in both; turn and shift
    are means over the shared cameras, found again without those that are off by more than twice the median. Frames
    whose depth one of both does not know at all say nothing. The seam error is the largest of three medians: distance
    of the shared cameras after the join as a share of the depth, their angle in radians, and half of what the ratios of
    depth spread by; infinite where there is nothing to join by.
    """
    both = (done.depth > 0) & (new.depth > 0)
    told = both.any((1, 2))
    if not told.any():
        return np.eye(4), float("inf")
    done, new = (replace(p, depth=p.depth[told], confidence=p.confidence[told], K=p.K[told],
                         T_world_cam=p.T_world_cam[told]) for p in (done, new))  # fmt: skip
    ratio = depth_ratio(done, new)
    scaled = new.T_world_cam.copy()
    scaled[:, :3, 3] *= ratio
    steps = done.T_world_cam @ inverse(scaled)
    used = np.ones(len(steps), bool)
    for _ in range(2):
        T = _mean_pose(steps[used])
        off = np.linalg.norm((T @ scaled)[:, :3, 3] - done.T_world_cam[:, :3, 3], axis=1)
        used = off <= 2 * np.median(off) + 1e-9
    turned = [rotation_angle(a[:3, :3].T @ (T @ b)[:3, :3]) for a, b in zip(done.T_world_cam, scaled)]
    both = both[told]
    ratios = done.depth[both] / (new.depth[both] * ratio)
    spread = float(np.median(np.abs(ratios - 1))) / 2
    seam = max(float(np.median(off) / np.median(done.depth[both])), float(np.median(turned)), spread)
    return T @ np.diag([ratio, ratio, ratio, 1.0]), seam


def part_of(found: Prediction, frames: slice, step: int = 1) -> Prediction:
    """Some frames of a prediction, at every so-manieth pixel."""
    thin = (frames, slice(None, None, step), slice(None, None, step))
    sky = None if found.sky is None else found.sky[thin]
    cameras = found.K[frames], found.T_world_cam[frames]
    return Prediction(found.depth[thin].copy(), found.confidence[thin].copy(), *cameras, sky, found.metric)


def depth_ratio(done: Prediction, new: Prediction) -> float:
    """Lengths of the done window over those of the new one; 1 where too few pixels are known in both."""
    p, q = done.depth, new.depth
    known = (p > 0) & (q > 0)
    for sure in (done.confidence, new.confidence):
        known &= sure >= np.quantile(sure, SURE)
    if known.sum() < LEAST_PX:
        known = (p > 0) & (q > 0)
    return float(np.median(p[known] / q[known])) if known.any() else 1.0


def _mean_pose(T: Array) -> F64:
    """The rigid transform nearest to the mean of some (M, 4, 4), by the chordal distance."""
    out = np.eye(4)
    U, _, Vt = np.linalg.svd(T[:, :3, :3].mean(0))
    out[:3, :3] = U @ np.diag([1, 1, np.sign(np.linalg.det(U @ Vt))]) @ Vt
    out[:3, 3] = np.median(T[:, :3, 3], axis=0)
    return out


def moved(found: Prediction, S: F64) -> Prediction:
    """A prediction in another world: poses moved by a similarity (4, 4), depths multiplied by its scale."""
    depth = (found.depth * np.float32(scale_of(S))).astype(np.float32)
    return replace(found, depth=depth, T_world_cam=apply_to_pose(S, found.T_world_cam))
