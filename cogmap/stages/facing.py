"""Which way things look: away from their backrest, or away from the wall that they stand against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._checks import F64, I32
from ..data.scene import Box, MapObject
from ..data.voxels import Voxels
from ..geometry.box import turn_xy
from .surfaces import WallPlane

BACKED = ("chair", "armchair", "sofa", "couch", "settee", "bench", "bed", "toilet")
AGAINST_WALLS = (
    *(
        "cabinet",
        "cupboard",
        "wardrobe",
        "closet",
        "shelf",
        "bookshelf",
        "bookcase",
        "refrigerator",
        "fridge",
        "tv",
        "stove",
        "oven",
    ),
    *("washer", "machine", "dishwasher", "television", "dresser", "radiator", "heater", "whiteboard", "fireplace"),
    *("nightstand", "sink", "mirror", "picture"),
)
SEAT_HEIGHT_M = (0.55, 1.4)
SEAT_WIDTH_M = (0.3, 2.6)
TOP_SHARE = 0.2
LEAST_TOP = 12
FAR = 0.28
THIN = 0.2
WIDE = 0.5
NEAR_WALL_M = 0.25
PARALLEL = np.cos(np.radians(20))


def find_facings(
    objects: tuple[MapObject, ...], voxels: Voxels, object_of_voxel: I32, walls: tuple[WallPlane, ...]
) -> tuple[MapObject, ...]:
    """Objects with the direction of their front in radians from +x, None where there is no evidence.

    A thing whose top fifth is thin, wide and beside one of its edges has a backrest (or headboard): it looks the other
    way. Things of labels without a back are not asked; things without a label when they are as large as seats. Things
    of labels that stand against walls look away from the wall that is within 25 cm of one of their sides.
    """
    out = []
    for k, thing in enumerate(objects):
        facing = None
        if thing.noun in AGAINST_WALLS:
            facing = _from_wall(thing.box, walls)
        elif thing.noun in BACKED or (thing.label is None and _like_a_seat(thing.box)):
            facing = from_backrest(thing.box, voxels.mean_map[object_of_voxel == k].astype(np.float64))
        out.append(replace(thing, facing=facing))
    return tuple(out)


def _like_a_seat(box: Box) -> bool:
    low, high = SEAT_WIDTH_M
    return SEAT_HEIGHT_M[0] <= box.size_m[2] <= SEAT_HEIGHT_M[1] and low <= box.size_m[1] <= box.size_m[0] <= high


def from_backrest(box: Box, xyz: F64) -> float | None:
    """The direction in radians that a thing of points (P, 3) with a backrest looks in, or None without one."""
    q = ((xyz[:, :2] - box.center_m[:2]) @ turn_xy(box.yaw)) / box.size_m[:2]
    z = (xyz[:, 2] - box.center_m[2]) / box.size_m[2] + 0.5
    top, below = q[z > 1 - TOP_SHARE], q[(z < 1 - 2 * TOP_SHARE) & (z > TOP_SHARE)]
    if len(top) < LEAST_TOP or len(below) < LEAST_TOP:
        return None
    middle, lo, hi = np.median(top, axis=0), np.quantile(top, 0.1, axis=0), np.quantile(top, 0.9, axis=0)
    for axis in (1, 0):
        if abs(middle[axis]) < FAR or hi[axis] - lo[axis] > THIN or hi[1 - axis] - lo[1 - axis] < WIDE:
            continue
        away = -np.sign(middle[axis])
        reach = np.quantile(below[:, axis] * away, 0.95)
        if reach > FAR:
            return _direction(turn_xy(box.yaw)[:, axis] * away)
    return None


def _from_wall(box: Box, walls: tuple[WallPlane, ...]) -> float | None:
    """Away from the nearest wall that one side of the box is parallel to; longer sides first where two are near."""
    best: tuple[float, float] | None = None
    for axis in (1, 0):
        for sign in (1.0, -1.0):
            outward = turn_xy(box.yaw)[:, axis] * sign
            side = np.array(box.center_m[:2]) + outward * box.size_m[axis] / 2
            for wall in walls:
                normal = np.eye(2)[wall.axis] * wall.facing
                gap = float(wall.off(side[None])[0])
                if -normal @ outward >= PARALLEL and abs(gap) <= NEAR_WALL_M and (best is None or abs(gap) < best[0]):
                    best = (abs(gap), _direction(-outward))
        if best is not None:
            return best[1]
    return None


def _direction(v: F64) -> float:
    return float(np.arctan2(v[1], v[0]))
