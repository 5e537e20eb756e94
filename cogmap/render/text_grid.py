"""`grid` text: objects by cell of an N x N map, as VSI-Bench and MindCube write cognitive maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._checks import F64
from ..data.scene import Box, SceneMap
from ..errors import ConfigError
from .text_metric import header_of, matched_lines

SMALLEST, LARGEST = 2, 100


def render_grid(scene: SceneMap, size: int = 10) -> str:
    """One line per object: number, id and the cell (column, row) of its centre; two objects may share a cell.

    The square of cells covers the rooms, or the objects where there are none; cell (0, 0) is at the smallest x and y.

    Args:
        size: cells along each side.

    Raises:
        ConfigError: E-OPTION-RANGE unless 2 <= size <= 100.
    """
    if not SMALLEST <= size <= LARGEST:
        raise ConfigError("E-OPTION-RANGE", f"a grid of {size} cells.", f"Choose {SMALLEST} to {LARGEST}.")
    origin, cell = _square(scene, size)
    unit = scene.scale.unit
    lines = [
        f"# grid: {size} x {size} cells of {cell:.2f} {unit}; (column, row): column along x, right; row along y, ahead",
        f"# cell (0, 0) is the corner at x {origin[0]:z.2f}, y {origin[1]:z.2f}; up is z, not shown",
    ]
    places = [(o.number, o.id) for o in scene.objects]
    places += [(o.number, o.id) for o in scene.layout.openings]
    cells = cells_of(scene, [o.box for o in (*scene.objects, *scene.layout.openings)], size)
    lines += [f"{number} {name} {at}" for (number, name), at in zip(places, cells)]
    return "\n".join(lines) + "\n"


def cells_of(scene: SceneMap, boxes: Sequence[Box], size: int) -> list[tuple[int, int]]:
    """Cells (column, row) of the middles of boxes on the map's grid; what lies outside is at its edge."""
    origin, cell = _square(scene, size)
    at = [np.clip(np.floor((np.array(b.center_m[:2]) - origin) / cell), 0, size - 1).astype(int) for b in boxes]
    return [(int(x), int(y)) for x, y in at]


@dataclass(frozen=True)
class Grid:
    """A parsed grid: cells along a side, their edge and the lower corner of cell (0, 0) in metres or map units, and the
    cell (column, row) of every id."""

    size: int
    cell_m: float
    origin_m: tuple[float, float]
    cells: dict[str, tuple[int, int]]


def parse_grid(text: str) -> Grid:
    """Read `grid` text back. Raises InputError E-TEXT-LINE with the number of the first bad line."""
    head = header_of(text, r"# grid: (\d+) x \d+ cells of (\d+\.\d+) ", "grid")
    corner = header_of(text.partition("\n")[2], r"# cell .* at x (-?\d+\.\d+), y (-?\d+\.\d+);", "grid")
    rows = matched_lines(text, r"\d+ (\w+) \((\d+), (\d+)\)", "cell")
    cells = {row[1]: (int(row[2]), int(row[3])) for row in rows}
    return Grid(int(head[1]), float(head[2]), (float(corner[1]), float(corner[2])), cells)


def _square(scene: SceneMap, size: int) -> tuple[F64, float]:
    """Lower corner (2,) and edge of the cells of the smallest square round the rooms or the objects."""
    points = [r.polygon_m for r in scene.layout.rooms]
    if not points:
        boxes = [o.box for o in scene.objects]
        points = [b.floor_corners for b in boxes] or [np.zeros((1, 2))]
    xy = np.concatenate(points)
    lo, hi = xy.min(0), xy.max(0)
    edge = max(float((hi - lo).max()), 1e-3)
    return (lo + hi) / 2 - edge / 2, edge / size
