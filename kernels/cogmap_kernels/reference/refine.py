"""Depth of plane sweep once more, whole images at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[Any]
SIDES = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]


def refine_depth(
    reference: Array,
    sources: Array,
    M: Array,
    b: Array,
    inverse: Array,
    step: float,
    half: int,
    reach: int,
    contrast: float,
    margin: float,
    threads: int,
) -> tuple[Array, Array]:
    """See the CPU column."""
    planes = np.where(inverse > 0, np.stack([inverse, *_slopes(inverse)]), 0)
    weights, spread = _weights(reference, half, contrast)

    def fits(q: Array, qx: Array, qy: Array) -> Array:
        each = np.sort([_fit(s, A, t, q, qx, qy, weights, spread) for s, A, t in zip(sources, M, b)], 0)
        second = each[-2] if len(each) > 1 else np.full(q.shape, -2.0)
        return np.where(second > -2.0, 0.5 * (each[-1] + second), each[-1] - 0.1)

    tries: list[Array] = []
    for far, y, x in [(0, 0, 0), *((f, *s) for f in (reach, reach // 2) for s in SIDES)]:
        p = _moved(planes, far * y, far * x)
        q = p[0] - p[1] * far * x - p[2] * far * y
        q = np.where(q > 0, q, p[0])
        known = (p[0] > 0) & ~np.any([(t[0] > 0) & (np.abs(t[0] - q) < 0.03 * q) for t in tries], axis=0)
        tries.append(np.where(known, np.stack([q, p[1], p[2]]), 0))
    known = np.stack([t[0] > 0 for t in tries])
    fit = np.where(known, [fits(*t) for t in tries], -3.0)
    top = fit.argmax(0)
    best = fit.max(0)
    q, qx, qy = np.take_along_axis(np.stack(tries, 1), top[None, None], 1)[:, 0]
    rival = known & (np.abs(np.stack([t[0] for t in tries]) - q) > 0.1 * q) & (fit > best - margin)
    inner = np.zeros(q.shape, bool)
    inner[half : len(q) - half, half : q.shape[1] - half] = True
    good = inner & (best > -1.0) & ~rival.any(0) & (spread > 1.0)
    low, high = fits(q - step, qx, qy), fits(q + step, qx, qy)
    bend = low - 2 * best + high
    shift = np.where(bend < -1e-9, np.clip(0.5 * (low - high) / np.where(bend < -1e-9, bend, 1), -1, 1), 0)
    depth = np.where(good, 1 / np.where(good, q + shift * step, 1), 0)
    return depth.astype(np.float32), np.where(good, best, 0).astype(np.float32)


def _moved(image: Array, dy: int, dx: int) -> Array:
    """The image (..., H, W) whose pixel (y, x) is that at (y + dy, x + dx), 0 beyond the edge."""
    h, w = image.shape[-2:]
    out = np.zeros_like(image)
    y0, x0 = max(-dy, 0), max(-dx, 0)
    y1, x1 = min(h, h - dy), min(w, w - dx)
    if y1 > y0 and x1 > x0:
        out[..., y0:y1, x0:x1] = image[..., y0 + dy : y1 + dy, x0 + dx : x1 + dx]
    return out


def _slopes(inverse: Array) -> tuple[Array, Array]:
    """Least squares of the inverse depth over 9 x 9 pixels near within 5 %."""
    sums = np.zeros((9, *inverse.shape))
    for dy in range(-4, 5):
        for dx in range(-4, 5):
            p = _moved(inverse, dy, dx)
            near = (p > 0) & (np.abs(p - inverse) <= 0.05 * inverse)
            sums += near * np.stack(np.broadcast_arrays(1.0, dx, dy, p, dx * dx, dx * dy, dy * dy, dx * p, dy * p))
    n = sums[0]
    x, y, q, xx, xy, yy, xq, yq = sums[1:] / np.maximum(n, 1)
    a, b, c, e, f = xx - x * x, xy - x * y, yy - y * y, xq - x * q, yq - y * q
    det = a * c - b * b
    good = (n >= 12) & (det >= 1e-3)
    safe = np.where(good, det, 1)
    return np.where(good, (c * e - b * f) / safe, 0), np.where(good, (a * f - b * e) / safe, 0)


def _weights(reference: Array, half: int, contrast: float) -> tuple[Array, Array]:
    """Weights (2, N, N, H, W), of the grey and of it times what it lies off the mean; the weighted variance (H, W)."""
    n = 2 * half + 1
    grey = np.stack([_moved(reference.astype(float), j - half, i - half) for j in range(n) for i in range(n)])
    off = np.array([np.hypot(j - half, i - half) for j in range(n) for i in range(n)])[:, None, None]
    weight = np.exp(-np.abs(grey - reference) / contrast - off / half)
    weight /= weight.sum(0)
    mean = (weight * grey).sum(0)
    both = np.stack([weight, weight * (grey - mean)]).reshape(2, n, n, *reference.shape)
    return both, (weight * grey**2).sum(0) - mean**2


def _fit(source: Array, M: Array, t: Array, q: Array, qx: Array, qy: Array, weights: Array, spread: Array) -> Array:
    """Weighted NCC of every pixel's window with a source; -2 where it leaves the picture or is plain."""
    n = weights.shape[1]
    half = n // 2
    v, u = (g + 0.5 for g in np.mgrid[: q.shape[0], : q.shape[1]])
    inside = np.ones(q.shape, bool)
    mean, square, both = (np.zeros(q.shape) for _ in range(3))
    for j in range(n):
        for i in range(n):
            dx, dy = i - half, j - half
            p = q + qx * dx + qy * dy
            x, y, z = (M[k, 0] * (u + dx) + M[k, 1] * (v + dy) + M[k, 2] + t[k] * p for k in range(3))
            ahead = z > 1e-9
            px, py = (np.where(ahead, c / np.where(ahead, z, 1) - 0.5, -1) for c in (x, y))
            ok = ahead & (px >= 0) & (py >= 0) & (px <= source.shape[1] - 1.001) & (py <= source.shape[0] - 1.001)
            inside &= ok
            at = [np.where(ok, py, 0), np.where(ok, px, 0)]
            grey = ndimage.map_coordinates(source.astype(np.float64), at, order=1)
            mean += weights[0, j, i] * grey
            square += weights[0, j, i] * grey**2
            both += weights[1, j, i] * grey
    var = square - mean**2
    good = inside & (var > 1.0) & (spread > 1.0)
    return np.where(good, both / np.sqrt(np.where(good, spread * var, 1)), -2.0)
