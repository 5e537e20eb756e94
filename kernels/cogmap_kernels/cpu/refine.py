"""Depth of plane sweep once more: slanted planes, and windows that end at edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from .. import _refine_rules
from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]
TRIES = _refine_rules.TRIES
SUMS = {"reassoc", "contract", "nsz", "arcp"}

_slope = njit(_refine_rules.slope)
_find_tries = njit(_refine_rules.find_tries)
_weigh = njit(_refine_rules.weigh, fastmath=SUMS)
_fit = njit(_refine_rules.fit, fastmath=SUMS)
_best_try = njit(_refine_rules.best_try)
_settled = njit(_refine_rules.settled)


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
    """See `cogmap_kernels.refine_depth`."""
    slopes = np.zeros((2, *inverse.shape))
    depth, score = np.zeros(inverse.shape, np.float32), np.zeros(inverse.shape, np.float32)
    given = (reference, sources, M, b, inverse, slopes, step, half, reach, contrast, margin)
    team = _threads.Team(threads)
    team.over(len(depth), lambda lo, hi: _slopes(inverse, lo, hi, slopes))
    team.over(len(depth), lambda lo, hi: _refine(*given, lo, hi, depth, score))
    return depth, score


@compiled
def _slopes(inverse: Array, lo: int, hi: int, out: Array) -> None:
    """Rows lo to hi."""
    for y in range(lo, hi):
        for x in range(inverse.shape[1]):
            if inverse[y, x] > 0:
                out[0, y, x], out[1, y, x] = _slope(inverse, y, x)


@compiled
def _refine(
    reference: Array,
    sources: Array,
    M: Array,
    b: Array,
    inverse: Array,
    slopes: Array,
    step: float,
    half: int,
    reach: int,
    contrast: float,
    margin: float,
    lo: int,
    hi: int,
    depth: Array,
    score: Array,
) -> None:
    """Rows lo to hi."""
    weights, planes, fits = np.empty((2, 2 * half + 1, 2 * half + 1)), np.empty((TRIES, 3)), np.empty(TRIES)
    for y in range(max(lo, half), min(hi, len(reference) - half)):
        for x in range(half, reference.shape[1] - half):
            count = _find_tries(inverse, slopes, reach, y, x, planes)
            if count == 0:
                continue
            spread = _weigh(reference, contrast, half, y, x, weights)
            if spread <= 1.0:
                continue
            for k in range(count):
                q, qx, qy = planes[k]
                fits[k] = _fit(sources, M, b, half, y, x, q, qx, qy, weights, spread)
            top = _best_try(planes, fits, count, margin)
            if top >= 0:
                q, qx, qy = planes[top]
                low = _fit(sources, M, b, half, y, x, q - step, qx, qy, weights, spread)
                high = _fit(sources, M, b, half, y, x, q + step, qx, qy, weights, spread)
                depth[y, x], score[y, x] = _settled(q, step, low, fits[top], high), fits[top]
