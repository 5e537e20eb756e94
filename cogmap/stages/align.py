"""Upright: which way is down, where the floor is, and how the walls run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from .._checks import F64, Array
from ..data.issues import Issue
from ..geometry.rigid import about_z, from_rotation, rotation_between
from .surface_samples import SurfaceSample, moved

REFINE_DEG = (15.0, 8.0, 5.0)
BIN_M = 0.02
BELOW_M = 0.10
PILE_M = 0.05
LEAST_PILE = 1.15
LEAST_OVER_FLOOR = 0.25
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Alignment:
    """How the map lies in the world.

    Attributes:
        T_map_world: (4, 4) rigid, in the sample's own length unit.
        floor_proven: the floor has nothing below it and reaches under the camera path.
        camera_height: median height of the cameras over the floor, or None.
        tilt_sigma_deg: disagreement between floor and walls about down, or None with one of them only.
        losses: warnings.
    """

    T_map_world: F64
    floor_proven: bool
    camera_height: float | None
    tilt_sigma_deg: float | None
    losses: tuple[Issue, ...]


def align(sample: SurfaceSample, up_world: Array | None = None) -> Alignment:
    """Set a sample upright: z up, floor at 0, walls along x and y, origin under the first camera.

    Args:
        sample: points, normals and cameras in lengths near metres (a relative scale is normalised first).
        up_world: (3,) up direction where a sensor or the user gives it; then only the floor's height is searched.
    """
    up = np.asarray(up_world, float) if up_world is not None else _refined_up(sample, first_up(sample))
    T = _facing_first_heading(sample, from_rotation(rotation_between(up, UP)))
    turned = moved(sample, T)
    floor = find_floor(turned)
    if floor.lowest and up_world is None:
        T = _facing_first_heading(sample, from_rotation(rotation_between(_plane_normal(turned, floor.z), UP)) @ T)
        turned = moved(sample, T)
        floor = find_floor(turned)
    floor_z, proven = floor.z, floor.proven
    T = from_rotation(about_z(_yaw_to_walls(turned))) @ T
    first = T @ sample.T_world_cam[0]
    T = from_rotation(np.eye(3), np.array([-first[0, 3], -first[1, 3], -floor_z])) @ T
    upright = moved(sample, T)
    tilt = _wall_tilt_deg(upright)
    height = float(np.median(upright.T_world_cam[:, 2, 3])) if proven else None
    return Alignment(T, proven, height, tilt, _losses(proven, tilt))


def _facing_first_heading(sample: SurfaceSample, T: F64) -> F64:
    """T turned and shifted so that the first camera looks along +y from the origin.

    Everything after this sees the same numbers however the input's world was turned or shifted.
    """
    first = T @ sample.T_world_cam[0]
    T = from_rotation(about_z(np.pi / 2 - _heading(first))) @ T
    return from_rotation(np.eye(3), -(T @ sample.T_world_cam[0])[:3, 3]) @ T


def _heading(T_map_cam: F64) -> float:
    """Yaw in radians that a camera looks along; of its own up where it looks straight down."""
    ahead = T_map_cam[:2, 2] if np.linalg.norm(T_map_cam[:2, 2]) >= 0.2 else -T_map_cam[:2, 1]
    return float(np.arctan2(ahead[1], ahead[0]))


def _losses(proven: bool, tilt: float | None) -> tuple[Issue, ...]:
    out = []
    if not proven:
        out.append(Issue("W-FLOOR-NOT-SEEN", 1, "align", "height 0 is the lowest surface seen, not a proven floor"))
    if tilt is not None and tilt > 5:
        out.append(Issue("W-GRAVITY-UNSURE", 1, "align", f"walls lean {tilt:.0f} degrees against the floor"))
    return tuple(out)


def first_up(sample: SurfaceSample) -> F64:
    """The direction most orthogonal to all camera right vectors, on the side of the cameras' own up.

    People hold cameras level, so right vectors lie in the floor plane; where the camera hardly turns
    the plane is undetermined and the mean camera up is taken.
    """
    right = sample.T_world_cam[:, :3, 0]
    camera_up = -sample.T_world_cam[:, :3, 1].mean(0)
    _, s, Vt = np.linalg.svd(right, full_matrices=True)
    spread = s[1] / s[0] if len(s) > 1 else 0.0
    up = Vt[2] if spread > 0.15 else camera_up
    up = up if up @ camera_up >= 0 else -up
    return np.asarray(up / np.linalg.norm(up))


def _refined_up(sample: SurfaceSample, up: F64) -> F64:
    """Mean of the near-vertical surface normals, and square to the near-horizontal ones."""
    n = sample.normal_world
    for degrees in REFINE_DEG:
        along = n @ up
        level = np.abs(along) > np.cos(np.radians(degrees))
        upright = np.abs(along) < np.sin(np.radians(degrees))
        M = n[level].T @ n[level] - n[upright].T @ n[upright]
        if level.sum() + upright.sum() < 50:
            break
        new = np.linalg.eigh(M)[1][:, 2]
        up = new if new @ up > 0 else -new
    return up


@dataclass(frozen=True)
class Floor:
    """Height of the lowest strong level surface; `lowest`: hardly a point lies below; `proven`: see `find_floor`."""

    z: float
    lowest: bool
    proven: bool


def find_floor(turned: SurfaceSample) -> Floor:
    """The lowest strong level surface, and whether it is proven to be the floor.

    Proven: hardly any point lies below it, and its outline reaches under the cameras. A table top
    fails both. Rays through it are points below it.
    """
    z, up = turned.xyz_world[:, 2], turned.normal_world[:, 2] > 0.9
    if up.sum() < 50:
        return Floor(float(np.percentile(z, 0.5)) if len(z) else 0.0, False, False)
    bins = np.arange(z.min() - BIN_M, z.max() + 2 * BIN_M, BIN_M)
    count = np.histogram(z[up], bins)[0].astype(float)
    smooth = np.convolve(count, [0.5, 1, 1, 1, 0.5], "same")
    strong = smooth >= max(0.12 * smooth.max(), 30)
    peak = int(np.argmax(strong))
    while peak + 1 < len(smooth) and smooth[peak + 1] > smooth[peak]:
        peak += 1
    near = up & (np.abs(z - bins[peak] - BIN_M / 2) < 2 * BIN_M)
    floor_z = float(np.median(z[near]))
    lowest = float((z < floor_z - BELOW_M).mean()) < 0.01
    return Floor(floor_z, lowest, lowest and _reaches_cameras(turned, near))


def _reaches_cameras(turned: SurfaceSample, near: Array) -> bool:
    """A quarter of the cameras stand over the convex outline of the floor points (trimmed by 2 %).

    People film ahead, so much of the floor under their own path is never seen; over a table top nobody walks.
    """
    xy = turned.xyz_world[near, :2]
    lo, hi = np.percentile(xy, 2, axis=0), np.percentile(xy, 98, axis=0)
    kept = xy[((xy >= lo) & (xy <= hi)).all(1)]
    try:
        sides = ConvexHull(kept).equations
    except (QhullError, ValueError):
        return False
    inside = (turned.T_world_cam[:, :2, 3] @ sides[:, :2].T + sides[:, 2] <= 1e-9).all(1)
    above = turned.T_world_cam[:, 2, 3] > np.median(turned.xyz_world[near, 2]) + 0.2
    return bool((inside & above).mean() >= LEAST_OVER_FLOOR)


def _plane_normal(turned: SurfaceSample, floor_z: float) -> F64:
    """Least-squares normal of the floor points, pointing up; two rounds that drop outliers."""
    z = turned.xyz_world[:, 2]
    xyz = turned.xyz_world[(np.abs(z - floor_z) < 0.08) & (turned.normal_world[:, 2] > 0.9)]
    normal = np.array([0.0, 0.0, 1.0])
    for _ in range(3):
        if len(xyz) < 50:
            break
        A = np.column_stack([xyz[:, :2], np.ones(len(xyz))])
        c = np.linalg.lstsq(A, xyz[:, 2], rcond=None)[0]
        residual = xyz[:, 2] - A @ c
        normal = np.array([-c[0], -c[1], 1.0])
        xyz = xyz[np.abs(residual) < max(2.5 * np.median(np.abs(residual)), 0.005)]
    return np.asarray(normal / np.linalg.norm(normal))


def _yaw_to_walls(turned: SurfaceSample) -> float:
    """The turn about z that lays walls along x and y, +y being the wall direction nearest the first heading."""
    ahead = _heading(turned.T_world_cam[0])
    wall = wall_direction(turned)
    if wall is None:
        return np.pi / 2 - ahead
    quarter = round((ahead - wall) / (np.pi / 2))
    return np.pi / 2 - (wall + quarter * np.pi / 2)


def wall_direction(turned: SurfaceSample) -> float | None:
    """Direction of the walls modulo a quarter turn, in radians, or None without walls.

    Turned along the walls, upright surfaces pile up in few rows and columns: the direction with the largest
    sum of squared 5 cm histogram counts, first in whole degrees, then in tenths. Each 5 cm cell counts once,
    so that what was filmed longest does not outvote the walls; normals only say what is upright.
    """
    upright = turned.xyz_world[np.abs(turned.normal_world[:, 2]) < 0.4]
    _, first, count = np.unique(np.floor(upright / PILE_M), axis=0, return_index=True, return_counts=True)
    xy = upright[np.sort(first[count >= min(2, len(upright) // 5000)]), :2]
    if len(xy) < 100:
        return None
    coarse = np.radians(np.arange(0.0, 90.0, 1.0))
    score = np.array([_pile(xy, a) for a in coarse])
    if score.max() < LEAST_PILE * float(np.median(score)):
        return None
    best = coarse[int(np.argmax(score))]
    fine = best + np.radians(np.arange(-1.0, 1.01, 0.1))
    peak = np.array([_pile(xy, a) for a in fine])
    weight = np.maximum(peak - 0.98 * peak.max(), 0)
    return float((fine * weight).sum() / weight.sum()) % (np.pi / 2)


def _pile(xy: F64, yaw: float) -> float:
    """How much points (P, 2) pile up in rows and columns after a turn by -yaw."""
    c, s = np.cos(yaw), np.sin(yaw)
    total = 0.0
    for v in (xy @ np.array([c, s]), xy @ np.array([-s, c])):
        count = np.bincount(np.floor((v - v.min()) / PILE_M).astype(np.int64)).astype(float)
        smooth = count + np.pad(count[1:], (0, 1))
        total += float((smooth**2).sum())
    return total


def _wall_tilt_deg(upright: SurfaceSample) -> float | None:
    """Angle between +z and the direction most orthogonal to the wall normals."""
    n = upright.normal_world[np.abs(upright.normal_world[:, 2]) < 0.25]
    if len(n) < 500:
        return None
    values, vectors = np.linalg.eigh(n.T @ n / len(n))
    if values[1] < 0.05:
        return None
    return float(np.degrees(np.arccos(min(1.0, abs(vectors[2, 0])))))
