"""The map seen from any pose: colour, depth or object numbers, drawn from its voxels without a GPU."""

from __future__ import annotations

from collections.abc import Callable

import cogmap_kernels
import numpy as np

from .._checks import F32, F64, I32, Array
from ..data.scene import SceneMap
from ..errors import ConfigError, InputError
from ..geometry.rigid import apply, inverse

Rasterize = Callable[[Array, F64, tuple[int, int], float], tuple[F32, I32]]


def by_kernel(xyz_cam: Array, K: F64, size: tuple[int, int], edge_m: float) -> tuple[F32, I32]:
    """Depth and index of the nearest point at every pixel by the z-buffer kernel."""
    depth, owner = cogmap_kernels.zbuffer(xyz_cam, np.arange(len(xyz_cam), dtype=np.int32), K, size, edge_m)
    return np.asarray(depth), np.asarray(owner)


def render_view(
    scene: SceneMap,
    T_map_cam: F64,
    K: F64,
    size: tuple[int, int],
    what: str = "depth",
    rasterize: Rasterize = by_kernel,
) -> Array:
    """A picture of the voxels: each covers the pixels of its edge.

    Args:
        T_map_cam: (4, 4) camera to map, OpenCV axes. K: (3, 3). size: (height, width) in pixels.
        what: "depth" (H, W) float32 metres, 0 = nothing; "color" (H, W, 3) uint8; "number" (H, W) int32, 0 = room or
            nothing.
        rasterize: from points in the camera, K, size and edge to depth (0 = nothing) and the nearest point (-1 = none).

    Raises:
        InputError: E-NO-VOXELS. ConfigError: E-OPTION.
    """
    if scene.voxels is None or scene.object_of_voxel is None:
        raise InputError("E-NO-VOXELS", "the map holds no voxels.", "Build it from a capture or a scan.")
    v = scene.voxels
    xyz = apply(inverse(T_map_cam), v.mean_map)
    depth, owner = rasterize(xyz, K, size, v.voxel_m)
    if what == "depth":
        return depth
    hit = owner >= 0
    if what == "color":
        rgb = np.full((*size, 3), 255, np.uint8)
        rgb[hit] = v.rgb[owner[hit]]
        return rgb
    if what == "number":
        number = np.zeros(size, np.int32)
        numbers = np.array([*(o.number for o in scene.objects), 0], np.int32)
        number[hit] = numbers[scene.object_of_voxel[owner[hit]]]
        return number
    raise ConfigError("E-OPTION", f"there is no view of {what!r}.", "Choose depth, color or number.")
