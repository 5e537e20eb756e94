"""Rules of `refine_depth`, compiled from the same source by the CPU and the GPU; see `_float_rules`.

A try is a plane through a pixel: its inverse depth there and the change of that by pixel along x and y.
"""

from __future__ import annotations

import math
from typing import Any

SLOPE_REACH = 4
TRIES = 17
MOST_EDGE = 11


def slope(inverse: Any, y: int, x: int) -> tuple[float, float]:
    """Change of the inverse depth (H, W) by pixel along x and y: least squares over 9 x 9 pixels near within 5 %.

    (0, 0) where fewer than twelve are near, or all lie on a line.
    """
    q = inverse[y, x]
    n = 0
    sx = sy = sq = sxx = sxy = syy = sxq = syq = 0.0
    for v in range(max(y - SLOPE_REACH, 0), min(y + SLOPE_REACH + 1, inverse.shape[0])):
        for u in range(max(x - SLOPE_REACH, 0), min(x + SLOPE_REACH + 1, inverse.shape[1])):
            p = inverse[v, u]
            if p > 0 and abs(p - q) <= 0.05 * q:
                dx, dy = float(u - x), float(v - y)
                n += 1
                sx += dx
                sy += dy
                sq += p
                sxx += dx * dx
                sxy += dx * dy
                syy += dy * dy
                sxq += dx * p
                syq += dy * p
    if n < 12:
        return 0.0, 0.0
    a, b, c = sxx / n - sx / n * sx / n, sxy / n - sx / n * sy / n, syy / n - sy / n * sy / n
    e, f = sxq / n - sx / n * sq / n, syq / n - sy / n * sq / n
    det = a * c - b * b
    if det < 1e-3:
        return 0.0, 0.0
    return (c * e - b * f) / det, (a * f - b * e) / det


