"""Floor, ceiling and walls among the voxels: what the room is made of, and so no object."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._checks import F64, Array, Bool
from ..data.voxels import Voxels

FLOOR, CEILING, WALL, OUTSIDE = 1, 2, 3, 4
NOTHING = 0
FLAT = 0.85
BAND_M = 0.05
CELL_M = 0.1
SLOPES = np.linspace(-0.2, 0.2, 41)
HIGH_M, LEAST_HIGH_M = 1.7, 1.2
LEAST_WIDE_M = 0.8
LEAST_AREA_M2 = 0.7
MOST_PIERCED = 0.35
BEHIND_M = 0.12
MEET_M = 0.5
THINNEST_M, THICKEST_M = 0.03, 0.3
LEAST_CEILING_M, LEAST_CEILING_M2, LEAST_VOXELS = 1.8, 1.0, 200
BEYOND_M, MOST_BEYOND = 0.15, 0.01


@dataclass(frozen=True)
class WallPlane:
    """An upright plane near one axis: 0 (across x) or 1 (across y), facing +1 or -1 along it.

    Its coordinate on the axis is `at + slope * along` where `along` is the other coordinate. `span` is its
    extent along the other axis, `top` its greatest height, `area_m2` the area that was seen. `inner`: one side of a
    partition, with a room behind it too.
    """

    axis: int
    at: float
    slope: float
    facing: int
    span: tuple[float, float]
    top: float
    area_m2: float
    inner: bool = False

    def ends(self) -> F64:
        """Both ends on the floor, (2, 2), the smaller `along` first."""
        return self.points(np.array(self.span))

    def points(self, along: Array) -> F64:
        """Floor points (P, 2) of the plane at the given other coordinates (P,)."""
        across = self.at + self.slope * np.asarray(along, np.float64)
        return np.stack([across, along] if self.axis == 0 else [along, across], axis=-1)

    def off(self, xy: Array) -> F64:
        """Signed distance (P,) of points (P, 2 or 3) from the plane, positive on the side it faces."""
        p = np.asarray(xy, np.float64)
        gap = p[..., self.axis] - self.at - self.slope * p[..., 1 - self.axis]
        return np.asarray(gap * self.facing / np.hypot(1.0, self.slope))

    def beside(self, xy: Array, margin: float) -> Bool:
        """Which points (P, 2 or 3) lie beside the plane's span, widened by a margin."""
        along = np.asarray(xy)[..., 1 - self.axis]
        return np.asarray((along >= self.span[0] - margin) & (along <= self.span[1] + margin))


@dataclass(frozen=True)
class Surfaces:
    """kind (V,) uint8 of every voxel (0 object, 1 floor, 2 ceiling, 3 wall, 4 outside), planes, ceiling height."""

    kind: Array
    walls: tuple[WallPlane, ...]
    ceiling_m: float | None


def find_surfaces(voxels: Voxels, *, noise_m: float = 0.0, outside: bool = True) -> Surfaces:
    """Mark floor, ceiling and walls.

    A wall is an upright plane near x or y that reaches high and has hardly anything behind it.

    Args:
        voxels: in the map frame, floor at 0. noise_m: standard error of a point; surfaces are that much thicker.
        outside: what lies behind a wall is mirrored, seen through glass or flew off; in a scan it is a niche, a
            window or the next room, and stays.
    """
    z, n = voxels.mean_map[:, 2], voxels.normal
    floor_tolerance_m = float(np.clip(1.5 * noise_m, 0.04, 0.08))
    thick = float(np.clip(3 * noise_m, 0.05, 0.15))
    kind = np.zeros(len(voxels), np.uint8)
    ceiling = _ceiling(voxels)
    if ceiling is not None:
        kind[(z > ceiling - 0.06)] = CEILING
    walls = find_walls(voxels, ceiling, noise_m)
    for wall in walls:
        off, inside = wall.off(voxels.mean_map), wall.beside(voxels.mean_map, 0.1)
        flat = np.abs(n[:, wall.axis]) > 0.6
        if outside and not wall.inner:
            kind[inside & (off < -thick)] = OUTSIDE
        kind[inside & (np.abs(off) <= thick) & (flat | (off < 0.4 * thick))] = WALL
    low = (z < floor_tolerance_m) | ((z < 2 * floor_tolerance_m) & (n[:, 2] > 0.8))
    kind[low & (kind != OUTSIDE)] = FLOOR
    return Surfaces(kind, walls, ceiling)


