"""Plane-sweep stereo and the check between depth maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _float_rules
from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]

_picked = njit(_float_rules.picked, inline="always")
_agreed = njit(_float_rules.agreed, inline="always")


@compiled
def _warp(source: Array, M: Array, b: Array, inverse_depth: float, out: Array) -> None:
    """Sample a source at the pixels that a plane gives; NaN outside. A rule called for each pixel costs 15 % here."""
    h, w = out.shape
    height, width = source.shape
    bx, by, bz = b[0] * inverse_depth, b[1] * inverse_depth, b[2] * inverse_depth
    for y in range(h):
        v = y + 0.5
        for x in range(w):
            u = x + 0.5
            z = M[2, 0] * u + M[2, 1] * v + M[2, 2] + bz
            out[y, x] = np.nan
            if z <= 1e-9:
                continue
            px = (M[0, 0] * u + M[0, 1] * v + M[0, 2] + bx) / z - 0.5
            py = (M[1, 0] * u + M[1, 1] * v + M[1, 2] + by) / z - 0.5
            if px < 0 or py < 0 or px > width - 1.001 or py > height - 1.001:
                continue
            ix, iy = int(px), int(py)
            a, c = np.float32(px - ix), np.float32(py - iy)
            top = source[iy, ix] * (1 - a) + source[iy, ix + 1] * a
            low = source[iy + 1, ix] * (1 - a) + source[iy + 1, ix + 1] * a
            out[y, x] = top * (1 - c) + low * c


@compiled
def _ncc(reference: Array, warped: Array, half: int, out: Array) -> None:
    """Normalised cross-correlation of the windows round every pixel, by running column sums."""
    h, w = reference.shape
    n = (2 * half + 1) * (2 * half + 1)
    column = np.zeros((5, w), np.float32)
    for y in range(h):
        out[y, :] = -2.0
    for y in range(half, h - half):
        column[:] = 0
        for k in range(-half, half + 1):
            for x in range(w):
                r, s = reference[y + k, x], warped[y + k, x]
                column[0, x] += r
                column[1, x] += s
                column[2, x] += r * r
                column[3, x] += s * s
                column[4, x] += r * s
        for x in range(half, w - half):
            r = s = rr = ss = rs = np.float32(0)
            for k in range(x - half, x + half + 1):
                r += column[0, k]
                s += column[1, k]
                rr += column[2, k]
                ss += column[3, k]
                rs += column[4, k]
            var_r, var_s = rr / n - (r / n) ** 2, ss / n - (s / n) ** 2
            if var_r > 4.0 and var_s > 4.0:
                out[y, x] = (rs / n - r / n * s / n) / np.sqrt(var_r * var_s)


@compiled
def _scores(
    reference: Array, sources: Array, M: Array, b: Array, planes: Array, half: int, lo: int, hi: int, out: Array
) -> None:
    """Mean of the two best sources' NCC for planes lo to hi and every pixel, into (D, H, W)."""
    h, w = reference.shape
    for d in range(lo, hi):
        warped = np.empty((h, w), np.float32)
        score = np.empty((h, w), np.float32)
        best = np.full((h, w), -2.0, np.float32)
        second = np.full((h, w), -2.0, np.float32)
        for s in range(len(sources)):
            _warp(sources[s], M[s], b[s], planes[d], warped)
            _ncc(reference, warped, half, score)
            for y in range(h):
                for x in range(w):
                    value = score[y, x]
                    if value > best[y, x]:
                        second[y, x] = best[y, x]
                        best[y, x] = value
                    elif value > second[y, x]:
                        second[y, x] = value
        for y in range(h):
            for x in range(w):
                two = second[y, x] > -2.0
                out[d, y, x] = 0.5 * (best[y, x] + second[y, x]) if two else best[y, x] - 0.1


@compiled
def _pick(scores: Array, planes: Array, lo: int, hi: int, depth: Array, score: Array) -> None:
    """The best plane of every pixel of rows lo to hi, refined by a parabola through its neighbours."""
    for y in range(lo, hi):
        for x in range(depth.shape[1]):
            depth[y, x], score[y, x] = _picked(scores, planes, y, x)


def plane_sweep(
    reference: Array, sources: Array, M: Array, b: Array, planes: Array, half: int, threads: int
) -> tuple[Array, Array]:
    """See `cogmap_kernels.plane_sweep`."""
    scores = np.empty((len(planes), *reference.shape), np.float32)
    depth, score = np.zeros(reference.shape, np.float32), np.zeros(reference.shape, np.float32)
    team = _threads.Team(threads)
    team.over(len(planes), lambda lo, hi: _scores(reference, sources, M, b, planes, half, lo, hi, scores))
    team.over(len(depth), lambda lo, hi: _pick(scores, planes, lo, hi, depth, score))
    return depth, score


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
    """See `cogmap_kernels.consistent`."""
    out, votes = np.zeros(depth.shape, np.float32), np.zeros(depth.shape, np.uint8)
    team = _threads.Team(threads)
    team.over(
        len(depth),
        lambda lo, hi: _consistent(depth, depths, K, K_sources, T, T_back, max_px, max_rel, lo, hi, out, votes),
    )
    return out, votes


@compiled
def _consistent(
    depth: Array,
    depths: Array,
    K: Array,
    K_sources: Array,
    T: Array,
    T_back: Array,
    max_px: float,
    max_rel: float,
    lo: int,
    hi: int,
    out: Array,
    votes: Array,
) -> None:
    """Rows lo to hi."""
    for y in range(lo, hi):
        for x in range(depth.shape[1]):
            out[y, x], votes[y, x] = _agreed(depth, depths, K, K_sources, T, T_back, max_px, max_rel, y, x)
