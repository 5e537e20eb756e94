"""The room: walls as segments, outline, area, and how much of it was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import ndimage
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.ops import unary_union

from .._checks import F64, Array, Bool
from ..data.scene import Box, FreeSpace, Layout, Room, Wall
from ..data.voxels import Voxels
from ..geometry.box import canonical_yaw
from ..geometry.rigid import apply
from .surfaces import OUTSIDE, WALL, Surfaces, WallPlane, backs

SNAP_M = 0.2
LEAST_ROOM_M2 = 1.5


def find_layout(voxels: Voxels, surfaces: Surfaces, freespace: FreeSpace, crossed: Array) -> Layout:
    """Walls, room outline and areas.

    Args:
        crossed: (R, C) int32 on the grid of `freespace`: rays that crossed each cell; inside the room
            is what rays crossed or surfaces stand on, closed, filled and cut off at the walls. Corners that no
            ray reached are room too if the outline is convex: the upper end of the area's range counts them.
    """
    rooms: list[Room] = []
    unseen, length = 0.0, 0.0
    for inside in _rooms(_inside(voxels, surfaces, freespace, crossed), freespace, surfaces.walls):
        outline = _outline(inside, freespace, surfaces.walls)
        if outline is not None:
            coverage = float((freespace.cells[inside] != 0).mean())
            corners = np.asarray(outline.exterior.coords)[:-1]
            rooms.append(Room(f"room_{len(rooms) + 1}", corners, float(outline.area), coverage))
            length += float(outline.length)
            unseen += float(outline.convex_hull.area - outline.area)
    if not rooms:
        return Layout(ceiling_height_m=surfaces.ceiling_m, walls=_walls(surfaces))
    area, unsure = sum(r.area_m2 for r in rooms), freespace.cell_m * length  # closing and opening move it by a cell
    return Layout(
        floor_area_m2=area,
        floor_area_range_m2=(max(area - unsure, 0.0), area + unsure + unseen),
        ceiling_height_m=surfaces.ceiling_m,
        walls=_walls(surfaces),
        rooms=tuple(rooms),
    )


def wall_ids(surfaces: Surfaces) -> dict[int, str]:
    """Ids of the layout's walls by the position of their planes."""
    walls = surfaces.walls
    order = sorted(range(len(walls)), key=lambda k: (walls[k].axis, walls[k].at, walls[k].span[0]))
    return {k: f"wall_{n}" for n, k in enumerate(order, 1)}


def _rooms(inside: Bool, freespace: FreeSpace, walls: tuple[WallPlane, ...]) -> list[Bool]:
    """What partitions cut the inside into, the largest first; less than `LEAST_ROOM_M2` is a niche."""
    cut = inside.copy()
    sides = [(w, _off(w, freespace) < freespace.cell_m / 2) for w in walls if w.inner]
    for front, behind in sides:
        for back, before in sides:
            if backs(front, back):
                cut &= ~(behind & before)
    label, n = ndimage.label(cut)
    size = np.bincount(label.ravel(), minlength=n + 1)[1:] * freespace.cell_m**2
    order = np.argsort(-size, kind="stable")
    kept = [k for k in order if size[k] >= LEAST_ROOM_M2] or order[:1]
    return [np.asarray(label == k + 1) for k in kept]


def _walls(surfaces: Surfaces) -> tuple[Wall, ...]:
    walls = []
    for k, name in wall_ids(surfaces).items():
        plane = surfaces.walls[k]
        height = surfaces.ceiling_m or plane.top
        a, b = plane.ends()
        face = max(float(np.linalg.norm(b - a)) * height, 1e-6)
        ends = ((float(a[0]), float(a[1])), (float(b[0]), float(b[1])))
        walls.append(Wall(name, *ends, float(height), min(1.0, plane.area_m2 / face)))
    return tuple(walls)


def _inside(voxels: Voxels, surfaces: Surfaces, freespace: FreeSpace, crossed: Array) -> Bool:
    grid = crossed > 0
    kept = voxels.mean_map[(surfaces.kind != OUTSIDE) & (surfaces.kind != WALL)]
    cell = np.floor((kept[:, :2] - np.array(freespace.origin_map)) / freespace.cell_m).astype(int)
    ok = ((cell >= 0) & (cell < np.array(grid.shape)[::-1])).all(1)
    grid[cell[ok, 1], cell[ok, 0]] = True
    grid = ndimage.binary_opening(ndimage.binary_closing(np.pad(grid, 3), iterations=2), iterations=2)[3:-3, 3:-3]
    grid = np.asarray(ndimage.binary_fill_holes(grid))
    for wall in surfaces.walls:
        if not wall.inner:
            grid &= ~_behind(wall, freespace)
    label, n = ndimage.label(grid)
    if n > 1:
        grid = label == 1 + int(np.argmax(ndimage.sum(grid, label, range(1, n + 1))))
    return np.asarray(grid, bool)


