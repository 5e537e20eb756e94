"""Open3D both ways: surfaces, boxes, and a mesh by TSDF from the stored depth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .._optional import needed
from ..data.frames import StoredFrame
from ..data.palette import color_of
from ..data.points import GivenBox, GivenBoxes, PointCloud
from ..data.scene import SceneMap
from ..errors import InputError, OutputError
from ..geometry.rigid import about_z, inverse

EXTRA = 'Run: pip install "cogmap[open3d]"; the system needs libusb-1.0, libegl1, libgl1 and libx11.'
MESH_VOXEL_M = 0.02
FARTHEST_M = 8.0
FIRST_BLOCKS = 10_000
LEAST_WEIGHT = 1.0


def to_points(scene: SceneMap) -> Any:
    """The surfaces as an `open3d.geometry.PointCloud` with colours, and normals where the map has them.

    Raises:
        MissingDependencyError: E-EXTRA. InputError: E-NO-VOXELS.
    """
    o3d = needed("open3d", EXTRA)
    if scene.voxels is None:
        raise InputError("E-NO-VOXELS", "the map holds no surfaces.", "Build it from a capture or a scan.")
    v = scene.voxels
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(v.mean_map.astype(np.float64)))
    cloud.colors = o3d.utility.Vector3dVector(v.rgb / 255.0)
    if v.normal is not None:
        cloud.normals = o3d.utility.Vector3dVector(v.normal.astype(np.float64))
    return cloud


def from_points(cloud: Any) -> PointCloud:
    """An Open3D point cloud as the record that `cogmap.build` takes; what is not finite stays and is counted there."""
    rgb = None
    if cloud.has_colors():
        rgb = np.round(np.clip(np.asarray(cloud.colors), 0, 1) * 255).astype(np.uint8)
    return PointCloud(np.asarray(cloud.points, np.float64).reshape(-1, 3), rgb)


def to_boxes(scene: SceneMap) -> list[Any]:
    """The boxes as `open3d.geometry.OrientedBoundingBox`, in the order of `scene.objects`, in the numbers' colours."""
    o3d = needed("open3d", EXTRA)
    out = []
    for thing in scene.objects:
        box = o3d.geometry.OrientedBoundingBox(thing.box.center_m, about_z(thing.box.yaw), thing.box.size_m)
        box.color = np.array(color_of(thing.number)) / 255
        out.append(box)
    return out


def from_boxes(boxes: Iterable[Any], labels: Iterable[str | None] | None = None) -> GivenBoxes:
    """Open3D boxes, oriented or axis-aligned, as the record that `cogmap.build` takes.

    Raises:
        InputError: E-ROWS when labels are not one a box.
    """
    rows = [(np.asarray(b.get_center()), np.asarray(_extent(b)), np.asarray(getattr(b, "R", np.eye(3)))) for b in boxes]
    texts = [None] * len(rows) if labels is None else list(labels)
    if len(texts) != len(rows):
        raise InputError("E-ROWS", f"{len(texts)} labels for {len(rows)} boxes.", "Give one label a box.")
    return GivenBoxes(
        tuple(
            GivenBox(text, tuple(center.tolist()), tuple(size.tolist()), rotation=tuple(map(tuple, R.tolist())))
            for text, (center, size, R) in zip(texts, rows)
        )
    )


def _extent(box: Any) -> Any:
    return box.extent if hasattr(box, "extent") else box.get_extent()


def to_mesh(scene: SceneMap, voxel_m: float = MESH_VOXEL_M) -> Any:
    """A coloured `open3d.geometry.TriangleMesh` of the stored depth by TSDF, in the map frame.

    Depth is cut off at 8 m. Curless and Levoy, "A volumetric method for building complex models", 1996, as Open3D does.

    Args:
        voxel_m: edge of its cells; surfaces nearer than eight cells to one another melt together.

    Raises:
        MissingDependencyError: E-EXTRA. InputError: E-NO-FRAMES, E-NO-DEPTH, E-OPTION-RANGE.
    """
    o3d = needed("open3d", EXTRA)
    if scene.frames is None:
        raise InputError("E-NO-FRAMES", "the map holds no depth.", "Build it from a capture.")
    if not 0.002 <= voxel_m <= 1:
        raise InputError("E-OPTION-RANGE", f"voxel_m must be 0.002 to 1, got {voxel_m}.", "Change it.")
    grid = _grid(o3d, voxel_m)
    filled = False
    for frame in scene.frames:
        filled = _integrate(o3d, grid, frame) or filled
    if not filled:
        raise InputError("E-NO-DEPTH", "no frame has depth within 8 m.", "Build the map from a capture with depth.")
    mesh = grid.extract_triangle_mesh(weight_threshold=LEAST_WEIGHT).to_legacy()
    mesh.compute_vertex_normals()
    return mesh


def _grid(o3d: Any, voxel_m: float) -> Any:
    float32 = o3d.core.float32
    names, kinds, channels = ("tsdf", "weight", "color"), (float32, float32, float32), ((1), (1), (3))
    return o3d.t.geometry.VoxelBlockGrid(names, kinds, channels, voxel_m, 16, FIRST_BLOCKS)


def _integrate(o3d: Any, grid: Any, frame: StoredFrame) -> bool:
    """Fold one frame in; False where it has no depth. This grid counts pixels from the edge, as cogmap does."""
    if not ((frame.depth > 0) & (frame.depth < FARTHEST_M)).any():
        return False
    tensor, image = o3d.core.Tensor, o3d.t.geometry.Image
    depth = image(tensor(np.ascontiguousarray(frame.depth, np.float32)))
    color = image(tensor(np.ascontiguousarray(frame.rgb, np.float32) / np.float32(255)))
    K, T = tensor(np.asarray(frame.K, np.float64)), tensor(inverse(frame.T_map_cam))
    blocks = grid.compute_unique_block_coordinates(depth, K, T, 1.0, FARTHEST_M)
    grid.integrate(blocks, depth, color, K, T, 1.0, FARTHEST_M)
    return True


def export_mesh(scene: SceneMap, path: Path) -> None:
    """Write the mesh as PLY, OBJ or GLB by its suffix. Raises what `to_mesh` does, and OutputError E-OUTPUT-DENIED."""
    mesh = to_mesh(scene)
    o3d = needed("open3d", EXTRA)
    target = path if path.suffix else path.with_suffix(".ply")
    if not o3d.io.write_triangle_mesh(str(target), mesh):
        raise OutputError("E-OUTPUT-DENIED", "Open3D could not write the mesh.", "Use .ply, .obj or .glb.", target)