def flattened(voxels: Voxels, surfaces: Surfaces) -> Voxels:
    """The voxels with the means of floor, ceiling and wall voxels moved onto their planes; keys and extents stay.

    Only what noise puts beside a plane is moved: no further than `find_surfaces` counts as the plane itself.
    """
    mean = voxels.mean_map.astype(np.float64)
    for kind, height in ((FLOOR, 0.0), (CEILING, surfaces.ceiling_m)):
        if height is not None:
            flat = (surfaces.kind == kind) & (np.abs(mean[:, 2] - height) < BAND_M)
            mean[flat, 2] = height
    for wall in surfaces.walls:
        off = wall.off(mean)
        near = (surfaces.kind == WALL) & wall.beside(mean, 0.1) & (np.abs(off) < BAND_M)
        normal = np.zeros(3)
        normal[wall.axis], normal[1 - wall.axis] = 1.0, -wall.slope
        mean[near] -= (off[near] * wall.facing / np.hypot(1.0, wall.slope))[:, None] * normal
    return replace(voxels, mean_map=mean.astype(np.float32))


def _ceiling(voxels: Voxels) -> float | None:
    """Height of the highest strong level surface that looks down, at least 1.8 above the floor; None when things go on
    beyond it or it is no wider than the underside of a cupboard."""
    mean = voxels.mean_map
    down = mean[(voxels.normal[:, 2] < -0.8) & (mean[:, 2] > LEAST_CEILING_M)]
    z = down[:, 2]
    if len(z) < LEAST_VOXELS:
        return None
    count, edges = np.histogram(z, np.arange(LEAST_CEILING_M, float(z.max()) + 0.1, 0.04))
    strong = np.flatnonzero(count >= max(0.3 * count.max(), LEAST_VOXELS / 2))
    if len(strong) == 0:
        return None
    band = np.abs(z - edges[strong[-1]]) < 0.08
    top = float(np.median(z[band]))
    cells = np.unique(np.floor(down[band, :2] / CELL_M), axis=0)
    wide = len(cells) * CELL_M**2 >= LEAST_CEILING_M2
    return top if wide and np.mean(mean[:, 2] > top + BEYOND_M) <= MOST_BEYOND else None


def find_walls(voxels: Voxels, ceiling_m: float | None, noise_m: float = 0.0) -> tuple[WallPlane, ...]:
    """Upright planes within 11 degrees of x and y that are wide and high, with hardly anything behind them.

    What lies behind counts from four standard errors `noise_m` on, 12 cm at least.
    """
    z = voxels.mean_map[:, 2]
    high = HIGH_M if ceiling_m is None else 0.75 * ceiling_m
    if ceiling_m is None and len(z):
        high = min(high, max(0.8 * float(np.percentile(z, 99)), LEAST_HIGH_M))
    found: list[WallPlane] = []
    pierced: list[WallPlane] = []
    for axis in (0, 1):
        for facing in (1, -1):
            planes = _walls_facing(voxels, axis, facing, high, max(BEHIND_M, 4 * noise_m))
            found += _outermost([w for w in planes if not w.inner])
            pierced += [w for w in planes if w.inner]
    found = [replace(w, span=_meeting_span(w, found)) for w in found]
    inner = [replace(w, span=_meeting_span(w, found)) for w in pierced]
    partitions = [w for w in inner if _is_partition(w, inner, found)]
    return *found, *(replace(w, span=_shared_span(w, partitions)) for w in partitions)


def _shared_span(plane: WallPlane, others: list[WallPlane]) -> tuple[float, float]:
    """The span of both sides of a partition together: furniture hides parts of one."""
    both = [plane, *(o for o in others if backs(plane, o) or backs(o, plane))]
    return min(w.span[0] for w in both), max(w.span[1] for w in both)


def _is_partition(plane: WallPlane, inner: list[WallPlane], walls: list[WallPlane]) -> bool:
    """Whether a plane with things behind it has its own back a wall's thickness away, nears the tops of the walls
    and starts at one of them: a shelf in the middle of a room does not."""
    highest = 0.8 * float(np.median([w.top for w in walls])) if walls else np.inf
    ends = [w for w in walls if w.axis != plane.axis and np.abs(w.off(plane.ends())).min() < 0.05]
    return plane.top >= highest and bool(ends) and any(backs(plane, other) for other in inner)


def backs(front: WallPlane, back: WallPlane) -> bool:
    """Whether two planes are the two sides of one partition, 3 to 30 cm apart."""
    shared = min(front.span[1], back.span[1]) - max(front.span[0], back.span[0])
    if front.axis != back.axis or front.facing == back.facing or shared < 0.5 * (front.span[1] - front.span[0]):
        return False
    middle = front.points(np.array([sum(front.span) / 2]))
    return bool(THINNEST_M <= float(back.off(middle)[0]) * -1 <= THICKEST_M)