def _off(wall: WallPlane, freespace: FreeSpace) -> F64:
    """Signed distance of every cell's centre from a wall."""
    return wall.off(_centres(freespace))


def _centres(freespace: FreeSpace) -> F64:
    rows, columns = freespace.cells.shape
    x = freespace.origin_map[0] + (np.arange(columns) + 0.5) * freespace.cell_m
    y = freespace.origin_map[1] + (np.arange(rows) + 0.5) * freespace.cell_m
    return np.stack(np.meshgrid(x, y), axis=-1)


def _behind(wall: WallPlane, freespace: FreeSpace) -> Bool:
    """Cells whose centre lies behind a wall, beside it."""
    return np.asarray((_off(wall, freespace) < 0) & wall.beside(_centres(freespace), 0.3))


def _outline(inside: Bool, freespace: FreeSpace, walls: tuple[WallPlane, ...]) -> Polygon | None:
    """Polygon of the inside cells, its sides moved onto walls within 20 cm."""
    if inside.sum() < 10:
        return None
    c, (ox, oy) = freespace.cell_m, freespace.origin_map
    strips = []
    for iy in np.flatnonzero(inside.any(1)):
        row = np.flatnonzero(np.diff(np.concatenate([[0], inside[iy].astype(np.int8), [0]])))
        strips += [box(ox + a * c, oy + iy * c, ox + b * c, oy + (iy + 1) * c) for a, b in zip(row[::2], row[1::2])]
    shape = unary_union(strips)
    if isinstance(shape, MultiPolygon):
        shape = max(shape.geoms, key=lambda g: g.area)
    simple = Polygon(Polygon(shape.exterior).simplify(1.5 * c).exterior)
    snapped = Polygon(_snapped(np.asarray(simple.exterior.coords)[:-1], walls)).buffer(0)
    if isinstance(snapped, MultiPolygon):
        snapped = max(snapped.geoms, key=lambda g: g.area)
    return snapped if snapped.area > 0 else simple


def _snapped(corners: F64, walls: tuple[WallPlane, ...]) -> F64:
    """Corners moved onto the walls near them that face them."""
    out, middle = corners.copy(), corners.mean(0)
    for wall in (w for w in walls if float(w.off(middle)) > 0):
        near = wall.beside(corners, 0.4) & (np.abs(wall.off(corners)) < SNAP_M)
        out[near, wall.axis] = wall.at + wall.slope * corners[near, 1 - wall.axis]
    return out


def moved_layout(layout: Layout, T_map_input: F64) -> Layout:
    """An imported layout after a similarity (4, 4) that keeps z up."""
    s = float(np.cbrt(np.linalg.det(T_map_input[:3, :3])))

    def at(x: float, y: float, z: float = 0.0) -> tuple[float, float, float]:
        p = apply(T_map_input, np.array([x, y, z]))
        return float(p[0]), float(p[1]), float(p[2])

    turn = float(np.arctan2(T_map_input[1, 0], T_map_input[0, 0]))
    span = layout.floor_area_range_m2
    return Layout(
        floor_area_m2=None if layout.floor_area_m2 is None else layout.floor_area_m2 * s**2,
        floor_area_range_m2=None if span is None else (span[0] * s**2, span[1] * s**2),
        ceiling_height_m=None if layout.ceiling_height_m is None else layout.ceiling_height_m * s,
        walls=tuple(
            replace(w, from_m=at(*w.from_m)[:2], to_m=at(*w.to_m)[:2], height_m=w.height_m * s) for w in layout.walls
        ),
        openings=tuple(replace(o, box=_moved_box(o.box, at, s, turn)) for o in layout.openings),
        rooms=tuple(
            replace(r, polygon_m=np.array([at(*p)[:2] for p in r.polygon_m]), area_m2=r.area_m2 * s**2)
            for r in layout.rooms
        ),
    )


def _moved_box(box: Box, at: Callable[..., tuple[float, float, float]], s: float, turn: float) -> Box:
    size = (box.size_m[0] * s, box.size_m[1] * s, box.size_m[2] * s)
    return Box(at(*box.center_m), size, canonical_yaw(box.yaw + turn))
