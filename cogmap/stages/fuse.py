"""Frames or scans into voxels, one frame at a time."""

from __future__ import annotations

from dataclasses import replace

import cogmap_kernels
import numpy as np
from scipy.spatial import cKDTree

from .._checks import F32, F64, I32, Array, Bool
from ..data.frames import FrameStore
from ..data.issues import Issue
from ..data.points import PointCloud
from ..data.voxels import Voxels, take
from ..errors import InputError, TrustError
from ..geometry.camera import normals_of_depth, unproject
from ..geometry.rigid import apply
from .instances import link_radius

NEAR_SHARE = 0.02
FAR_APART = 0.7  # of an edge: a point in two faces of a voxel, or fewer
MOST_BAD = 0.05
ABSURD = 1e9
NORMAL_CELLS = 2.5
SAME_SPOT_SHARE = 0.01
SIXTH, SPARSE = 6, 1.5
MOST_BRIDGED = 3
TOP_SHARE = 0.1


def fuse_frames(
    store: FrameStore, voxel_m: float, *, instances: list[I32] | None = None, min_confidence: float = 0.0
) -> Voxels:
    """Fold the frames of a store into voxels in the map frame.

    Args:
        store: frames with final poses. voxel_m: edge in map units.
        instances: per frame (H, W) int32 ids given from outside, 0 = none.
        min_confidence: pixels below are left out.

    Raises:
        TrustError: E-EMPTY-CLOUD when no frame holds a usable point.
    """
    table = cogmap_kernels.VoxelTable(voxel_m, extents=True, normals=True, views=True)
    for frame in store:
        xyz = unproject(frame.depth, frame.K)
        normal = normals_of_depth(frame.depth, frame.K, store.normal_radius) @ frame.T_map_cam[:3, :3].T.astype(
            np.float32
        )
        good = (frame.depth > 0) & (frame.confidence >= min_confidence)
        ids = None if instances is None else instances[frame.frame][good]
        _add(table, apply(frame.T_map_cam, xyz[good]), frame.rgb[good], normal[good], ids, frame.frame)
    return _voxels(table, "frames")


def fuse_points(cloud: PointCloud, T_map_input: F64, voxel_m: float) -> Voxels:
    """Fold a scan into voxels; points that are not finite are dropped.

    Raises:
        TrustError: E-EMPTY-CLOUD (fewer than 3 points), E-TOO-MANY-BAD-POINTS (over 5 % not finite).
    """
    finite = usable_points(cloud)
    bad = float(1 - finite.mean()) if len(finite) else 1.0
    if finite.sum() < 3:
        raise TrustError("E-EMPTY-CLOUD", f"{finite.sum()} finite points reached the fuse stage.", "Check the scan.")
    if bad > MOST_BAD:
        raise TrustError("E-TOO-MANY-BAD-POINTS", f"{bad:.0%} of the points are not finite.", "Export it again.")
    table = cogmap_kernels.VoxelTable(voxel_m, extents=True, normals=True, views=True)
    rgb = None if cloud.rgb is None else cloud.rgb[finite]
    ids = None if cloud.instance_id is None else cloud.instance_id[finite]
    _add(table, apply(T_map_input, cloud.xyz_input[finite]), rgb, None, ids, 0)
    voxels = _voxels(table, "points")
    return _with_normals(voxels)


def cleaned(cloud: PointCloud) -> tuple[PointCloud, list[Issue]]:
    """The cloud with points of one spot counted once, and what is said of it."""
    issues = list[Issue]()
    usable = usable_points(cloud)
    dropped = int((~usable).sum())
    if len(usable) - dropped < 3:  # told when they are fused
        return cloud, issues
    if dropped:
        issues.append(Issue("W-POINTS-DROPPED", dropped, "fuse", "points that are not finite"))
    if lies_flat(cloud):
        issues.append(Issue("W-PLANAR-SCENE", 1, "fuse", "all points lie on one plane or line: no room to map"))
    first = _first_of_each(cloud.xyz_input)
    lost = len(cloud.xyz_input) - len(first)
    if lost <= SAME_SPOT_SHARE * len(cloud.xyz_input):
        return cloud, issues
    effect = f"{lost} of {len(cloud.xyz_input)} points lie where another one lies"
    issues.append(Issue("W-SCAN-DUPLICATES", lost, "fuse", effect))
    rgb = None if cloud.rgb is None else cloud.rgb[first]
    ids = None if cloud.instance_id is None else cloud.instance_id[first]
    return replace(cloud, xyz_input=cloud.xyz_input[first], rgb=rgb, instance_id=ids), issues


def _first_of_each(xyz: F64) -> I32:
    """Positions of the first point of every spot, to a millionth of the extent; those that are not finite stay."""
    good = np.isfinite(xyz).all(1)
    if good.sum() < 2:
        return np.arange(len(xyz), dtype=np.int32)
    lo, hi = xyz[good].min(0), xyz[good].max(0)
    step = max(float((hi - lo).max()), 1e-12) / (1 << 20)
    cell = np.floor((xyz[good] - lo) / step).astype(np.int64)
    _, first = np.unique((cell[:, 0] << 42) | (cell[:, 1] << 21) | cell[:, 2], return_index=True)
    kept = np.flatnonzero(good)[first]
    return np.sort(np.concatenate([kept, np.flatnonzero(~good)])).astype(np.int32)


