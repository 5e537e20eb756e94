"""Compiles every kernel once, so that the workers of a test run find them compiled: part of `make setup`."""

from __future__ import annotations

import cogmap_kernels as ck
import numpy as np

from cogmap import pipeline
from cogmap.config import Config
from cogmap.data.reconstruction import Reconstruction, Scale

from .rooms import make_room, noisy_depth, render, rgbd_window, walk_path
from .rooms.detector import detector
from .rooms.scans import counter_and_shelf

K = np.array([[65.0, 0, 40], [0, 65, 30], [0, 0, 1]])
SIZE = (60, 80)


def a_build() -> None:
    """The smallest RGB-D room with masks, and a scan."""
    room = make_room(0)
    poses = walk_path(room, 24)
    shots = [render(room, T, K, SIZE) for T in poses]
    windows = (rgbd_window(s, i, noisy_depth(s.depth, i), poses[3]) for i, s in enumerate(shots))
    reconstruction = Reconstruction(windows, Scale("metric", "sensor", 0.01))
    pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary(), labeler=detector(room, shots))
    pipeline.map_points(counter_and_shelf(400.0), Config(), pipeline.Diary())


def stereo() -> None:
    """The kernels that only films use."""
    rng = np.random.default_rng(0)
    grey = rng.uniform(0, 255, (3, *SIZE)).astype(np.float32)
    cameras, T = np.stack([K, K]), np.tile(np.eye(4), (2, 1, 1))
    T[:, 0, 3] = [-0.1, 0.1]
    inverse = np.linspace(0.2, 1.0, 8)
    depth, _ = ck.plane_sweep(grey[0], grey[1:], K, cameras, T, inverse, 7)
    ck.refine_depth(depth, grey[0], grey[1:], K, cameras, T, 0.01)
    ck.consistent(depth, np.stack([depth, depth]), K, cameras, T)


def kernels() -> None:
    """What tests call and builds do not."""
    xyz = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    for kind in (np.float32, np.float64):
        points = xyz.astype(kind)
        ck.dbscan(points, 0.2, 5)
        ck.segment_planes(points, 0.05, least=10, hypotheses=10, sample=100)
        ck.yaw_boxes(points, np.zeros(len(points), np.int32), 1)
        ck.splat_bev(points, (-1, -1), 0.1, (20, 20))
        ck.nearest(points[:100], points)
        ck.normals(points, 0.3)
        ck.components(ck.voxelize(points, 0.1, confidence=np.ones(len(points), np.float32)).key)


if __name__ == "__main__":
    a_build()
    stereo()
    kernels()
