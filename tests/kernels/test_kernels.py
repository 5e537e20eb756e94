"""Kernels against brute force and outside judges."""

from __future__ import annotations

import cogmap_kernels as ck
import numpy as np
import pytest
from scipy import ndimage


def brute_voxels(xyz: np.ndarray, voxel: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    key = np.floor(xyz.astype(np.float64) / voxel).astype(int)
    unique, where, count = np.unique(key[:, ::-1], axis=0, return_inverse=True, return_counts=True)
    mean = np.stack([np.bincount(where, xyz[:, a]) / count for a in range(3)], axis=1)
    return unique[:, ::-1], count, mean


def test_voxels_equal_brute_force_and_ignore_order() -> None:
    xyz = np.random.default_rng(0).normal(0, 1, (20_000, 3)).astype(np.float32)
    key, count, mean = brute_voxels(xyz, 0.1)
    for order in (slice(None), slice(None, None, -1)):
        table = ck.VoxelTable(0.1)
        table.add(xyz[order])
        got = table.result()
        assert np.array_equal(got.key, key) and np.array_equal(got.n_points, count)
        assert np.abs(got.mean - mean).max() < 0.1 / 16384 + 1e-6


def test_voxels_count_views_and_votes_and_drop_bad_points() -> None:
    table = ck.VoxelTable(1.0)
    xyz = np.array([[0.5, 0.5, 0.5], [np.nan, 0, 0], [0.2, 0.2, 0.2], [1.5, 0, 0]])
    table.add(xyz, instance_id=np.array([2, 2, 1, 7]), view=0)
    table.add(xyz[:1], instance_id=np.array([1]), view=1)
    got = table.result()
    assert table.n_dropped == 1
    assert got.n_points.tolist() == [3, 1] and got.n_views.tolist() == [2, 1]
    assert got.instance_id.tolist() == [1, 7]


def test_voxels_refuse_overflow_and_take_nothing() -> None:
    table = ck.VoxelTable(0.001)
    table.add(np.zeros((0, 3)))
    assert len(table.result().key) == 0
    with pytest.raises(ValueError, match="at least"):
        table.add(np.array([[2000.0, 0, 0]]))


@pytest.mark.parametrize("seed", range(3))
def test_components_equal_dense_labels(seed: int) -> None:
    grid = np.random.default_rng(seed).random((20, 22, 24)) < 0.08
    key = np.argwhere(grid).astype(np.int32)
    dense, n = ndimage.label(grid, np.ones((3, 3, 3)))
    got = ck.components(key)
    assert got.max() + 1 == n
    pairs = {(int(a), int(b)) for a, b in zip(got, dense[grid])}
    assert len(pairs) == n


def test_zbuffer_keeps_the_nearest() -> None:
    K = np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]])
    xyz = np.array([[0, 0, 2.0], [0, 0, 1.0], [0, 0, -1.0]], np.float32)
    depth, owner = ck.zbuffer(xyz, np.arange(3), K, (100, 100), 0.05)
    assert depth[50, 50] == 1.0 and owner[50, 50] == 1 and owner[0, 0] == -1


def test_carve_crosses_cells_up_to_the_hit() -> None:
    cells = np.zeros((5, 8), np.int32)
    ck.carve(cells, np.zeros(2), 1.0, np.array([0.5, 2.5]), np.array([[6.5, 2.5]]))
    assert cells[2].tolist() == [1, 1, 1, 1, 1, 1, 0, 0] and cells.sum() == 6


def test_plane_sweep_finds_a_slanted_plane() -> None:
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.normal(0, 1, (400, 400)), 1.2)
    noise = 128 + 60 * noise / noise.std()
    K = np.array([[150.0, 0, 80], [0, 150, 60], [0, 0, 1]])

    def shoot(x: float) -> tuple[np.ndarray, np.ndarray]:
        v, u = np.mgrid[:120, :160] + 0.5
        d = np.stack([(u - 80) / 150, (v - 60) / 150, np.ones_like(u)], -1)
        z = (2.0 + 0.3 * x) / (1 - 0.3 * d[..., 0])
        at = np.stack([(d[..., 1] * z + 2) * 100, (d[..., 0] * z + x + 2) * 100])
        return ndimage.map_coordinates(noise, at, order=1).astype(np.float32), z

    reference, truth = shoot(0.0)
    T = np.tile(np.eye(4), (2, 1, 1))
    T[0, 0, 3], T[1, 0, 3] = -0.15, 0.15
    sources = np.stack([shoot(0.15)[0], shoot(-0.15)[0]])
    depth, score = ck.plane_sweep(reference, sources, K, np.stack([K, K]), T, 1 / np.linspace(4, 1, 64))
    good = score > 0.7
    assert good.mean() > 0.6
    assert np.median(np.abs(depth - truth)[good] / truth[good]) < 0.01
