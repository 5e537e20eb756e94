"""Space as cells: occupied by what, free because a ray crossed it, or unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import F64, I32, U8, Array
from ..data.scene import FREE, OCCUPIED, UNKNOWN, SceneMap
from ..errors import InputError

LEAST_POINTS = 3


@dataclass(frozen=True)
class Occupancy:
    """Cells [ix, iy, iz] of a grid in the map frame.

    Attributes:
        cell_m: edge. origin_map: (3,) lower corner of cell (0, 0, 0).
        cells: (X, Y, Z) uint8: 0 unknown, 1 free, 2 occupied.
        number: (X, Y, Z) int32 of the object, 0 for none and for the room.
    """

    cell_m: float
    origin_map: Array
    cells: U8
    number: I32


def occupancy(scene: SceneMap, cell_m: float = 0.1) -> Occupancy:
    """Occupied where surfaces were seen, free where the ray to some frame's surface goes through the cell's middle.

    A cell that no camera ray crossed is never free. Without frames nothing is free.

    Raises:
        InputError: E-NO-VOXELS when the map holds no surfaces; E-OPTION-RANGE for a cell that is finer than a voxel.
    """
    v = scene.voxels
    if v is None or scene.object_of_voxel is None:
        raise InputError("E-NO-VOXELS", "the map holds no surfaces.", "Build it from a capture or a scan.")
    if cell_m < v.voxel_m:
        raise InputError("E-OPTION-RANGE", f"cells of {cell_m} m are finer than voxels.", f"Use {v.voxel_m} or more.")
    phase = _phase(v.mean_map, v.n_points, cell_m)
    xyz = v.mean_map - phase
    first = np.floor(np.percentile(xyz, 0.2, axis=0) / cell_m).astype(int)
    shape = tuple(np.ceil(np.percentile(xyz, 99.8, axis=0) / cell_m).astype(int) - first + 1)
    origin = first * cell_m + phase
    at = np.floor(xyz / cell_m).astype(int) - first
    ok = ((at >= 0) & (at < shape)).all(1)
    flat = np.ravel_multi_index(tuple(at[ok].T), shape)
    points = np.bincount(flat, v.n_points[ok], int(np.prod(shape)))
    cells = np.where(_crossed(scene, origin, shape, cell_m), FREE, UNKNOWN).astype(np.uint8)
    cells[points >= LEAST_POINTS] = OCCUPIED
    number = _numbers(flat, scene.object_of_voxel[ok], v.n_points[ok], len(cells))
    number[cells != OCCUPIED] = 0
    return Occupancy(cell_m, origin, cells.reshape(shape), number.reshape(shape))


def _phase(xyz: Array, weight: Array, cell_m: float) -> F64:
    """Shift (3,) of the grid, under half a cell, that puts most surfaces into the middle of cells, not between two.

    The circular mean of coordinates over a cell: floor and walls would else be split by their own noise.
    """
    turn = np.exp(2j * np.pi * xyz.astype(np.float64) / cell_m)
    return np.asarray(np.angle((turn * weight[:, None]).sum(0)) / (2 * np.pi) * cell_m - cell_m / 2)


def _crossed(scene: SceneMap, origin: Array, shape: tuple[int, ...], cell_m: float) -> Array:
    """Cells (flat) whose middle some frame looks through."""
    middle = (np.stack(np.unravel_index(np.arange(int(np.prod(shape))), shape), axis=1) + 0.5) * cell_m + origin
    if scene.frames is None:
        return np.zeros(len(middle), bool)
    through = scene.frames.views_of(middle, near_share=0.0, near_m=cell_m, most_frames=len(scene.frames))[1]
    return through > 0


def _numbers(flat: Array, thing: I32, weight: I32, n: int) -> I32:
    """The number of the object with most points in each of n cells, 0 where the room has most."""
    width = int(thing.max(initial=-1)) + 2
    pair, index = np.unique(flat.astype(np.int64) * width + thing + 1, return_inverse=True)
    total = np.bincount(index, weight)
    order = np.lexsort((total, pair // width))
    out = np.zeros(n, np.int32)
    out[pair[order] // width] = pair[order] % width
    return out
