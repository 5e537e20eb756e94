"""Voxels from points or depth images: checks, and the choice of a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _device, _rules
from ._results import Fields, Voxels


class VoxelTable:
    """Gathers points, one view at a time, into cubic voxels; any view's cost is independent of those before it.

    A voxel's number on an axis is floor((x - origin) / voxel) in float64. Sums are integers (places in 1/16384 of the
    edge), so the order of points and the number of threads change no bit.

    Args:
        voxel: edge, above 0, in the unit of the points. origin: (3,) lower corner of voxel (0, 0, 0), 0 by default.
        extents: whether `result` holds, beside key, mean, count and colour, least and most of each cell. normals: and
            normals. views: and how many views met it. confidence: and mean confidence.
        threads: CPU threads, all cores by default. device: "auto", "cpu", "cuda" or "reference".

    Raises:
        ValueError: an impossible argument. RuntimeError: "cuda" without a device.
    """

    def __init__(
        self,
        voxel: float,
        origin: Any = None,
        *,
        extents: bool = False,
        normals: bool = False,
        views: bool = False,
        confidence: bool = False,
        threads: int | None = None,
        device: str = "auto",
    ) -> None:
        self.voxel = _check.positive("voxel", voxel)
        self.origin = np.zeros(3) if origin is None else np.array(origin, np.float64)
        if self.origin.shape != (3,) or not np.isfinite(self.origin).all():
            raise ValueError(f"origin must be three finite numbers, got {self.origin}")
        self.device = _device.choose(device)
        self._with = (extents, normals, views, confidence)
        table = _device.column(self.device, "voxels").VoxelTable
        self._table = table(self.voxel, self.origin, *self._with, _check.threads(threads))

    @property
    def n_dropped(self) -> int:
        """Points so far that were not finite."""
        return int(self._table.n_dropped)

    def add(
        self,
        xyz: Any,
        *,
        rgb: Any = None,
        confidence: Any = None,
        normal: Any = None,
        label: Any = None,
        view: int = 0,
    ) -> None:
        """Add points (P, 3) of one view with colour (P, 3) uint8, confidence (P,), normal (P, 3), label (P,) above 0.

        Points of one view must come in one call or in calls that follow one another. On a device, what lies there is
        used where it is.

        Raises:
            ValueError: wrong shapes or types, or a point 2**20 voxels from the origin; then nothing is added.
        """
        if self._stays(xyz):
            p = _check.lying("xyz", xyz, (len(xyz), 3), (np.float32, np.float64))
        else:
            p = _check.points("xyz", xyz)
        fields = self._fields(len(p), rgb, confidence, normal, label)
        self._table.add(p, fields, int(view))

    def add_depth(
        self,
        depth: Any,
        K: Any,
        T_world_cam: Any,
        *,
        rgb: Any = None,
        confidence: Any = None,
        normal: Any = None,
        label: Any = None,
        view: int = 0,
    ) -> None:
        """Add the pixels of a z-depth image (H, W) that are above 0, without a list of their points.

        Args:
            K: (3, 3), first pixel centre at 0.5. T_world_cam: (4, 4) camera to world, OpenCV axes.
            rgb: (H, W, 3) uint8. confidence, label: (H, W). normal: (H, W, 3) in the world.

        Raises:
            ValueError: as for `add`; then nothing is added.
        """
        gpu = self._stays(depth)
        d = depth if gpu else np.require(_check.plain("depth", depth), np.float32, ["C", "A"])
        if d.ndim != 2:
            raise ValueError(f"depth must be (H, W), got {d.shape}")
        if gpu:
            _check.lying("depth", d, tuple(d.shape), (np.float32,))
        n = d.shape[0] * d.shape[1]
        given = Fields(*(a if a is None or self._stays(a) else np.asarray(a) for a in (rgb, confidence, normal, label)))
        fields = self._fields(n, *given.rows(n))
        images = Fields(*(None if a is None else a.reshape(*d.shape, *a.shape[1:]) for a in fields))
        k, T = _check.camera(K), _check.pose("T_world_cam", T_world_cam)
        if not gpu:
            self._check_depth(d, k, T)
        self._table.add_depth(d, k, T, images, int(view))

    def _check_depth(self, depth: Any, K: Any, T: Any) -> None:
        """Look at all pixels where the farthest depth, at a corner of the image, could lie beyond the last voxel."""
        known = (depth > 0) & np.isfinite(depth)
        sides = np.abs(([[0, 0], depth.shape[::-1]] - K[:2, 2]) / K[[0, 1], [0, 1]]).max(0)
        far = float(np.max(depth, initial=0, where=known)) * np.hypot(1, np.hypot(*sides))
        if far + np.abs(T[:3, 3] - self.origin).max() < (_rules.HALF - 2) * self.voxel:
            return
        y, x = np.nonzero(known)
        rays = np.stack([(x + 0.5 - K[0, 2]) / K[0, 0], (y + 0.5 - K[1, 2]) / K[1, 1], np.ones(len(x))], axis=1)
        points = (rays * depth[y, x, None]) @ T[:3, :3].T + T[:3, 3]
        self._table.check(points.astype(np.float32))

    def _stays(self, array: Any) -> bool:
        """Whether an array is used where it lies on the device."""
        return self.device == "cuda" and _device.on_gpu(array)

    def _fields(self, n: int, rgb: Any, confidence: Any, normal: Any, label: Any) -> Fields:
        _, normals, _, weights = self._with

        def checked(name: str, array: Any, dtype: Any, *columns: int) -> Any:
            check = _check.on_device if self._stays(array) else _check.per_point
            return check(name, array, n, dtype, *columns)

        return Fields(
            checked("rgb", rgb, np.uint8, 3),
            checked("confidence", confidence if weights else None, np.float32),
            checked("normal", normal if normals else None, np.float32, 3),
            checked("label", label, np.int32),
        )

    def result(self, *, to_host: bool = True) -> Voxels:
        """Voxels so far, sorted by (iz, iy, ix), as NumPy arrays; the table can go on.

        Args:
            to_host: False leaves the arrays of a "cuda" table on the device (`__cuda_array_interface__`).
        """
        return self._table.result() if to_host or self.device != "cuda" else self._table.finished()
