"""What no view shows: boxes reach down through unseen space to what carries them, and say where they may go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from shapely.geometry import Polygon

from .._checks import F64, I32, Array, Bool
from ..data.frames import FrameStore
from ..data.scene import Box, MapObject
from ..data.voxels import Voxels
from ..geometry.box import shared_area
from ..geometry.rigid import apply
from .boxes import parts_of
from .surfaces import Surfaces

RESTS_M = 0.06
SEEN_BELOW = 0.2
BEYOND_M = 0.08
NEAR = 0.03
CLOSE, CLOSE_M = 0.01, 0.06
LOWER_EDGE = 0.25
MOST_COLUMNS = 48
LEVEL = 0.7
AROUND_M = 0.06
CARRYING, LEAST_CARRYING = 0.1, 8
INNER = np.linspace(-0.35, 0.35, 4)
HEIGHTS = np.linspace(0.1, 0.9, 4)


def complete_objects(
    objects: tuple[MapObject, ...],
    surfaces: Surfaces,
    store: FrameStore,
    noise_m: float,
    voxels: Voxels,
    object_of_voxel: I32,
) -> tuple[MapObject, ...]:
    """Boxes completed downward, and `partial` where a side ends at space that no view shows.

    A box whose bottom hangs over a floor or another box goes on to it where the gap is within the noise, or where
    its lower edge was cut off, by what stands before it or by the picture, and nothing was seen there; then its unseen
    part is a lower bound and the object is `partial`. What hangs, hangs: under its edge a wall, another thing or a view
    through is seen. A side is open where neither a ray nor a surface was seen beyond it, at any height, inside walls.

    Args:
        noise_m: standard error of a point. object_of_voxel: (V,) index into `objects`, -1 = none.
    """
    groups = parts_of(object_of_voxel, len(objects))
    carried = carriers(voxels, groups, [thing.box.low for thing in objects])
    below = [_support_height(k, objects) for k in range(len(objects))]
    below = [low if z - low <= max(RESTS_M, 3 * noise_m) else z for low, z in zip(below, carried)]
    edges = [_lower_edge(voxels, part) for part in groups]
    margin = 2.5 * voxels.voxel_m + 2 * noise_m
    under = [_under(edge, low, margin) for edge, low in zip(edges, below)]
    beside = [points for thing in objects for points in _beyond(thing.box)]
    met_under, through_under = _looked(store, under, CLOSE, CLOSE_M + 2 * noise_m)
    met_beside, through_beside = _looked(store, beside, NEAR, 0.0)
    out = []
    for k, thing in enumerate(objects):
        gap = thing.box.low - below[k]
        through = bool(len(under[k])) and float(through_under[k].mean()) >= SEEN_BELOW
        rests = gap <= max(RESTS_M, 3 * noise_m) or (gap <= 1.5 * margin and not through)
        hidden = len(under[k]) > 0 and float((met_under[k] | through_under[k]).mean()) < SEEN_BELOW
        box = _down_to(thing.box, below[k]) if gap > 0 and (rests or hidden) else thing.box
        sides = range(4 * k, 4 * k + 4)
        open_sides = [_is_open(beside[j], met_beside[j] | through_beside[j], surfaces) for j in sides]
        out.append(replace(thing, box=box, partial=bool(any(open_sides) or (hidden and not rests))))
    return tuple(out)


def _looked(store: FrameStore, probes: list[F64], share: float, close_m: float) -> tuple[list[Bool], list[Bool]]:
    """Of each list of points (P, 3): at which some frame sees a surface, about there, and through which it looks."""
    met, through, _ = store.views_of(np.concatenate([np.zeros((0, 3)), *probes]), near_share=share, near_m=close_m)
    cuts = np.cumsum([len(p) for p in probes])[:-1]
    return np.split(met > 0, cuts), np.split(through > 0, cuts)


def _lower_edge(voxels: Voxels, part: Array) -> F64:
    """Points (E, 3) along the lower edge of an object's voxels: the lowest of each column that ends near its bottom."""
    if not len(part):
        return np.zeros((0, 3))
    xyz = voxels.mean_map[part].astype(np.float64)
    column = _column(voxels.key[part])
    order = np.lexsort((xyz[:, 2], column))
    lowest = xyz[order[np.unique(column[order], return_index=True)[1]]]
    low, high = np.quantile(xyz[:, 2], [0.005, 0.995])
    edge = lowest[lowest[:, 2] <= low + max(LOWER_EDGE * (high - low), 2 * voxels.voxel_m)]
    return edge[np.linspace(0, len(edge) - 1, min(len(edge), MOST_COLUMNS)).astype(int)]


