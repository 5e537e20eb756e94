"""Rays across a bird's-eye grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]


def carve(cells: Array, start: Array, ends: Array, threads: int) -> None:
    """See `cogmap_kernels.carve`; threads count in grids of their own, which are added up."""
    grids = [cells, *(np.zeros_like(cells) for _ in range(threads - 1))]
    parts = list(_threads.slices(len(ends), threads))
    team = _threads.Team(threads)
    team.each(lambda k: _carve(grids[k], start, ends[parts[k][0] : parts[k][1]]))
    for grid in grids[1:]:
        cells += grid


@compiled
def _carve(cells: Array, start: Array, ends: Array) -> None:
    """Walk: Amanatides and Woo, "A fast voxel traversal algorithm", 1987."""
    rows, columns = cells.shape
    for i in range(len(ends)):
        if not (np.isfinite(ends[i, 0]) and np.isfinite(ends[i, 1])):
            continue
        x, y = int(np.floor(start[0])), int(np.floor(start[1]))
        ex, ey = int(np.floor(ends[i, 0])), int(np.floor(ends[i, 1]))
        dx, dy = ends[i, 0] - start[0], ends[i, 1] - start[1]
        sx, sy = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
        step_x = abs(1 / dx) if dx != 0 else np.inf
        step_y = abs(1 / dy) if dy != 0 else np.inf
        next_x = (x + (sx > 0) - start[0]) / dx if dx != 0 else np.inf
        next_y = (y + (sy > 0) - start[1]) / dy if dy != 0 else np.inf
        for _ in range(abs(ex - x) + abs(ey - y)):
            if 0 <= y < rows and 0 <= x < columns:
                cells[y, x] += 1
            if next_x < next_y:
                x += sx
                next_x += step_x
            else:
                y += sy
                next_y += step_y
