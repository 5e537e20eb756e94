"""Yaw boxes: an upright box given by centre, size and a turn about +z."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from .._checks import F64, Array

if TYPE_CHECKING:
    from shapely.geometry import Polygon

NEAR_SQUARE = 0.10
CLEARLY = 1.2
MOST_JUDGED = 2000
LEAST_WEIGHT = 0.1
LEAST_DENSITY = 0.15
SNAP = 1e-6
MANY = 200
EIGHT = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])


def canonical_yaw(yaw_rad: float) -> float:
    """The same line direction in (-pi/2, pi/2]."""
    y = float(np.arctan2(np.sin(yaw_rad), np.cos(yaw_rad)))
    if y <= -np.pi / 2 + 1e-12:
        y += np.pi
    elif y > np.pi / 2 + 1e-12:
        y -= np.pi
    return y


def corners_xy(center: Array, size: Array, yaw_rad: float) -> F64:
    """The four floor corners (4, 2), counter-clockwise, of a yaw box."""
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.asarray(size, float)[:2] / 2
    return np.asarray(half @ turn_xy(yaw_rad).T + np.asarray(center, float)[:2])


def hull_xy(xy: Array) -> F64:
    """Convex hull (H, 2), counter-clockwise, of points (P, 2); degenerate input gives its unique points."""
    p = np.asarray(xy, np.float64)
    if len(p) >= 3:
        some = _not_inside(p) if len(p) >= MANY else p
        try:
            return np.asarray(some[ConvexHull(some).vertices])
        except QhullError:  # all on one line
            pass
    unique = np.unique(p, axis=0)
    return unique if len(unique) < 3 else np.asarray(unique[[0, -1]])


def _not_inside(p: F64) -> F64:
    """The points (P, 2) that are not strictly inside the octagon of the farthest in eight directions.

    No other can be a corner of the hull (Akl and Toussaint, "A fast convex hull algorithm", 1978).
    """
    x, y = np.ascontiguousarray(p.T)
    corner = p[[int((a * x + b * y).argmax()) for a, b in EIGHT]]
    outside = np.zeros(len(p), bool)
    for (ax, ay), (bx, by) in zip(corner, np.roll(corner, -1, axis=0)):
        if (ax, ay) == (bx, by):  # farthest in two directions
            continue
        outside |= (bx - ax) * (y - ay) - (by - ay) * (x - ax) <= 1e-12
    return np.asarray(p[outside]) if outside.any() else p


def fit_rectangle(xy: Array) -> tuple[F64, F64, float]:
    """The smallest rectangle round points (P, 2), P >= 1: centre (2,), size (2,), yaw of its longer side.

    One side of the smallest rectangle lies on an edge of the convex hull (Freeman and Shapira, 1975).
    Sides within 10 % of one another turn towards the axes, that is the walls.
    """
    hull = hull_xy(xy)
    edges = np.diff(np.vstack([hull, hull[:1]]), axis=0)
    angles = np.unique(np.concatenate([[0.0], np.arctan2(edges[:, 1], edges[:, 0]) % (np.pi / 2)]))
    areas = np.array([float(np.prod(_spans(hull, a)[1])) for a in angles])
    yaw = float(angles[int(np.argmin(areas))])
    _, size = _spans(hull, yaw)
    if abs(size[0] - size[1]) < NEAR_SQUARE * max(size.max(), 1e-9):
        aligned = float(np.prod(_spans(hull, 0.0)[1]))
        yaw = 0.0 if aligned <= 1.25 * max(areas.min(), 1e-12) else yaw
    return _oriented(hull, yaw)


def fit_to_edges(xy: Array, weight: Array, near: float) -> tuple[F64, F64, float]:
    """The rectangle round points (P, 2) whose sides most of their weight (P,) lies on: centre, size, yaw.

    The smallest rectangle round two faces of a thing, all that one view shows, lies across their diagonal; its sides
    are far from the points. Another direction is taken where the mean of 1 / max(distance to the nearest side, near) is
    a fifth higher (closeness: Zhang, Xu, Dong and Dolan, "Efficient L-shape fitting", 2017).
    """
    hull = hull_xy(xy)
    smallest = fit_rectangle(hull)
    some = slice(None, None, 1 + len(xy) // MOST_JUDGED)
    xy, weight = xy[some], weight[some]
    coarse = smallest[2] + np.radians(np.arange(0, 90, 2.0))
    best = coarse[int(np.argmax([_closeness(xy, weight, a, near) for a in coarse]))]
    fine = best + np.radians(np.arange(-1.5, 1.75, 0.25))
    scores = [_closeness(xy, weight, a, near) for a in fine]
    if max(scores) < CLEARLY * _closeness(xy, weight, smallest[2], near):
        return smallest
    return _oriented(hull, float(fine[int(np.argmax(scores))]))


def _closeness(xy: Array, weight: Array, yaw: float, near: float) -> float:
    off = np.full(len(xy), np.inf)
    for along in np.ascontiguousarray((xy @ turn_xy(yaw)).T):
        off = np.minimum(off, np.minimum(along - along.min(), along.max() - along))
    return float((weight / np.maximum(off, near)).sum() / weight.sum())


def rectangle_at(xy: Array, yaw_rad: float) -> tuple[F64, F64, float]:
    """The rectangle of a given direction round points (P, 2): centre, size, yaw of its longer side."""
    return _oriented(hull_xy(xy), yaw_rad)


def _spans(hull: F64, yaw: float) -> tuple[F64, F64]:
    q = hull @ turn_xy(yaw)
    return (q.min(0) + q.max(0)) / 2, np.ptp(q, axis=0)


def _oriented(hull: F64, yaw: float) -> tuple[F64, F64, float]:
    return _longer_first(*_spans(hull, yaw), yaw)


def _longer_first(middle: F64, size: F64, yaw: float) -> tuple[F64, F64, float]:
    center = turn_xy(yaw) @ middle
    if size[1] > size[0] + 1e-12:
        size, yaw = size[::-1].copy(), yaw + np.pi / 2
    return center, size, canonical_yaw(yaw)


def fit_supported(xy: Array, weight: Array, noise: float) -> tuple[F64, F64, float]:
    """The rectangle between the supported ends of noisy points (P, 2) of weights (P,): centre, size, yaw.

    Its direction is that of `fit_to_edges` for the points inside the supported ends of a first direction.
    """
    yaw, inside = 0.0, weight >= LEAST_WEIGHT * weight.max()
    for _ in range(2):
        if inside.sum() < 3:
            break
        yaw = fit_to_edges(xy[inside], weight[inside], noise)[2]
        middle, size = _supported(xy, weight, noise, yaw)
        inside = (np.abs(xy @ turn_xy(yaw) - middle) <= size / 2).all(1)
    return _longer_first(*_supported(xy, weight, noise, yaw), yaw)


def _supported(xy: Array, weight: Array, noise: float, yaw: float) -> tuple[F64, F64]:
    spans = np.array([supported_span(along, weight, noise) for along in (xy @ turn_xy(yaw)).T])
    return spans.mean(1), np.ptp(spans, axis=1)


def turn_xy(yaw: float) -> F64:
    """Rotation (2, 2) of the floor by an angle in radians, counter-clockwise seen from above."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s], [s, c]])