def find_tries(inverse: Any, slopes: Any, reach: int, y: int, x: int, planes: Any) -> int:
    """Write the tries of a pixel to `planes` (17, 3): its own, and those of 8 pixels `reach` and 8 half as far away.

    Each is carried along its slope (2, H, W); those within 3 % of one before are left out. Returns how many.
    """
    count = 0
    for k in range(TRIES):
        far = 0 if k == 0 else (reach if k <= 8 else reach // 2)
        side = (k - 1) % 8 + (1 if (k - 1) % 8 >= 4 else 0)
        dx, dy = (side % 3 - 1) * far, (side // 3 - 1) * far
        v, u = y + dy, x + dx
        if v < 0 or u < 0 or v >= inverse.shape[0] or u >= inverse.shape[1] or inverse[v, u] <= 0:
            continue
        q = inverse[v, u] - slopes[0, v, u] * dx - slopes[1, v, u] * dy
        if q <= 0:
            q = inverse[v, u]
        new = True
        for o in range(count):
            if abs(planes[o, 0] - q) < 0.03 * q:
                new = False
        if new:
            planes[count, 0], planes[count, 1], planes[count, 2] = q, slopes[0, v, u], slopes[1, v, u]
            count += 1
    return count


def weigh(reference: Any, contrast: float, half: int, y: int, x: int, weights: Any) -> float:
    """Write the weights (2, N, N) of the window round a pixel, see `fit`; returns the weighted variance in it.

    A weight is exp(-|grey difference| / contrast - distance / half the window) (Yoon and Kweon, 2006).
    """
    n = 2 * half + 1
    total = mean = square = 0.0
    for j in range(n):
        for i in range(n):
            grey = float(reference[y + j - half, x + i - half])
            far = math.sqrt(float((i - half) * (i - half) + (j - half) * (j - half)))
            weight = math.exp(-abs(grey - reference[y, x]) / contrast - far / half)
            weights[0, j, i] = weight
            total += weight
            mean += weight * grey
            square += weight * grey * grey
    mean /= total
    for j in range(n):
        for i in range(n):
            weights[0, j, i] /= total
            weights[1, j, i] = weights[0, j, i] * (reference[y + j - half, x + i - half] - mean)
    return square / total - mean * mean


def fit(
    sources: Any,
    M: Any,
    b: Any,
    half: int,
    y: int,
    x: int,
    q: float,
    qx: float,
    qy: float,
    weights: Any,
    spread: float,
) -> float:
    """Mean of the two best weighted NCC of the window round a pixel with the sources, if it lies on a plane.

    Args:
        q, qx, qy: the try. weights: (2, N, N), those that sum to 1, and they times the grey value less its mean.
        spread: the weighted variance of the grey values.
    """
    n = 2 * half + 1
    u, v = x + 0.5 - half, y + 0.5 - half
    start = q - (qx + qy) * half
    best = second = -2.0
    for s in range(len(sources)):
        ax = M[s, 0, 0] * u + M[s, 0, 1] * v + M[s, 0, 2] + b[s, 0] * start
        ay = M[s, 1, 0] * u + M[s, 1, 1] * v + M[s, 1, 2] + b[s, 1] * start
        az = M[s, 2, 0] * u + M[s, 2, 1] * v + M[s, 2, 2] + b[s, 2] * start
        ix, iy, iz = M[s, 0, 0] + b[s, 0] * qx, M[s, 1, 0] + b[s, 1] * qx, M[s, 2, 0] + b[s, 2] * qx
        jx, jy, jz = M[s, 0, 1] + b[s, 0] * qy, M[s, 1, 1] + b[s, 1] * qy, M[s, 2, 1] + b[s, 2] * qy
        inside = True
        for corner in range(4):
            i, j = (n - 1) * (corner % 2), (n - 1) * (corner // 2)
            z = az + iz * i + jz * j
            if z <= 1e-9:
                inside = False
            else:
                px, py = (ax + ix * i + jx * j) / z - 0.5, (ay + iy * i + jy * j) / z - 0.5
                if px < 0 or py < 0 or px > sources.shape[2] - 1.001 or py > sources.shape[1] - 1.001:
                    inside = False
        if not inside:
            continue
        mean = square = both = 0.0
        for j in range(n):
            for i in range(n):
                z = 1 / (az + iz * i + jz * j)
                px, py = (ax + ix * i + jx * j) * z - 0.5, (ay + iy * i + jy * j) * z - 0.5
                column, row = int(px), int(py)
                k, m = px - column, py - row
                top = sources[s, row, column] * (1 - k) + sources[s, row, column + 1] * k
                low = sources[s, row + 1, column] * (1 - k) + sources[s, row + 1, column + 1] * k
                grey = top * (1 - m) + low * m
                mean += weights[0, j, i] * grey
                square += weights[0, j, i] * grey * grey
                both += weights[1, j, i] * grey
        var = square - mean * mean
        if var > 1.0:
            value = both / math.sqrt(spread * var)
            if value > best:
                second = best
                best = value
            elif value > second:
                second = value
    return 0.5 * (best + second) if second > -2.0 else best - 0.1


def best_try(planes: Any, fits: Any, count: int, margin: float) -> int:
    """The try that fits best, the first of equals; -1 where none does, or one over 10 % away fits nearly as well."""
    top = 0
    for k in range(count):
        if fits[k] > fits[top]:
            top = k
    if count == 0 or fits[top] <= -1.0:
        return -1
    for k in range(count):
        if abs(planes[k, 0] - planes[top, 0]) > 0.1 * planes[top, 0] and fits[k] > fits[top] - margin:
            return -1
    return top


def settled(q: float, step: float, low: float, best: float, high: float) -> float:
    """The depth at the top of a parabola through the fits at q - step, q and q + step of inverse depth."""
    bend = low - 2 * best + high
    shift = min(max(0.5 * (low - high) / bend, -1.0), 1.0) if bend < -1e-9 else 0.0
    return 1 / (q + shift * step)
