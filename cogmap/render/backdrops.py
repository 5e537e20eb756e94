"""What lies under the outlines of a bird's-eye view: free floor, the surfaces from above, their heights."""

from __future__ import annotations

import numpy as np

from .._checks import U8, Array
from ..data.scene import FREE, OCCUPIED, SceneMap
from ..errors import InputError

PAPER, FLOOR, FILLED = 232, 255, 214
BELOW_CEILING_M = 0.3
ROOM_HEIGHT_M = 2.3
LOW, MIDDLE, HIGH = (49, 54, 149), (255, 255, 191), (165, 0, 38)  # blue to yellow to red, told apart by all eyes


def floor(scene: SceneMap, x: Array, y: Array) -> U8:
    """(H, W, 3): white where free, darker where occupied, grey where unknown, at columns x (W,) and rows y (H,)."""
    out = np.full((len(y), len(x), 3), PAPER, np.uint8)
    grid = scene.freespace
    if grid is None:
        return out
    ix = np.floor((x - grid.origin_map[0]) / grid.cell_m).astype(int)
    iy = np.floor((y - grid.origin_map[1]) / grid.cell_m).astype(int)
    rows, columns = grid.cells.shape
    cells = grid.cells[np.clip(iy, 0, rows - 1)][:, np.clip(ix, 0, columns - 1)].copy()
    cells[(iy < 0) | (iy >= rows)] = 0
    cells[:, (ix < 0) | (ix >= columns)] = 0
    out[cells == FREE] = FLOOR
    out[cells == OCCUPIED] = FILLED
    return out


def occupancy(scene: SceneMap, x: Array, y: Array) -> U8:
    """The free floor alone in strong contrast: white free, black occupied, grey unknown."""
    plain = floor(scene, x, y)
    out = np.full_like(plain, 160)
    out[(plain == FLOOR).all(-1)] = 255
    out[(plain == FILLED).all(-1)] = 40
    return out


def photo(scene: SceneMap, x: Array, y: Array) -> U8:
    """The colours of the topmost surfaces, ceiling taken away."""
    top, at = _topmost(scene, x, y)
    assert scene.voxels is not None
    out = floor(scene, x, y)
    out[at] = scene.voxels.rgb[top[at]]
    return out


def height(scene: SceneMap, x: Array, y: Array) -> U8:
    """The heights of the topmost surfaces: blue on the floor, yellow at half of 2 m, red from 2 m on."""
    top, at = _topmost(scene, x, y)
    assert scene.voxels is not None
    share = np.clip(scene.voxels.mean_map[top[at], 2] / 2.0, 0, 1)[:, None]
    scale = np.array([LOW, MIDDLE, HIGH], np.float64)
    color = np.where(
        share < 0.5, scale[0] + 2 * share * (scale[1] - scale[0]), scale[1] + (2 * share - 1) * (scale[2] - scale[1])
    )
    out = np.full((len(y), len(x), 3), PAPER, np.uint8)
    out[at] = np.round(color).astype(np.uint8)
    return out


def _topmost(scene: SceneMap, x: Array, y: Array) -> tuple[Array, Array]:
    """Index (H, W) of the topmost voxel below the ceiling over each pixel, and where there is one."""
    v = scene.voxels
    if v is None:
        raise InputError("E-NO-VOXELS", "the map holds no surfaces.", "Choose the schematic style.")
    ceiling = scene.layout.ceiling_height_m
    most = ROOM_HEIGHT_M if ceiling is None else ceiling - BELOW_CEILING_M
    kept = np.flatnonzero((v.mean_map[:, 2] < most) & (v.mean_map[:, 2] > -0.2))
    low = v.key[:, :2].min(0)
    shape = v.key[:, :2].max(0) - low + 1
    column = np.full((shape[1], shape[0]), -1, np.int64)
    column[v.key[kept, 1] - low[1], v.key[kept, 0] - low[0]] = kept  # keys ascend in z: the last one is the topmost
    ix = np.floor((x - v.origin_map[0]) / v.voxel_m).astype(int) - low[0]
    iy = np.floor((y - v.origin_map[1]) / v.voxel_m).astype(int) - low[1]
    inside = ((iy >= 0) & (iy < shape[1]))[:, None] & ((ix >= 0) & (ix < shape[0]))[None]
    top = column[np.clip(iy, 0, shape[1] - 1)][:, np.clip(ix, 0, shape[0] - 1)]
    return top, inside & (top >= 0)


STYLES = {"schematic": floor, "photo": photo, "height": height, "occupancy": occupancy}
