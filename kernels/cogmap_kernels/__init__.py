"""Array kernels: voxels, clusters, planes, boxes, visibility, rays and stereo. They know arrays only.

See `kernels/README.md` for the contract. Nothing is compiled or loaded before the first call. Every operation takes
`threads` (CPU threads, all cores by default) and `device`: "auto", "cpu", "cuda" or "reference".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _device
from ._results import Array, Bev, Planes, Votes, Voxels, YawBoxes
from ._stereo import consistent, plane_sweep, refine_depth
from ._table import VoxelTable

__all__ = [
    "Bev",
    "Planes",
    "VoxelTable",
    "Votes",
    "Voxels",
    "YawBoxes",
    "agreement",
    "carve",
    "components",
    "consistent",
    "dbscan",
    "fuse_depth",
    "mask_votes",
    "nearest",
    "normals",
    "plane_sweep",
    "refine_depth",
    "segment_planes",
    "splat_bev",
    "voxelize",
    "warmup",
    "yaw_boxes",
    "zbuffer",
]


def voxelize(
    xyz: Any,
    voxel: float,
    *,
    origin: Any = None,
    rgb: Any = None,
    confidence: Any = None,
    label: Any = None,
    extents: bool = False,
    threads: int | None = None,
    device: str = "auto",
    to_host: bool = True,
) -> Voxels:
    """Mean position, colour, confidence, count and majority label of the points in every voxel.

    Args:
        xyz: (P, 3). voxel: edge in the same unit. origin: (3,) lower corner of voxel (0, 0, 0).
        rgb: (P, 3) uint8. confidence: (P,). label: (P,) int, 0 = none. extents: also the extent of the points.
        to_host: False leaves what a CUDA device made there.

    Raises:
        ValueError: wrong shapes or types, or points 2**20 voxels from the origin (the message gives the least voxel).
    """
    chosen = _device.choose(device, xyz)
    table = VoxelTable(
        voxel, origin, extents=extents, confidence=confidence is not None, threads=threads, device=chosen
    )
    table.add(xyz, rgb=rgb, confidence=confidence, label=label)
    return table.result(to_host=to_host)


def fuse_depth(
    depth: Any,
    K: Any,
    T_world_cam: Any,
    voxel: float,
    *,
    origin: Any = None,
    rgb: Any = None,
    confidence: Any = None,
    label: Any = None,
    extents: bool = False,
    threads: int | None = None,
    device: str = "auto",
    to_host: bool = True,
) -> Voxels:
    """Voxels of depth images (N, H, W) with K (3, 3) or (N, 3, 3) and T_world_cam (N, 4, 4); no point list is made.

    Raises:
        ValueError: as for `voxelize`.
    """
    chosen = _device.choose(device, depth)
    table = VoxelTable(
        voxel, origin, extents=extents, views=True, confidence=confidence is not None, threads=threads, device=chosen
    )
    cameras = np.broadcast_to(np.asarray(K, np.float64), (len(depth), 3, 3))
    for i in range(len(depth)):
        extra = {
            k: None if a is None else a[i] for k, a in (("rgb", rgb), ("confidence", confidence), ("label", label))
        }
        table.add_depth(depth[i], cameras[i], T_world_cam[i], view=i, **extra)
    return table.result(to_host=to_host)


def components(
    key: Any,
    *,
    neighbours: int = 26,
    steps: int = 1,
    radius: float | None = None,
    group: Any = None,
    threads: int | None = None,
    device: str = "auto",
) -> Array:
    """Number the connected sets of occupied cells.

    Args:
        key: (V, 3) whole numbers, each cell once, in any order (sorted by (iz, iy, ix) is fastest).
        neighbours: 6, 18 or 26 cells touch a cell. steps: with 26, cells within this many steps on every axis touch.
        radius: instead of both, cells touch whose centres are at most this many cells apart.
        group: (V,) int32; cells of different groups never touch.

    Returns:
        (V,) int32 labels 0, 1, ... in the order of each set's first cell.

    Raises:
        ValueError: wrong shapes, an impossible neighbourhood, or cells beyond 2**20.
    """
    cells = _check.cells("key", key)
    groups = _check.per_point("group", group, len(cells), np.int32)
    run = _device.column(_device.choose(device), "components").components
    rows = _check.neighbourhood(neighbours, steps, radius)
    return run(cells, rows, np.zeros(0, np.int32) if groups is None else groups, _check.threads(threads))


def dbscan(xyz: Any, eps: float, min_points: int, *, threads: int | None = None, device: str = "auto") -> Array:
    """Exact DBSCAN (Ester et al., KDD 1996): the same labels as scikit-learn's, at a cost independent of the density.

    Args:
        xyz: (P, 3), finite. eps: points at most this far apart are neighbours. min_points: neighbours, itself
            included, that make a core point.

    Returns:
        (P,) int32: clusters numbered by their first core point; a border point joins the lowest of its clusters; -1
        is noise.

    Raises:
        ValueError: wrong shapes, points that are not finite, or more than 2**21 cells of eps / sqrt(3) on an axis.
    """
    p, reach = _check.points("xyz", xyz), _check.positive("eps", eps)
    if isinstance(min_points, bool) or int(min_points) != min_points or min_points < 1:
        raise ValueError(f"min_points must be a whole number from 1, got {min_points!r}")
    _check.numbered(p, reach / np.sqrt(3.0), "eps")
    return _device.column(_device.choose(device), "dbscan").dbscan(p, reach, int(min_points), _check.threads(threads))


def segment_planes(
    xyz: Any,
    distance: float,
    *,
    most: int = 1,
    least: int = 100,
    hypotheses: int = 1000,
    sample: int = 4096,
    up: Any = None,
    max_tilt_deg: float = 15.0,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
) -> Planes:
    """The planes with most points, one after the other, each refitted (RANSAC: Fischler and Bolles, 1981).

    Args:
        xyz: (P, 3), finite. distance: points at most this far from a plane belong to it. most: planes to look for.
        least: points that make a plane. hypotheses: tried for each plane on `sample` points.
        up: (3,); then only planes within `max_tilt_deg` of level are taken. seed: of the hypotheses.

    Raises:
        ValueError: wrong shapes, or numbers that must be above 0 and are not.
    """
    p, near = _check.points("xyz", xyz), _check.positive("distance", distance)
    for name, value in (("most", most), ("least", least), ("hypotheses", hypotheses), ("sample", sample)):
        _check.positive(name, value)
    _check.finite("xyz", p)
    axis = np.zeros(0) if up is None else np.array(up, np.float64) / np.linalg.norm(up)
    run = _device.column(_device.choose(device), "planes").segment_planes
    tilt = float(np.cos(np.radians(max_tilt_deg)))
    return run(p, near, most, hypotheses, sample, least, axis, tilt, seed, _check.threads(threads))


def normals(
    xyz: Any, radius: float, *, toward: Any = (0.0, 0.0, 0.0), threads: int | None = None, device: str = "auto"
) -> Array:
    """Unit normals (P, 3) float32: the least spread of the neighbours within a radius, on the side of `toward`.

    Points with fewer than three neighbours, themselves included, get 0.

    Raises:
        ValueError: wrong shapes, points that are not finite, a radius too small for the extent.
    """
    p, reach = _check.points("xyz", xyz), _check.positive("radius", radius)
    _check.numbered(p, reach, "radius")
    side = np.array(toward, np.float64)
    if side.shape != (3,):
        raise ValueError(f"toward must be (3,), got {side.shape}")
    return _device.column(_device.choose(device), "normals").normals(p, reach, side, _check.threads(threads))


def yaw_boxes(
    xyz: Any, label: Any, n: int | None = None, *, threads: int | None = None, device: str = "auto"
) -> YawBoxes:
    """The smallest upright box of every group of points, by area on the floor.

    Args:
        xyz: (P, 3), finite, z up. label: (P,) int32 group, below 0 = none. n: number of groups, else the largest + 1.

    Raises:
        ValueError: wrong shapes, labels beyond n, points that are not finite.
    """
    p = _check.points("xyz", xyz)
    of = _check.per_point("label", label, len(p), np.int32)
    assert of is not None
    most = int(of.max(initial=-1))
    count = most + 1 if n is None else int(n)
    if most >= count:
        raise ValueError(f"label {most} is beyond n = {count}")
    _check.finite("xyz", p)
    return _device.column(_device.choose(device), "boxes").yaw_boxes(p, of, count, _check.threads(threads))


def splat_bev(
    xyz: Any,
    origin: Any,
    cell: float,
    shape: tuple[int, int],
    *,
    rgb: Any = None,
    threads: int | None = None,
    device: str = "auto",
) -> Bev:
    """Count, highest z and mean colour of the points over every cell of a bird's-eye grid `[iy, ix]`.

    Args:
        xyz: (P, 3). origin: (2,) lower corner of cell (0, 0). cell: edge. shape: (rows, columns). rgb: (P, 3) uint8.

    Raises:
        ValueError: wrong shapes.
    """
    p, edge = _check.points("xyz", xyz), _check.positive("cell", cell)
    colour = _check.per_point("rgb", rgb, len(p), np.uint8, 3)
    corner = np.array(origin, np.float64)
    if corner.shape != (2,) or min(shape) < 1:
        raise ValueError(f"origin must be (2,) and shape above 0, got {corner.shape}, {shape}")
    run = _device.column(_device.choose(device), "bev").splat_bev
    none = np.zeros((0, 3), np.uint8)
    return run(
        p, none if colour is None else colour, corner, edge, (int(shape[0]), int(shape[1])), _check.threads(threads)
    )


def mask_votes(cell_image: Any, mask_image: Any, *, threads: int | None = None, device: str = "auto") -> Votes:
    """How many pixels of every mask fall on every cell that a picture shows.

    Args:
        cell_image: (H, W) int32 cell seen at each pixel, -1 = none (see `zbuffer`). mask_image: (H, W) int32 mask, 0 =
            none.

    Raises:
        ValueError: shapes that differ, or numbers that are not whole.
    """
    size = np.shape(cell_image)
    if len(size) != 2 or np.shape(mask_image) != size:
        raise ValueError(f"both images must be (H, W) alike, got {size} and {np.shape(mask_image)}")
    flat = (np.asarray(a).reshape(-1) for a in (cell_image, mask_image))
    cell, mask = (
        _check.per_point(k, a, size[0] * size[1], np.int32) for k, a in zip(("cell_image", "mask_image"), flat)
    )
    return _device.column(_device.choose(device), "masks").mask_votes(cell, mask, _check.threads(threads))


def nearest(xyz: Any, to: Any, *, threads: int | None = None, device: str = "auto") -> tuple[Array, Array]:
    """Distance (P,) float64 to and index (P,) int32 of the nearest of `to` (Q, 3), the smaller index of equals.

    Raises:
        ValueError: wrong shapes, points that are not finite, or no point in `to` while xyz has some.
    """
    p, q = _check.points("xyz", xyz), _check.points("to", to)
    if len(p) == 0:
        return np.zeros(0), np.zeros(0, np.int32)
    if len(q) == 0:
        raise ValueError("there is no point in `to`")
    _check.finite("xyz", p)
    _check.finite("to", q)
    return _device.column(_device.choose(device), "nearest").nearest(p, q, _check.threads(threads))


def zbuffer(
    xyz_cam: Any,
    id_of: Any,
    K: Any,
    size: tuple[int, int],
    edge: float,
    *,
    threads: int | None = None,
    device: str = "auto",
) -> tuple[Array, Array]:
    """Draw cells as squares that face the camera and keep the nearest.

    Args:
        xyz_cam: (V, 3) centres in the camera frame. id_of: (V,) int32 number to draw, at least 0.
        K: (3, 3) intrinsics. size: (height, width) in pixels. edge: edge of a cell.

    Returns:
        depth (H, W) float32, 0 where nothing was drawn, and id (H, W) int32, -1 there; equal depth: the smaller id.

    Raises:
        ValueError: wrong shapes.
    """
    p, k = _check.points("xyz_cam", xyz_cam), _check.camera(K)
    number = _check.per_point("id_of", id_of, len(p), np.int32)
    camera = (float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))
    run = _device.column(_device.choose(device), "visibility").zbuffer
    return run(p, number, *camera, int(size[0]), int(size[1]), _check.positive("edge", edge), _check.threads(threads))


def agreement(
    xyz: Any,
    depth: Any,
    K: Any,
    T_cam_world: Any,
    near: float,
    agree: Array,
    conflict: Array,
    *,
    threads: int | None = None,
    device: str = "auto",
) -> None:
    """Count, for each point, whether one depth image agrees with it or looks through it.

    Args:
        xyz: (V, 3) points. depth: (H, W) z-depth, 0 = unknown. K: (3, 3). T_cam_world: (4, 4).
        near: a depth within this share of the point's own depth agrees; one farther is a conflict.
        agree: (V,) int32, added to in place. conflict: the same.

    Raises:
        ValueError: wrong shapes.
    """
    p, k = _check.points("xyz", xyz), _check.camera(K)
    for name, counts in (("agree", agree), ("conflict", conflict)):
        if counts.shape != (len(p),) or counts.dtype != np.int32:
            raise ValueError(f"{name} must be ({len(p)},) int32, got {counts.shape} {counts.dtype}")
    image = np.require(_check.plain("depth", depth), np.float32, ["C", "A"])
    camera = (float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))
    run = _device.column(_device.choose(device), "visibility").agreement
    run(
        p,
        image,
        *camera,
        _check.pose("T_cam_world", T_cam_world),
        float(near),
        agree,
        conflict,
        _check.threads(threads),
    )


def carve(
    cells: Array,
    origin: Any,
    cell: float,
    camera_xy: Any,
    hits_xy: Any,
    *,
    threads: int | None = None,
    device: str = "auto",
) -> None:
    """Add one to every grid cell that a ray crosses before its own last cell.

    Args:
        cells: (R, C) int32 `[iy, ix]`, added to in place. origin: (2,) lower corner of cell (0, 0).
        cell: edge. camera_xy: (2,) start of the rays. hits_xy: (P, 2) their ends; those not finite are left out.

    Raises:
        ValueError: wrong shapes.
    """
    edge, hits = _check.positive("cell", cell), _check.points("hits_xy", hits_xy, 2)
    if cells.ndim != 2 or cells.dtype != np.int32:
        raise ValueError(f"cells must be (R, C) int32, got {cells.shape} {cells.dtype}")
    start = (np.asarray(camera_xy, np.float64) - origin) / edge
    ends = np.ascontiguousarray((hits.astype(np.float64) - origin) / edge)
    _device.column(_device.choose(device), "rays").carve(cells, start, ends, _check.threads(threads))


def warmup(device: str = "auto") -> str:
    """Compile the operations that a map needs on tiny input, or load them from the cache; returns the device chosen."""
    chosen = _device.choose(device)
    xyz = np.random.default_rng(0).random((64, 3)).astype(np.float32)
    rgb = np.zeros((64, 3), np.uint8)
    cells = voxelize(xyz, 0.2, rgb=rgb, extents=True, device=chosen)
    components(cells.key, device=chosen)
    dbscan(xyz, 0.3, 3, device=chosen)
    segment_planes(xyz, 0.1, least=3, hypotheses=4, device=chosen)
    yaw_boxes(xyz, np.zeros(64, np.int32), device=chosen)
    nearest(xyz, xyz, device=chosen)
    return chosen
