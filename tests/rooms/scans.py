"""Scans: random points on faces, without cameras."""

from __future__ import annotations

import numpy as np

from cogmap.data.points import PointCloud

COUNTER, SHELF = ((0.0, 0.0, 0.45), (2.4, 0.6, 0.9)), ((1.6, 0.0, 1.0), (0.8, 0.3, 2.0))


def box_surface(
    center: tuple[float, ...], size: tuple[float, ...], per_m2: float, rng: np.random.Generator
) -> np.ndarray:
    """Random points (P, 3) on the five faces of a box that are not its bottom."""
    faces = []
    for axis in range(3):
        for side in (-1, 1):
            if (axis, side) != (2, -1):
                across = [k for k in range(3) if k != axis]
                p = rng.uniform(-0.5, 0.5, (int(per_m2 * size[across[0]] * size[across[1]]), 3))
                p[:, axis] = side / 2
                faces.append(p * size + center)
    return np.concatenate(faces)


def counter_and_shelf(per_m2: float = 1600.0, noise_m: float = 0.004, seed: int = 0) -> PointCloud:
    """A counter and a taller, shallower shelf that touch, of one grey, in a room 2.6 m high without a ceiling."""
    rng = np.random.default_rng(seed)
    turned_over = [1, 1, -1]  # its top is the floor
    room = box_surface((0.0, 0.0, -1.3), (5.0, 4.0, 2.6), per_m2, rng) * turned_over
    counter, shelf = box_surface(*COUNTER, per_m2, rng), box_surface(*SHELF, per_m2, rng)
    hidden = (np.abs(counter[:, 0] - 1.2) < 1e-9) & (np.abs(counter[:, 1]) < 0.15)
    covered = (np.abs(shelf[:, 0] - 1.2) < 1e-9) & (shelf[:, 2] < 0.9)
    xyz = np.concatenate([room, counter[~hidden], shelf[~covered]])
    return PointCloud(xyz + rng.normal(0, noise_m, xyz.shape), np.full((len(xyz), 3), 128, np.uint8))
