"""Where the numbers of a picture from above go: on what shows of a thing, or beside it on a leader line."""

from __future__ import annotations

import numpy as np
from shapely import STRtree
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import polylabel, unary_union

from .._checks import F64
from ..data.scene import MapObject

PRECISION_M = 0.005
LEAST_SHOWN_M2 = 1e-4
MOST_RINGS = 40


def drawing_order(objects: tuple[MapObject, ...]) -> list[MapObject]:
    """Lowest tops first, so that what is drawn last is what is seen from above."""
    return sorted(objects, key=lambda o: (o.box.top, o.number))


def anchors_of(objects: tuple[MapObject, ...]) -> F64:
    """A point (K, 2) for every object: the middle of the largest part of its footprint that shows from above.

    Where nothing of it shows, the middle of the footprint. Always inside the footprint.
    """
    order = drawing_order(objects)
    outlines = [Polygon(o.footprint_map) if len(o.footprint_map) > 2 else Polygon() for o in order]
    tree = STRtree(outlines)
    place = {}
    for k, (thing, outline) in enumerate(zip(order, outlines)):
        if outline.area <= 0:
            place[thing.id] = tuple(thing.footprint_map[0])
            continue
        over = [outlines[j] for j in tree.query(outline, predicate="intersects") if j > k]
        shown = _largest(outline.difference(unary_union(over))) if over else outline
        point = polylabel(shown if shown.area > LEAST_SHOWN_M2 else outline, PRECISION_M)
        place[thing.id] = (point.x, point.y)
    return np.array([place[o.id] for o in objects], np.float64).reshape(-1, 2)


def _largest(shape: BaseGeometry) -> Polygon:
    parts = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
    return max((p for p in parts if isinstance(p, Polygon)), key=lambda p: p.area, default=Polygon())


def free_spots(anchors: F64, gap_px: float, size_px: int) -> F64:
    """Places (K, 2) for labels of diameter `gap_px` on or near their anchors (K, 2), in order; the first fit wins.

    No two labels overlap, and none covers another's anchor where there is room for that.
    """
    placed = np.zeros((0, 2))
    for k, anchor in enumerate(anchors):
        others = np.delete(anchors, k, axis=0)
        spot = anchor
        for ring in range(MOST_RINGS):
            options = _ring(anchor, ring, gap_px)
            inside = (options.min(1) >= gap_px / 2) & (options.max(1) <= size_px - gap_px / 2)
            clear = inside & (_nearest(options, placed) >= gap_px)
            free = clear & (_nearest(options, others) >= gap_px / 2)
            if free.any() or (clear.any() and ring > 3):
                spot = options[np.flatnonzero(free if free.any() else clear)[0]]
                break
        placed = np.vstack([placed, spot])
    return placed


def _ring(middle: F64, ring: int, gap_px: float) -> F64:
    turns = np.arange(8 * ring) * (2 * np.pi / max(8 * ring, 1))
    around = middle + ring * gap_px * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    return around if ring else middle[None]


def _nearest(options: F64, points: F64) -> F64:
    if len(points) == 0:
        return np.full(len(options), np.inf)
    return np.asarray(np.linalg.norm(options[:, None] - points[None], axis=2).min(1))
