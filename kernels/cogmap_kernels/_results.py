"""What the operations return. Lengths are in the caller's unit; V voxels, P points, K objects."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

Array = npt.NDArray[Any]


class Fields(NamedTuple):
    """What points carry beside their place, each (P, ...) or None: colour, confidence, normal, label."""

    rgb: Array | None = None
    confidence: Array | None = None
    normal: Array | None = None
    label: Array | None = None

    def part(self, lo: int, hi: int) -> Fields:
        """The same of points lo to hi."""
        return Fields(*(None if a is None else a[lo:hi] for a in self))

    def at(self, index: Array) -> Fields:
        """The same of the points of an index, copied."""
        return Fields(*(None if a is None else a[index] for a in self))

    def rows(self, n: int) -> Fields:
        """Images (h, w, ...) as lists of n pixels."""
        return Fields(*(None if a is None else a.reshape(n, *a.shape[2:]) for a in self))


class Voxels(NamedTuple):
    """Occupied voxels, sorted by (iz, iy, ix).

    Attributes:
        key: (V, 3) int32 cells from the origin. mean: (V, 3) float32 mean of the points.
        n_points: (V,) int32. rgb: (V, 3) uint8 mean colour rounded down, 0 without colours.
        confidence: (V,) float32 mean, or None. lo, hi: (V, 3) float32 extent of the points, or None.
        normal: (V, 3) float32 unit, 0 where unknown, or None. n_views: (V,) int32, or None.
        label: (V,) int32 the label with most votes, the smaller of equals, 0 = none; or None.
        n_dropped: points that were not finite.
    """

    key: Array
    mean: Array
    n_points: Array
    rgb: Array
    confidence: Array | None = None
    lo: Array | None = None
    hi: Array | None = None
    normal: Array | None = None
    n_views: Array | None = None
    label: Array | None = None
    n_dropped: int = 0


class Planes(NamedTuple):
    """Planes n . x = d, largest first.

    Attributes:
        normal: (K, 3) float64 unit. offset: (K,) float64. n_points: (K,) int64 points within the distance.
        plane_of_point: (P,) int32, -1 = none.
    """

    normal: Array
    offset: Array
    n_points: Array
    plane_of_point: Array


class YawBoxes(NamedTuple):
    """Smallest upright boxes.

    Attributes:
        center: (K, 3). size: (K, 3) along own x, own y and z. yaw: (K,) radians in (-pi/2, pi/2].
    """

    center: Array
    size: Array
    yaw: Array


class Bev(NamedTuple):
    """A bird's-eye grid `[iy, ix]`.

    Attributes:
        n_points: (R, C) int32. height: (R, C) float32 highest z, NaN without points. rgb: (R, C, 3) uint8.
    """

    n_points: Array
    height: Array
    rgb: Array


class Votes(NamedTuple):
    """Overlaps of cells and masks, sorted by (cell, mask): three arrays (M,) int32 cell, mask and number of pixels."""

    cell: Array
    mask: Array
    n_pixels: Array
