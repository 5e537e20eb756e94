"""Lens distortion taken out of pictures and depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import ndimage

from .._checks import F64, U8, Array, Bool
from ..errors import MissingDependencyError

LEAST_SHIFT_PX = 0.25
Pixels = TypeVar("Pixels", bound=Array)


@dataclass(frozen=True)
class Lens:
    """A camera model of COLMAP by name, and its parameters after focal lengths and centre.

    "OPENCV" (k1, k2, p1, p2) is Brown's and needs nothing; "FULL_OPENCV" (k1, k2, p1, p2, k3, k4, k5, k6),
    "OPENCV_FISHEYE" (k1 to k4), "THIN_PRISM_FISHEYE" (k1, k2, p1, p2, k3, k4, sx1, sy1), "FOV" (omega) and the others
    are pycolmap's.
    """

    model: str = "OPENCV"
    parameters: tuple[float, ...] = ()

    @property
    def straight(self) -> bool:
        """Whether there is nothing to take out."""
        return "FISHEYE" not in self.model and self.model != "FOV" and not any(self.parameters)

    def shifts(self, K: F64, size: tuple[int, int]) -> tuple[F64, F64]:
        """Rows and columns (H, W), counted from 0, of the bent picture that every pixel of a pinhole of K sees.

        Raises:
            MissingDependencyError: E-PYCOLMAP for models beyond Brown's where pycolmap is missing.
        """
        h, w = size
        x = np.broadcast_to(((np.arange(w) + 0.5 - K[0, 2]) / K[0, 0])[None, :], (h, w))
        y = np.broadcast_to(((np.arange(h) + 0.5 - K[1, 2]) / K[1, 1])[:, None], (h, w))
        if self.model == "OPENCV":
            u, v = _brown(x, y, *(*self.parameters, 0.0, 0.0, 0.0, 0.0)[:4])
            u, v = u * K[0, 0] + K[0, 2], v * K[1, 1] + K[1, 2]
        else:
            u, v = self._by_pycolmap(K, x, y)
        return v - 0.5, u - 0.5

    def _by_pycolmap(self, K: F64, x: F64, y: F64) -> tuple[F64, F64]:
        try:
            import pycolmap
        except ImportError as error:
            remedy = "Undistort the pictures first: pycolmap has no wheel for this machine."
            raise MissingDependencyError("E-PYCOLMAP", f"{self.model} lenses are pycolmap's.", remedy) from error
        h, w = x.shape
        focal = [K[0, 0]] if self.model in ONE_FOCAL else [K[0, 0], K[1, 1]]
        camera = pycolmap.Camera(
            model=self.model, width=w, height=h, params=[*focal, K[0, 2], K[1, 2], *self.parameters]
        )
        rays = np.stack([x.ravel(), y.ravel(), np.ones(h * w)], axis=1)
        uv = np.asarray(camera.img_from_cam(rays), np.float64)
        return uv[:, 0].reshape(h, w), uv[:, 1].reshape(h, w)


ONE_FOCAL = ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE", "FOV_ONE")


def _brown(x: F64, y: F64, k1: float, k2: float, p1: float, p2: float) -> tuple[F64, F64]:
    """x' = x (1 + k1 r^2 + k2 r^4) + 2 p1 x y + p2 (r^2 + 2 x^2), and y' alike.

    (Brown, "Decentering distortion of lenses", 1966.)
    """
    r2 = x**2 + y**2
    grow = 1 + k1 * r2 + k2 * r2**2
    return (
        np.asarray(x * grow + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)),
        np.asarray(y * grow + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y),
    )


def undistorted(rgb: U8, K: F64, lens: Lens) -> tuple[U8, Bool | None]:
    """A picture (H, W, 3) as a pinhole camera of the same K (3, 3) would take it; and where the lens saw (None = all).

    Shifts under a quarter pixel leave the picture as it is.
    """
    if lens.straight:
        return rgb, None
    at = lens.shifts(K, rgb.shape[:2])
    if _small(at):
        return rgb, None
    layers = [ndimage.map_coordinates(rgb[..., c], at, order=1, mode="nearest") for c in range(rgb.shape[2])]
    inside = _inside(at)
    return np.stack(layers, axis=-1), None if inside.all() else inside


def undistorted_nearest(values: Pixels, K: F64, lens: Lens) -> Pixels:
    """Depth or ids (H, W) through the same lens by the nearest pixel, so nothing is mixed; 0 where it saw nothing."""
    if lens.straight:
        return values
    at = lens.shifts(K, (values.shape[0], values.shape[1]))
    if _small(at):
        return values
    row, column = (np.clip(np.round(a), 0, n - 1).astype(int) for a, n in zip(at, values.shape))
    return np.where(_inside(at), values[row, column], 0).astype(values.dtype)  # type: ignore[return-value]


def _small(at: tuple[F64, F64]) -> bool:
    h, w = at[0].shape
    return (
        max(float(np.abs(at[0] - np.arange(h)[:, None]).max()), float(np.abs(at[1] - np.arange(w)[None, :]).max()))
        < LEAST_SHIFT_PX
    )


def _inside(at: tuple[F64, F64]) -> Bool:
    h, w = at[0].shape
    return np.asarray((at[0] > -1) & (at[0] < h) & (at[1] > -1) & (at[1] < w))
