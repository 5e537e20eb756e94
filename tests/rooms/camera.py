"""Hand-held camera paths inside a room."""

from __future__ import annotations

import numpy as np

from .scene import Room


def look_at(eye: np.ndarray, target: np.ndarray, roll: float = 0.0) -> np.ndarray:
    """Camera-to-world (4, 4) with OpenCV axes, looking from eye to target, world z up."""
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(z, [0, 0, 1.0])
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    c, s = np.cos(roll), np.sin(roll)
    T = np.eye(4)
    T[:3, :3] = np.stack([c * x + s * y, -s * x + c * y, z], axis=1)
    T[:3, 3] = eye
    return T


def walk_path(room: Room, n_frames: int, *, height: float = 1.5, turns: float = 1.0) -> np.ndarray:
    """Poses (N, 4, 4) of a walk round the middle of the room, looking across it and a little down."""
    rng = np.random.default_rng(1000 + room.seed)
    phase = rng.uniform(0, 6.28, 8)
    poses = []
    for t in np.linspace(0, 1, n_frames, endpoint=False):
        a = 2 * np.pi * turns * t + phase[0]
        sway = [0.05 * np.sin(2 * np.pi * (5 + k) * t + phase[k]) for k in range(4)]
        eye = np.array([room.width / 2 + 0.31 * room.width * np.cos(a), room.depth / 2 + 0.31 * room.depth * np.sin(a)])
        aim = a + np.pi + 0.55 * np.sin(2 * np.pi * 3 * t + phase[5])
        reach = 2.4
        z = height + sway[0]
        drop = 0.75 + 0.5 * np.sin(2 * np.pi * 2 * t + phase[6]) + sway[1]
        target = np.array([eye[0] + reach * np.cos(aim), eye[1] + reach * np.sin(aim), z - drop])
        poses.append(look_at(np.array([*(eye + sway[2]), z]), target, 0.3 * sway[3]))
    return np.array(poses)
