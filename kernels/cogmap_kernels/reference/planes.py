"""Planes by the same hypotheses, each scored with one line of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _host, _rules
from .._results import Planes

Array = npt.NDArray[Any]


def segment_planes(
    xyz: Array,
    distance: float,
    most: int,
    hypotheses: int,
    sample: int,
    least: int,
    up: Array,
    tilt_cos: float,
    seed: int,
    threads: int,
) -> Planes:
    """See the CPU column."""
    p = xyz.astype(np.float64)
    owner = np.full(len(p), -1, np.int32)
    rows: list[tuple[Array, int]] = []
    for k in range(most):
        left = np.flatnonzero(owner < 0)
        if len(left) < max(least, 3):
            break
        some = p[_host.spread(left, sample)]
        plane = _best(some, distance, hypotheses, up, tilt_cos, seed + k)
        for _ in range(3):
            plane = _refitted(p[left], plane, distance, up, tilt_cos)
        near = left[np.abs(p[left] @ plane[:3] - plane[3]) <= distance]
        if len(near) < least:
            break
        owner[near] = k
        rows.append((plane, len(near)))
    planes = np.array([r[0] for r in rows]).reshape(-1, 4)
    return Planes(planes[:, :3], planes[:, 3], np.array([r[1] for r in rows], np.int64), owner)


def _best(p: Array, distance: float, hypotheses: int, up: Array, tilt_cos: float, seed: int) -> Array:
    best, count = np.array([0, 0, 1.0, 0]), -1
    for h in range(hypotheses):
        i = _rules.draw(seed, 3 * h, len(p))
        if h % 2:
            j, k = ((i + 1 + _rules.draw(seed, 3 * h + s, 16)) % len(p) for s in (1, 2))
        else:
            j, k = (_rules.draw(seed, 3 * h + s, len(p)) for s in (1, 2))
        normal = np.cross(p[j] - p[i], p[k] - p[i])
        length = np.linalg.norm(normal)
        if length < 1e-12 or (len(up) and abs(normal @ up) / length < tilt_cos):
            continue
        normal /= length
        near = int((np.abs(p @ normal - normal @ p[i]) <= distance).sum())
        if near > count:
            best, count = np.array([*normal, normal @ p[i]]), near
    return best


def _refitted(p: Array, plane: Array, distance: float, up: Array, tilt_cos: float) -> Array:
    near = p[np.abs(p @ plane[:3] - plane[3]) <= distance]
    if len(near) < 3:
        return plane
    normal = np.linalg.svd(near - near.mean(0), full_matrices=False)[2][2]
    normal = normal if normal @ plane[:3] >= 0 else -normal
    if len(up) and abs(normal @ up) < tilt_cos:
        return plane
    return np.array([*normal, normal @ near.mean(0)])
