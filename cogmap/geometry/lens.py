"""Lens distortion taken out of pictures."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .._checks import F64, U8

LEAST_SHIFT_PX = 0.25


def undistorted(rgb: U8, K: F64, k1: float = 0.0, k2: float = 0.0, p1: float = 0.0, p2: float = 0.0) -> U8:
    """A picture (H, W, 3) as a pinhole camera of the same K (3, 3) would take it.

    The distortion is Brown's: x' = x (1 + k1 r^2 + k2 r^4) + 2 p1 x y + p2 (r^2 + 2 x^2), and y' alike
    (Brown, "Decentering distortion of lenses", 1966). Shifts under a quarter pixel leave the picture as it is.
    """
    h, w = rgb.shape[:2]
    x = ((np.arange(w) + 0.5 - K[0, 2]) / K[0, 0])[None, :]
    y = ((np.arange(h) + 0.5 - K[1, 2]) / K[1, 1])[:, None]
    r2 = x**2 + y**2
    grow = 1 + k1 * r2 + k2 * r2**2
    dx = x * grow + 2 * p1 * x * y + p2 * (r2 + 2 * x**2) - x
    dy = y * grow + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y - y
    if max(float(np.abs(dx).max()) * K[0, 0], float(np.abs(dy).max()) * K[1, 1]) < LEAST_SHIFT_PX:
        return rgb
    at = [np.arange(h)[:, None] + dy * K[1, 1], np.arange(w)[None, :] + dx * K[0, 0]]
    layers = [ndimage.map_coordinates(rgb[..., c], at, order=1, mode="nearest") for c in range(rgb.shape[2])]
    return np.stack(layers, axis=-1)