def _meeting_span(plane: WallPlane, walls: list[WallPlane]) -> tuple[float, float]:
    """The span with its ends moved onto walls across it that end near: corners meet."""
    ends = []
    for end, point in zip(plane.span, plane.ends()):
        across = [w for w in walls if w.axis != plane.axis and abs(float(w.off(point))) < MEET_M]
        meets = [w.at + w.slope * point[1 - w.axis] for w in across if w.beside(point, MEET_M)]
        ends.append(float(min(meets, key=lambda at: abs(at - end))) if meets else end)
    return ends[0], ends[1]


def _outermost(walls: list[WallPlane]) -> list[WallPlane]:
    """Without planes that stand before another one of the same facing: a wall hides what is behind it."""
    return [w for w in walls if not any(_stands_before(w, other) for other in walls if other is not w)]


def _stands_before(front: WallPlane, back: WallPlane) -> bool:
    shared = min(front.span[1], back.span[1]) - max(front.span[0], back.span[0])
    middle = front.points(np.array([sum(front.span) / 2]))
    return bool(shared > 0.5 * (front.span[1] - front.span[0]) and float(back.off(middle)[0]) > 0.15)


def _walls_facing(voxels: Voxels, axis: int, facing: int, high: float, behind: float) -> list[WallPlane]:
    flat = np.flatnonzero((voxels.normal[:, axis] * facing > FLAT) & (voxels.mean_map[:, 2] > 0.15))
    along = voxels.mean_map[flat, 1 - axis].astype(np.float64)
    across = voxels.mean_map[flat, axis].astype(np.float64)
    left = np.ones(len(flat), bool)
    need = max(0.08 * len(flat), 60)
    walls: list[WallPlane] = []
    for _ in range(12):
        line = _densest_line(along[left], across[left], need)
        if line is None:
            break
        gap = np.abs(across - line[0] - line[1] * along)
        plane = _judge(voxels, flat[gap < BAND_M], line, axis, facing, high, behind)
        walls += [plane] if plane else []
        left &= gap >= 2 * BAND_M
    return walls


def _densest_line(along: F64, across: F64, need: float) -> tuple[float, float] | None:
    """(at, slope) of the line across = at + slope * along with most points near, or None below `need`."""
    best, count = None, 0.0
    for slope in SLOPES if len(along) else ():
        offset = across - slope * along
        edges = np.arange(offset.min() - BAND_M, offset.max() + 2 * BAND_M, BAND_M / 2)
        near = np.convolve(np.histogram(offset, edges)[0], [1, 1, 1, 1], "valid")
        top = int(np.argmax(near))
        score = float(near[top]) * (1 - abs(float(slope)))  # walls are mostly square to one another
        if near[top] > need and score > count:
            best, count = (float(edges[top + 2]), float(slope)), score
    if best is None:
        return None
    for width in (BAND_M, 0.6 * BAND_M):
        near_line = np.abs(across - best[0] - best[1] * along) < width
        A = np.column_stack([np.ones(near_line.sum()), along[near_line]])
        at, slope = np.linalg.lstsq(A, across[near_line], rcond=None)[0]
        best = (float(at), float(slope))
    return best if abs(best[1]) <= SLOPES[-1] * 1.2 else None


def _judge(
    voxels: Voxels, near: Array, line: tuple[float, float], axis: int, facing: int, high: float, behind: float
) -> WallPlane | None:
    """The plane of the near voxels if it may be a wall: wide and high; `inner` where much lies behind it."""
    p = voxels.mean_map[near].astype(np.float64)
    if len(p) < 20:
        return None
    lo, hi = np.percentile(p[:, 1 - axis], [1, 99])
    top = float(np.percentile(p[:, 2], 98))
    cells = _cells(p, axis)
    plane = WallPlane(axis, line[0], line[1], facing, (float(lo), float(hi)), top, len(cells) * CELL_M**2)
    if hi - lo < LEAST_WIDE_M or top < high or plane.area_m2 < LEAST_AREA_M2:
        return None
    everything = voxels.mean_map
    beyond = everything[plane.beside(everything, 0.0) & (plane.off(everything) < -behind)]
    pierced = cells & _cells(beyond, axis)
    return replace(plane, inner=len(pierced) > MOST_PIERCED * len(cells))


def _cells(xyz: Array, axis: int) -> set[tuple[int, int]]:
    """The 10 cm cells (along, height) that points fall into on an upright plane."""
    k = np.unique(np.floor(xyz[:, [1 - axis, 2]] / CELL_M).astype(int), axis=0)
    return {(int(a), int(b)) for a, b in k}
