"""PyTorch3D: cameras, box overlap as an outside judge, and its rasteriser behind `m.render`.

It has no wheel that could stand in an extra: it is used where the user has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._checks import F32, F64, I32, Array
from .._optional import needed
from ..data.scene import Box
from ..geometry.rigid import inverse

HOW = 'Run: pip install --no-build-isolation "git+https://github.com/facebookresearch/pytorch3d.git" beside your torch.'
NEAREST = 1


def to_cameras(T_map_cam: F64, K: F64, size: tuple[int, int]) -> Any:
    """`PerspectiveCameras` of camera poses (N, 4, 4) and intrinsics (N, 3, 3); size is (height, width) in pixels.

    OpenCV axes (x right, y down) become PyTorch3D's (x left, y up) by its own conversion; both count pixels from the
    picture's edge.

    Raises:
        MissingDependencyError: E-EXTRA.
    """
    utils, torch = needed("pytorch3d.utils", HOW), needed("torch", HOW)
    T_cam_map = inverse(np.asarray(T_map_cam, np.float64).reshape(-1, 4, 4))
    count = len(T_cam_map)
    given = np.broadcast_to(np.asarray(K, np.float64), (count, 3, 3))
    sizes = np.tile(size, (count, 1))
    parts = (T_cam_map[:, :3, :3], T_cam_map[:, :3, 3], given, sizes)
    return utils.cameras_from_opencv_projection(*(torch.from_numpy(np.array(p, np.float32)) for p in parts))


def box_iou(a: Sequence[Box], b: Sequence[Box]) -> F32:
    """Intersection over union (A, B) of upright boxes by `box3d_overlap`. Raises MissingDependencyError E-EXTRA."""
    ops, torch = needed("pytorch3d.ops", HOW), needed("torch", HOW)
    if not a or not b:
        return np.zeros((len(a), len(b)), np.float32)
    corners = [torch.as_tensor(np.stack([box.corners for box in boxes]), dtype=torch.float32) for boxes in (a, b)]
    return np.asarray(ops.box3d_overlap(*corners)[1].numpy(), np.float32)


def rasterize(xyz_cam: Array, K: F64, size: tuple[int, int], edge_m: float) -> tuple[F32, I32]:
    """Depth (H, W) float32, 0 = nothing, and index of the nearest point (H, W) int32, -1 = none, at every pixel.

    A point covers a disc as wide as its edge looks from the camera; `cogmap_kernels.zbuffer` draws squares.

    Args:
        xyz_cam: (P, 3) points, OpenCV axes. K: (3, 3). size: (height, width). edge_m: edge of a voxel.

    Raises:
        MissingDependencyError: E-EXTRA.
    """
    points, structures = needed("pytorch3d.renderer.points", HOW), needed("pytorch3d.structures", HOW)
    torch = needed("torch", HOW)
    front = np.flatnonzero(xyz_cam[:, 2] > edge_m)
    if len(front) == 0:
        return np.zeros(size, np.float32), np.full(size, -1, np.int32)
    xyz = np.asarray(xyz_cam[front], np.float32)
    camera = to_cameras(np.eye(4), K, size)
    half_px = np.maximum(0.5 * edge_m * float(K[0, 0]) / xyz[:, 2], 0.71)
    settings = points.PointsRasterizationSettings(
        image_size=size,
        radius=torch.as_tensor(2 * half_px / min(size), dtype=torch.float32)[None],
        points_per_pixel=NEAREST,
    )
    raster = points.PointsRasterizer(cameras=camera, raster_settings=settings)
    found = raster(structures.Pointclouds([torch.as_tensor(xyz)]))
    index, depth = found.idx[0, ..., 0].numpy(), found.zbuf[0, ..., 0].numpy()
    hit = index >= 0
    owner = np.where(hit, front[np.maximum(index, 0)], -1).astype(np.int32)
    return np.where(hit, depth, 0).astype(np.float32), owner
