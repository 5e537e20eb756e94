"""Boxes with any rotation: the gap between two, and the exact volume that they share."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numba import njit

from .._checks import F64, Array

SIGNS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
EDGES = np.array([(i, j) for i, j in combinations(range(8), 2) if (SIGNS[i] != SIGNS[j]).sum() == 1])
COPLANAR = 1e-9


def corners(center: Array, size: Array, R: Array) -> F64:
    """The eight corners (8, 3) of a box whose axes are the columns of R (3, 3)."""
    return np.asarray(np.asarray(center, float) + (SIGNS * np.asarray(size, float) / 2) @ np.asarray(R, float).T)


def gap(center_a: Array, size_a: Array, R_a: Array, center_b: Array, size_b: Array, R_b: Array) -> float:
    """Smallest distance between two solid boxes, 0 where they meet.

    Of convex solids apart the nearest points are a corner and a face or edge, or lie on two edges.
    """
    if not _apart(center_a, size_a, R_a, center_b, size_b, R_b):
        return 0.0
    A, B = corners(center_a, size_a, R_a), corners(center_b, size_b, R_b)
    best = min(_to_box(A, center_b, size_b, R_b), _to_box(B, center_a, size_a, R_a))
    return min(best, _edges(A, B))


def _apart(center_a: Array, size_a: Array, R_a: Array, center_b: Array, size_b: Array, R_b: Array) -> bool:
    """Whether a plane parts two boxes: the separating axis test (Gottschalk, Lin and Manocha, 1996)."""
    crossed = np.cross(R_a.T[:, None], R_b.T[None]).reshape(-1, 3)
    axes = np.concatenate([R_a.T, R_b.T, crossed[np.linalg.norm(crossed, axis=1) > 1e-9]])
    reach = np.abs(axes @ R_a) @ np.asarray(size_a) / 2 + np.abs(axes @ R_b) @ np.asarray(size_b) / 2
    return bool((np.abs(axes @ (np.asarray(center_b) - np.asarray(center_a))) > reach).any())


def _to_box(points: F64, center: Array, size: Array, R: Array) -> float:
    local = np.abs((points - np.asarray(center)) @ np.asarray(R)) - np.asarray(size) / 2
    return float(np.linalg.norm(np.maximum(local, 0), axis=1).min())


def _edges(A: F64, B: F64) -> float:
    """Smallest distance between the edges of two boxes, given by their corners (8, 3); Ericson, 2005, 5.1.9."""
    p, u = A[EDGES[:, 0]][:, None], (A[EDGES[:, 1]] - A[EDGES[:, 0]])[:, None]
    q, v = B[EDGES[:, 0]][None], (B[EDGES[:, 1]] - B[EDGES[:, 0]])[None]
    r = p - q
    a, e, f = (u * u).sum(-1), (v * v).sum(-1), (v * r).sum(-1)
    b, c = (u * v).sum(-1), (u * r).sum(-1)
    denominator = np.maximum(a * e - b * b, 1e-15)
    s = np.clip((b * f - c * e) / denominator, 0, 1)
    t = np.clip((b * s + f) / e, 0, 1)
    s = np.clip((b * t - c) / a, 0, 1)
    return float(np.linalg.norm(r + s[..., None] * u - t[..., None] * v, axis=-1).min())


def iou(center_a: Array, size_a: Array, R_a: Array, center_b: Array, size_b: Array, R_b: Array) -> float:
    """Volume of intersection over union of two boxes; exactly 1 for equal ones, the same either way round."""
    a, b = (
        (np.ascontiguousarray(c, np.float64), np.ascontiguousarray(s, np.float64), np.ascontiguousarray(R, np.float64))
        for c, s, R in ((center_a, size_a, R_a), (center_b, size_b, R_b))
    )
    if all(np.array_equal(x, y) for x, y in zip(a, b)):
        return 1.0
    first, second = sorted((a, b), key=lambda box: tuple(np.concatenate([box[0], box[1], box[2].ravel()])))
    return float(_iou(*first, *second))


@njit(cache=True)
def _iou(ca: F64, sa: F64, Ra: F64, cb: F64, sb: F64, Rb: F64) -> float:
    whole = sa[0] * sa[1] * sa[2] + sb[0] * sb[1] * sb[2]
    far = 0.0
    for k in range(3):
        far += (ca[k] - cb[k]) ** 2
    reach = np.sqrt((sa**2).sum()) / 2 + np.sqrt((sb**2).sum()) / 2
    if far > reach * reach or whole <= 0:
        return 0.0
    shared = _shared(ca, sa, Ra, cb, sb, Rb)
    shared = min(max(shared, 0.0), sa[0] * sa[1] * sa[2], sb[0] * sb[1] * sb[2])
    return min(shared / (whole - shared), 1.0)


@njit(cache=True)
def _shared(ca: F64, sa: F64, Ra: F64, cb: F64, sb: F64, Rb: F64) -> float:
    """Volume of the intersection by the divergence theorem: its surface is what of each box's faces lies in the other.

    In the frame of the first box, in units of the largest side; a face on an equally directed one counts once.
    """
    unit = max(sa.max(), sb.max())
    half_a, half_b = sa / (2 * unit), sb / (2 * unit)
    center = Ra.T @ (cb - ca) / unit
    R = Ra.T @ Rb
    zero, eye = np.zeros(3), np.eye(3)
    volume = _inside(zero, half_a, eye, center, half_b, R, True) + _inside(center, half_b, R, zero, half_a, eye, False)
    return volume * unit**3


@njit(cache=True)
def _inside(c: F64, half: F64, R: F64, c_other: F64, half_other: F64, R_other: F64, keep_common: bool) -> float:
    """A third of the sum of (normal . point) * area over the parts of a box's faces inside another box."""
    total = 0.0
    polygon, clipped = np.empty((16, 3)), np.empty((16, 3))
    for axis in range(3):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1.0, 1.0):
            normal = sign * R[:, axis]
            middle = c + half[axis] * normal
            for k in range(4):
                a = half[i] if k in (1, 2) else -half[i]
                b = half[j] if k in (2, 3) else -half[j]
                polygon[k] = middle + a * R[:, i] + sign * b * R[:, j]
            n = 4
            for other_axis in range(3):
                for other_sign in (-1.0, 1.0):
                    plane = other_sign * R_other[:, other_axis]
                    offset = np.dot(plane, c_other) + half_other[other_axis]
                    common = abs(np.dot(plane, middle) - offset) < COPLANAR and np.dot(plane, normal) > 1 - COPLANAR
                    if common:
                        if not keep_common:
                            n = 0
                        continue
                    n = _clip(polygon, n, plane, offset, clipped)
                    polygon, clipped = clipped, polygon
                    if n < 3:
                        n = 0
                        break
                if n == 0:
                    break
            if n >= 3:
                area = np.zeros(3)
                for k in range(1, n - 1):
                    area += np.cross(polygon[k] - polygon[0], polygon[k + 1] - polygon[0])
                total += np.dot(polygon[0], normal) * abs(np.dot(area, normal)) / 2
    return total / 3


@njit(cache=True)
def _clip(polygon: F64, n: int, plane: F64, offset: float, out: F64) -> int:
    """Sutherland and Hodgman, 1974: the part of a polygon (n corners) on the inner side of a plane."""
    m = 0
    for k in range(n):
        p, q = polygon[k], polygon[(k + 1) % n]
        d, e = np.dot(plane, p) - offset, np.dot(plane, q) - offset
        if d <= 0:
            out[m] = p
            m += 1
        if (d < 0 < e) or (e < 0 < d):
            out[m] = p + (q - p) * (d / (d - e))
            m += 1
    return m
