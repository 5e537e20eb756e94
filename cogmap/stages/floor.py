"""The floor by evidence: which level surface is walked on, how sure that is, and what lies level over it.

A table top is level too, and filmed from above it holds more points than the floor that shows between chairs. What
tells them apart is weighed as log odds with stated priors; lengths enter only as ratios to the cameras' height, so that
a film without metres is judged as a capture with them is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from .._checks import F64, Array, Bool
from .heights import Metres, metres_of
from .surface_samples import SurfaceSample

THIN_M = 0.05
CELL_M = 0.10
BIN_M = 0.02
BAND_M = 0.05
BELOW_M = 0.10
MOST_BELOW = 0.02
LEAST_POINTS = 50
LEAST_AREA_M2 = 0.12
LEAST_SHARE = 0.015
LOWEST = 0.01
LEVEL_COS, UPRIGHT_COS = 0.9, 0.35
OVER_FLOOR_M = 0.2
LEAST_OVER, STAND = 0.25, 0.6
COLUMN_M = 0.20
SECTORS = 8
LEAST_COLUMNS = 5
STARTS, REACHES = 0.35, 1.0
CEILING_OVER = 1.2
PRIOR = -1.3
UNDER_CAMERAS = 4.0
WALLS = (0.0, 0.5, 1.5, 2.5)
FURNITURE, FURNITURE_AREA, FURNITURE_AT = 1.5, 0.5, (0.25, 0.8)
COVERED, COVERED_FROM = -5.0, 0.85
FEET, AWAY, MOST_AWAY = 0.5, 3.0, 3.0
LEAST_HEIGHTS, MOST_HEIGHTS = -1.0, 3.0
EYE_M, EYE_SIGMA = 1.45, 0.25
ON_TABLE_M, ON_TABLE_SIGMA = 0.6, 0.3
MOST_HELD = 3.0


@dataclass(frozen=True)
class Level:
    """A level surface: its height, its area in square lengths, and the share of all surface that lies under it."""

    z: float
    area: float
    below: float


@dataclass(frozen=True)
class Floor:
    """The floor of a sample that is set upright.

    Attributes:
        z: its height; of the lowest surface where no floor was seen. lowest: hardly anything lies below.
        log_odds: that a level surface there is walked on; proven: they are above 0.
        levels: level surfaces over it, heights from it. ceiling: height of a ceiling over it, or None.
        camera_height: median of the cameras over it. stand: height over it of what they walk on: 0, or a gallery.
    """

    z: float
    lowest: bool
    log_odds: float
    levels: tuple[Level, ...] = ()
    ceiling: float | None = None
    camera_height: float = 0.0
    stand: float = 0.0

    @property
    def metres(self) -> Metres:
        """What usual heights say of metres."""
        return metres_of(self.camera_height - self.stand, [(v.z, v.area) for v in self.levels], self.ceiling)

    @property
    def proven(self) -> bool:
        """Whether it is a floor rather than another level surface."""
        return self.lowest and self.log_odds > 0


def find_floor(turned: SurfaceSample, *, metric: bool) -> Floor:
    """The lowest level surface of some spread, and the odds that it is the floor.

    Evidence, each as log odds with its most in the constants above: cameras walk over it; upright surfaces on several
    sides rise from it past the cameras (walls; over a table there is at most the wall behind it); something as large as
    a table lies level over it, at heights where people sit, work and sleep; the cameras see it near their feet and do
    not just graze it, and it goes on beside what lies over it (the lowest board of a shelf does neither); in metres,
    they are as high over it as people hold them, not as over a table.

    Args:
        turned: set upright. metric: whether its lengths are metres.
    """
    thin = thinned(turned)
    z, up = thin.xyz_world[:, 2], thin.normal_world[:, 2] > LEVEL_COS
    found = levels(thin)
    walked = [v for v in found if v.below <= MOST_BELOW]
    if not walked or up.sum() < LEAST_POINTS:
        lowest = float(np.percentile(z, 100 * MOST_BELOW / 2)) if len(z) else 0.0
        return Floor(lowest, False, -np.inf)
    best = max(walked, key=lambda v: np.log(v.area) - v.below / LOWEST)
    height = float(np.median(turned.T_world_cam[:, 2, 3])) - best.z
    above = tuple(Level(v.z - best.z, v.area, v.below) for v in found if v.z > best.z + BELOW_M)
    floor = Floor(best.z, True, -np.inf, above, _ceiling(thin, best.z, height), height)
    if height <= 0:
        return floor
    near = thin.xyz_world[up & (np.abs(z - best.z) < BAND_M)]
    walked_on = [
        v.z
        for v in above
        if _over(thin, thin.xyz_world[up & (np.abs(z - best.z - v.z) < BAND_M)], best.z + v.z) > STAND
    ]
    floor = replace(floor, stand=max(walked_on, default=0.0))
    return replace(floor, log_odds=_odds(floor, thin, near, metric))


def _odds(floor: Floor, thin: SurfaceSample, near: F64, metric: bool) -> float:
    """Log odds that a level surface, points (P, 3) of it, is walked on."""
    height = floor.camera_height
    odds = PRIOR + _walls(thin, floor.z, height)
    odds += UNDER_CAMERAS if _over(thin, near, floor.z) >= LEAST_OVER else 0.0
    low, high = (share * height for share in FURNITURE_AT)
    odds += FURNITURE if any(low < v.z < high and v.area > FURNITURE_AREA * height**2 for v in floor.levels) else 0.0
    odds += float(np.clip(floor.metres.log_odds, LEAST_HEIGHTS, MOST_HEIGHTS)) if not metric else _held(height)
    over = (thin.normal_world[:, 2] > LEVEL_COS) & (thin.xyz_world[:, 2] > floor.z + BELOW_M)
    over &= thin.xyz_world[:, 2] < floor.z + height
    covered = float(np.isin(np.unique(_cells(near)), _cells(thin.xyz_world[over])).mean())
    odds += COVERED if covered > COVERED_FROM else 0.0
    steps = near[:, None, :2] - thin.T_world_cam[None, :: max(1, len(thin.T_world_cam) // 30), :2, 3]
    nearest = float(np.percentile(np.linalg.norm(steps, axis=2).min(1), 10))
    return odds - float(np.clip(AWAY * (nearest / height - FEET), 0, MOST_AWAY))


def thinned(sample: SurfaceSample) -> SurfaceSample:
    """One point per 5 cm cell and way it faces: what was filmed longest does not outweigh the rest."""
    facing = np.digitize(sample.normal_world[:, 2], [-LEVEL_COS, LEVEL_COS])
    cell = np.floor(sample.xyz_world / THIN_M).astype(np.int64)
    cell -= cell.min(0, initial=0)
    width = cell.max(0, initial=0) + 1
    key = ((cell[:, 2] * width[1] + cell[:, 1]) * width[0] + cell[:, 0]) * 3 + facing
    first = np.sort(np.unique(key, return_index=True)[1])
    return SurfaceSample(sample.xyz_world[first], sample.normal_world[first], sample.T_world_cam)


def levels(thin: SurfaceSample) -> list[Level]:
    """Level surfaces from low to high: heights where many cells of the ground face up, each higher than its
    neighbours."""
    z, up = thin.xyz_world[:, 2], thin.normal_world[:, 2] > LEVEL_COS
    if not up.any():
        return []
    cell = _cells(thin.xyz_world)
    whole = len(np.unique(cell))
    first = float(z[up].min()) - 2 * BIN_M
    bins = int((float(z[up].max()) - first) / BIN_M) + 4
    number = np.unique(cell[up], return_inverse=True)[1]
    pair = np.unique(number * bins + ((z[up] - first) / BIN_M).astype(np.int64))
    count = np.bincount(pair % bins, minlength=bins).astype(float)
    smooth = np.convolve(count, [0.5, 1, 1, 1, 0.5], "same")
    reach, out = round(BAND_M / BIN_M), list[tuple[int, Level]]()
    for k in np.flatnonzero(smooth > 0):
        around = smooth[max(k - reach, 0) : k + reach + 1]
        if smooth[k] < around.max() or (out and (k - out[-1][0]) < reach):
            continue
        near = up & (np.abs(z - (first + (k + 0.5) * BIN_M)) < BAND_M)
        area = len(np.unique(cell[near])) * CELL_M**2
        if area >= max(LEAST_AREA_M2, LEAST_SHARE * whole * CELL_M**2):
            middle = float(np.median(z[near]))
            out.append((int(k), Level(middle, area, float((z < middle - BELOW_M).mean()))))
    return [level for _, level in out]


def _cells(xyz: F64, size: float = CELL_M) -> Array:
    at = np.floor(xyz[:, :2] / size).astype(np.int64)
    return (at[:, 0] << 32) + at[:, 1]


def _over(turned: SurfaceSample, floor: F64, z: float) -> float:
    """Share of the cameras that stand over the convex outline of floor points (P, 3), trimmed by 2 %.

    People film ahead, so much of the floor under their own path is never seen; over a table top nobody walks.
    """
    lo, hi = np.percentile(floor[:, :2], 2, axis=0), np.percentile(floor[:, :2], 98, axis=0)
    kept = floor[((floor[:, :2] >= lo) & (floor[:, :2] <= hi)).all(1), :2]
    try:
        sides = ConvexHull(kept).equations
    except (QhullError, ValueError):
        return 0.0
    inside = (turned.T_world_cam[:, :2, 3] @ sides[:, :2].T + sides[:, 2] <= 1e-9).all(1)
    return float((inside & (turned.T_world_cam[:, 2, 3] > z + OVER_FLOOR_M)).mean())


def _walls(thin: SurfaceSample, z: float, height: float) -> float:
    """Log odds by the number of sides on which something upright rises from a level past the cameras."""
    upright = np.abs(thin.normal_world[:, 2]) < UPRIGHT_COS
    if height <= 0 or not upright.any():
        return WALLS[0]
    xyz, normal = thin.xyz_world[upright], thin.normal_world[upright]
    sector = np.round(np.arctan2(normal[:, 1], normal[:, 0]) / (2 * np.pi / SECTORS)).astype(np.int64) % SECTORS
    column, index = np.unique(_cells(xyz, COLUMN_M) * SECTORS + sector, return_inverse=True)
    low, high = np.full(len(column), np.inf), np.full(len(column), -np.inf)
    np.minimum.at(low, index, xyz[:, 2])
    np.maximum.at(high, index, xyz[:, 2])
    tall: Bool = (low < z + STARTS * height) & (high > z + REACHES * height)
    sides = np.bincount(column[tall] % SECTORS, minlength=SECTORS)
    opposed = np.maximum(sides, np.roll(sides, 1)) >= LEAST_COLUMNS  # a wall may fall on the edge of two sectors
    return WALLS[min(int(np.ceil(opposed.sum() / 2)), len(WALLS) - 1)]


def _held(height: float) -> float:
    """Log odds of a height of the cameras in metres over a floor against over a table."""

    def log_density(mean: float, sigma: float) -> float:
        return -0.5 * ((height - mean) / sigma) ** 2 - float(np.log(sigma))

    odds = log_density(EYE_M, EYE_SIGMA) - log_density(ON_TABLE_M, ON_TABLE_SIGMA)
    return float(np.clip(odds, -MOST_HELD, MOST_HELD))


def _ceiling(thin: SurfaceSample, z: float, height: float) -> float | None:
    """Height over the floor of a level surface that faces down, far over the cameras, with nothing beyond; or None."""
    down = SurfaceSample(thin.xyz_world * [1, 1, -1], thin.normal_world * [1, 1, -1], thin.T_world_cam)
    over = [-v.z - z for v in levels(down) if v.below <= LOWEST]
    return max(over) if over and max(over) > CEILING_OVER * height else None
