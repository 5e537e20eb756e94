"""Rigid 4x4 transforms. `T_a_b` maps points given in b to points given in a."""

from __future__ import annotations

import numpy as np

from .._checks import F64, Array
from ..errors import InputError

PROJECT_TOLERANCE = 1e-4


def inverse(T_a_b: F64) -> F64:
    """Inverse of a rigid (4, 4) or (N, 4, 4) transform: `T_b_a`."""
    R = np.swapaxes(T_a_b[..., :3, :3], -1, -2)
    out = np.zeros_like(T_a_b)
    out[..., :3, :3] = R
    out[..., :3, 3] = -(R @ T_a_b[..., :3, 3:4])[..., 0]
    out[..., 3, 3] = 1.0
    return out


def apply(T_a_b: F64, xyz_b: Array) -> F64:
    """Map points (..., 3) given in b into a; float64 out. The matrix may hold a scale."""
    xyz = np.asarray(xyz_b, np.float64)
    return np.asarray(xyz @ T_a_b[:3, :3].T + T_a_b[:3, 3], np.float64)


def from_rotation(R: F64, t: Array | None = None) -> F64:
    """A (4, 4) transform from a rotation (3, 3) and a shift (3,), which is zero by default."""
    T = np.eye(4)
    T[:3, :3] = R
    if t is not None:
        T[:3, 3] = t
    return T


def rotation_between(a: Array, b: Array) -> F64:
    """The smallest rotation (3, 3) that turns direction a (3,) into direction b (3,) (Rodrigues' formula)."""
    u, v = np.asarray(a, float) / np.linalg.norm(a), np.asarray(b, float) / np.linalg.norm(b)
    axis, c = np.cross(u, v), float(u @ v)
    if c < -1 + 1e-12:
        side = np.eye(3)[np.argmin(np.abs(u))]
        axis = np.cross(u, side)
        axis /= np.linalg.norm(axis)
        return np.asarray(2 * np.outer(axis, axis) - np.eye(3))
    K = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.asarray(np.eye(3) + K + K @ K / (1 + c))


def about_z(yaw_rad: float) -> F64:
    """Rotation (3, 3) by an angle in radians about +z, counter-clockwise seen from above."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def rotation_angle(R: Array) -> float:
    """Angle of a rotation (3, 3) in radians, in [0, pi]."""
    return float(np.arccos(np.clip((np.trace(R) - 1) / 2, -1, 1)))


def rigid_error(T: Array) -> float:
    """How far the rotation part of a (3, 4) or (4, 4) is from a rotation: the largest entry of `R @ R.T - I`."""
    R = np.asarray(T[:3, :3], np.float64)
    return float(np.abs(R @ R.T - np.eye(3)).max())


def checked_pose(T: Array, where: str, tolerance: float = PROJECT_TOLERANCE) -> F64:
    """Check one rigid pose and return it with the nearest true rotation (polar projection by SVD).

    Args:
        T: (4, 4) camera-to-world, any float type, finite.
        where: what to name in the message, a file or a frame.
        tolerance: the largest entry of `R @ R.T - I` that is taken for rounding.

    Raises:
        InputError: E-POSE-REFLECTED (determinant below 0) or E-POSE-NOT-RIGID (scale, shear, last row).
    """
    P = np.asarray(T, np.float64)
    R = P[:3, :3]
    if not np.allclose(P[3], [0, 0, 0, 1], atol=1e-6):
        raise InputError("E-POSE-NOT-RIGID", f"last row is {P[3].tolist()}, expected 0 0 0 1.", "Transpose it?", where)
    if np.linalg.det(R) < 0:
        remedy = "An axis is flipped: the poses are left-handed; negate that axis before export."
        raise InputError("E-POSE-REFLECTED", "a rotation has determinant -1.", remedy, where)
    error = rigid_error(P)
    if error > tolerance:
        remedy = "Remove scale or shear from the poses; a scale belongs into the map's scale."
        raise InputError("E-POSE-NOT-RIGID", f"a rotation is off by {error:.2g}.", remedy, where)
    U, _, Vt = np.linalg.svd(R)
    return from_rotation(np.asarray(U @ Vt), P[:3, 3])
