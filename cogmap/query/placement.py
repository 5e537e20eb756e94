"""Where something could be put down: free rectangles on tops and on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .._checks import F64, Array, Bool
from ..data.scene import FREE, MapObject, SceneMap
from ..errors import InputError
from ..geometry.box import corners_xy, turn_xy

CELL_M = 0.02
LEVEL = 0.7
STANDS_M = 0.03
BAND_M = 0.03


@dataclass(frozen=True)
class Spot:
    """A free rectangle: its centre on the surface in metres, size along its own x and y, yaw, and room round it."""

    center_m: tuple[float, float, float]
    size_m: tuple[float, float]
    yaw: float
    clearance_m: float


@dataclass(frozen=True)
class Top:
    """A raster of a surface in its own frame: free cells [ix, iy], lower corner, yaw, height, metres."""

    free: Bool
    origin: F64
    yaw: float
    height: float


def free_spots(
    scene: SceneMap, on: MapObject | None, size: tuple[float, float], height: float = 0.3
) -> tuple[Spot, ...]:
    """Rectangles that do not overlap, the one with most room round it first; empty where none fits.

    Only cells where the surface itself was seen are offered: what stands on it, and what no view showed, is not free.

    Args:
        on: an object of the map, or None for the floor. size: length and width in metres.
        height: of the space to keep free.

    Raises:
        InputError: E-NO-FLOOR when the map has no free floor or none was seen; E-NO-SCALE without metres.
    """
    if scene.scale.kind != "metric":
        raise InputError("E-NO-SCALE", "the map has no metres to measure a place in.", "Set its scale first.")
    top = _floor(scene) if on is None else _top_of(scene, on, height)
    return tuple(_fitted(top, size))


def _floor(scene: SceneMap) -> Top:
    if scene.freespace is None:
        raise InputError("E-NO-FLOOR", "the map has no free floor.", "Build it from a capture.")
    if not scene.floor_seen:
        raise InputError("E-NO-FLOOR", "no floor was seen: height 0 may be a table.", "Film the floor too.")
    grid = scene.freespace
    fine = max(1, round(grid.cell_m / CELL_M))
    free = np.repeat(np.repeat(grid.cells.T == FREE, fine, 0), fine, 1)
    return Top(free, np.array(grid.origin_map), 0.0, 0.0)


def _top_of(scene: SceneMap, thing: MapObject, height: float) -> Top:
    """The level surface of a thing with most cells, without what stands on it."""
    box, R = thing.box, turn_xy(thing.box.yaw)
    half = np.array(box.size_m[:2]) / 2
    origin = np.array(box.center_m[:2]) @ R - half
    shape = tuple(np.maximum(np.ceil(2 * half / CELL_M).astype(int), 1))
    if scene.voxels is None or scene.object_of_voxel is None:
        at, seen = box.top, np.ones(shape, bool)
        taken = np.zeros(shape, bool)
    else:
        at, seen, taken = _seen_and_taken(scene, thing, origin, shape, height)
    for other in scene.objects:
        low, top = other.box.low, other.box.top
        if other is not thing and low < at + height and top > at + STANDS_M:
            taken |= _covered(other, R, origin, shape)
    return Top(seen & ~taken, origin, box.yaw, at)


def _cells(xy: Array, R: F64, origin: F64, shape: tuple[int, ...]) -> tuple[Array, Array]:
    cell = np.floor((xy @ R - origin) / CELL_M).astype(int)
    ok = ((cell >= 0) & (cell < shape)).all(1)
    return cell[ok, 0], cell[ok, 1]


def _seen_and_taken(
    scene: SceneMap, thing: MapObject, origin: F64, shape: tuple[int, ...], height: float
) -> tuple[float, Bool, Bool]:
    """Height of the thing's largest level surface; raster cells where it was seen, and where something is above it."""
    v, R = scene.voxels, turn_xy(thing.box.yaw)
    assert v is not None and scene.object_of_voxel is not None
    mine = scene.object_of_voxel == scene.objects.index(thing)
    level = v.mean_map[mine & (v.normal[:, 2] > LEVEL)]
    if len(level) == 0:
        return thing.box.top, np.zeros(shape, bool), np.zeros(shape, bool)
    count, edges = np.histogram(
        level[:, 2], np.arange(level[:, 2].min() - BAND_M, level[:, 2].max() + 2 * BAND_M, BAND_M)
    )
    mode = edges[int(np.argmax(count))] + BAND_M / 2
    at = float(np.median(level[np.abs(level[:, 2] - mode) <= BAND_M, 2]))
    seen, taken = np.zeros(shape, bool), np.zeros(shape, bool)
    seen[_cells(level[np.abs(level[:, 2] - at) <= BAND_M, :2], R, origin, shape)] = True
    above = (v.mean_map[:, 2] > at + STANDS_M) & (v.mean_map[:, 2] < at + height)
    taken[_cells(v.mean_map[above, :2], R, origin, shape)] = True
    return at, ndimage.binary_closing(np.pad(seen, 2), np.ones((3, 3), bool))[2:-2, 2:-2], taken


def _covered(other: MapObject, R: F64, origin: F64, shape: tuple[int, ...]) -> Bool:
    """Cells whose centre lies in the footprint of another box."""
    x, y = np.meshgrid(*(np.arange(n) * CELL_M + CELL_M / 2 for n in shape), indexing="ij")
    local = (np.stack([x, y], -1) + origin) @ R.T - np.array(other.box.center_m[:2])
    return np.asarray((np.abs(local @ turn_xy(other.box.yaw)) <= np.array(other.box.size_m[:2]) / 2).all(-1))


def _fitted(top: Top, size: tuple[float, float]) -> list[Spot]:
    """Greedy placement of rectangles of cells, the roomiest first."""
    free, need = top.free.copy(), [max(1, int(np.ceil(s / CELL_M - 1e-9))) for s in size]
    room = ndimage.distance_transform_cdt(np.pad(top.free, 1), "chessboard")[1:-1, 1:-1]
    out: list[Spot] = []
    while True:
        fits = _whole(free, need)
        if not fits.any():
            return out
        nearest = _least(room, need) * fits
        i, j = np.unravel_index(int(np.argmax(nearest)), nearest.shape)
        free[i : i + need[0], j : j + need[1]] = False
        middle = (top.origin + (np.array([i, j]) + np.array(need) / 2) * CELL_M) @ turn_xy(top.yaw).T
        clearance = float(nearest[i, j] - 1) * CELL_M
        out.append(Spot((float(middle[0]), float(middle[1]), top.height), size, top.yaw, clearance))


def _whole(free: Bool, need: list[int]) -> Bool:
    """Lower corners (X, Y) of rectangles of free cells only."""
    if free.shape[0] < need[0] or free.shape[1] < need[1]:
        return np.zeros((1, 1), bool)
    total = np.pad(free.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    a, b = need
    return np.asarray(total[a:, b:] - total[:-a, b:] - total[a:, :-b] + total[:-a, :-b] == a * b)


def _least(room: Array, need: list[int]) -> Array:
    """Least value of `room` in every rectangle, by its lower corner."""
    low = ndimage.minimum_filter(room, need, origin=[-(n // 2) for n in need], mode="constant")
    return np.asarray(low[: room.shape[0] - need[0] + 1, : room.shape[1] - need[1] + 1])


def footprint(spot: Spot) -> F64:
    """The four corners (4, 2) of a spot on its surface."""
    return corners_xy(np.array(spot.center_m), np.array(spot.size_m), spot.yaw)