def _under(edge: F64, support: float, margin: float) -> F64:
    """Points (P, 3) under the points of an edge (E, 3), from a margin below it to what would carry them."""
    gap = edge[:, 2] - support
    deep = edge[gap > margin]
    room = deep[:, 2] - margin - support
    down = np.stack([deep[:, 2] - margin - share * room for share in (0.0, *HEIGHTS)], axis=1)
    xy = np.repeat(deep[:, None, :2], down.shape[1], axis=1)
    return np.concatenate([xy, down[..., None]], axis=2).reshape(-1, 3)


def _support_height(k: int, objects: tuple[MapObject, ...]) -> float:
    """Height of the highest box under at least half of a box, up to its bottom, or of the floor."""
    box = objects[k].box
    mine = Polygon(box.floor_corners)
    bottom, best = box.low, 0.0
    for j, other in enumerate(objects):
        b = other.box
        low, top = b.low, b.top
        near = np.hypot(b.center_m[0] - box.center_m[0], b.center_m[1] - box.center_m[1])
        if j == k or top <= best or low > bottom - RESTS_M or near > sum(b.size_m[:2]) + sum(box.size_m[:2]):
            continue
        if shared_area(mine, Polygon(b.floor_corners)) > mine.area / 2:
            best = min(top, bottom)
    return best


def carriers(voxels: Voxels, groups: list[Array], bottoms: list[float]) -> list[float]:
    """Height of the highest level surface under or beside the voxels of each object, up to its bottom; 0 without any.

    What carries a thing is often hidden by it, and seen beside it: its columns are widened by `AROUND_M`.
    """
    level = np.flatnonzero(voxels.normal[:, 2] > LEVEL)
    column, z = _column(voxels.key[level]), voxels.mean_map[level, 2].astype(np.float64)
    reach = int(np.ceil(AROUND_M / voxels.voxel_m))
    ring = np.array([(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)])
    out = []
    for part, bottom in zip(groups, bottoms):
        own = np.unique(voxels.key[part, :2], axis=0)
        around = np.unique(_column((own[:, None] + ring[None]).reshape(-1, 2)))
        under = np.isin(column, around) & (z <= bottom + voxels.voxel_m) & ~np.isin(level, part)
        step = ((bottom + voxels.voxel_m - z[under]) / (2 * voxels.voxel_m)).astype(np.int64)
        enough = np.flatnonzero(np.bincount(step) >= max(LEAST_CARRYING, CARRYING * len(own)))
        out.append(min(bottom, float(np.median(z[under][step == enough[0]]))) if len(enough) else 0.0)
    return out


def _column(key: Array) -> Array:
    """One number (V,) int64 for each column of cells (V, 2 or more)."""
    return np.asarray((key[:, 0].astype(np.int64) << 32) + key[:, 1])


def _local(box: Box, xyz: F64) -> F64:
    """Points of the box's own frame, centre at its middle on the floor, in the map."""
    c, s = np.cos(box.yaw), np.sin(box.yaw)
    T = np.array([[c, -s, 0, box.center_m[0]], [s, c, 0, box.center_m[1]], [0, 0, 1, 0], [0, 0, 0, 1]])
    return apply(T, xyz)


def _beyond(box: Box) -> list[F64]:
    """Points (16, 3) just outside each of the four sides, at four heights."""
    w, d, h = box.size_m
    z = box.center_m[2] + (HEIGHTS - 0.5) * h
    out = []
    for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
        along, up = np.meshgrid(2 * INNER * (d, w)[axis] / 2, z)
        across = np.full(along.shape, sign * ((w, d)[axis] / 2 + BEYOND_M))
        xyz = (across, along, up) if axis == 0 else (along, across, up)
        out.append(_local(box, np.stack(xyz, axis=-1).reshape(-1, 3)))
    return out


def _is_open(points: F64, seen: Bool, surfaces: Surfaces) -> bool:
    """Whether most columns of points (16, 3) beside a side were seen at no height, though they lie inside the walls."""
    column = np.arange(16) % 4
    inside = np.all([w.off(points) > 0 for w in surfaces.walls], axis=0) if surfaces.walls else np.ones(16, bool)
    known = np.bincount(column, seen | ~inside, 4) > 0
    return bool((~known).sum() > 2)


def _down_to(box: Box, height: float) -> Box:
    top = box.top
    center = (box.center_m[0], box.center_m[1], (top + height) / 2)
    return replace(box, center_m=center, size_m=(box.size_m[0], box.size_m[1], top - height))
