"""Upright without cameras: a scan's own planes say where down is."""

from __future__ import annotations

import numpy as np

from .._checks import F64, Array
from ..data.voxels import Voxels
from ..geometry.rigid import about_z, from_rotation, rotation_between
from .align import UP, find_floor, wall_direction
from .surface_samples import SurfaceSample, moved

NEAR_COS = np.cos(np.radians(8.0))
CANDIDATES = 400
MOST = 60_000


def align_cloud(voxels: Voxels, up_known: bool = False) -> F64:
    """The rigid (4, 4) that lays a scan upright: floor at 0, walls along x and y, the middle at the origin.

    The vertical is one of the three directions that surfaces face most; up is the side away from the mass,
    for furniture stands low. With `up_known` the scan's z is kept and only floor and walls are searched.
    """
    step = max(1, len(voxels) // MOST)
    xyz, normal = voxels.mean_map[::step].astype(np.float64), voxels.normal[::step].astype(np.float64)
    camera = np.eye(4)
    camera[:3, 3] = np.median(xyz, axis=0)
    sample = SurfaceSample(xyz, normal, camera[None])
    up = UP if up_known else _up(xyz, normal)
    T = from_rotation(rotation_between(up, UP))
    upright = _facing_in(moved(sample, T))
    floor = find_floor(upright)
    yaw = wall_direction(upright)
    T = from_rotation(about_z(0.0 if yaw is None else -yaw)) @ T
    middle = (T @ camera)[:2, 3]
    return from_rotation(np.eye(3), np.array([-middle[0], -middle[1], -floor.z])) @ T


def _up(xyz: F64, normal: F64) -> F64:
    """The signed vertical among the three directions, square to one another, that surfaces face most.

    Rooms are wider than high: the direction of smallest extent is the vertical one.
    """
    good = normal[np.linalg.norm(normal, axis=1) > 0.5]
    tried = good[:: max(1, len(good) // CANDIDATES)]
    count = (np.abs(tried @ good.T) > NEAR_COS).sum(1)
    first = _refined(good, tried[int(np.argmax(count))])
    square = np.abs(tried @ first) < 0.2
    second = _refined(good, tried[int(np.argmax(np.where(square, count, -1)))]) if square.any() else _any_square(first)
    second = second - (second @ first) * first
    second /= np.linalg.norm(second)
    three = np.array([first, second, np.cross(first, second)])
    axis = three[int(np.argmin(np.ptp(np.percentile(xyz @ three.T, [2, 98], axis=0), axis=0)))]
    height = xyz @ axis
    lo, hi = np.percentile(height, [1, 99])
    inside = height[(height > lo + 0.15 * (hi - lo)) & (height < hi - 0.15 * (hi - lo))]
    below = len(inside) == 0 or float((inside < (lo + hi) / 2).mean()) >= 0.5
    return np.asarray(axis if below else -axis)


def _any_square(axis: F64) -> F64:
    return np.asarray(np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))]))


def _refined(good: F64, axis: F64) -> F64:
    for degrees in (8.0, 4.0):
        near = good[np.abs(good @ axis) > np.cos(np.radians(degrees))]
        new = np.linalg.eigh(near.T @ near)[1][:, 2]
        axis = new if new @ axis > 0 else -new
    return axis


def _facing_in(sample: SurfaceSample) -> SurfaceSample:
    """Level surfaces in the lower half turned up, in the upper half down, as a camera between them sees them."""
    z: Array = sample.xyz_world[:, 2]
    low = z < (np.percentile(z, 2) + np.percentile(z, 98)) / 2
    n = sample.normal_world
    level = np.abs(n[:, 2]) > 0.7
    wrong = level & (low == (n[:, 2] < 0))
    return SurfaceSample(sample.xyz_world, np.where(wrong[:, None], -n, n), sample.T_world_cam)
