"""Floor, ceiling and walls among the voxels: what the room is made of, and so no object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import Array, Bool
from ..data.voxels import Voxels

FLOOR, CEILING, WALL, OUTSIDE = 1, 2, 3, 4
NOTHING = 0


@dataclass(frozen=True)
class WallPlane:
    """An upright plane across one axis: coordinate `at` on axis 0 (x) or 1 (y), facing +1 or -1 along it.

    `span` is its extent along the other axis, `top` its greatest height, `n_voxels` its support.
    """

    axis: int
    at: float
    facing: int
    span: tuple[float, float]
    top: float
    n_voxels: int


@dataclass(frozen=True)
class Surfaces:
    """kind (V,) uint8 of every voxel (0 object, 1 floor, 2 ceiling, 3 wall, 4 outside), planes, ceiling height."""

    kind: Array
    walls: tuple[WallPlane, ...]
    ceiling_m: float | None


def find_surfaces(voxels: Voxels, *, floor_tolerance_m: float = 0.04) -> Surfaces:
    """Mark floor, ceiling and walls.

    A wall is an upright plane along x or y that reaches high and has almost nothing behind it.

    Args:
        voxels: in the map frame, floor at 0. floor_tolerance_m: thickness of the floor's noise.
    """
    z, n = voxels.mean_map[:, 2], voxels.normal
    kind = np.zeros(len(voxels), np.uint8)
    ceiling = _ceiling(voxels)
    if ceiling is not None:
        kind[(z > ceiling - 0.06)] = CEILING
    walls = find_walls(voxels, ceiling)
    for wall in walls:
        off = (voxels.mean_map[:, wall.axis] - wall.at) * wall.facing
        along = voxels.mean_map[:, 1 - wall.axis]
        inside = (along >= wall.span[0] - 0.1) & (along <= wall.span[1] + 0.1)
        flat = np.abs(n[:, wall.axis]) > 0.6
        kind[inside & (off < -0.05)] = OUTSIDE
        kind[inside & (np.abs(off) <= 0.05) & (flat | (off < 0.02))] = WALL
    low = (z < floor_tolerance_m) | ((z < 2 * floor_tolerance_m) & (n[:, 2] > 0.8))
    kind[low & (kind != OUTSIDE)] = FLOOR
    return Surfaces(kind, walls, ceiling)


def _ceiling(voxels: Voxels) -> float | None:
    """Height of the highest strong level surface that looks down, at least 1.8 above the floor."""
    z = voxels.mean_map[(voxels.normal[:, 2] < -0.8) & (voxels.mean_map[:, 2] > 1.8), 2]
    if len(z) < 200:
        return None
    count, edges = np.histogram(z, np.arange(1.8, float(z.max()) + 0.1, 0.04))
    strong = np.flatnonzero(count >= max(0.3 * count.max(), 100))
    if len(strong) == 0:
        return None
    top = edges[strong[-1]]
    return float(np.median(z[np.abs(z - top) < 0.08]))


def find_walls(voxels: Voxels, ceiling_m: float | None) -> tuple[WallPlane, ...]:
    """Planes across x and y, each the outermost of its direction where it stands."""
    found: list[WallPlane] = []
    for axis in (0, 1):
        for facing in (1, -1):
            found += _walls_facing(voxels, axis, facing, ceiling_m)
    return tuple(found)


def _walls_facing(voxels: Voxels, axis: int, facing: int, ceiling_m: float | None) -> list[WallPlane]:
    flat = (voxels.normal[:, axis] * facing > 0.85) & (voxels.mean_map[:, 2] > 0.15)
    at = voxels.mean_map[flat, axis]
    if len(at) < 100:
        return []
    count, edges = np.histogram(at, np.arange(float(at.min()) - 0.03, float(at.max()) + 0.09, 0.03))
    smooth = count[:-1] + count[1:]
    walls: list[WallPlane] = []
    need = max(1.2 / voxels.voxel_m**2 * 0.25, 60)
    for peak in np.argsort(-smooth, kind="stable"):
        if smooth[peak] < need:
            break
        near = flat.copy()
        near[flat] = np.abs(at - edges[peak + 1]) < 0.05
        if all(abs(edges[peak + 1] - w.at) > 0.15 for w in walls):
            plane = _judge(voxels, near, axis, facing, ceiling_m)
            walls += [plane] if plane else []
    return walls


def _judge(voxels: Voxels, near: Bool, axis: int, facing: int, ceiling_m: float | None) -> WallPlane | None:
    """The plane of the near voxels if it is a wall: wide, high, with almost nothing behind it."""
    p = voxels.mean_map[near].astype(np.float64)
    along, top = p[:, 1 - axis], float(np.percentile(p[:, 2], 98))
    lo, hi = np.percentile(along, [1, 99])
    middle = float(np.median(p[:, axis]))
    high = 1.7 if ceiling_m is None else 0.75 * ceiling_m
    if hi - lo < 0.6 or top < high:
        return None
    everything = voxels.mean_map
    beside = (everything[:, 1 - axis] > lo) & (everything[:, 1 - axis] < hi)
    beyond = beside & ((everything[:, axis] - middle) * facing < -0.08)
    if beyond.sum() > max(0.25 * near.sum(), 20):
        return None
    return WallPlane(axis, middle, facing, (float(lo), float(hi)), top, int(near.sum()))
