"""What no view shows: boxes reach down through unseen space to what carries them, and say where they may go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from shapely.geometry import Polygon

from .._checks import F64, Bool
from ..data.frames import FrameStore
from ..data.scene import Box, MapObject
from ..geometry.box import shared_area
from ..geometry.rigid import apply
from .surfaces import Surfaces

RESTS_M = 0.06
SEEN_THROUGH = 0.2
BEYOND_M = 0.08
NEAR = 0.03
INNER = np.linspace(-0.35, 0.35, 4)
HEIGHTS = np.linspace(0.1, 0.9, 4)


def complete_objects(
    objects: tuple[MapObject, ...], surfaces: Surfaces, store: FrameStore, noise_m: float
) -> tuple[MapObject, ...]:
    """Boxes completed downward, and `partial` where a side ends at space that no view shows.

    A box whose bottom hangs over a floor or another box goes on to it where the gap is within the noise, or where
    hardly any ray passes between them; then its unseen part is a lower bound and the object is `partial`. A side is
    open where neither a ray nor a surface was seen beyond it, at any height, inside the walls.

    Args:
        noise_m: standard error of a point.
    """
    probes, owner = [], []
    below = [_support_height(k, objects) for k in range(len(objects))]
    for k, thing in enumerate(objects):
        for points in (_under(thing.box, below[k]), *_beyond(thing.box)):
            owner.append((k, len(points)))
            probes.append(points)
    agree, conflict = store.views_of(np.concatenate([np.zeros((0, 3)), *probes]), near_share=NEAR)
    cuts = np.cumsum([0] + [n for _, n in owner])
    out = []
    for k, thing in enumerate(objects):
        part = [slice(cuts[5 * k + j], cuts[5 * k + j + 1]) for j in range(5)]
        gap = thing.box.low - below[k]
        rests = gap <= max(RESTS_M, 3 * noise_m)
        hidden = float((conflict[part[0]] > 0).mean()) < SEEN_THROUGH
        box = _down_to(thing.box, below[k]) if gap > 0 and (rests or hidden) else thing.box
        open_sides = [
            _is_open(probes[5 * k + j], agree[part[j]] + conflict[part[j]] > 0, surfaces) for j in range(1, 5)
        ]
        out.append(replace(thing, box=box, partial=bool(any(open_sides) or (hidden and not rests))))
    return tuple(out)


def _support_height(k: int, objects: tuple[MapObject, ...]) -> float:
    """Height of what carries a box: the highest box under at least half of it, up to its bottom, or the floor."""
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


def _local(box: Box, xyz: F64) -> F64:
    """Points of the box's own frame, centre at its middle on the floor, in the map."""
    c, s = np.cos(box.yaw), np.sin(box.yaw)
    T = np.array([[c, -s, 0, box.center_m[0]], [s, c, 0, box.center_m[1]], [0, 0, 1, 0], [0, 0, 0, 1]])
    return apply(T, xyz)


def _under(box: Box, support: float) -> F64:
    """Points (64, 3) between the box and what is under it."""
    bottom = box.low
    x, y, z = np.meshgrid(INNER * box.size_m[0], INNER * box.size_m[1], support + HEIGHTS * (bottom - support))
    return _local(box, np.stack([x, y, z], axis=-1).reshape(-1, 3))


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
