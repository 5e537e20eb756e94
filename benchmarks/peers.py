"""What users could pick instead of the kernels, each as a task on input in its own format."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

Task = Callable[[], Any]
PEERS = ("pandas", "polars", "open3d", "small_gicp", "dbscan", "cc3d", "sklearn", "scipy")


def has(name: str) -> bool:
    """Whether a peer is installed."""
    return importlib.util.find_spec(name) is not None


def missing() -> list[str]:
    """Peers that are not installed."""
    return [p for p in PEERS if not has(p)]


def packed(xyz: np.ndarray, voxel: float) -> np.ndarray:
    """One sortable integer a point."""
    cell = np.floor(xyz.astype(np.float64) / voxel).astype(np.int64) + (1 << 20)
    return np.asarray(cell[:, 2] << 42 | cell[:, 1] << 21 | cell[:, 0])


def voxels_numpy(xyz: np.ndarray, rgb: np.ndarray, voxel: float) -> tuple[np.ndarray, ...]:
    """key, count, mean, colour by sorting and counting."""
    unique, where = np.unique(packed(xyz, voxel), return_inverse=True)
    count = np.bincount(where)
    mean = np.stack([np.bincount(where, xyz[:, k]) / count for k in range(3)], axis=1)
    colour = np.stack([np.bincount(where, rgb[:, k]) / count for k in range(3)], axis=1)
    key = np.stack([unique >> s & 0x1FFFFF for s in (0, 21, 42)], axis=1) - (1 << 20)
    return key, count, mean, colour


def voxel_tasks(xyz: np.ndarray, rgb: np.ndarray, voxel: float) -> dict[str, Task]:
    """Peers of voxel means; the comment says what a peer leaves out."""
    tasks: dict[str, Task] = {"numpy unique + bincount": lambda: voxels_numpy(xyz, rgb, voxel)}
    if has("pandas"):
        import pandas

        def by_pandas() -> Any:
            frame = pandas.DataFrame({"key": packed(xyz, voxel), **{f"p{k}": xyz[:, k] for k in range(3)}})
            for k in range(3):
                frame[f"c{k}"] = rgb[:, k]
            group = frame.groupby("key", sort=True)
            return group.mean(), group.size()

        tasks["pandas groupby"] = by_pandas
    if has("polars"):
        import polars

        def by_polars() -> Any:
            frame = polars.DataFrame(
                {
                    "key": packed(xyz, voxel),
                    **{f"p{k}": xyz[:, k] for k in range(3)},
                    **{f"c{k}": rgb[:, k] for k in range(3)},
                }
            )
            return frame.group_by("key").agg(polars.all().mean(), polars.len()).sort("key")

        tasks["polars group_by"] = by_polars
    if has("open3d"):
        import open3d

        cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(xyz.astype(np.float64)))
        cloud.colors = open3d.utility.Vector3dVector(rgb / 255.0)
        tasks["open3d (no count)"] = lambda: cloud.voxel_down_sample(voxel)
    if has("small_gicp"):
        import small_gicp

        wide = np.c_[xyz.astype(np.float64), np.ones(len(xyz))]
        tasks["small_gicp (positions only)"] = lambda: small_gicp.voxelgrid_sampling(wide, voxel, num_threads=2)
    return tasks


def dbscan_tasks(xyz: np.ndarray, eps: float, least: int) -> dict[str, Task]:
    """Peers of DBSCAN."""
    wide = xyz.astype(np.float64)
    tasks: dict[str, Task] = {}
    if has("dbscan"):
        import dbscan

        tasks["dbscan package"] = lambda: dbscan.DBSCAN(wide, eps, least)[0]
    if has("open3d"):
        import open3d

        cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(wide))
        tasks["open3d"] = lambda: np.asarray(cloud.cluster_dbscan(eps, least))
    if len(xyz) <= 200_000:
        from sklearn.cluster import DBSCAN

        tasks["scikit-learn"] = lambda: DBSCAN(eps=eps, min_samples=least, n_jobs=2).fit(wide).labels_
    return tasks


def same_clusters(a: np.ndarray, b: np.ndarray) -> int:
    """Points whose label differs once the clusters of both are matched by their most frequent pairs."""
    pair, count = np.unique(np.stack([a, b]), axis=1, return_counts=True)
    best: dict[int, tuple[int, int]] = {}
    for (p, q), n in zip(pair.T.tolist(), count.tolist()):
        best[p] = max(best.get(p, (0, 0)), (n, q))
    return len(a) - sum(n for n, _ in best.values())


def component_tasks(key: np.ndarray) -> dict[str, Task]:
    """Peers of components: labels of a dense grid, the grid given."""
    from scipy import ndimage

    at = tuple((key - key.min(0)).T)
    grid = np.zeros(tuple(np.ptp(key, axis=0) + 1), np.uint8)
    grid[at] = 1
    tasks: dict[str, Task] = {"scipy label": lambda: ndimage.label(grid, np.ones((3, 3, 3)))[0][at]}
    if has("cc3d"):
        import cc3d

        tasks["cc3d"] = lambda: cc3d.connected_components(grid, connectivity=26)[at]
    return tasks


def plane_tasks(xyz: np.ndarray, distance: float) -> dict[str, Task]:
    """Peers of plane segmentation; each gives the number of inliers among all points."""
    if not has("open3d"):
        return {}
    import open3d

    wide = xyz.astype(np.float64)
    whole = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(wide))

    def sampled() -> int:
        some = wide[np.linspace(0, len(wide) - 1, 4096).astype(int)]
        cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(some))
        a, b, c, d = cloud.segment_plane(distance, 3, 1000)[0]
        normal, offset = np.array([a, b, c]), -d
        for _ in range(3):
            near = wide[np.abs(wide @ normal - offset) <= distance]
            middle = near.mean(0)
            normal = np.linalg.eigh((near - middle).T @ (near - middle))[1][:, 0]
            offset = normal @ middle
        return int((np.abs(wide @ normal - offset) <= distance).sum())

    return {
        "open3d on 4,096 + numpy refits": sampled,
        "open3d": lambda: len(whole.segment_plane(distance, 3, 1000)[1]),
    }


def box_tasks(xyz: np.ndarray, label: np.ndarray) -> dict[str, Task]:
    """Peers of boxes: Open3D's smallest box of any turn, a thing at a time."""
    if not has("open3d"):
        return {}
    import open3d

    clouds = [
        open3d.geometry.PointCloud(open3d.utility.Vector3dVector(xyz[label == k].astype(np.float64)))
        for k in np.unique(label)
    ]
    return {"open3d minimal box": lambda: [c.get_minimal_oriented_bounding_box(robust=True) for c in clouds]}


def least_area(xyz: np.ndarray) -> float:
    """Smallest area on the floor over 1,800 turns of the convex hull."""
    from scipy.spatial import ConvexHull

    xy = xyz[:, :2].astype(np.float64)
    hull = xy[ConvexHull(xy).vertices]
    turns = np.radians(np.arange(0, 90, 0.05))
    along = np.outer(np.cos(turns), hull[:, 0]) + np.outer(np.sin(turns), hull[:, 1])
    across = np.outer(np.cos(turns), hull[:, 1]) - np.outer(np.sin(turns), hull[:, 0])
    return float((np.ptp(along, axis=1) * np.ptp(across, axis=1)).min())
