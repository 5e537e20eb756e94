"""Upright solids: outlines with heights, and the one gap between two surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

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


def prism_gap(a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> F64:
    """Smallest distance between two prisms: outline, height from, height to, or arrays (P,) of each."""
    (outline_a, low_a, top_a), (outline_b, low_b, top_b) = a, b
    up = np.maximum(0.0, np.maximum(low_a - top_b, low_b - top_a))
    return np.asarray(np.hypot(shapely.distance(outline_a, outline_b), up), np.float64)


def gap_error(sigma_a: Array, sigma_b: Array, gap: Array, rel_sigma: float) -> F64:
    """Standard errors of gaps: those of both surfaces, and of the scale."""
    return np.asarray(np.sqrt(sigma_a**2 + sigma_b**2 + (rel_sigma * gap) ** 2), np.float64)


def polygon(outline: Array) -> shapely.Polygon:
    """The polygon of an outline (F, 2); of one that crosses itself the convex hull."""
    found = shapely.Polygon(outline)
    return found if found.is_valid else found.convex_hull


@dataclass(frozen=True)
class Solids:
    """N prisms: polygons seen from above (N,) and the heights (N,) that they reach from and to."""

    outline: Array
    low: F64
    top: F64

    def gap(self, a: Array, b: Array) -> F64:
        """Smallest distances (P,) between the surfaces of solids a and b (P,), 0 where they meet."""
        return prism_gap(
            (self.outline[a], self.low[a], self.top[a]),
            (self.outline[b], self.low[b], self.top[b]),
        )

    def over(self, a: Array, b: Array) -> F64:
        """Shares (P,) of the outlines of a that lie over those of b; corners snap, see `box.shared_area`."""
        shared = shapely.area(shapely.intersection(self.outline[a], self.outline[b], grid_size=SNAP))
        return np.asarray(shared / np.maximum(shapely.area(self.outline[a]), 1e-9), np.float64)

    @property
    def middle(self) -> F64:
        """Centroids (N, 2) of the outlines."""
        return np.asarray(shapely.get_coordinates(shapely.centroid(self.outline)), np.float64).reshape(-1, 2)


def solids(things: Sequence[Upright]) -> Solids:
    """The prisms of things."""
    polygons = np.array([polygon(t.outline) for t in things], object)
    return Solids(polygons, np.array([t.low for t in things], float), np.array([t.top for t in things], float))
