"""Pinhole cameras: OpenCV axes, pixel (column, row) with the first pixel's centre at (0.5, 0.5), z-depth."""

from __future__ import annotations

import numpy as np

from .._checks import F32, F64, Array


def pixel_grid(height_px: int, width_px: int) -> F32:
    """Centres of all pixels as (H, W, 2) float32 (column, row)."""
    u = np.arange(width_px, dtype=np.float32) + 0.5
    v = np.arange(height_px, dtype=np.float32) + 0.5
    return np.stack(np.meshgrid(u, v), axis=-1)


def unproject(depth: Array, K: F64) -> F32:
    """Camera points (H, W, 3) float32 of a z-depth image (H, W) in the unit of the depth."""
    h, w = depth.shape
    x = ((np.arange(w) + 0.5 - K[0, 2]) / K[0, 0]).astype(np.float32)
    y = ((np.arange(h) + 0.5 - K[1, 2]) / K[1, 1]).astype(np.float32)
    z = depth.astype(np.float32)
    return np.stack([z * x[None, :], z * y[:, None], z], axis=-1)


def project(xyz_cam: Array, K: F64) -> tuple[F64, F64]:
    """Pixels (..., 2) and z-depth (...) of camera points (..., 3); a point at z <= 0 gives NaN pixels."""
    p = np.asarray(xyz_cam, np.float64)
    z = p[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        uv = np.stack([p[..., 0] / z * K[0, 0] + K[0, 2], p[..., 1] / z * K[1, 1] + K[1, 2]], axis=-1)
    uv[z <= 0] = np.nan
    return uv, z


def scaled_K(K: Array, sx: float, sy: float) -> F64:
    """Intrinsics (3, 3) of an image resized by (sx, sy); exact because pixel centres stand at halves."""
    return np.asarray(np.diag([sx, sy, 1.0]) @ np.asarray(K, np.float64), np.float64)


def rotated_K(K: Array, quarter_turns: int, width_px: int, height_px: int) -> F64:
    """Intrinsics after `numpy.rot90(image, quarter_turns)`; width and height are those before the turn."""
    fx, fy, cx, cy = float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])
    w, h = width_px, height_px
    for _ in range(quarter_turns % 4):
        fx, fy, cx, cy, w, h = fy, fx, cy, w - cx, h, w
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def pinhole_K(fx: float, fy: float, cx: float, cy: float) -> F64:
    """Intrinsics (3, 3) from four numbers in pixels."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def normals_of_depth(xyz_cam: F32, max_jump: float = 0.05) -> F32:
    """Normals (H, W, 3) of an organised point image, towards the camera; NaN at depth steps and holes.

    A normal is the cross product of central differences two pixels apart. A neighbour whose depth
    differs by more than `max_jump` of the depth makes the pixel invalid.
    """
    out = np.full_like(xyz_cam, np.nan)
    dx = xyz_cam[2:-2, 4:] - xyz_cam[2:-2, :-4]
    dy = xyz_cam[4:, 2:-2] - xyz_cam[:-4, 2:-2]
    n = np.cross(dx, dy)
    norm = np.linalg.norm(n, axis=-1, keepdims=True)
    z = xyz_cam[2:-2, 2:-2, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        n = n / norm
        smooth = (np.abs(dx[..., 2]) < max_jump * z) & (np.abs(dy[..., 2]) < max_jump * z)
    toward = np.sum(n * xyz_cam[2:-2, 2:-2], axis=-1, keepdims=True) > 0
    n = np.where(toward, -n, n)
    n[~smooth | (z <= 0)] = np.nan
    out[2:-2, 2:-2] = n
    return out
