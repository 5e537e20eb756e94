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


def normals_of_depth(depth: Array, K: F64, radius: int = 2, max_residual: float = 0.02) -> F32:
    """Normals (H, W, 3) of a z-depth image (H, W), towards the camera; NaN where no plane fits.

    Inverse depth is linear in the ray over a plane: 1 / z = n . (x, y, 1) / d. The normal is the least-squares
    fit of that over the known pixels of a window, as by Hebert et al. for range images; a pixel is
    invalid where fewer than half of its window is known or the fit leaves more than `max_residual` of 1 / z.

    Args:
        radius: half edge of the window in pixels, at least 1; noisier depth wants a larger one.
    """
    h, w = depth.shape
    known = np.isfinite(depth) & (depth > 0)
    q = np.where(known, 1.0 / np.where(known, depth, 1.0), 0.0)
    x = np.broadcast_to((np.arange(w) + 0.5 - K[0, 2]) / K[0, 0], (h, w))
    y = np.broadcast_to(((np.arange(h) + 0.5 - K[1, 2]) / K[1, 1])[:, None], (h, w))
    m = known.astype(np.float64)
    n, sx, sy, sq = (_box_sum(v, radius) for v in (m, m * x, m * y, q))
    count = np.maximum(n, 1.0)
    mx, my, mq = sx / count, sy / count, sq / count
    xx, yy, xy = (
        _box_sum(m * a * b, radius) / count - c * d for a, b, c, d in ((x, x, mx, mx), (y, y, my, my), (x, y, mx, my))
    )
    xq, yq, qq = (_box_sum(a * q, radius) / count - c * mq for a, c in ((x, mx), (y, my), (q, mq)))
    det = xx * yy - xy**2
    good = known & (n >= 0.5 * (2 * radius + 1) ** 2) & (det > 1e-16)
    det = np.where(good, det, 1.0)
    A, B = (xq * yy - yq * xy) / det, (yq * xx - xq * xy) / det
    C = mq - A * mx - B * my
    residual = np.maximum(qq - A * xq - B * yq, 0.0)
    good &= residual <= (max_residual * mq) ** 2
    normal = -np.stack([A, B, C], axis=-1)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    out = np.where(good[..., None], normal / np.maximum(length, 1e-12), np.nan)
    return out.astype(np.float32)


def _box_sum(values: Array, radius: int) -> F64:
    """Sum over the (2 radius + 1)^2 window round every pixel; outside counts as zero."""
    total = np.pad(np.cumsum(np.cumsum(values, axis=0, dtype=np.float64), axis=1), ((1, 0), (1, 0)))
    h, w = values.shape
    top, low = np.maximum(np.arange(h) - radius, 0), np.minimum(np.arange(h) + radius + 1, h)
    left, right = np.maximum(np.arange(w) - radius, 0), np.minimum(np.arange(w) + radius + 1, w)
    rows = total[low] - total[top]
    return np.asarray(rows[:, right] - rows[:, left])
