"""Laws that hold on every backend, outside judges, and what bad input is answered with (FAULTS K01 to K24)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cogmap_kernels as ck
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from .conftest import LANE
from .test_equal import cloud, same

LIST: list[Any] = [
    lambda x: np.asfortranarray(x),
    lambda x: np.repeat(x, 2, axis=0)[::2],
    lambda x: x[::-1][::-1],
    lambda x: x.astype(">f4"),
    lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].copy().view(np.float32).reshape(x.shape),
    lambda x: x.astype(np.float64),
]


def test_order_and_chunks_change_nothing(device: str, size: int) -> None:
    xyz, rgb = cloud(size), np.random.default_rng(0).integers(0, 256, (size, 3)).astype(np.uint8)
    order = np.random.default_rng(1).permutation(size)
    whole = ck.voxelize(xyz, 0.1, rgb=rgb, extents=True, device=device)
    same(whole, ck.voxelize(xyz[order], 0.1, rgb=rgb[order], extents=True, device=device), 0)
    table = ck.VoxelTable(0.1, extents=True, device=device)
    for part in np.array_split(np.arange(size), 7):
        table.add(xyz[part], rgb=rgb[part])
    same(whole, table.result(), 0)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_change_no_bit(threads: int) -> None:
    """K16."""
    xyz = cloud(30_000, 3)
    label = np.arange(len(xyz), dtype=np.int32) % 7
    one, many = ({"threads": t} for t in (1, threads))
    cells = ck.voxelize(xyz, 0.02, extents=True, **one)
    same(cells, ck.voxelize(xyz, 0.02, extents=True, **many), 0)
    assert np.array_equal(ck.components(cells.key, **one), ck.components(cells.key, **many))
    assert np.array_equal(ck.dbscan(xyz, 0.03, 8, **one), ck.dbscan(xyz, 0.03, 8, **many))
    same(ck.segment_planes(xyz, 0.02, most=2, **one), ck.segment_planes(xyz, 0.02, most=2, **many), 0)
    same(ck.yaw_boxes(xyz, label, **one), ck.yaw_boxes(xyz, label, **many), 0)
    same(ck.nearest(xyz[:999], xyz[999:], **one), ck.nearest(xyz[:999], xyz[999:], **many), 0)
    same([ck.normals(xyz[:3000], 0.1, **one)], [ck.normals(xyz[:3000], 0.1, **many)], 0)


def test_whole_voxels_shift_the_keys_alone(device: str, size: int) -> None:
    xyz = np.round(cloud(size).astype(np.float64) * 4096) / 4096
    a, b = (ck.voxelize(xyz + s, 0.125, device=device) for s in (0.0, 16.0))
    assert np.array_equal(a.key + 128, b.key) and np.array_equal(a.n_points, b.n_points)


@pytest.mark.parametrize("turn", LIST)
def test_k09_layouts_give_the_same_bits(device: str, turn: Any) -> None:
    xyz = cloud(150)
    before = xyz.copy()
    given = turn(xyz)
    given.flags.writeable = False
    same(ck.voxelize(xyz, 0.1, device=device), ck.voxelize(given, 0.1, device=device), 0)
    assert np.array_equal(xyz, before)


def test_k10_types_are_widened_or_refused(device: str) -> None:
    whole = np.random.default_rng(0).integers(-5, 5, (100, 3))
    want = ck.voxelize(whole.astype(np.float64), 1.0, device=device)
    for kind in (np.int8, np.int64, np.float16, np.float32):
        assert np.array_equal(ck.voxelize(whole.astype(kind), 1.0, device=device).key, want.key)
    refused = (whole.astype(object), whole.astype(complex), np.ma.masked_array(whole, whole > 2), whole.astype("U3"))
    for bad in refused:
        with pytest.raises(ValueError, match="xyz"):
            ck.voxelize(bad, 1.0, device=device)


@pytest.mark.parametrize("shape", [(5, 2), (3, 5), (9,), (2, 3, 3)])
def test_k11_shapes_are_named(shape: tuple[int, ...]) -> None:
    for call in (lambda x: ck.voxelize(x, 1.0), lambda x: ck.dbscan(x, 1.0, 2), lambda x: ck.nearest(x, x)):
        with pytest.raises(ValueError, match=r"xyz must be \(P, 3\)"):
            call(np.zeros(shape))
    with pytest.raises(ValueError, match="rgb"):
        ck.voxelize(np.zeros((4, 3)), 1.0, rgb=np.zeros((3, 3), np.uint8))


@pytest.mark.parametrize("voxel", [0, -1.0, np.nan, np.inf, "0.1", True])
def test_k01_impossible_sizes(voxel: Any) -> None:
    with pytest.raises(ValueError, match="voxel"):
        ck.voxelize(np.zeros((1, 3)), voxel)
    with pytest.raises(ValueError, match="eps"):
        ck.dbscan(np.zeros((1, 3)), voxel, 2)


def test_k02_k07_overflow_is_refused_with_the_least_size(device: str) -> None:
    far = np.array([[0, 0, 0], [100.0, 0, 0]])
    with pytest.raises(ValueError, match="at least 9.53"):
        ck.voxelize(far, 1e-6, device=device)
    table = ck.VoxelTable(0.01, device=device)
    with pytest.raises(ValueError, match="at least"):
        table.add(far * 1000)
    assert len(table.result().key) == 0 and table.n_dropped == 0
    with pytest.raises(ValueError, match="at least"):
        table.add_depth(np.full((2, 2), 1e6), np.diag([9.0, 9, 1]), np.eye(4))
    table.add(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="at least"):
        table.add(far * 1000)
    assert table.result().n_points.tolist() == [2]
    with pytest.raises(ValueError, match="at least"):
        ck.dbscan(far, 1e-6, 2, device=device)
    with pytest.raises(ValueError, match="larger voxel"):
        ck.components(np.array([[1 << 20, 0, 0]]), device=device)


def test_k03_k08_empty_one_and_all_in_one(device: str) -> None:
    none = np.zeros((0, 3), np.float32)
    assert len(ck.voxelize(none, 1.0, device=device).key) == 0
    assert len(ck.components(np.zeros((0, 3), np.int32), device=device)) == 0
    assert len(ck.dbscan(none, 1.0, 2, device=device)) == 0
    assert len(ck.segment_planes(none, 1.0, device=device).normal) == 0
    assert len(ck.normals(none, 1.0, device=device)) == 0
    assert len(ck.yaw_boxes(none, np.zeros(0, np.int32), device=device).yaw) == 0
    assert len(ck.nearest(none, none, device=device)[0]) == 0
    assert ck.splat_bev(none, (0, 0), 1.0, (2, 2), device=device).n_points.sum() == 0
    assert len(ck.mask_votes(np.zeros((0, 0), int), np.zeros((0, 0), int), device=device).cell) == 0
    one = np.array([[0.25, 0.5, 0.75]])
    assert ck.voxelize(one, 10.0, device=device).mean == pytest.approx(one, abs=1e-3)
    assert ck.dbscan(one, 1.0, 1, device=device).tolist() == [0]
    assert ck.dbscan(one, 1.0, 2, device=device).tolist() == [-1]
    box = ck.yaw_boxes(one, np.zeros(1, np.int32), device=device)
    assert box.center[0].tolist() == one[0].tolist() and box.size[0].tolist() == [0, 0, 0]


def test_k04_points_on_faces_follow_the_rule(device: str) -> None:
    for voxel in (0.05, 0.1):
        for kind in (np.float32, np.float64):
            x = (np.arange(-100, 100) * voxel).astype(kind)
            key = ck.voxelize(np.stack([x, 0 * x, 0 * x], 1), voxel, device=device).key
            assert set(key[:, 0].tolist()) == set(np.floor(x.astype(np.float64) / voxel).astype(int).tolist())


def test_k16_no_threads_is_refused() -> None:
    for bad in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="threads"):
            ck.voxelize(np.zeros((1, 3)), 1.0, threads=bad)


def test_k14_devices_are_chosen_openly(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="device"):
        ck.voxelize(np.zeros((1, 3)), 1.0, device="gpu")
    monkeypatch.setattr("cogmap_kernels._device.cuda_is_usable", lambda: False)
    with pytest.raises(RuntimeError, match="no CUDA device"):
        ck.voxelize(np.zeros((1, 3)), 1.0, device="cuda")
    assert ck.VoxelTable(1.0).device == "cpu"


def test_k20_labels_that_do_not_fit_are_refused() -> None:
    xyz = np.zeros((2, 3))
    with pytest.raises(ValueError, match="label"):
        ck.voxelize(xyz, 1.0, label=np.array([1 << 40, 1]))
    with pytest.raises(ValueError, match="beyond n"):
        ck.yaw_boxes(xyz, np.array([0, 9]), 3)
    assert ck.voxelize(xyz, 1.0, label=np.array([-3, 2_000_000_000])).label.tolist() == [2_000_000_000]


def test_k21_k22_noise_chains_and_one_cluster(device: str) -> None:
    line = np.c_[np.arange(40) * 0.09, np.zeros((40, 2))]
    assert set(ck.dbscan(line, 0.1, 3, device=device).tolist()) == {0}
    assert set(ck.dbscan(line, 0.08, 3, device=device).tolist()) == {-1}
    assert set(ck.dbscan(line, 100.0, 3, device=device).tolist()) == {0}
    with pytest.raises(ValueError, match="min_points"):
        ck.dbscan(line, 0.1, 0, device=device)


def test_k23_small_and_large_numbers(device: str) -> None:
    tiny = np.float32(1e-42)
    xyz = np.array([[0.0, -0.0, tiny], [-tiny, 0.5, 0.5], [3e38, 0, 0], [-np.inf, 0, 0]], np.float32)
    got = ck.voxelize(xyz[:2], 1.0, device=device)
    assert got.key.tolist() == [[-1, 0, 0], [0, 0, 0]]
    with pytest.raises(ValueError, match="at least"):
        ck.voxelize(xyz, 1.0, device=device)


def test_many_points_of_one_voxel_do_not_overflow() -> None:
    """Sums are 64-bit: 2**18 points of 14 bits would wrap 32."""
    xyz = np.full((300_000, 3), 0.999, np.float32)
    got = ck.voxelize(xyz, 1.0, rgb=np.full((300_000, 3), 255, np.uint8))
    assert got.n_points.tolist() == [300_000] and got.rgb.tolist() == [[255] * 3]
    assert got.mean == pytest.approx(0.999, abs=1e-4)


def test_dbscan_equals_scikit_learn() -> None:
    from sklearn.cluster import DBSCAN

    for seed, eps in ((0, 0.02), (1, 0.05), (2, 0.15)):
        xyz = cloud(6000, seed).astype(np.float64)
        assert np.array_equal(ck.dbscan(xyz, eps, 8), DBSCAN(eps=eps, min_samples=8).fit(xyz).labels_)


@pytest.mark.parametrize("neighbours", [6, 18, 26])
def test_components_equal_dense_labels(neighbours: int) -> None:
    grid = np.random.default_rng(neighbours).random((20, 22, 24)) < {6: 0.25, 18: 0.1, 26: 0.08}[neighbours]
    shape = ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[neighbours])
    dense, n = ndimage.label(grid, shape)
    got = ck.components(np.argwhere(grid).astype(np.int32), neighbours=neighbours)
    assert got.max() + 1 == n and len(set(zip(got.tolist(), dense[grid].tolist()))) == n


def test_nearest_equals_a_tree() -> None:
    a, b = cloud(2000, 1).astype(np.float64), cloud(3000, 2).astype(np.float64) + 5
    assert np.allclose(ck.nearest(a, b)[0], cKDTree(b).query(a)[0], rtol=1e-12)


def test_small_planes_are_found_too() -> None:
    """A shelf with 2 % of the points is the fifth plane of a room, in raster order and shuffled."""
    rng = np.random.default_rng(0)
    sides = [(0, 0.0), (2, 0.0), (1, 0.0), (0, 4.0)]
    planes = []
    for axis, at in sides:
        p = rng.uniform(0, 4, (20_000, 3))
        p[:, axis] = at
        planes.append(p)
    shelf = rng.uniform(1, 1.6, (1_700, 3))
    shelf[:, 2] = 1.3
    xyz = np.concatenate([*planes, shelf]) + rng.normal(0, 0.003, (81_700, 3))
    for order in (np.arange(len(xyz)), rng.permutation(len(xyz))):
        found = ck.segment_planes(xyz[order], 0.012, most=5, least=1000)
        assert len(found.normal) == 5 and abs(found.normal[4, 2]) > 0.999
        assert abs(found.offset[4] * found.normal[4, 2] - 1.3) < 0.003


def test_yaw_boxes_equal_brute_force() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        xy = rng.normal(0, 1, (int(rng.integers(3, 400)), 2)) * [2, 0.5]
        box = ck.yaw_boxes(np.c_[xy, np.zeros(len(xy))], np.zeros(len(xy), np.int32))
        turns = np.radians(np.arange(0, 90, 0.05))
        spans = [np.ptp(xy @ np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]), axis=0) for t in turns]
        least = min(float(np.prod(s)) for s in spans)
        assert least * 0.995 <= box.size[0, :2].prod() <= least * (1 + 1e-9)


def test_voxel_means_are_means() -> None:
    xyz = cloud(20_000, 4)
    got = ck.voxelize(xyz, 0.1)
    where = np.floor(xyz.astype(np.float64) / 0.1).astype(int)
    _, index, count = np.unique(where[:, ::-1], axis=0, return_inverse=True, return_counts=True)
    mean = np.stack([np.bincount(index.ravel(), xyz[:, a]) / count for a in range(3)], axis=1)
    assert np.array_equal(got.n_points, count) and np.abs(got.mean - mean).max() < 0.1 / 16384 + 1e-6


def test_device_code_widens_by_name() -> None:
    """On a device `float` leaves a float32 what it is; a simulated one widens it and hides that."""
    for path in (Path(ck.__file__).parent / "cuda").glob("*.py"):
        assert not re.search(r"\bfloat\(", path.read_text()), path.name


@pytest.mark.skipif(LANE != "gpu", reason="nothing lies on a device here")
def test_what_lies_on_the_device_stays_there(size: int) -> None:
    from numba import cuda

    rng = np.random.default_rng(3)
    xyz, rgb = cloud(size), rng.integers(0, 256, (size, 3)).astype(np.uint8)
    label = rng.integers(0, 4, size).astype(np.int32)
    want = ck.voxelize(xyz, 0.1, rgb=rgb, label=label, extents=True, device="cpu")
    there = [cuda.to_device(a) for a in (xyz, rgb, label)]
    got = ck.voxelize(there[0], 0.1, rgb=there[1], label=there[2], extents=True, to_host=False)
    assert all(a is None or hasattr(a, "__cuda_array_interface__") for a in got[:-1])
    same([a if a is None else a.copy_to_host() for a in got[:-1]], want[:-1])
    with pytest.raises(ValueError, match="rgb on a device"):
        ck.voxelize(there[0], 0.1, rgb=there[0])


def test_a_place_just_below_a_cell_is_its_last(device: str) -> None:
    xyz = np.full((32, 3), -1e-20)
    got, want = (ck.voxelize(xyz, 0.02, device=d) for d in (device, "reference"))
    same(got, want)
    assert got.n_points.tolist() == [32] and got.key.tolist() == [[-1, -1, -1]]


def test_cells_of_surfaces_are_found_at_once() -> None:
    from cogmap_kernels import _rules

    walls = np.stack(np.meshgrid(*[np.arange(60)] * 3, indexing="ij"), -1).reshape(-1, 3)
    tilted = walls[np.abs(walls @ [3, 1, 2] - 180) < 3]
    for cells in (walls[walls[:, 0] == 7], walls[walls[:, 1] == 7], walls[walls[:, 2] == 7], tilted, walls[::5]):
        mask = (1 << int(np.ceil(np.log2(2 * len(cells))))) - 1
        taken: set[int] = set()
        steps = 0
        for x, y, z in cells.tolist():
            place = _rules.start_of(_rules.pack(x, y, z), mask)
            while place in taken:
                place, steps = (place + 1) & mask, steps + 1
            taken.add(place)
        assert steps < 1.5 * len(cells)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_components_that_cross_from_thread_to_thread(threads: int) -> None:
    """Over 20,000 runs, so that threads share them: what touches across their borders is one, in height and in y."""
    rng = np.random.default_rng(8)
    key = np.unique(rng.integers(0, 120, (45_000, 3)).astype(np.int32), axis=0)
    for steps in (1, 2):
        one, many = (ck.components(key, steps=steps, threads=t, device="cpu") for t in (1, threads))
        assert one.max() > 1 and np.array_equal(one, many)


def test_points_far_from_zero_are_numbered_as_near_ones() -> None:
    """What a grid of cells can hold is a matter of extent, not of place."""
    rng = np.random.default_rng(9)
    xyz = np.concatenate([rng.normal(c, 0.05, (200, 3)) for c in ((0, 0, 0), (2, 1, 0))])
    near = ck.dbscan(xyz, 0.25, 5)
    assert near.max() == 1
    assert np.array_equal(ck.dbscan(xyz + [3e5, -5e4, 100.0], 0.25, 5), near)
    wide = np.array([[-3e5, 0, 0], [3e5, 0, 0]])  # its middle is at zero
    with pytest.raises(ValueError, match="at least"):
        ck.dbscan(wide, 0.25, 1)
