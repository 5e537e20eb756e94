"""Plane-sweep stereo and the check between depth maps, whole images at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[Any]
FLAT = 4.0


def plane_sweep(
    reference: Array, sources: Array, M: Array, b: Array, planes: Array, half: int, threads: int
) -> tuple[Array, Array]:
    """See the CPU column."""
    scores = np.stack([_score(reference, sources, M, b, p, half) for p in planes])
    inner = scores[1:-1]
    top = inner.argmax(0) + 1
    left, c, right = (np.take_along_axis(scores, (top + k)[None], 0)[0] for k in (-1, 0, 1))
    good = ~((c <= -1.0) | (left > c) | (right > c) | (np.minimum(left, right) <= -1.5))
    bend = left - 2 * c + right
    shift = np.where(bend < -1e-9, 0.5 * (left - right) / np.where(bend < -1e-9, bend, 1), 0)
    step = np.where(shift > 0, planes[top + 1] - planes[top], planes[top] - planes[top - 1])
    depth = np.where(good, 1 / np.where(good, planes[top] + shift * step, 1), 0)
    return depth.astype(np.float32), np.where(good, c, 0).astype(np.float32)


def _score(reference: Array, sources: Array, M: Array, b: Array, plane: float, half: int) -> Array:
    each = np.sort(
        [_ncc(reference, _warp(s, A, t * plane, reference.shape), half) for s, A, t in zip(sources, M, b)], 0
    )
    second = each[-2] if len(each) > 1 else np.full(reference.shape, -2.0)
    return np.where(second > -2.0, 0.5 * (each[-1] + second), each[-1] - 0.1)


def _warp(source: Array, M: Array, t: Array, shape: tuple[int, ...]) -> Array:
    v, u = (g + 0.5 for g in np.mgrid[: shape[0], : shape[1]])
    x, y, z = (M[k, 0] * u + M[k, 1] * v + M[k, 2] + t[k] for k in range(3))
    ahead = z > 1e-9
    px, py = (np.where(ahead, c / np.where(ahead, z, 1) - 0.5, -1) for c in (x, y))
    inside = ahead & (px >= 0) & (py >= 0) & (px <= source.shape[1] - 1.001) & (py <= source.shape[0] - 1.001)
    out = ndimage.map_coordinates(
        source.astype(np.float64), [np.where(inside, py, 0), np.where(inside, px, 0)], order=1
    )
    return np.where(inside, out, np.nan)


def _ncc(a: Array, b: Array, half: int) -> Array:
    size = 2 * half + 1
    bad = ndimage.maximum_filter(np.isnan(b).astype(np.uint8), size, mode="constant", cval=1) > 0
    p, q = a.astype(np.float64), np.nan_to_num(b)

    def mean(v: Array) -> Array:
        return ndimage.uniform_filter(v, size, mode="constant")

    var_p, var_q = mean(p * p) - mean(p) ** 2, mean(q * q) - mean(q) ** 2
    good = ~bad & (var_p > FLAT) & (var_q > FLAT)
    safe = np.where(good, var_p * var_q, 1)
    return np.where(good, (mean(p * q) - mean(p) * mean(q)) / np.sqrt(safe), -2.0)


def consistent(
    depth: Array,
    depths: Array,
    K: Array,
    K_sources: Array,
    T: Array,
    T_back: Array,
    max_px: float,
    max_rel: float,
    threads: int,
) -> tuple[Array, Array]:
    """See the CPU column."""
    v, u = (g + 0.5 for g in np.mgrid[: depth.shape[0], : depth.shape[1]])
    z = depth.astype(np.float64)
    known = z > 0
    xyz = np.stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z], -1)
    total, votes = z.copy(), np.zeros(depth.shape, np.uint8)
    for other, k, A, B in zip(depths, K_sources, T, T_back):
        q = xyz @ A[:3, :3].T + A[:3, 3]
        good = known & (q[..., 2] > 1e-6)
        w = np.where(good, q[..., 2], 1)
        s, t = q[..., 0] / w * k[0, 0] + k[0, 2], q[..., 1] / w * k[1, 1] + k[1, 2]
        good &= (s >= 0) & (t >= 0) & (s < other.shape[1]) & (t < other.shape[0])
        column, row = (np.where(good, c, 0).astype(int) for c in (s, t))
        d = np.where(good, other[row, column], 0).astype(np.float64)
        back = np.stack([(column + 0.5 - k[0, 2]) / k[0, 0] * d, (row + 0.5 - k[1, 2]) / k[1, 1] * d, d], -1)
        r = back @ B[:3, :3].T + B[:3, 3]
        good &= (d > 0) & (r[..., 2] > 1e-6) & (np.abs(r[..., 2] - z) <= max_rel * z)
        rz = np.where(good, r[..., 2], 1)
        du, dv = r[..., 0] / rz * K[0, 0] + K[0, 2] - u, r[..., 1] / rz * K[1, 1] + K[1, 2] - v
        good &= du * du + dv * dv <= max_px * max_px
        total += np.where(good, r[..., 2], 0)
        votes += good
    return np.where(known, total / (votes + 1.0), 0).astype(np.float32), votes
