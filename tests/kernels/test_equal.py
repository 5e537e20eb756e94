"""Every operation against its definition, on clouds with an order and without, with ties and on cell faces."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from typing import Any

import cogmap_kernels as ck
import numpy as np
import pytest
from cogmap_kernels import cpu, reference
from scipy import ndimage

SMALL = 400


def cloud(n: int, seed: int = 0) -> np.ndarray:
    """Points on a floor, a wall and in clumps, some of them on cell faces and twice."""
    rng = np.random.default_rng(seed)
    floor = np.c_[rng.uniform(-1, 1, (n // 3, 2)), np.zeros(n // 3)]
    wall = np.c_[np.full(n // 4, 0.7), rng.uniform(-1, 1, (n // 4, 2))]
    rest = n - len(floor) - len(wall)
    clumps = rng.uniform(-1, 1, (4, 3))[rng.integers(0, 4, rest)] + rng.normal(0, 0.08, (rest, 3))
    xyz = np.concatenate([floor, wall, clumps])
    xyz[::11] = np.round(xyz[::11] / 0.1) * 0.1
    xyz[1::17] = xyz[::17][: len(xyz[1::17])]
    return xyz.astype(np.float32)


def same(a: Any, b: Any, atol: float = 2e-6) -> None:
    """Integers bit for bit, floats within a millionth."""
    for x, y in zip(a, b):
        if x is None or y is None:
            assert x is None and y is None
        elif np.asarray(x).dtype.kind in "iub":
            assert np.array_equal(x, y)
        else:
            assert np.allclose(x, y, atol=atol, rtol=0, equal_nan=True)


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(reference.__path__)])
def test_columns_have_the_same_signatures(name: str) -> None:
    plain = importlib.import_module(f"cogmap_kernels.reference.{name}")
    columns = [importlib.import_module(f"cogmap_kernels.cpu.{name}")]
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        columns.append(importlib.import_module(f"cogmap_kernels.cuda.{name}"))
    for column in columns:
        for public in (k for k in vars(plain) if not k.startswith("_")):
            thing, other = getattr(plain, public), getattr(column, public, None)
            if getattr(thing, "__module__", None) != plain.__name__:
                continue
            methods = [""] if inspect.isfunction(thing) else ["__init__", "check", "add", "add_depth", "result"]
            for m in methods:
                pair = [getattr(t, m) if m else t for t in (thing, other)]
                assert len({tuple(inspect.signature(f).parameters) for f in pair}) == 1, (name, public, m)


def test_every_operation_has_a_definition() -> None:
    names = {m.name for m in pkgutil.iter_modules(reference.__path__)}
    assert names == {m.name for m in pkgutil.iter_modules(cpu.__path__)} - {
        "compiled",
        "forest",
        "sorting",
        "threads",
        "voxel_loops",
    }


@pytest.mark.parametrize("voxel", [0.05, 0.1, 3.0])
def test_voxelize(device: str, size: int, voxel: float) -> None:
    rng = np.random.default_rng(1)
    xyz = cloud(size)
    xyz[5] = np.nan
    xyz[6, 1] = np.inf
    extra = {
        "rgb": rng.integers(0, 256, (size, 3)).astype(np.uint8),
        "confidence": rng.random(size).astype(np.float32),
        "label": rng.integers(0, 4, size).astype(np.int32),
        "extents": True,
    }
    got, want = (ck.voxelize(xyz, voxel, device=d, **extra) for d in (device, "reference"))
    same(got, want)
    assert got.n_dropped == 2
    assert np.array_equal(np.lexsort(got.key.T), np.arange(len(got.key)))


def test_streamed_views_and_normals(device: str, size: int) -> None:
    tables = [
        ck.VoxelTable(0.1, (0.013, 0, 0), normals=True, views=True, extents=True, device=d)
        for d in (device, "reference")
    ]
    rng = np.random.default_rng(2)
    for view in range(3):
        xyz, normal = cloud(size // 2, view), rng.normal(0, 1, (size // 2, 3)).astype(np.float32)
        for table in tables:
            table.add(xyz, normal=normal, view=view)
    same(*(t.result() for t in tables))


def test_depth_is_fused_as_its_points_are(device: str, size: int) -> None:
    rng = np.random.default_rng(3)
    height = max(4, size // 20)
    depth = rng.uniform(1, 2, (2, height, 20)).astype(np.float32)
    depth[:, 1, 3] = 0
    rgb = rng.integers(0, 256, (*depth.shape, 3)).astype(np.uint8)
    K = np.array([[15.0, 0, 10], [0, 15, height / 2], [0, 0, 1]])
    T = np.tile(np.eye(4), (2, 1, 1))
    T[1, :3, :3] = [[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]]
    T[1, :3, 3] = [0.3, -0.1, 0.2]
    got, want = (ck.fuse_depth(depth, K, T, 0.1, rgb=rgb, device=d) for d in (device, "reference"))
    same(got, want)
    v, u = np.mgrid[:height, :20] + 0.5
    rays = np.stack([(u - 10) / 15, (v - height / 2) / 15, np.ones_like(u)], -1)
    points = [(d[..., None] * rays)[d > 0] @ t[:3, :3].T + t[:3, 3] for d, t in zip(depth.astype(float), T)]
    listed = ck.voxelize(np.concatenate(points).astype(np.float32), 0.1)
    assert listed.n_points.sum() == got.n_points.sum() and len(listed.key) == pytest.approx(len(got.key), abs=1)


@pytest.mark.parametrize("how", [{"neighbours": 6}, {"neighbours": 18}, {}, {"steps": 2}, {"radius": 2.3}])
@pytest.mark.parametrize("grouped", [False, True])
def test_components(device: str, size: int, how: dict[str, Any], grouped: bool) -> None:
    rng = np.random.default_rng(4)
    for order in ("sorted", "shuffled"):
        key = np.unique(rng.integers(-7, 7, (min(size, SMALL), 3)).astype(np.int32)[:, ::-1], axis=0)[:, ::-1]
        key = rng.permutation(key) if order == "shuffled" else key
        group = rng.integers(0, 3, len(key)) if grouped else None
        got, want = (ck.components(key, group=group, device=d, **how) for d in (device, "reference"))
        assert np.array_equal(got, want)


@pytest.mark.parametrize("eps", [0.03, 0.1, 0.4])
def test_dbscan(device: str, size: int, eps: float) -> None:
    xyz = cloud(min(size, SMALL), 5)
    got, want = (ck.dbscan(xyz, eps, 6, device=d) for d in (device, "reference"))
    assert np.array_equal(got, want)


@pytest.mark.parametrize("up", [None, (0, 0, 1)])
def test_segment_planes(device: str, size: int, up: tuple[int, ...] | None) -> None:
    xyz = cloud(size, 6)
    how = {"most": 3, "least": size // 10, "hypotheses": 20 if size < 1000 else 200, "sample": 100, "up": up}
    got, want = (ck.segment_planes(xyz, 0.02, device=d, **how) for d in (device, "reference"))
    same(got, want, 1e-6)
    assert len(got.normal) >= 1


def test_normals(device: str, size: int) -> None:
    xyz = cloud(min(size, SMALL), 7)
    got, want = (ck.normals(xyz, 0.3, toward=(0, 0, 5), device=d) for d in (device, "reference"))
    spread = np.abs((got * want).sum(1))
    assert np.mean((spread > 1 - 1e-4) | ((got == 0).all(1) & (want == 0).all(1))) > 0.97


def test_yaw_boxes(device: str, size: int) -> None:
    xyz = cloud(size, 8)
    label = np.random.default_rng(8).integers(-1, 5, size).astype(np.int32)
    got, want = (ck.yaw_boxes(xyz, label, 6, device=d) for d in (device, "reference"))
    assert np.allclose(got.size[:, :2].prod(1), want.size[:, :2].prod(1), rtol=1e-9, equal_nan=True)
    assert np.array_equal(got.size[:, 2], want.size[:, 2], equal_nan=True) and np.isnan(got.yaw[5])


def test_splat_bev(device: str, size: int) -> None:
    rgb = np.random.default_rng(9).integers(0, 256, (size, 3)).astype(np.uint8)
    same(*(ck.splat_bev(cloud(size), (-0.8, -0.9), 0.1, (15, 18), rgb=rgb, device=d) for d in (device, "reference")))


def test_zbuffer_and_agreement(device: str, size: int) -> None:
    xyz = cloud(size, 10) + np.float32([0, 0, 2.5])
    K = np.array([[20.0, 0, 16], [0, 20, 12], [0, 0, 1]])
    number = np.arange(size) // 5
    got, want = (ck.zbuffer(xyz, number, K, (24, 32), 0.1, device=d) for d in (device, "reference"))
    same(got, want)
    T = np.eye(4)
    T[:3, 3] = [0.1, 0, 0.05]
    counts = [[np.zeros(size, np.int32) for _ in range(2)] for _ in range(2)]
    for d, (agree, conflict) in zip((device, "reference"), counts):
        ck.agreement(xyz, want[0], K, T, 0.05, agree, conflict, device=d)
    same(*counts)


def test_carve(device: str) -> None:
    hits = np.random.default_rng(11).uniform(-2, 12, (60, 2))
    hits[3] = np.nan
    grids = [np.zeros((9, 11), np.int32) for _ in range(2)]
    for grid, d in zip(grids, (device, "reference")):
        ck.carve(grid, (0, 0), 1.0, (4.3, 5.1), hits, device=d)
    assert np.array_equal(*grids)


def test_mask_votes(device: str) -> None:
    rng = np.random.default_rng(12)
    cell, mask = rng.integers(-1, 6, (12, 15)), rng.integers(0, 4, (12, 15))
    same(*(ck.mask_votes(cell, mask, device=d) for d in (device, "reference")))


def test_nearest(device: str, size: int) -> None:
    got, want = (ck.nearest(cloud(size // 3, 13), cloud(size // 2, 14), device=d) for d in (device, "reference"))
    same(got, want, 1e-9)


def scene(shift: float, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A slanted textured plane from a camera moved to the side: (grey, depth)."""
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.normal(0, 1, (400, 400)), 1.2)
    noise = 128 + 60 * noise / noise.std()
    v, u = np.mgrid[:height, :width] + 0.5
    d = np.stack([(u - width / 2) / width, (v - height / 2) / width, np.ones_like(u)], -1)
    z = (2.0 + 0.3 * shift) / (1 - 0.3 * d[..., 0])
    at = np.stack([(d[..., 1] * z + 2) * 1.5 * width, (d[..., 0] * z + shift + 2) * 1.5 * width])
    return ndimage.map_coordinates(noise, at, order=1).astype(np.float32), z


