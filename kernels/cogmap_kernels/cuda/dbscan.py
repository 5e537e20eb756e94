"""Exact DBSCAN: a thread a point, over cells that the host has sorted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _host, _rules
from . import launch
from .components import flat, join

Array = npt.NDArray[Any]

_root = cuda.jit(device=True)(_rules.root)


def dbscan(xyz: Array, eps: float, min_points: int, threads: int) -> Array:
    """See the CPU column."""
    if len(xyz) == 0:
        return np.empty(0, np.int32)
    side = eps / np.sqrt(3.0) * (1 - 1e-9)
    cell = np.floor((xyz.astype(np.float64) - _host.bounds(xyz)[0]) / side).astype(np.int64) + 8
    key = cell[:, 2] << 42 | cell[:, 1] << 21 | cell[:, 0]
    order = np.argsort(key)
    points, sorted_key = launch.device_array(xyz[order]), launch.device_array(key[order])
    n, square = len(xyz), eps * eps
    core = launch.device_array(np.zeros(n, np.int32))
    parent = launch.device_array(np.arange(n, dtype=np.int32))
    launch.run(_find_cores, n, points, sorted_key, square, min_points, core)
    launch.run(_join, n, points, sorted_key, square, core, parent)
    label = _numbers(launch.host(core) > 0, flat(launch.host(parent)), order)
    out = launch.device_array(label)
    launch.run(_adopt, n, points, sorted_key, square, core, launch.device_array(label), out)
    result = np.empty(n, np.int32)
    result[order] = launch.host(out)
    return result


def _numbers(core: Array, forest: Array, order: Array) -> Array:
    """Cluster of every core point, numbered by the caller's first core point; -1 for the others."""
    label = np.full(len(core), -1, np.int32)
    if core.any():
        roots, of = np.unique(forest[core], return_inverse=True)
        first = np.full(len(roots), len(core))
        np.minimum.at(first, of, order[core])
        rank = np.empty(len(roots), np.int32)
        rank[np.argsort(first)] = np.arange(len(roots))
        label[core] = rank[of]
    return label


@cuda.jit(device=True)
def _near(points, i, j, square):  # type: ignore[no-untyped-def]
    x = np.float64(points[i, 0]) - np.float64(points[j, 0])
    y = np.float64(points[i, 1]) - np.float64(points[j, 1])
    z = np.float64(points[i, 2]) - np.float64(points[j, 2])
    return launch.dot(x, y, z, x, y, z) <= square


@cuda.jit(device=True)
def _bound(key, value):  # type: ignore[no-untyped-def]
    """First position whose key is not below a value."""
    lo, hi = 0, len(key)
    while lo < hi:
        middle = (lo + hi) // 2
        if key[middle] < value:
            lo = middle + 1
        else:
            hi = middle
    return lo


@cuda.jit(device=True)
def _row(key, i, r):  # type: ignore[no-untyped-def]
    """Positions of the points in one of the 25 rows of cells round a point's cell."""
    middle = key[i] + ((r // 5 - 2) << 42) + ((r % 5 - 2) << 21)
    return _bound(key, middle - 2), _bound(key, middle + 3)


@cuda.jit
def _find_cores(points, key, square, least, core):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(points):
        return
    n = 0
    for r in range(25):
        lo, hi = _row(key, i, r)
        for j in range(lo, hi):
            if n < least and (key[j] == key[i] or _near(points, i, j, square)):
                n += 1
    core[i] = 1 if n >= least else 0


@cuda.jit
def _join(points, key, square, core, parent):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(points) or core[i] == 0:
        return
    for r in range(25):
        lo, hi = _row(key, i, r)
        for j in range(max(lo, i + 1), hi):
            apart = core[j] > 0 and _root(parent, i) != _root(parent, j)
            if apart and (key[j] == key[i] or _near(points, i, j, square)):
                join(parent, i, j)


@cuda.jit
def _adopt(points, key, square, core, label, out):  # type: ignore[no-untyped-def]
    """Points that are no cores join the lowest cluster with a core point near them."""
    i = cuda.grid(1)
    if i >= len(points) or core[i]:
        return
    best = -1
    for r in range(25):
        lo, hi = _row(key, i, r)
        for j in range(lo, hi):
            if core[j] and (best < 0 or label[j] < best) and _near(points, i, j, square):
                best = label[j]
    out[i] = best
