"""Rules on floats that the CPU and the GPU compile from the same source; a GPU may contract them.

Columns agree in them within a tolerance; what decides an integer bit for bit stands in `_rules` or is rounded
step by step. They take arrays, so each column compiles the plain functions for itself.
"""

from __future__ import annotations

from typing import Any


def smallest_axis(C: Any, V: Any) -> int:
    """Turn V (3, 3) into the eigenvectors of a symmetric matrix C (3, 3), by Jacobi's rotations (1846).

    Both are written to. Returns the column of the smallest eigenvalue, the first of equals.
    """
    for i in range(3):
        for j in range(3):
            V[i, j] = 1.0 if i == j else 0.0
    for step in range(24):
        p, q = (0, 1) if step % 3 == 0 else ((0, 2) if step % 3 == 1 else (1, 2))
        if abs(C[p, q]) <= 1e-18 * (abs(C[p, p]) + abs(C[q, q])):
            continue
        theta = (C[q, q] - C[p, p]) / (2 * C[p, q])
        t = (1.0 if theta >= 0 else -1.0) / (abs(theta) + (theta * theta + 1) ** 0.5)
        c = 1 / (t * t + 1) ** 0.5
        s = t * c
        for k in range(3):
            C[k, p], C[k, q] = c * C[k, p] - s * C[k, q], s * C[k, p] + c * C[k, q]
        for k in range(3):
            C[p, k], C[q, k] = c * C[p, k] - s * C[q, k], s * C[p, k] + c * C[q, k]
        for k in range(3):
            V[k, p], V[k, q] = c * V[k, p] - s * V[k, q], s * V[k, p] + c * V[k, q]
    least = 0
    for m in range(1, 3):
        if C[m, m] < C[least, least]:
            least = m
    return least


def gap(boxes: Any, k: int, x: float, y: float, z: float) -> float:
    """Squared distance of a point from box k of (N, 6) lower and upper corners."""
    dx = max(max(boxes[k, 0] - x, x - boxes[k, 3]), 0.0)
    dy = max(max(boxes[k, 1] - y, y - boxes[k, 4]), 0.0)
    dz = max(max(boxes[k, 2] - z, z - boxes[k, 5]), 0.0)
    return dx * dx + dy * dy + dz * dz


def picked(scores: Any, planes: Any, y: int, x: int) -> tuple[float, float]:
    """Depth and score of a pixel: the first best plane, refined by a parabola through its neighbours, else (0, 0)."""
    top = 1
    for d in range(1, len(planes) - 1):
        if scores[d, y, x] > scores[top, y, x]:
            top = d
    c, left, right = scores[top, y, x], scores[top - 1, y, x], scores[top + 1, y, x]
    if c <= -1.0 or left > c or right > c or min(left, right) <= -1.5:
        return 0.0, 0.0
    bend = left - 2 * c + right
    shift = 0.5 * (left - right) / bend if bend < -1e-9 else 0.0
    step = planes[top + 1] - planes[top] if shift > 0 else planes[top] - planes[top - 1]
    return 1.0 / (planes[top] + shift * step), c


def agreed(
    depth: Any, depths: Any, K: Any, K_sources: Any, T: Any, T_back: Any, max_px: float, max_rel: float, y: int, x: int
) -> tuple[float, int]:
    """Mean depth of a pixel and of the sources that lead back to it, and how many do; (0, 0) where it is unknown."""
    z = depth[y, x]
    if not z > 0:
        return 0.0, 0
    px, py = (x + 0.5 - K[0, 2]) / K[0, 0] * z, (y + 0.5 - K[1, 2]) / K[1, 1] * z
    total, count = float(z), 1
    for s in range(len(depths)):
        A, B, k = T[s], T_back[s], K_sources[s]
        qz = A[2, 0] * px + A[2, 1] * py + A[2, 2] * z + A[2, 3]
        if qz <= 1e-6:
            continue
        u = (A[0, 0] * px + A[0, 1] * py + A[0, 2] * z + A[0, 3]) / qz * k[0, 0] + k[0, 2]
        v = (A[1, 0] * px + A[1, 1] * py + A[1, 2] * z + A[1, 3]) / qz * k[1, 1] + k[1, 2]
        if u < 0 or v < 0 or u >= depths.shape[2] or v >= depths.shape[1]:
            continue
        d = depths[s, int(v), int(u)]
        if d <= 0:
            continue
        sx, sy = (int(u) + 0.5 - k[0, 2]) / k[0, 0] * d, (int(v) + 0.5 - k[1, 2]) / k[1, 1] * d
        rz = B[2, 0] * sx + B[2, 1] * sy + B[2, 2] * d + B[2, 3]
        if rz <= 1e-6 or abs(rz - z) > max_rel * z:
            continue
        du = (B[0, 0] * sx + B[0, 1] * sy + B[0, 2] * d + B[0, 3]) / rz * K[0, 0] + K[0, 2] - x - 0.5
        dv = (B[1, 0] * sx + B[1, 1] * sy + B[1, 2] * d + B[1, 3]) / rz * K[1, 1] + K[1, 2] - y - 0.5
        if du * du + dv * dv <= max_px * max_px:
            total += rz
            count += 1
    return total / count, count - 1