def test_plane_sweep_and_consistent(device: str, size: int) -> None:
    height, width, planes = (15, 20, 8) if size < 1000 else (90, 120, 48)
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]])
    (middle, truth), (right, z_right), (left, z_left) = (scene(s, height, width) for s in (0.0, 0.15, -0.15))
    T = np.tile(np.eye(4), (2, 1, 1))
    T[0, 0, 3], T[1, 0, 3] = -0.15, 0.15
    arguments = (middle, np.stack([right, left]), K, np.stack([K, K]), T, 1 / np.linspace(4, 1, planes))
    got, want = (ck.plane_sweep(*arguments, 5, device=d) for d in (device, "reference"))
    alike = np.isclose(got[0], want[0], rtol=1e-2) & np.isclose(got[1], want[1], atol=1e-2)
    assert alike.mean() > 0.98
    good = got[1] > 0.8
    error = np.abs(got[0] - truth)[good] / truth[good]
    assert good.mean() > 0.3 and np.median(error) < (0.1 if size < 1000 else 0.01)
    depths = (truth.astype(np.float32), np.stack([z_right, z_left]).astype(np.float32), K, np.stack([K, K]), T)
    same(*(ck.consistent(*depths, device=d) for d in (device, "reference")), 1e-5)


def outlined(shift: float, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A bright square 1.5 m away before a dark wall 4 m away, both textured: (grey, where the square is)."""
    rng = np.random.default_rng(1)
    noise = [ndimage.gaussian_filter(rng.normal(0, 1, (400, 400)), 1.2) for _ in range(2)]
    v, u = np.mgrid[:height, :width] + 0.5
    grey, near = [], np.zeros(0)
    for texture, z, level in zip(noise, (4.0, 1.5), (90.0, 165.0)):
        x, y = (u - width / 2) / width * z + shift, (v - height / 2) / width * z
        at = np.stack([200 + y * width / z, 200 + x * width / z])
        grey.append(level + 25 * ndimage.map_coordinates(texture / texture.std(), at, order=1))
        near = np.maximum(np.abs(x), np.abs(y)) < 0.3
    return np.where(near, grey[1], grey[0]).astype(np.float32), near


def test_refined_depth_keeps_outlines(device: str, size: int) -> None:
    height, width, planes = (24, 32, 8) if size < 1000 else (90, 120, 48)
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]])
    (middle, near), (right, _), (left, _) = (outlined(s, height, width) for s in (0.0, 0.1, -0.1))
    T = np.tile(np.eye(4), (2, 1, 1))
    T[0, 0, 3], T[1, 0, 3] = -0.1, 0.1
    seen = (middle, np.stack([right, left]), K, np.stack([K, K]), T)
    inverse = np.linspace(0.15, 0.8, planes)
    swept, _ = ck.plane_sweep(*seen, inverse, 7, device="reference")
    step = 0.3 * (inverse[1] - inverse[0])
    got, want = (ck.refine_depth(swept, *seen, step, device=d) for d in (device, "reference"))
    for wrong in ({"window": 8}, {"window": 13}, {"reach": 0}, {"step": 0.0}, {"contrast": float("nan")}):
        with pytest.raises(ValueError, match="window must be odd"):
            ck.refine_depth(swept, *seen, **({"step": step} | wrong), device=device)
    alike = np.isclose(got[0], want[0], rtol=1e-3) & np.isclose(got[1], want[1], atol=1e-3)
    assert alike.mean() > 0.99
    if size >= 1000:
        rim = ~near & (ndimage.distance_transform_edt(~near) < 5)
        grown, left_over = (((d > 0) & (d < 2.5) & rim).sum() for d in (swept, got[0]))
        error = [np.median(np.abs(d - np.where(near, 1.5, 4.0))[(d > 0) & ~rim]) for d in (swept, got[0])]
        assert grown > 100 and left_over < 0.3 * grown and error[1] <= error[0]
        assert (got[0] > 0).sum() > 0.9 * (swept[4:-4, 4:-4] > 0).sum()


def test_sizes_that_cross_block_chunk_and_slab(device: str, size: int) -> None:
    """Points past a block of 2,048 and a chunk of 65,536 (planes: a block of 65,536), and past a slab of 2**21."""
    from cogmap_kernels.cpu import planes, voxel_loops, voxels

    if size < 1000:
        pytest.skip("the simulator takes a millisecond for every point")
    n = 70_001
    assert voxel_loops.BLOCK < n > max(voxels.CHUNK, planes.BLOCK) and voxels.SLAB < 2_200_000
    rng = np.random.default_rng(15)
    xyz, rgb = cloud(n, 15), rng.integers(0, 256, (n, 3)).astype(np.uint8)
    label = rng.integers(-1, 5, n).astype(np.int32)
    for order in (slice(None), rng.permutation(n)):
        cells = [ck.voxelize(xyz[order], 0.02, rgb=rgb[order], extents=True, device=d) for d in (device, "reference")]
        same(*cells)
    same(*(ck.segment_planes(xyz, 0.02, most=3, device=d) for d in (device, "reference")), 1e-6)
    same(*(ck.splat_bev(xyz, (-1, -1), 0.1, (20, 20), rgb=rgb, device=d) for d in (device, "reference")))
    same(*(ck.nearest(xyz[:200], xyz[200:], device=d) for d in (device, "reference")), 1e-9)
    assert np.array_equal(*(ck.components(cells[0].key, device=d) for d in (device, "reference")))
    boxes = [ck.yaw_boxes(xyz, label, 6, device=d) for d in (device, "reference")]
    assert np.allclose(boxes[0].size[:, :2].prod(1), boxes[1].size[:, :2].prod(1), rtol=1e-9, equal_nan=True)
    many = cloud(2_200_000, 16)[rng.permutation(2_200_000)]
    same(*(ck.voxelize(many, 0.05, device=d) for d in (device, "reference")))
