"""Counting what is there: what was seen, and what a regular pattern says stands where no view shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import F64, I32, Array
from ..data.scene import MapObject, SceneMap
from ..geometry.box import turn_xy

LEAST_SEEN = 6
LEAST_FILLED = 0.6
OFF_GRID = 0.15


@dataclass(frozen=True)
class AmodalCount:
    """Things of a kind: how many were seen, and how many more a pattern implies, with their places in metres.

    Attributes:
        seen, inferred: counts. places: (inferred, 3) middles of those that no view shows, in the map frame.
    """

    seen: int
    inferred: int
    places: F64


def amodal_count(scene: SceneMap, things: tuple[MapObject, ...]) -> AmodalCount:
    """The number of things, and of those that complete their rectangular pattern where no view looks.

    Inferred only when at least six stand on the crossings of a grid, all within 15 % of its spacing, fill 60 % of the
    rectangle that they span, and the empty crossing lies in space that no camera ray crossed or ended in.
    """
    none = AmodalCount(len(things), 0, np.zeros((0, 3)))
    centers = np.array([o.box.center_m for o in things]).reshape(-1, 3)
    if len(things) < LEAST_SEEN or scene.frames is None:
        return none
    best = max((_on_grid(centers[:, :2], yaw) for yaw in _directions(centers[:, :2])), key=len, default=None)
    if best is None or not len(best):
        return none
    height = float(np.median(centers[:, 2]))
    places = np.column_stack([best, np.full(len(best), height)])
    edge = float(np.median([min(o.box.size_m) for o in things]))
    hidden = places[_never_looked_at(scene, places, edge)]
    return AmodalCount(len(things), len(hidden), hidden)


def _directions(xy: F64) -> list[float]:
    """Angles in radians of the steps from things to their nearest neighbours, the shortest first, at most twelve."""
    gap = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(gap, np.inf)
    to = xy[gap.argmin(1)] - xy
    order = np.argsort(gap.min(1), kind="stable")[:12]
    return np.unique(np.round(np.arctan2(to[order, 1], to[order, 0]) % (np.pi / 2), 3)).tolist()


def _on_grid(xy: F64, yaw: float) -> F64:
    """Empty crossings (K, 2) of the grid of a direction that all things (N, 2) stand on; none without a grid."""
    local = xy @ turn_xy(yaw)
    lines = [_lines(local[:, k]) for k in (0, 1)]
    if any(row is None for row in lines):
        return np.zeros((0, 2))
    (first_x, step_x, x), (first_y, step_y, y) = lines  # type: ignore[misc]
    shape = (int(x.max()) + 1, int(y.max()) + 1)
    filled = np.zeros(shape, bool)
    filled[x, y] = True
    alone = len(np.unique(np.stack([x, y], axis=1), axis=0)) == len(xy)
    if not alone or min(shape) < 2 or filled.mean() < LEAST_FILLED:
        return np.zeros((0, 2))
    empty = np.argwhere(~filled)
    return np.asarray((np.array([first_x, first_y]) + empty * [step_x, step_y]) @ turn_xy(yaw).T)


def _lines(at: F64) -> tuple[float, float, I32] | None:
    """First place, spacing and index (N,) of the parallel lines that places (N,) lie on, or None without any."""
    order = np.sort(at)
    steps = np.diff(order)
    wide = steps[steps > 0.3 * steps.max()] if len(steps) and steps.max() > 0 else steps
    if not len(wide):
        return None
    step = float(np.median(wide))
    index = np.round((at - order[0]) / step)
    design = np.stack([np.ones(len(at)), index], axis=1)
    (first, step), *_ = np.linalg.lstsq(design, at, rcond=None)
    if step <= 0 or np.abs(at - first - index * step).max() > OFF_GRID * step:
        return None
    return float(first), float(step), index.astype(np.int32)


def _never_looked_at(scene: SceneMap, places: F64, edge: float) -> Array:
    """Which places (K, 3) lie in space that no frame sees a surface in or looks through, as far as a thing reaches."""
    assert scene.frames is not None
    steps = np.array([[x, y, z] for x in (-0.3, 0, 0.3) for y in (-0.3, 0, 0.3) for z in (-0.3, 0, 0.3)]) * edge
    probes = (places[:, None] + steps).reshape(-1, 3)
    agree, through, _ = scene.frames.views_of(probes, near_share=0.01, most_frames=len(scene.frames))
    return np.asarray(((agree + through) > 0).reshape(len(places), -1).mean(1) < 0.2)