def usable_points(cloud: PointCloud) -> Bool:
    """(P,) points that are finite and not absurdly far: float32's largest values stand for nothing measured."""
    return np.asarray((np.abs(np.nan_to_num(cloud.xyz_input, nan=np.inf)) < ABSURD).all(1))


def voxel_for(cloud: PointCloud, T_map_input: F64, least_m: float) -> float:
    """Edge of voxels in metres: `least_m`, or what holds two neighbouring points where a scan has fewer.

    That is the median distance to the sixth neighbour, where it is over 1.5 times `least_m`.
    """
    xyz = cloud.xyz_input[usable_points(cloud)]
    if len(xyz) <= SIXTH:
        return least_m
    some = xyz[:: max(1, len(xyz) // 4000)]
    step = float(np.cbrt(abs(np.linalg.det(T_map_input[:3, :3]))))
    tree = cKDTree(xyz, balanced_tree=False, compact_nodes=False)  # built once for few questions
    sixth = step * float(np.median(np.asarray(tree.query(some, k=SIXTH + 1)[0])[:, SIXTH]))
    return sixth if sixth > SPARSE * least_m else least_m


def lies_flat(cloud: PointCloud) -> bool:
    """Whether all usable points lie on one plane or line, to a thousandth of their spread."""
    xyz = cloud.xyz_input[usable_points(cloud)]
    spread = np.linalg.svd(xyz - xyz.mean(0), compute_uv=False)
    return bool(spread[2] <= 1e-3 * max(float(spread[0]), 1e-12))


def _add(
    table: cogmap_kernels.VoxelTable,
    xyz: Array,
    rgb: Array | None,
    n: Array | None,
    ids: Array | None,
    view: int,
) -> None:
    try:
        table.add(xyz, rgb=rgb, normal=n, label=ids, view=view)
    except ValueError as error:
        raise InputError("E-VOXEL-RANGE", f"{error}.", "Use --set fuse.voxel_m=... or check the unit.") from error


def _voxels(table: cogmap_kernels.VoxelTable, place: str) -> Voxels:
    sums = table.result()
    if len(sums.key) == 0:
        raise TrustError("E-EMPTY-CLOUD", f"no usable point came out of the {place}.", "Check depth and poses.")
    assert sums.lo is not None and sums.hi is not None and sums.normal is not None and sums.n_views is not None
    return Voxels(
        voxel_m=table.voxel,
        origin_map=table.origin,
        key=sums.key,
        mean_map=sums.mean,
        lo_map=sums.lo,
        hi_map=sums.hi,
        rgb=sums.rgb,
        n_points=sums.n_points,
        n_views=sums.n_views,
        confidence=np.ones(len(sums.key), np.float32),
        normal=sums.normal,
        instance_id=np.zeros(len(sums.key), np.int32) if sums.label is None else sums.label,
    )


def _with_normals(voxels: Voxels) -> Voxels:
    """Normals of the neighbours within 2.5 steps of the sampling.

    Level ones look up, or down in the top tenth of the height; upright ones look towards the middle.
    """
    reach = NORMAL_CELLS * voxels.voxel_m * link_radius(voxels.key, MOST_BRIDGED)
    normal = cogmap_kernels.normals(voxels.mean_map, reach)
    inward = voxels.mean_map.mean(0) - voxels.mean_map
    level = np.abs(normal[:, 2]) > 0.7
    low, high = np.quantile(voxels.mean_map[:, 2], [0.001, 0.999])
    down = voxels.mean_map[:, 2] > high - TOP_SHARE * (high - low)
    facing = np.where(level, np.where(down, -1, 1) * normal[:, 2], (normal * inward).sum(1))
    return replace(voxels, normal=np.where(facing[:, None] < 0, -normal, normal).astype(np.float32))


def agree_with_views(voxels: Voxels, store: FrameStore, most_frames: int = 80) -> tuple[Voxels, int]:
    """Set each voxel's confidence to the share of views that agree, and drop what most rays pass through.

    Where a frame's points lie farther apart than half of the voxels' faces are wide, each falls into a cell of its own,
    and a surface that twenty frames show has a view a voxel: there views that agree count as views.

    Returns:
        The kept voxels and how many were dropped: ghosts of walkers, doubled walls, flying points.
    """
    agree, conflict, apart = store.views_of(
        voxels.mean_map, near_share=NEAR_SHARE, near_m=voxels.voxel_m, most_frames=most_frames
    )
    share: F32 = ((agree + 1) / (agree + conflict + 1)).astype(np.float32)
    keep = share >= 0.4
    kept = take(voxels, keep)
    thin = apart > FAR_APART * voxels.voxel_m
    views = np.maximum(kept.n_views, agree[keep]) if thin else kept.n_views
    return replace(kept, confidence=share[keep], n_views=views), int((~keep).sum())
