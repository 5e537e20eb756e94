"""Boxes, colours and numbers: from labelled voxels to map objects."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from .._checks import F64, I32, Array, triple
from ..data.points import GivenBox
from ..data.scene import Box, MapObject, Obb
from ..data.voxels import Voxels
from ..errors import InputError
from ..geometry.box import (
    corners_xy,
    fit_rectangle,
    fit_supported,
    fit_to_edges,
    hull_xy,
    rectangle_at,
    supported_span,
    turn_xy,
)
from ..geometry.rigid import about_z
from .colour import color_name
from .holes import COMPLETED

TRIM = 0.005
OUTLINE_M = 0.02
SOME_COMPLETED = 0.1
LEAST_MEASURED = 0.1
NEARLY = 0.98  # sizes come in steps of the noise, and limits are multiples of it
LEAST_SIGMA_M = 0.01
NO_LABEL = "object"
ON_FLOOR_M = 0.12


def fit_box(voxels: Voxels, part: Array, noise_m: float = 0.0) -> tuple[Box, F64]:
    """The upright box round the points of some voxels, and their outline on the floor (F, 2).

    Exact points (noise 0) are boxed by their extents, half a percent left out at each end of the height. Noise
    inflates such a box, so noisy ones are boxed between the faces that have support (`supported_span`). A thing whose
    lowest point is within 12 cm of the floor stands on it.
    """
    if noise_m > 0:
        n = voxels.n_points[part].astype(np.float64)
        weight = n / (n + 0.5 * np.median(n))
        xyz = voxels.mean_map[part].astype(np.float64)
        center, size, yaw = fit_supported(xyz[:, :2], weight, noise_m)
        z_lo, z_hi = supported_span(xyz[:, 2], weight, noise_m)
        xy = _inside(xyz[:, :2], center, size, yaw, noise_m)
    else:
        z_lo, z_hi = _trimmed(voxels.lo_map[part, 2], voxels.hi_map[part, 2])
        kept = part[(voxels.hi_map[part, 2] >= z_lo) & (voxels.lo_map[part, 2] <= z_hi)]
        if z_lo < ON_FLOOR_M:  # where it meets the floor one voxel holds points of both
            above = kept[voxels.lo_map[kept, 2] > 0.5 * voxels.voxel_m]
            kept = above if 2 * len(above) >= len(kept) else kept
        lo, hi = voxels.lo_map[kept], voxels.hi_map[kept]
        corners = [np.column_stack([a[:, 0], b[:, 1]]) for a in (lo, hi) for b in (lo, hi)]
        xy = np.concatenate(corners).astype(np.float64)
        center, size, yaw = fit_to_edges(xy, np.ones(len(xy)), voxels.voxel_m)
    bottom = 0.0 if z_lo < ON_FLOOR_M else z_lo
    edge = 0.5 * voxels.voxel_m
    dims = np.maximum([size[0], size[1], z_hi - bottom], edge)
    middle = (float(center[0]), float(center[1]), float((z_hi + bottom) / 2))
    return Box(middle, (float(dims[0]), float(dims[1]), float(dims[2])), yaw), _outline(xy)


def _inside(xy: F64, center: F64, size: F64, yaw: float, margin: float) -> F64:
    """The points (P, 2) inside a rectangle widened by a margin, or its corners where there are none."""
    kept = xy[(np.abs((xy - center) @ turn_xy(yaw)) <= size / 2 + margin).all(1)]
    return kept if len(kept) else corners_xy(center, size, yaw)


def _trimmed(lo: Array, hi: Array) -> tuple[float, float]:
    return float(np.quantile(lo, TRIM)), float(np.quantile(hi, 1 - TRIM))


def _outline(xy: F64) -> F64:
    """Outline (F, 2) that follows the shape seen from above, L-shapes too, with at most 24 corners."""
    from shapely import concave_hull
    from shapely.geometry import MultiPoint, Polygon

    column: Array = np.unique(np.round(xy / OUTLINE_M).astype(np.int64) @ np.array([1 << 32, 1]))
    cells = np.stack([(column + (1 << 31)) >> 32, (column + (1 << 31)) % (1 << 32) - (1 << 31)], axis=1) * OUTLINE_M
    hull = hull_xy(xy)
    if len(hull) < 3 or Polygon(hull).area < 1e-6:
        pad = np.array([[-0.005, -0.005], [0.005, -0.005], [0.005, 0.005], [-0.005, 0.005]])
        return np.asarray(hull_xy((hull[:, None] + pad).reshape(-1, 2)))
    shape = concave_hull(MultiPoint(cells), ratio=0.25) if len(cells) > 8 else Polygon(hull)
    polygon = shape if isinstance(shape, Polygon) and shape.area > 0.2 * Polygon(hull).area else Polygon(hull)
    simple, tolerance = polygon, 0.01
    while len(simple.exterior.coords) > 25:
        simple = polygon.simplify(tolerance)
        tolerance *= 1.5
    corners = simple if isinstance(simple, Polygon) and simple.is_valid and simple.area > 0 else Polygon(hull)
    return np.asarray(corners.exterior.coords)[:-1]


def make_objects(
    voxels: Voxels,
    object_of_voxel: I32,
    *,
    labels: dict[int, tuple[tuple[str, float, str], ...]] | None = None,
    seen: list[tuple[tuple[int, float], ...]] | None = None,
    times_s: list[float] | None = None,
    noise_m: float = 0.0,
    has_color: bool = True,
    least_m: tuple[float, float] = (0.0, 0.0),
) -> tuple[tuple[MapObject, ...], I32]:
    """Box every instance and number them by (first seen, x, y, z).

    Args:
        object_of_voxel: (V,) instance of each voxel, -1 = none. labels: (text, score, source) by instance, best first.
        noise_m: standard error of a point. seen: per instance (frame, visible share).
        times_s: time of every kept frame.
        least_m: longest and second longest edge of a box below which it is no object.

    Returns:
        Objects in the order of their numbers, and (V,) int32 the index into them, -1 = none.
    """
    n = int(object_of_voxel.max(initial=-1)) + 1
    drafts = []
    for k, part in enumerate(parts_of(object_of_voxel, n)):
        frames = seen[k] if seen else ()
        first = times_s[frames[0][0]] if frames and times_s else None
        draft = _draft(voxels, part, (labels or {}).get(k, ()), frames, first, noise_m, has_color)
        if _is_thing(draft.box, least_m, noise_m):
            drafts.append((k, draft))
    drafts.sort(key=lambda d: (d[1].seen[0][0] if d[1].seen else 1 << 30, *d[1].box.center_m))
    rank = np.full(n + 1, -1, np.int32)
    for position, (k, _) in enumerate(drafts):
        rank[k] = position
    return number_objects([d[1] for d in drafts]), rank[object_of_voxel]


def _is_thing(box: Box, least_m: tuple[float, float], noise_m: float) -> bool:
    """Whether a box is large enough; one that is thinner than the noise has to be twice as wide, or it is a streak."""
    thin, second, longest = np.sort(box.size_m)
    least = least_m[1] * (1.0 if thin >= noise_m else 2.0)
    return bool(longest >= NEARLY * least_m[0] and second >= NEARLY * least)


def parts_of(object_of_voxel: I32, n: int) -> list[Array]:
    """The voxels of objects 0 to n - 1."""
    order = np.argsort(object_of_voxel, kind="stable")
    cuts = np.searchsorted(object_of_voxel[order], np.arange(n + 1))
    return [order[a:b] for a, b in zip(cuts[:-1], cuts[1:])]


def _draft(
    voxels: Voxels,
    part: Array,
    labels: tuple[tuple[str, float, str], ...],
    seen: tuple[tuple[int, float], ...],
    first: float | None,
    noise_m: float,
    has_color: bool,
) -> MapObject:
    measured = part[voxels.confidence[part] > COMPLETED]
    box, outline = fit_box(voxels, measured if len(measured) >= LEAST_MEASURED * len(part) else part, noise_m)
    return MapObject(
        number=0,
        id="",
        label=labels[0][0] if labels else None,
        labels=labels,
        box=box,
        footprint_map=outline,
        facing=None,
        color_name=color_name(voxels.rgb[part]) if has_color else None,
        n_points=int(voxels.n_points[part].sum()),
        seen=seen,
        first_seen_s=first,
        sigma_m=float(np.hypot(max(noise_m, LEAST_SIGMA_M), voxels.voxel_m / 2)),
        confidence=float(voxels.confidence[part].mean() * min(1.0, (len(seen) or 3) / 3)),
        partial=False,
        completed=bool((voxels.confidence[part] <= COMPLETED).mean() > SOME_COMPLETED),
    )


def slug(label: str | None) -> str:
    """The part of an id that comes from a label: [a-z0-9_], "object" when nothing is left."""
    cleaned = re.sub(r"[^a-z0-9]+", "_", (label or "").lower()).strip("_")
    return cleaned or NO_LABEL


def number_objects(objects: list[MapObject]) -> tuple[MapObject, ...]:
    """Numbers and ids: numbers 1..K in the order of the list unless they have some, ids as described.

    The id is the slug of the label and a counter for each slug; without a label it is `object_NUMBER`.
    """
    counters: dict[str, int] = {}
    out = []
    for place, thing in enumerate(objects, 1):
        name, number = slug(thing.label), thing.number or place
        counters[name] = counters.get(name, 0) + 1
        out.append(replace(thing, number=number, id=f"{name}_{number if name == NO_LABEL else counters[name]}"))
    return tuple(out)


def import_boxes(given: tuple[GivenBox, ...], T_map_input: F64) -> tuple[MapObject, ...]:
    """Objects of boxes from outside, moved by a similarity (4, 4); numbered by x, y, z.

    A full rotation is kept in `obb`; the upright box round it is what distances and pictures use. Own ids are kept,
    written in [a-z0-9_], where all of them differ.
    """
    scale = float(np.cbrt(np.linalg.det(T_map_input[:3, :3])))
    rows = [(_imported(g, T_map_input, scale), g.id) for g in given]
    rows.sort(key=lambda row: np.round(row[0].box.center_m, 6).tolist())  # a turn leaves rounding behind
    numbered = number_objects([o for o, _ in rows])
    own = [slug(id) if id else o.id for o, (_, id) in zip(numbered, rows)]
    if len(set(own)) < len(own):
        return numbered
    return tuple(replace(o, id=id) for o, id in zip(numbered, own))


def _about(axis: F64, angle_rad: float) -> F64:
    """Rotation (3, 3) about an axis (3,) of length 1, exact about z."""
    if np.array_equal(axis, [0, 0, 1]):
        return about_z(angle_rad)
    return np.asarray(Rotation.from_rotvec(angle_rad * axis).as_matrix())


def _imported(given: GivenBox, T: F64, scale: float) -> MapObject:
    up = T[2, :3] / scale  # the file's own axis that points up: angles are about it
    if given.rotation is None:
        R_given = _about(up, np.radians(given.yaw_deg or 0.0))
    else:
        R_given = np.array(given.rotation, np.float64)
    if np.abs(R_given @ R_given.T - np.eye(3)).max() > 1e-2:
        name = given.label or "box"
        raise InputError("E-BOXES", f"the rotation of {name!r} is no rotation.", "Give orthonormal axes as columns.")
    R = T[:3, :3] / scale @ R_given
    center = T[:3, :3] @ np.array(given.center_m) + T[:3, 3]
    size = np.array(given.size_m) * scale
    signs = np.array([[a, b, c] for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (-0.5, 0.5)])
    corners = center + (signs * size) @ R.T
    middle, floor_size, yaw = _upright(corners, R)
    z_lo, z_hi = float(corners[:, 2].min()), float(corners[:, 2].max())
    obb = None
    if given.rotation is not None:
        obb = Obb(triple(center), triple(size), tuple(triple(row) for row in R))
    at = (float(middle[0]), float(middle[1]), (z_lo + z_hi) / 2)
    box = Box(at, (float(floor_size[0]), float(floor_size[1]), z_hi - z_lo), yaw, obb)
    facing = None
    if given.facing_deg is not None:
        front = T[:3, :3] @ _about(up, np.radians(given.facing_deg))[:, 0]
        facing = float(np.arctan2(front[1], front[0]))
    return MapObject(
        number=0,
        id="",
        label=given.label,
        labels=() if given.label is None else ((given.label, 1.0, "given"),),
        box=box,
        footprint_map=hull_xy(corners[:, :2]),
        facing=facing,
        color_name=None,
        n_points=0,
        seen=(),
        first_seen_s=None,
        sigma_m=0.0,
        confidence=1.0,
        partial=False,
    )


def _upright(corners: F64, R: F64) -> tuple[F64, F64, float]:
    """Rectangle round the corners, along the box's own level axis where it has one, else the smallest."""
    level = [R[:, k] for k in range(3) if abs(R[2, k]) < 0.02]
    if level:
        return rectangle_at(corners[:, :2], float(np.arctan2(level[0][1], level[0][0])))
    return fit_rectangle(corners[:, :2])
