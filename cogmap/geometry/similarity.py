"""Similarity transforms fitted to paired points."""

from __future__ import annotations

import numpy as np

from .._checks import F64, Array


def fit_similarity(xyz_b: Array, xyz_a: Array, *, with_scale: bool = True) -> F64:
    """Least-squares similarity `T_a_b` (4, 4) that maps points b (P, 3) onto points a (P, 3).

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", PAMI 1991. The upper-left block is scale times rotation. Needs P >= 3, not collinear.
    """
    b, a = np.asarray(xyz_b, np.float64), np.asarray(xyz_a, np.float64)
    mb, ma = b.mean(0), a.mean(0)
    U, D, Vt = np.linalg.svd((a - ma).T @ (b - mb) / len(a))
    S = np.diag([1.0, 1.0, np.sign(np.linalg.det(U) * np.linalg.det(Vt))])
    variance = float(((b - mb) ** 2).sum() / len(b))
    scale = float((D * np.diag(S)).sum()) / variance if with_scale else 1.0
    T = np.eye(4)
    T[:3, :3] = scale * U @ S @ Vt
    T[:3, 3] = ma - T[:3, :3] @ mb
    return T


def scale_of(T_a_b: F64) -> float:
    """The scale that a similarity (4, 4) holds: the cube root of its determinant."""
    return float(np.cbrt(np.linalg.det(T_a_b[:3, :3])))


def apply_to_pose(S_a_b: F64, T_b_cam: F64) -> F64:
    """Move camera poses (..., 4, 4) by a similarity and keep them rigid: centres are scaled, turns are not."""
    s = scale_of(S_a_b)
    out = np.array(T_b_cam, np.float64)
    out[..., :3, :3] = (S_a_b[:3, :3] / s) @ T_b_cam[..., :3, :3]
    out[..., :3, 3] = T_b_cam[..., :3, 3] @ S_a_b[:3, :3].T + S_a_b[:3, 3]
    return out
