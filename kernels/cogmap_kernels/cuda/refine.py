"""Depth of plane sweep once more: slanted planes, and windows that end at edges; a thread a pixel."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import cuda

from .. import _refine_rules
from . import launch

Array = npt.NDArray[Any]
MOST_EDGE, TRIES = _refine_rules.MOST_EDGE, _refine_rules.TRIES

_slope = cuda.jit(device=True)(_refine_rules.slope)
_find_tries = cuda.jit(device=True)(_refine_rules.find_tries)
_weigh = cuda.jit(device=True)(_refine_rules.weigh)
_fit = cuda.jit(device=True)(_refine_rules.fit)
_best_try = cuda.jit(device=True)(_refine_rules.best_try)
_settled = cuda.jit(device=True)(_refine_rules.settled)


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
    given = [launch.device_array(a) for a in (reference, sources, M, b, inverse)]
    slopes = launch.device_array(np.zeros((2, *inverse.shape)))
    depth, score = (launch.device_array(np.zeros(inverse.shape, np.float32)) for _ in range(2))
    launch.run(_slopes, inverse.size, given[-1], slopes)
    launch.run(_refine, inverse.size, *given, slopes, step, half, reach, contrast, margin, depth, score)
    return launch.host(depth), launch.host(score)


@cuda.jit
def _slopes(inverse, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    width = inverse.shape[1]
    if i < inverse.shape[0] * width:
        y, x = i // width, i % width
        if inverse[y, x] > 0:
            out[0, y, x], out[1, y, x] = _slope(inverse, y, x)


@cuda.jit
def _refine(  # type: ignore[no-untyped-def]
    reference, sources, M, b, inverse, slopes, step, half, reach, contrast, margin, depth, score
):
    """The weights of a window lie in the thread's own memory, so its edge is bounded."""
    i = cuda.grid(1)
    height, width = reference.shape
    y, x = i // width, i % width
    if y < half or x < half or y >= height - half or x >= width - half:
        return
    weights = cuda.local.array((2, MOST_EDGE, MOST_EDGE), numba.float64)
    planes, fits = cuda.local.array((TRIES, 3), numba.float64), cuda.local.array(TRIES, numba.float64)
    count = _find_tries(inverse, slopes, reach, y, x, planes)
    if count == 0:
        return
    spread = _weigh(reference, contrast, half, y, x, weights)
    if spread <= 1.0:
        return
    for k in range(count):
        fits[k] = _fit(sources, M, b, half, y, x, planes[k, 0], planes[k, 1], planes[k, 2], weights, spread)
    top = _best_try(planes, fits, count, margin)
    if top >= 0:
        q, qx, qy = planes[top, 0], planes[top, 1], planes[top, 2]
        low = _fit(sources, M, b, half, y, x, q - step, qx, qy, weights, spread)
        high = _fit(sources, M, b, half, y, x, q + step, qx, qy, weights, spread)
        depth[y, x] = _settled(q, step, low, fits[top], high)
        score[y, x] = fits[top]
