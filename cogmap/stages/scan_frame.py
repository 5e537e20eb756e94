"""Which way is up in a scan, where its floor is, and in what unit it is: read from the scan itself, with a confidence.

Nobody held a camera here. The vertical is one of three directions, square to one another, that surfaces face most; a
floor is a level surface at one end of it that spreads under the whole, and furniture stands near that end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import F64, Array
from ..data.issues import Issue
from ..data.voxels import Voxels
from ..errors import InputError
from ..geometry.rigid import about_z, from_rotation, rotation_between
from .align import UP, wall_direction
from .surface_samples import SurfaceSample

UNITS = {"mm": 0.001, "cm": 0.01, "in": 0.0254, "ft": 0.3048}
PLACES = {"object": (0.02, 5.0), "room": (1.0, 40.0), "building": (2.0, 500.0), "street": (5.0, 5000.0)}
ANY_PLACE, MOST_SMALLEST_M = (1.0, 150.0), 30.0
ROOM_WIDE, ROOM_HIGH = (2.5, 40.0), (0.3, 4.5)
FAR_FROM_ZERO = 1000.0
AT_ZERO_M, LEVEL_DEG = 0.03, 1.0
CELL_M, LAYER_M = 0.15, 0.03
FLOOR_COVER, OPEN_COVER = 0.45, 0.2
STANDING_M = (0.3, 1.25)
SURE, CANDIDATES, NEAR_COS = 2.0, 400, float(np.cos(np.radians(8.0)))
PRIOR = {"+z": 2.5, "+y": 1.0}
MOST = 60_000


@dataclass(frozen=True)
class Unit:
    """Metres in one unit of the input, and what is said of it."""

    metres: float
    issues: tuple[Issue, ...] = ()


def unit_of_extent(extent: Array, place: str | None, path: str = "") -> Unit:
    """The unit in which an extent (3,), along any axes, is that of a place; metres where they are.

    Raises:
        InputError: E-UNIT where no unit, or more than one, makes a place of it.
    """
    low, high = PLACES[place] if place else ANY_PLACE
    size = np.sort(np.asarray(extent, np.float64))
    if low <= size[2] <= high and (place in ("building", "street") or size[0] <= MOST_SMALLEST_M):
        return Unit(1.0)
    fitting = {
        name: metres
        for name, metres in UNITS.items()
        if ROOM_WIDE[0] <= size[2] * metres <= ROOM_WIDE[1] and ROOM_HIGH[0] <= size[0] * metres <= ROOM_HIGH[1]
    }
    said = " x ".join(f"{v:.4g}" for v in size[::-1])
    if len(fitting) == 1 and place in (None, "room"):
        (name, metres), *_ = fitting.items()
        effect = f"{said} units are no place in metres and a room in {name}: lengths are converted"
        return Unit(metres, (Issue("W-UNIT-GUESSED", 1, "capture", effect, measured=float(size[2]), expected=name),))
    tried = ", ".join(f"{name} ({size[2] * metres:.3g} m)" for name, metres in UNITS.items())
    remedy = f"Give --unit: {tried}; or --place object, building or street if these are metres."
    raise InputError("E-UNIT", f"no place is {said} metres: another unit?", remedy, path or None)


def extent_of(xyz: Array) -> F64:
    """Extent (3,) of points (P, 3) between their 1st and 99th hundredths."""
    lo, hi = np.percentile(xyz, [1, 99], axis=0)
    return np.asarray(hi - lo, np.float64)


@dataclass(frozen=True)
class Ends:
    """What a scan shows along one direction: heights of its two ends, how much of the outline each covers, and the
    level area that lies 0.3 to 1.25 m from each, in cells."""

    low: float
    high: float
    cover: tuple[float, float]
    standing: tuple[float, float]
    below_middle: float


def ends_along(xyz: Array, normal: Array, up: Array) -> Ends:
    """The two ends of a scan along a direction; see `Ends`."""
    z = xyz @ up
    side = np.eye(3)[int(np.argmin(np.abs(up)))]
    a = np.cross(up, side)
    a /= np.linalg.norm(a)
    b = np.cross(up, a)
    cell = np.floor(np.stack([xyz @ a, xyz @ b], 1) / CELL_M).astype(np.int64)
    key = (cell[:, 0] << 32) + cell[:, 1]
    level = np.abs(normal @ up) > 0.85
    lo, hi = np.percentile(z, [0.5, 99.5])
    outline = max(len(np.unique(key)), 1)
    places = []
    for end, sign in ((lo, 1.0), (hi, -1.0)):
        places.append(_pile(sign * z[level], sign * end))
    low, high = places[0], max(places[0], -places[1])

    def cells(mask: Array) -> int:
        return len(np.unique(key[mask]))

    cover = tuple(cells(level & (np.abs(z - at) < 2 * LAYER_M)) / outline for at in (low, high))
    near = [level & (d > STANDING_M[0]) & (d < STANDING_M[1]) for d in (z - low, high - z)]
    inside = (z > low + 0.1 * (high - low)) & (z < high - 0.1 * (high - low))
    below = float((z[inside] < (low + high) / 2).mean()) if inside.any() else 0.5
    return Ends(low, high, (cover[0], cover[1]), (float(cells(near[0])), float(cells(near[1]))), below)


def _pile(z: Array, end: float) -> float:
    """The height nearest to an end (points lie above it) where level surfaces pile up."""
    near = z[(z > end - 0.3) & (z < end + 0.8)]
    if len(near) < 20:
        return end
    bins = np.arange(near.min() - LAYER_M, near.max() + 2 * LAYER_M, LAYER_M)
    count = np.convolve(np.histogram(near, bins)[0], [0.5, 1, 0.5], "same")
    strong = int(np.argmax(count >= 0.35 * count.max()))
    while strong + 1 < len(count) and count[strong + 1] > count[strong]:
        strong += 1
    peak = near[np.abs(near - bins[strong] - LAYER_M / 2) < 1.5 * LAYER_M]
    return float(np.median(peak)) if len(peak) else end


def axes_of(normal: Array) -> F64:
    """Three directions (3, 3), as rows, square to one another, that normals (P, 3) face most."""
    good = normal[np.linalg.norm(normal, axis=1) > 0.5]
    if len(good) < 50:
        return np.eye(3)
    tried = good[:: max(1, len(good) // CANDIDATES)]
    count = (np.abs(tried @ good.T) > NEAR_COS).sum(1)
    first = _refined(good, tried[int(np.argmax(count))])
    square = np.abs(tried @ first) < 0.2
    if square.any():
        second = _refined(good, tried[int(np.argmax(np.where(square, count, -1)))])
    else:
        second = np.cross(first, np.eye(3)[int(np.argmin(np.abs(first)))])
    second = second - (second @ first) * first
    second /= np.linalg.norm(second)
    return np.array([first, second, np.cross(first, second)])


def _refined(good: F64, axis: F64) -> F64:
    for degrees in (8.0, 4.0):
        near = good[np.abs(good @ axis) > np.cos(np.radians(degrees))]
        new = np.linalg.eigh(near.T @ near)[1][:, 2]
        axis = new if new @ axis > 0 else -new
    return axis


@dataclass(frozen=True)
class Standing:
    """How a scan stands: up (3,), height of its floor along it or None, and by how much this is likelier than the next
    best (a logarithm of odds)."""

    up: F64
    floor: float | None
    margin: float
    ends: Ends


def standing(xyz: Array, normal: Array, up: Array | None = None) -> Standing:
    """How a scan stands, with `up` (3,) where it is known."""
    if up is not None:
        ends = ends_along(xyz, normal, np.asarray(up, float))
        return Standing(np.asarray(up, np.float64), _floor(ends), np.inf, ends)
    rows = []
    for axis in axes_of(normal):
        ends = ends_along(xyz, normal, axis)
        for sign in (1.0, -1.0):
            rows.append((_odds(axis * sign, ends if sign > 0 else _turned(ends)), axis * sign, ends, sign))
    lengths = np.array([r[2].high - r[2].low for r in rows])
    lengths = np.maximum(lengths, 1e-3 * max(float(lengths.max()), 1e-9))  # a plane has no thickness
    scores = np.array([r[0] for r in rows]) - 1.5 * np.log(lengths / lengths.min())
    order = np.argsort(-scores)
    _, axis, ends, sign = rows[int(order[0])]
    ends = ends if sign > 0 else _turned(ends)
    return Standing(np.asarray(axis, np.float64), _floor(ends), float(scores[order[0]] - scores[order[1]]), ends)


def _turned(ends: Ends) -> Ends:
    return Ends(-ends.high, -ends.low, ends.cover[::-1], ends.standing[::-1], 1 - ends.below_middle)


def _floor(ends: Ends) -> float | None:
    return ends.low if ends.cover[0] >= FLOOR_COVER / 2 else None


def _odds(up: Array, ends: Ends) -> float:
    """Log odds that this end is down: a floor that spreads, an open top, what stands there, how files are written."""
    low, high = ends.cover
    floor = 3.0 * min(low, 0.8) - 1.0
    opened = (
        2.5 if low > FLOOR_COVER and high < OPEN_COVER else (-2.5 if high > FLOOR_COVER and low < OPEN_COVER else 0.0)
    )
    things = 1.2 * float(np.log((ends.standing[0] + 3) / (ends.standing[1] + 3)))
    mass = 3.0 * (ends.below_middle - 0.5)
    written = max((p for name, p in PRIOR.items() if up @ np.eye(3)["xyz".index(name[1])] > 0.996), default=0.0)
    return floor + opened + things + mass + written


def frame_of(voxels: Voxels, up: Array | None, *, keep: bool) -> tuple[F64, tuple[Issue, ...]]:
    """The rigid (4, 4) that sets a scan upright with its floor at 0, and what is said of it.

    A scan that stands so already, to 3 cm and a degree, stays as it is; so does one whose frame is to be kept, or whose
    up is not certain: then it is told. Only a turned scan is laid along its walls, with its middle at the origin.
    """
    step = max(1, len(voxels) // MOST)
    xyz, normal = voxels.mean_map[::step].astype(np.float64), voxels.normal[::step].astype(np.float64)
    found = standing(xyz, normal, up)
    tilt = float(np.degrees(np.arccos(np.clip(found.up @ UP, -1, 1))))
    if up is None and found.margin < SURE:
        plain = standing(xyz, normal, UP)
        effect = f"which way is up is not certain (odds {np.exp(found.margin):.1f}): the scan's own z is taken"
        unsure = Issue(
            "W-GRAVITY-UNSURE", 1, "align", effect, option="--up", measured=round(found.margin, 2), expected=SURE
        )
        T, more = _floored(plain, np.eye(4), keep)
        return T, (unsure, *more)
    if tilt <= LEVEL_DEG or keep:
        T, more = _floored(found if tilt <= LEVEL_DEG else standing(xyz, normal, UP), np.eye(4), keep)
        if tilt > LEVEL_DEG:
            more = (*more, Issue("W-GRAVITY-UNSURE", 1, "align", f"z is {tilt:.0f} degrees from up; the frame is kept"))
        return T, more
    T = _laid(xyz, normal, found)
    axis = (np.round(found.up, 2) + 0.0).tolist()
    effect = f"up is {axis} of the file: the scan is turned by {tilt:.0f} degrees, floor at 0"
    issues = [Issue("W-UP-GUESSED", 1, "align", effect)] if up is None else []
    if found.floor is None:
        issues.append(Issue("W-FLOOR-NOT-SEEN", 1, "align", "height 0 is the lowest surface seen, not a proven floor"))
    return T, tuple(issues)


def _floored(found: Standing, T: F64, keep: bool) -> tuple[F64, tuple[Issue, ...]]:
    """A scan that stands upright moved up or down until its floor is at 0; a kept frame is told instead."""
    if found.floor is None:
        if abs(found.ends.low) <= 2 * AT_ZERO_M:
            return T, ()
        effect = f"no floor was found; the lowest surface is at {found.ends.low:.2f}"
        lost = Issue("W-FLOOR-NOT-SEEN", 1, "align", effect, measured=round(found.ends.low, 3), expected=0.0)
        return (T if keep else _raised(T, -found.ends.low)), (lost,)
    if abs(found.floor) <= AT_ZERO_M:
        return T, ()
    if keep:
        effect = f"the floor lies at {found.floor:.2f}; the frame of the file is kept, heights count from its zero"
        return T, (Issue("W-FLOOR-NOT-SEEN", 1, "align", effect, measured=round(found.floor, 3), expected=0.0),)
    effect = f"the floor lay at {found.floor:.2f} and is at 0 now; T_map_input leads back"
    return _raised(T, -found.floor), (
        Issue("W-SCAN-ALIGNED", 1, "align", effect, measured=round(found.floor, 3), expected=0.0),
    )


def _raised(T: F64, by: float) -> F64:
    out = T.copy()
    out[2, 3] += by
    return out


def _laid(xyz: F64, normal: F64, found: Standing) -> F64:
    """Up to z, walls along x and y, floor at 0, the middle at the origin."""
    T = from_rotation(rotation_between(found.up, UP))
    turned, facing = xyz @ T[:3, :3].T, normal @ T[:3, :3].T
    yaw = wall_direction(SurfaceSample(turned, facing, np.eye(4)[None]))
    T = from_rotation(about_z(0.0 if yaw is None else -yaw)) @ T
    middle = T[:3, :3] @ np.median(xyz, axis=0)
    low = found.floor if found.floor is not None else found.ends.low
    return from_rotation(np.eye(3), np.array([-middle[0], -middle[1], -low])) @ T
