"""Upright: which way is down, where the floor is, and how the walls run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import F64, Array
from ..data.issues import Issue
from ..geometry.rigid import about_z, from_rotation, rotation_between
from .floor import Floor, find_floor, thinned
from .surface_samples import SurfaceSample, moved

REFINE_DEG = (15.0, 8.0, 5.0)
MOST_NORMALS, LEAST_NORMALS = 4000, 200
STEP_DEG, TURNED_DEG, ROLLED_DEG, PITCHED_DEG = 2.0, 12.0, 30.0, 66.0
ROLL_SIGMA_DEG, PITCH_SIGMA_DEG = 20.0, 45.0
WITHIN_DEG, OTHER_DEG, RIVAL, LEAST_TURN, LEAST_LEVEL = 4.0, 12.0, 0.85, 0.15, 0.03
PILE_M = 0.05
LEAST_PILE = 1.15
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Alignment:
    """How the map lies in the world.

    Attributes:
        T_map_world: (4, 4) rigid, in the sample's own length unit.
        floor: what was found of a floor, and what lies level over it.
        tilt_sigma_deg: disagreement between floor and walls about down, or None with one of them only.
        losses: warnings.
    """

    T_map_world: F64
    floor: Floor
    tilt_sigma_deg: float | None
    losses: tuple[Issue, ...]


def align(sample: SurfaceSample, up_world: Array | None = None, *, metric: bool = False) -> Alignment:
    """Set a sample upright: z up, floor at 0, walls along x and y, origin under the first camera.

    Args:
        sample: points, normals and cameras in lengths near metres (a relative scale is normalised first).
        up_world: (3,) up direction where a sensor or the user gives it; then only the floor's height is searched.
        metric: whether those lengths are metres.
    """
    up, sure = (np.asarray(up_world, float), True) if up_world is not None else find_up(sample)
    T = _facing_first_heading(sample, from_rotation(rotation_between(up, UP)))
    turned = moved(sample, T)
    floor = find_floor(turned, metric=metric)
    if floor.lowest and up_world is None:
        T = _facing_first_heading(sample, from_rotation(rotation_between(_plane_normal(turned, floor.z), UP)) @ T)
        turned = moved(sample, T)
        floor = find_floor(turned, metric=metric)
    T = from_rotation(about_z(_yaw_to_walls(turned))) @ T
    first = T @ sample.T_world_cam[0]
    T = from_rotation(np.eye(3), np.array([-first[0, 3], -first[1, 3], -floor.z])) @ T
    tilt = _wall_tilt_deg(moved(sample, T))
    return Alignment(T, floor, tilt, _losses(floor.proven, tilt, sure))


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


def _losses(proven: bool, tilt: float | None, sure: bool) -> tuple[Issue, ...]:
    out = []
    if not proven:
        out.append(Issue("W-FLOOR-NOT-SEEN", 1, "align", "height 0 is the lowest surface seen, not a proven floor"))
    if tilt is not None and tilt > 5:
        out.append(Issue("W-GRAVITY-UNSURE", 1, "align", f"walls lean {tilt:.0f} degrees against the floor"))
    elif not sure:
        effect = "the cameras hardly turn and what they see agrees on no one direction of down"
        out.append(Issue("W-GRAVITY-UNSURE", 1, "align", effect, option="--up"))
    return tuple(out)


def find_up(sample: SurfaceSample) -> tuple[F64, bool]:
    """Up in the world, and whether it is sure: the direction to which most surfaces lie level or upright, near to what
    the cameras hold level.

    Where cameras turn, that is known to a few degrees. One picture may be rolled, and pitched by any angle that people
    film at: all such directions are tried, and up is not sure where two far from one another fit nearly as well, or
    nothing level is in view.
    """
    guess, turned = first_up(sample)
    thin = thinned(sample)
    n = thin.normal_world[:: max(1, len(thin.normal_world) // MOST_NORMALS)]
    if len(n) < LEAST_NORMALS:
        return _refined_up(sample, guess), turned
    tries, prior = _about(guess, TURNED_DEG) if turned else _held(sample)
    score = _agreement(n, tries) * prior
    best = int(np.argmax(score))
    far = np.degrees(np.arccos(np.clip(tries @ tries[best], -1, 1))) > OTHER_DEG
    rival = float(score[far].max(initial=0.0))
    up = _refined_up(thin, tries[best])
    moved_deg = np.degrees(np.arccos(np.clip(up @ tries[best], -1, 1)))
    level = float((np.abs(n @ up) > np.cos(np.radians(2 * WITHIN_DEG))).mean())
    sure = turned or (rival < RIVAL * score[best] and level >= LEAST_LEVEL)
    return (up if moved_deg < OTHER_DEG else tries[best]), bool(sure)


def _held(sample: SurfaceSample) -> tuple[F64, F64]:
    """Ups (D, 3) of cameras that hardly turn, 2 degrees apart in roll and pitch, and how likely (D,) each is held."""
    U, _, Vt = np.linalg.svd(sample.T_world_cam[:, :3, :3].mean(0))  # the rotation nearest to their mean
    rolls, pitches = (np.arange(-most, most + 1, STEP_DEG) for most in (ROLLED_DEG, PITCHED_DEG))
    roll, pitch = np.meshgrid(rolls, pitches)
    prior = np.exp(-0.5 * ((roll / ROLL_SIGMA_DEG) ** 2 + (pitch / PITCH_SIGMA_DEG) ** 2)).ravel()
    roll, pitch = np.radians(roll.ravel()), np.radians(pitch.ravel())
    up = np.stack([np.sin(roll), -np.cos(roll) * np.cos(pitch), -np.cos(roll) * np.sin(pitch)], 1)
    return np.asarray(up @ (U @ Vt).T, np.float64), prior


def _about(axis: F64, reach_deg: float) -> tuple[F64, F64]:
    """Unit vectors (D, 3) about 2 degrees apart within a cone about an axis, and how likely (D,) each is."""
    rings = [np.zeros((1, 2))]
    for r in np.arange(STEP_DEG, reach_deg + 0.1, STEP_DEG):
        a = np.arange(0, 2 * np.pi, STEP_DEG / r)
        rings.append(r * np.stack([np.cos(a), np.sin(a)], 1))
    tilt = np.radians(np.concatenate(rings))
    angle = np.linalg.norm(tilt, axis=1)
    side = tilt / np.maximum(angle, 1e-12)[:, None] * np.sin(angle)[:, None]
    near = np.column_stack([side, np.cos(angle)]) @ rotation_between(UP, axis).T
    return np.asarray(near, np.float64), np.exp(-0.5 * (np.degrees(angle) / reach_deg) ** 2)


def _agreement(normal: F64, up: F64) -> F64:
    """How many normals (P, 3) are along or square to directions (D, 3), each within about 4 degrees: (D,).

    Upright counts half: a band of directions is square to an axis, two spots are along it.
    """
    along = np.clip(np.abs(up @ normal.T), 0, 1)
    level, upright = np.degrees(np.arccos(along)), np.degrees(np.arcsin(along))
    along_it, square = (np.exp(-0.5 * (off / WITHIN_DEG) ** 2).sum(1) for off in (level, upright))
    return np.asarray(along_it + square / 2, np.float64)


def first_up(sample: SurfaceSample) -> tuple[F64, bool]:
    """The direction most orthogonal to all camera right vectors, on the side of the cameras' own up; whether they turn.

    People hold cameras level, so right vectors lie in the floor plane; where the camera hardly turns
    the plane is undetermined and the mean camera up is taken.
    """
    right = sample.T_world_cam[:, :3, 0]
    camera_up = -sample.T_world_cam[:, :3, 1].mean(0)
    _, s, Vt = np.linalg.svd(right, full_matrices=True)
    turned = len(s) > 1 and s[1] / s[0] > LEAST_TURN
    up = Vt[2] if turned else camera_up
    up = up if up @ camera_up >= 0 else -up
    return np.asarray(up / np.linalg.norm(up)), bool(turned)


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
