"""Rays across a bird's-eye grid, a thread a ray."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from . import launch

Array = npt.NDArray[Any]


def carve(cells: Array, start: Array, ends: Array, threads: int) -> None:
    """See the CPU column."""
    grid = launch.device_array(cells)
    launch.run(_carve, len(ends), grid, launch.device_array(start), launch.device_array(ends))
    cells[:] = launch.host(grid)


@cuda.jit
def _carve(cells, start, ends):  # type: ignore[no-untyped-def]
    """Walk: Amanatides and Woo, "A fast voxel traversal algorithm", 1987."""
    i = cuda.grid(1)
    if i >= len(ends) or not (abs(ends[i, 0]) < np.inf and abs(ends[i, 1]) < np.inf):
        return
    x, y = int(math.floor(start[0])), int(math.floor(start[1]))
    ex, ey = int(math.floor(ends[i, 0])), int(math.floor(ends[i, 1]))
    dx, dy = ends[i, 0] - start[0], ends[i, 1] - start[1]
    sx, sy = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
    step_x = abs(1 / dx) if dx != 0 else np.inf
    step_y = abs(1 / dy) if dy != 0 else np.inf
    next_x = (x + (1 if sx > 0 else 0) - start[0]) / dx if dx != 0 else np.inf
    next_y = (y + (1 if sy > 0 else 0) - start[1]) / dy if dy != 0 else np.inf
    for _ in range(abs(ex - x) + abs(ey - y)):
        if 0 <= y < cells.shape[0] and 0 <= x < cells.shape[1]:
            cuda.atomic.add(cells, (y, x), 1)
        if next_x < next_y:
            x += sx
            next_x += step_x
        else:
            y += sy
            next_y += step_y
