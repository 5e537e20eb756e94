"""Upright solids: outlines with heights, and the one gap between two surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import shapely

from .._checks import F64, Array
from .box import SNAP


@runtime_checkable
class Upright(Protocol):
    """What has an outline (F, 2) seen from above, counter-clockwise or not, between two heights."""

    @property
    def outline(self) -> F64: ...
    @property
    def low(self) -> float: ...
    @property
    def top(self) -> float: ...


@dataclass(frozen=True)
class Solids:
    """N prisms: polygons seen from above (N,) and the heights (N,) that they reach from and to."""

    outline: Array
    low: F64
    top: F64

    def gap(self, a: Array, b: Array) -> F64:
        """Smallest distances (P,) between the surfaces of solids a and b (P,), 0 where they meet."""
        up = np.maximum(0.0, np.maximum(self.low[a] - self.top[b], self.low[b] - self.top[a]))
        return np.asarray(np.hypot(shapely.distance(self.outline[a], self.outline[b]), up), np.float64)

    def over(self, a: Array, b: Array) -> F64:
        """Shares (P,) of the outlines of a that lie over those of b; corners snap, see `box.shared_area`."""
        shared = shapely.area(shapely.intersection(self.outline[a], self.outline[b], grid_size=SNAP))
        return np.asarray(shared / np.maximum(shapely.area(self.outline[a]), 1e-9), np.float64)

    @property
    def middle(self) -> F64:
        """Centroids (N, 2) of the outlines."""
        return np.asarray(shapely.get_coordinates(shapely.centroid(self.outline)), np.float64).reshape(-1, 2)


def solids(things: Sequence[Upright]) -> Solids:
    """The prisms of things; an outline that crosses itself counts as its convex hull."""
    polygons = np.array([shapely.Polygon(t.outline) for t in things], object)
    if len(polygons):
        crossed = ~shapely.is_valid(polygons)
        polygons[crossed] = shapely.convex_hull(polygons[crossed])
    return Solids(polygons, np.array([t.low for t in things], float), np.array([t.top for t in things], float))
