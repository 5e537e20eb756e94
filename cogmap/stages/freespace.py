"""The bird's-eye grid: where the floor is free, where something stands, and what nobody saw."""

from __future__ import annotations

from collections.abc import Iterator

import cogmap_kernels
import numpy as np
from scipy import ndimage

from .._checks import F64, I32, Array
from ..data.frames import FrameStore
from ..data.scene import FREE, OCCUPIED, UNKNOWN, FreeSpace
from ..data.voxels import Voxels
from ..geometry.camera import unproject
from ..geometry.rigid import apply
from .surfaces import CEILING, FLOOR, OUTSIDE, Surfaces

LOWEST_M, HIGHEST_M = 0.06, 1.9
LEAST_FLOOR_M2 = 1.0
GAP_M = 1.0


def empty_grid(voxels: Voxels, cell_m: float) -> FreeSpace:
    """An unknown grid that covers the voxels (0.2 % outliers a side left out) with a margin of three cells."""
    lo = np.percentile(voxels.mean_map[:, :2], 0.2, axis=0)
    hi = np.percentile(voxels.mean_map[:, :2], 99.8, axis=0)
    first = np.floor(lo / cell_m).astype(int) - 3
    count = np.ceil(hi / cell_m).astype(int) + 3 - first
    origin = (float(first[0] * cell_m), float(first[1] * cell_m))
    return FreeSpace(cell_m, origin, np.full((count[1], count[0]), UNKNOWN, np.uint8))


def crossed_by_rays(grid: FreeSpace, store: FrameStore, rays_per_frame: int = 2500) -> I32:
    """(R, C) int32: how many of a thinned set of depth rays crossed each cell at any height."""
    cells = np.zeros(grid.cells.shape, np.int32)
    for camera, hits in thinned_rays(store, rays_per_frame):
        cogmap_kernels.carve(cells, np.array(grid.origin_map), grid.cell_m, camera[:2], hits[:, :2])
    return cells


def thinned_rays(store: FrameStore, per_frame: int) -> Iterator[tuple[F64, F64]]:
    """Camera centre (3,) and about `per_frame` surface points (P, 3) of every frame, in the map."""
    for frame in store:
        step = max(1, int(np.sqrt(frame.depth.size / per_frame)))
        known = frame.depth[::step, ::step] > 0
        xyz = unproject(frame.depth, frame.K)[::step, ::step][known]
        yield frame.T_map_cam[:3, 3], apply(frame.T_map_cam, xyz)


def find_freespace(voxels: Voxels, surfaces: Surfaces, grid: FreeSpace) -> FreeSpace:
    """Occupied where something stands between 6 cm and 1.9 m; free where the floor itself was seen; else unknown.

    Emptiness is no evidence: a cell without floor points stays unknown.
    """
    z = voxels.mean_map[:, 2]
    cells = np.full(grid.cells.shape, UNKNOWN, np.uint8)
    floor = surfaces.kind == FLOOR
    _mark(cells, grid, voxels.mean_map[floor], FREE)
    room = (surfaces.kind != FLOOR) & (surfaces.kind != CEILING) & (surfaces.kind != OUTSIDE)
    _mark(cells, grid, voxels.mean_map[room & (z > LOWEST_M) & (z < HIGHEST_M)], OCCUPIED)
    return FreeSpace(grid.cell_m, grid.origin_map, cells)


def has_floor(grid: FreeSpace) -> bool:
    """Whether enough floor was seen to speak of a room: `LEAST_FLOOR_M2`, so that a scanned chair has none."""
    return float((grid.cells == FREE).sum()) * grid.cell_m**2 >= LEAST_FLOOR_M2


def closed_floor(grid: FreeSpace) -> I32:
    """(R, C) int32, 1 where a scan's room is: its floor and what stands on it, gaps up to a metre wide closed."""
    steps = max(1, round(GAP_M / 2 / grid.cell_m))
    known = np.pad(grid.cells != UNKNOWN, steps)
    closed = ndimage.binary_closing(known, ndimage.generate_binary_structure(2, 2), iterations=steps)
    return np.asarray(closed[steps:-steps, steps:-steps], np.int32)


def _mark(cells: Array, grid: FreeSpace, xyz: Array, value: int) -> None:
    at = np.floor((xyz[:, :2] - np.array(grid.origin_map)) / grid.cell_m).astype(int)
    ok = ((at >= 0) & (at < np.array(cells.shape)[::-1])).all(1)
    cells[at[ok, 1], at[ok, 0]] = value
