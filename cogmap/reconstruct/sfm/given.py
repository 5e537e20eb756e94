"""Poses that came with the pictures, held against the matches between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._checks import F64
from ...errors import InputError
from ...geometry.conventions import conventions
from ...geometry.rigid import inverse
from .features import Features, Match

NEAR_PX = 3.0
LEAST_SHARE = 0.4


def check_given_poses(
    T_world_cam: Sequence[F64],
    features: Sequence[Features],
    matches: Sequence[Match],
    cameras: Sequence[Any],
    path: str,
) -> None:
    """Refuse poses that the matches contradict while another reading of them fits.

    Raises:
        InputError: E-POSE-CONVENTION with the reading that fits, or without one when none does.
    """
    used = [m for m in matches if m.pair[1] - m.pair[0] <= 3 and not m.planar][:40] or list(matches)[:40]
    if not used:
        return
    as_read = _fit(used, features, cameras, list(T_world_cam))
    if as_read >= LEAST_SHARE:
        return
    others = {n: _fit(used, features, cameras, [fix(T) for T in T_world_cam]) for n, fix in conventions().items()}
    best = max(others, key=lambda k: others[k])
    problem = f"poses explain {as_read:.0%} of the matches between the pictures."
    likely = f"Likely {best} ({others[best]:.0%})." if others[best] > as_read + 0.25 else "Use --reconstructor sfm."
    raise InputError("E-POSE-CONVENTION", problem, likely, path)


def _fit(matches: Sequence[Match], features: Sequence[Features], cameras: Sequence[Any], poses: Sequence[F64]) -> float:
    """Median over pairs of the share of matches within 3 pixels of their epipolar line (Sampson distance)."""
    return float(np.median([_pair_fit(m, features, cameras, poses) for m in matches]))


def _pair_fit(m: Match, features: Sequence[Features], cameras: Sequence[Any], poses: Sequence[F64]) -> float:
    i, j = m.pair
    T_j_i = inverse(poses[j]) @ poses[i]
    t = T_j_i[:3, 3]
    cross = np.array([[0, -t[2], t[1]], [t[2], 0, -t[0]], [-t[1], t[0], 0]])
    K_i, K_j = (np.asarray(cameras[k].calibration_matrix()) for k in (i, j))
    F = np.linalg.inv(K_j).T @ cross @ T_j_i[:3, :3] @ np.linalg.inv(K_i)
    rows = np.asarray(m.geometry.inlier_matches)
    a = np.column_stack([features[i].uv[rows[:, 0]], np.ones(len(rows))]).astype(np.float64)
    b = np.column_stack([features[j].uv[rows[:, 1]], np.ones(len(rows))]).astype(np.float64)
    Fa, Fb = a @ F.T, b @ F
    numerator = (b * Fa).sum(1) ** 2
    denominator = (Fa[:, :2] ** 2).sum(1) + (Fb[:, :2] ** 2).sum(1)
    ahead = _in_front(a, b, K_i, K_j, T_j_i)
    return float(((numerator / np.maximum(denominator, 1e-18) < NEAR_PX**2) & ahead).mean())


def _in_front(a: F64, b: F64, K_i: F64, K_j: F64, T_j_i: F64) -> Any:
    """Whether the two rays of each match meet in front of both cameras."""
    ray_a = a @ np.linalg.inv(K_i).T @ T_j_i[:3, :3].T
    ray_b = b @ np.linalg.inv(K_j).T
    t = T_j_i[:3, 3]
    aa, bb, ab = (ray_a**2).sum(1), (ray_b**2).sum(1), (ray_a * ray_b).sum(1)
    det = np.maximum(aa * bb - ab**2, 1e-18)
    da, db = -(ray_a @ t), ray_b @ t
    z_a, z_b = (da * bb + db * ab) / det, (db * aa + da * ab) / det
    return (z_a > 0) & (z_b > 0)