def supported_span(along: Array, weight: Array, noise: float) -> tuple[float, float]:
    """The ends of what lies at positions (P,) of weights (P,): where their density falls to half of that just inside.

    A face whose points are off by `noise` puts some points beyond itself; extents of points grow with their number,
    the half density stays. Stretches with less than a seventh of the usual density are stray points.
    """
    first = float(along.min())
    count = np.bincount(((along - first) / noise).astype(np.int64), weight).astype(np.float64)
    usual = float(np.median(count[count > 0]))
    ends = [_half(c, usual) for c in (count, count[::-1])]
    return first + ends[0] * noise, first + (len(count) - ends[1]) * noise


def _half(count: F64, usual: float) -> float:
    """Bins before the first one that holds at least half of what the densest of the next two holds."""
    inside = np.maximum.reduce([count, np.append(count[1:], 0), np.append(count[2:], [0, 0])[: len(count)]])
    share = count / np.maximum(inside, 1e-9)
    at = int(np.argmax((share >= 0.5) & (count >= LEAST_DENSITY * usual)))
    before = float(count[at - 1]) if at else 0.0
    rise = float(count[at]) - before
    across = (0.5 * float(inside[at]) - before) / rise if rise > 0 else 1.0
    return at + min(max(across, 0.0), 1.0)


def shared_area(a: Polygon, b: Polygon) -> float:
    """Area of the intersection of two polygons, their corners snapped to a millionth.

    Without snapping, outlines that differ by rounding alone were seen to share nothing.
    """
    from shapely import intersection

    return float(intersection(a, b, grid_size=SNAP).area)


def iou(center_a: Array, size_a: Array, yaw_a: float, center_b: Array, size_b: Array, yaw_b: float) -> float:
    """Volume of intersection over union of two yaw boxes."""
    from shapely.geometry import Polygon

    a = Polygon(corners_xy(center_a, size_a, yaw_a))
    b = Polygon(corners_xy(center_b, size_b, yaw_b))
    top = min(center_a[2] + size_a[2] / 2, center_b[2] + size_b[2] / 2)
    low = max(center_a[2] - size_a[2] / 2, center_b[2] - size_b[2] / 2)
    shared = shared_area(a, b) * max(0.0, float(top - low))
    total = float(np.prod(size_a)) + float(np.prod(size_b)) - shared
    return shared / total if total > 0 else 0.0
