"""Doors and windows: where sight passes through a wall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .._checks import F64, Array
from ..data.frames import FrameStore
from ..data.scene import Box, MapObject, Opening
from ..data.voxels import Voxels
from ..geometry.box import canonical_yaw
from .freespace import thinned_rays
from .surfaces import Surfaces, WallPlane

CELL_M = 0.05
RAYS_PER_FRAME = 6000
LEAST_RAYS = 2
BEYOND_M = 0.25
NEAR_M = 0.1
LEAST_EDGE_M = 0.35
LEAST_FILLED = 0.5
DOOR_SILL_M, DOOR_HEIGHT_M = 0.3, 1.5
DOOR_WIDTH_M = (0.5, 1.8)
THICK_M = 0.1


@dataclass(frozen=True)
class Gap:
    """A rectangle of a wall that sight passes through: along the wall and in height, metres."""

    wall: int
    along: tuple[float, float]
    height: tuple[float, float]


def find_gaps(voxels: Voxels, surfaces: Surfaces, store: FrameStore) -> list[Gap]:
    """Rectangles of walls with rays that go on at least 25 cm behind them and no surface on the wall itself.

    A partition is two planes; gaps are those of its first.
    """
    walls = surfaces.walls
    grids = [np.zeros(_shape(w), np.int32) for w in walls]
    for camera, hits in thinned_rays(store, RAYS_PER_FRAME):
        for k in _fronts(walls):
            _count(grids[k], walls[k], camera, hits)
    return [gap for k in _fronts(walls) for gap in _gaps(k, walls[k], grids[k], voxels)]


def _fronts(walls: tuple[WallPlane, ...]) -> list[int]:
    """Every wall once: of the two planes of a partition the one that faces up its axis."""
    return [k for k, w in enumerate(walls) if not w.inner or w.facing > 0]


def _shape(wall: WallPlane) -> tuple[int, int]:
    return int((wall.span[1] - wall.span[0]) / CELL_M) + 1, int(wall.top / CELL_M) + 1


def _add(grid: Array, wall: WallPlane, xyz: Array) -> None:
    """Count points (P, 3) near a wall in the cells (along, height) of its grid."""
    cell = np.floor(np.stack([xyz[:, 1 - wall.axis] - wall.span[0], xyz[:, 2]], axis=1) / CELL_M).astype(int)
    ok = ((cell >= 0) & (cell < grid.shape)).all(1)
    np.add.at(grid, tuple(cell[ok].T), 1)


def _count(grid: Array, wall: WallPlane, camera: F64, hits: F64) -> None:
    """Add the rays that cross the plane, from its front or, of a partition, either way."""
    here, there = float(wall.off(camera[None])[0]), wall.off(hits)
    through = (here > 0) & (there < -BEYOND_M)
    if wall.inner:
        through |= (here < -BEYOND_M) & (there > BEYOND_M)
    share = here / (here - there[through])
    _add(grid, wall, camera + share[:, None] * (hits[through] - camera))


def _gaps(k: int, wall: WallPlane, grid: Array, voxels: Voxels) -> list[Gap]:
    near = (np.abs(wall.off(voxels.mean_map)) < NEAR_M) & wall.beside(voxels.mean_map, 0.0)
    solid = np.zeros(grid.shape, np.int32)
    _add(solid, wall, voxels.mean_map[near & (voxels.mean_map[:, 2] > NEAR_M)])
    area = (CELL_M / voxels.voxel_m) ** 2
    label, n = ndimage.label(ndimage.binary_closing(grid >= LEAST_RAYS) & (solid < 0.5 * area))
    out = []
    for j in range(1, n + 1):
        inside = label == j
        a = np.flatnonzero(inside.sum(1) >= 0.5 * inside.sum(1).max())
        h = np.flatnonzero(inside.sum(0) >= 0.5 * inside.sum(0).max())
        filled = inside[a[0] : a[-1] + 1, h[0] : h[-1] + 1].mean()
        size = np.array([a[-1] - a[0] + 1, h[-1] - h[0] + 1]) * CELL_M
        if size.min() >= LEAST_EDGE_M and filled >= LEAST_FILLED:
            low = 0.0 if h[0] * CELL_M <= DOOR_SILL_M else h[0] * CELL_M
            start = wall.span[0] + a[0] * CELL_M
            out.append(Gap(k, (start, start + float(size[0])), (low, float((h[-1] + 1) * CELL_M))))
    return out


def make_openings(
    gaps: list[Gap], surfaces: Surfaces, wall_ids: dict[int, str], objects: Iterable[MapObject]
) -> tuple[Opening, ...]:
    """Openings as numbered boxes: a door reaches the floor and is as high and wide as one, a window does not.

    Args:
        wall_ids: id of the layout's wall by the plane's position. objects: their numbers and ids are taken.
    """
    taken = {o.id for o in objects}
    number = len(taken)
    out = []
    for gap in sorted(gaps, key=lambda g: (g.wall, g.along)):
        kind, count = _kind(gap), 1
        while f"{kind}_{count}" in taken:
            count += 1
        taken.add(f"{kind}_{count}")
        number += 1
        out.append(
            Opening(number, f"{kind}_{count}", kind, wall_ids.get(gap.wall), _box(gap, surfaces.walls[gap.wall]))
        )
    return tuple(out)


def _kind(gap: Gap) -> str:
    width, height = gap.along[1] - gap.along[0], gap.height[1] - gap.height[0]
    if gap.height[0] > 0:
        return "window"
    return "door" if height >= DOOR_HEIGHT_M and DOOR_WIDTH_M[0] <= width <= DOOR_WIDTH_M[1] else "opening"


def _box(gap: Gap, wall: WallPlane) -> Box:
    a, b = wall.points(np.array(gap.along))
    middle, edge = (a + b) / 2, b - a
    size = (max(float(np.linalg.norm(edge)), THICK_M), THICK_M, gap.height[1] - gap.height[0])
    center = (float(middle[0]), float(middle[1]), sum(gap.height) / 2)
    return Box(center, size, canonical_yaw(float(np.arctan2(edge[1], edge[0]))))
