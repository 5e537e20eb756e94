"""Array kernels of cogmap: voxels, components, visibility, rays and plane sweep. They know arrays only.

See `kernels/README.md` for the contract. Nothing is compiled or loaded before the first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .cpu.voxels import VoxelSums, VoxelTable

Array = npt.NDArray[Any]
F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

__all__ = [
    "VoxelSums",
    "VoxelTable",
    "agreement",
    "carve",
    "components",
    "consistent",
    "plane_sweep",
    "zbuffer",
]


def __getattr__(name: str) -> Any:
    if name in ("VoxelSums", "VoxelTable"):
        from .cpu import voxels

        return getattr(voxels, name)
    raise AttributeError(name)


def components(key: Array, radius: int = 1, group: Array | None = None) -> I32:
    """Number the connected sets of occupied cells.

    Args:
        key: (V, 3) int32 cells, unique, in any order. V may be 0.
        radius: cells within this many steps on every axis touch; 1 is 26-connectivity.
        group: (V,) int32; cells of different groups never touch.

    Returns:
        (V,) int32 labels 0, 1, ... in the order of each set's first cell.

    Raises:
        ValueError: wrong shape, radius below 1, or a key beyond 20 bits.
    """
    from .cpu import components as cpu

    if key.ndim != 2 or key.shape[1] != 3 or radius < 1:
        raise ValueError(f"key must be (V, 3) and radius at least 1, got {key.shape}, {radius}")
    if len(key) and np.abs(key).max() >= 1 << 20:
        raise ValueError("a key is beyond 2**20 cells; choose a larger voxel")
    groups = np.zeros(len(key), np.int32) if group is None else np.ascontiguousarray(group, np.int32)
    return cpu.components(np.ascontiguousarray(key, np.int32), radius, groups)


def zbuffer(xyz_cam: Array, id_of: Array, K: Array, size: tuple[int, int], edge: float) -> tuple[F32, I32]:
    """Draw cells as squares that face the camera and keep the nearest.

    Args:
        xyz_cam: (V, 3) centres in the camera frame. id_of: (V,) int32 number to draw, at least 0.
        K: (3, 3) intrinsics. size: (height, width) in pixels. edge: edge of a cell.

    Returns:
        depth (H, W) float32, 0 where nothing was drawn, and id (H, W) int32, -1 there.
    """
    from .cpu import visibility as cpu

    if xyz_cam.ndim != 2 or xyz_cam.shape[1] != 3 or len(id_of) != len(xyz_cam):
        raise ValueError(f"xyz_cam must be (V, 3) with one id each, got {xyz_cam.shape}, {id_of.shape}")
    return cpu.zbuffer(
        np.ascontiguousarray(xyz_cam, np.float32),
        np.ascontiguousarray(id_of, np.int32),
        *(float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])),
        *(int(size[0]), int(size[1]), float(edge)),
    )


def agreement(xyz: Array, depth: Array, K: Array, T_cam_world: Array, near: float, agree: I32, conflict: I32) -> None:
    """Count, for each point, whether one depth image agrees with it or looks through it.

    Args:
        xyz: (V, 3) points. depth: (H, W) z-depth, 0 = unknown. K: (3, 3). T_cam_world: (4, 4).
        near: a depth within this share of the point's own depth agrees; one farther is a conflict.
        agree, conflict: (V,) int32, added to in place.
    """
    from .cpu import visibility as cpu

    T = np.asarray(T_cam_world, np.float64)
    cpu.agreement(
        np.ascontiguousarray(xyz, np.float32),
        np.ascontiguousarray(depth, np.float32),
        *(float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])),
        *(np.ascontiguousarray(T), float(near), agree, conflict),
    )


def carve(cells: I32, origin: Array, cell_m: float, camera_xy: Array, hits_xy: Array) -> None:
    """Add one to every grid cell that a ray crosses before its own last cell.

    Args:
        cells: (R, C) int32 `[iy, ix]`, added to in place. origin: (2,) lower corner of cell (0, 0).
        cell_m: edge. camera_xy: (2,) start of the rays. hits_xy: (P, 2) their ends.
    """
    from .cpu import rays as cpu

    if cell_m <= 0:
        raise ValueError(f"cell_m must be above 0, got {cell_m}")
    start = (np.asarray(camera_xy, np.float64) - origin) / cell_m
    ends = (np.asarray(hits_xy, np.float64) - origin) / cell_m
    cpu.carve(cells, start, np.ascontiguousarray(ends))


def plane_sweep(
    reference: Array,
    sources: Array,
    K: Array,
    K_sources: Array,
    T_source_reference: Array,
    inverse_depths: Array,
    window: int = 7,
) -> tuple[F32, F32]:
    """Depth of one grey image by sweeping planes that face it (Collins, CVPR 1996), scored by NCC.

    Args:
        reference: (H, W) float32. sources: (S, H, W) float32, S >= 1.
        K: (3, 3); K_sources: (S, 3, 3); T_source_reference: (S, 4, 4) reference to source camera.
        inverse_depths: (D,) ascending, above 0, D >= 3. window: odd edge of the matching window.

    Returns:
        depth (H, W), refined between planes by a parabola, 0 where nothing matches, and the score
        (H, W): mean NCC of the two best sources, in [-1, 1].
    """
    from .cpu import stereo as cpu

    if window % 2 == 0 or len(inverse_depths) < 3 or len(sources) == 0:
        raise ValueError("window must be odd, with at least 3 planes and one source")
    M = np.asarray(K_sources, float) @ np.asarray(T_source_reference, float)[:, :3, :3] @ np.linalg.inv(K)
    b = (np.asarray(K_sources, float) @ np.asarray(T_source_reference, float)[:, :3, 3:4])[..., 0]
    return cpu.plane_sweep(
        np.ascontiguousarray(reference, np.float32),
        np.ascontiguousarray(sources, np.float32),
        *(np.ascontiguousarray(M), np.ascontiguousarray(b)),
        *(np.ascontiguousarray(inverse_depths, np.float64), window // 2),
    )


def consistent(
    depth: Array,
    depths: Array,
    K: Array,
    K_sources: Array,
    T_source_reference: Array,
    max_px: float = 1.5,
    max_rel: float = 0.015,
) -> tuple[F32, npt.NDArray[np.uint8]]:
    """Check a depth map against others: there and back within `max_px` pixels and `max_rel` of the depth.

    Args:
        depth: (H, W); depths: (S, h, w), 0 = unknown. K, K_sources, T_source_reference as in plane_sweep.

    Returns:
        depth (H, W) averaged with the depths that agree, and how many agreed (H, W) uint8.
    """
    from .cpu import stereo as cpu

    T = np.asarray(T_source_reference, np.float64)
    return cpu.consistent(
        np.ascontiguousarray(depth, np.float32),
        np.ascontiguousarray(depths, np.float32),
        *(np.ascontiguousarray(K, np.float64), np.ascontiguousarray(K_sources, np.float64)),
        *(np.ascontiguousarray(T), np.ascontiguousarray(np.linalg.inv(T)), max_px, max_rel),
    )
