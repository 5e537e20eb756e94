"""Plane-sweep stereo and the check between depth maps; a thread a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _float_rules
from . import launch

Array = npt.NDArray[Any]
FLAT = 4.0

_picked = cuda.jit(device=True)(_float_rules.picked)
_agreed = cuda.jit(device=True)(_float_rules.agreed)


def plane_sweep(
    reference: Array, sources: Array, M: Array, b: Array, planes: Array, half: int, threads: int
) -> tuple[Array, Array]:
    """See the CPU column."""
    height, width = reference.shape
    n = height * width
    picture, others = launch.device_array(reference), launch.device_array(sources)
    A, t, inverse = launch.device_array(M), launch.device_array(b), launch.device_array(planes)
    scores = cuda.device_array((len(planes), height, width), np.float32)
    warped = cuda.device_array((height, width), np.float32)
    best, second = (cuda.device_array((height, width), np.float32) for _ in range(2))
    for d in range(len(planes)):
        for s in range(len(sources)):
            launch.run(_warp, n, others, A, t, inverse, s, d, warped)
            launch.run(_ncc, n, picture, warped, half, s == 0, best, second)
        launch.run(_score, n, best, second, d, scores)
    depth, score = (launch.device_array(np.zeros((height, width), np.float32)) for _ in range(2))
    launch.run(_pick, n, scores, inverse, depth, score)
    return launch.host(depth), launch.host(score)


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
    out = launch.device_array(np.zeros(depth.shape, np.float32))
    votes = launch.device_array(np.zeros(depth.shape, np.uint8))
    given = [launch.device_array(a) for a in (depth, depths, K, K_sources, T, T_back)]
    launch.run(_consistent, depth.size, *given, max_px, max_rel, out, votes)
    return launch.host(out), launch.host(votes)


@cuda.jit
def _warp(sources, M, b, planes, s, d, out):  # type: ignore[no-untyped-def]
    """Sample a source at the pixels that a plane gives; not a number outside."""
    i = cuda.grid(1)
    width = out.shape[1]
    if i >= out.shape[0] * width:
        return
    y, x = i // width, i % width
    u, v, p = x + 0.5, y + 0.5, planes[d]
    out[y, x] = np.nan
    z = M[s, 2, 0] * u + M[s, 2, 1] * v + M[s, 2, 2] + b[s, 2] * p
    if z <= 1e-9:
        return
    px = (M[s, 0, 0] * u + M[s, 0, 1] * v + M[s, 0, 2] + b[s, 0] * p) / z - 0.5
    py = (M[s, 1, 0] * u + M[s, 1, 1] * v + M[s, 1, 2] + b[s, 1] * p) / z - 0.5
    if px < 0 or py < 0 or px > sources.shape[2] - 1.001 or py > sources.shape[1] - 1.001:
        return
    ix, iy = int(px), int(py)
    a, c = np.float32(px - ix), np.float32(py - iy)
    top = sources[s, iy, ix] * (1 - a) + sources[s, iy, ix + 1] * a
    low = sources[s, iy + 1, ix] * (1 - a) + sources[s, iy + 1, ix + 1] * a
    out[y, x] = top * (1 - c) + low * c


@cuda.jit
def _ncc(reference, warped, half, first, best, second):  # type: ignore[no-untyped-def]
    """Normalised cross-correlation of the windows round a pixel; the two best of all sources are kept."""
    i = cuda.grid(1)
    height, width = reference.shape
    if i >= height * width:
        return
    y, x = i // width, i % width
    if first:
        best[y, x] = second[y, x] = -2.0
    if y < half or x < half or y >= height - half or x >= width - half:
        return
    n = (2 * half + 1) * (2 * half + 1)
    r = s = rr = ss = rs = 0.0
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            p, q = np.float64(reference[y + dy, x + dx]), np.float64(warped[y + dy, x + dx])
            r += p
            s += q
            rr += p * p
            ss += q * q
            rs += p * q
    var_r, var_s = rr / n - (r / n) ** 2, ss / n - (s / n) ** 2
    if not (var_r > FLAT and var_s > FLAT):
        return
    value = np.float32((rs / n - r / n * s / n) / (var_r * var_s) ** 0.5)
    if value > best[y, x]:
        second[y, x] = best[y, x]
        best[y, x] = value
    elif value > second[y, x]:
        second[y, x] = value


@cuda.jit
def _score(best, second, d, scores):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    width = best.shape[1]
    if i < best.shape[0] * width:
        y, x = i // width, i % width
        two = second[y, x] > -2.0
        scores[d, y, x] = 0.5 * (best[y, x] + second[y, x]) if two else best[y, x] - 0.1


@cuda.jit
def _pick(scores, planes, depth, score):  # type: ignore[no-untyped-def]
    """The best plane of a pixel, refined by a parabola through its neighbours."""
    i = cuda.grid(1)
    width = depth.shape[1]
    if i < depth.shape[0] * width:
        y, x = i // width, i % width
        depth[y, x], score[y, x] = _picked(scores, planes, y, x)


@cuda.jit
def _consistent(depth, depths, K, K_sources, T, T_back, max_px, max_rel, out, votes):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    width = depth.shape[1]
    if i < depth.shape[0] * width:
        y, x = i // width, i % width
        out[y, x], votes[y, x] = _agreed(depth, depths, K, K_sources, T, T_back, max_px, max_rel, y, x)
