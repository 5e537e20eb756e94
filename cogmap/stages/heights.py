"""Metres from what is level over a floor: people hold cameras, sit, work and build ceilings at usual heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._checks import F64

# (median, spread, share among level surfaces). Tables and counters: the middle halves of the tops of 270 tables and 62
# stoves, washers and dishwashers in 200 annotated real rooms, their floor at the median foot of what stands on it.
# Seats: norms of chairs (EN 1729, EN 1335: 0.40 to 0.51 m). Beds: mattress tops; boxes of beds count pillows too.
USUAL_M = {
    "seat": (0.45, 0.045, 0.15),
    "bed": (0.55, 0.08, 0.10),
    "table": (0.745, 0.04, 0.25),
    "counter": (0.89, 0.035, 0.10),
}
OTHER_M = (0.10, 2.20)
CEILING_M, CEILING_SIGMA, CEILING_SHARE = 2.7, 0.22, 0.8
ANY_CEILING_M = (2.0, 5.0)
CAMERA_M, CAMERA_SIGMA = 1.45, 0.15
LEAST_AREA_M2, FULL_AREA_M2 = 0.10, 0.8
LOG_RANGE, LOG_STEP = 0.7, 0.005
LEAST_SIGMA = 0.05


@dataclass(frozen=True)
class Metres:
    """The factor from lengths to metres, its relative standard error, and the log odds that usual heights explain what
    is level against any heights."""

    factor: float
    rel_sigma: float
    log_odds: float


def metres_of(camera_height: float, surfaces: Sequence[tuple[float, float]], ceiling: float | None) -> Metres:
    """The posterior of the factor over a grid of its logarithm: its mode, and the spread about it.

    The camera's height is log-normal about 1.45 m; each level surface is one of the usual kinds, or anything; a small
    one counts in proportion. Where two readings are likely (a table and a counter, or a bed and a table) the mean of
    both would be neither.

    Args:
        camera_height: median over the floor. surfaces: (height over the floor, area) of level surfaces over it.
        ceiling: its height over the floor, or None. All in one unit.
    """
    at_usual = CAMERA_M / camera_height
    grid = np.arange(-LOG_RANGE, LOG_RANGE + LOG_STEP / 2, LOG_STEP)
    factor = at_usual * np.exp(grid)
    prior = np.exp(-0.5 * (grid / CAMERA_SIGMA) ** 2)
    prior /= prior.sum()
    likelihood = np.zeros(len(grid))
    for height, area in surfaces:
        if area * at_usual**2 >= LEAST_AREA_M2 and OTHER_M[0] < height * at_usual < OTHER_M[1]:
            trust = min(1.0, area * at_usual**2 / FULL_AREA_M2)
            likelihood += trust * np.log(_odds_of_level(height * factor))
    if ceiling is not None:
        likelihood += np.log(_odds_of_ceiling(ceiling * factor))
    weight = prior * np.exp(likelihood)
    evidence = float(np.log(weight.sum()))
    weight /= weight.sum()
    mode = float(grid[int(np.argmax(weight))])
    sigma = float(np.sqrt((weight * (grid - mode) ** 2).sum()))
    return Metres(float(at_usual * np.exp(mode)), max(sigma, LEAST_SIGMA), evidence)


def _odds_of_level(height_m: F64) -> F64:
    """Density of a level surface's height among usual ones over that among any."""
    flat = 1 / (OTHER_M[1] - OTHER_M[0])
    odds = np.full(height_m.shape, 1 - sum(share for _, _, share in USUAL_M.values()))
    for middle, sigma, share in USUAL_M.values():
        odds += share * _normal(height_m, middle, sigma) / flat
    return odds


def _odds_of_ceiling(height_m: F64) -> F64:
    flat = 1 / (ANY_CEILING_M[1] - ANY_CEILING_M[0])
    inside = (height_m > ANY_CEILING_M[0]) & (height_m < ANY_CEILING_M[1])
    usual = CEILING_SHARE * _normal(height_m, CEILING_M, CEILING_SIGMA) / flat
    return np.asarray(usual + np.where(inside, 1 - CEILING_SHARE, 0.05), np.float64)


def _normal(x: F64, middle: float, sigma: float) -> F64:
    return np.asarray(np.exp(-0.5 * ((x - middle) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi)), np.float64)
