"""Scans: points without cameras, cut along the creases where one thing stands against another."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import pipeline
from cogmap.building import build
from cogmap.config import Config
from cogmap.data.points import PointCloud
from cogmap.data.scene import SceneMap
from cogmap.geometry.box import iou
from cogmap.stages.convexity import neighbours, one_sided
from cogmap.stages.fuse import voxel_for

from .references import Reference
from .rooms.scans import COUNTER, SHELF, box_surface, counter_and_shelf


def best(scene: SceneMap, truth: tuple[tuple[float, ...], tuple[float, ...]]) -> float:
    center, size = np.array(truth[0]), np.array(truth[1])
    boxes = [o.box for o in scene.objects]
    return max((iou(center, size, 0.0, np.array(b.center_m), np.array(b.size_m), b.yaw) for b in boxes), default=0.0)


def test_a_counter_and_a_shelf_that_touch_are_two_objects(scan: Reference) -> None:
    assert best(scan.scene, COUNTER) > 0.75 and best(scan.scene, SHELF) > 0.5
    assert len(scan.scene.objects) <= 3


@pytest.mark.parametrize("seed", range(1, 4))
def test_things_of_one_colour_that_touch_are_cut_where_they_meet(seed: int) -> None:
    scene = pipeline.map_points(counter_and_shelf(seed=seed), Config(), pipeline.Diary())
    assert best(scene, COUNTER) > 0.75 and best(scene, SHELF) > 0.5
    assert len(scene.objects) <= 3
    joined = pipeline.map_points(counter_and_shelf(seed=seed), Config(clustering="hdbscan"), pipeline.Diary())
    assert min(best(joined, COUNTER), best(joined, SHELF)) < 0.5


def test_what_stands_behind_a_wall_of_a_scan_is_kept() -> None:
    """A niche, a window seat, the next room: a scan has no mirrors' ghosts that would have to be dropped."""
    niche = ((0.0, 2.6, 0.5), (1.0, 0.6, 1.0))
    xyz = np.concatenate([counter_and_shelf().xyz_input, box_surface(*niche, 1600.0, np.random.default_rng(5))])
    assert best(pipeline.map_points(PointCloud(xyz), Config(), pipeline.Diary()), niche) > 0.5


def test_voxels_follow_the_density_of_a_scan() -> None:
    edges = [voxel_for(counter_and_shelf(per_m2, 0.0), np.eye(4), 0.02) for per_m2 in (20000.0, 1600.0, 400.0)]
    assert edges[0] == 0.02
    assert edges[1] == pytest.approx(np.sqrt(6.5 / (np.pi * 1600)), rel=0.15)  # disc of six or seven points
    assert edges[2] == pytest.approx(2 * edges[1], rel=0.1)
    inches = np.diag([0.0254, 0.0254, 0.0254, 1.0])
    small = PointCloud(counter_and_shelf(400.0, 0.0).xyz_input / 0.0254)
    assert voxel_for(small, inches, 0.02) == pytest.approx(edges[2], rel=1e-6)


def test_normals_of_a_closed_surface_all_look_out() -> None:
    rng = np.random.default_rng(3)
    out = rng.normal(size=(4000, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    turned = out * np.where(rng.random(4000) < 0.4, -1.0, 1.0)[:, None]
    assert ((one_sided(out, turned, *neighbours(out, 0.3)) * out).sum(1) > 0.99).all()


def test_the_free_floor_of_a_sparse_scan_has_no_holes() -> None:
    scene = pipeline.map_points(counter_and_shelf(400.0), Config(), pipeline.Diary())
    grid = scene.freespace
    assert grid is not None
    y, x = (
        k * grid.cell_m + grid.origin_map[1 - i] + grid.cell_m / 2 for i, k in enumerate(np.indices(grid.cells.shape))
    )
    inside = (np.abs(x) < 2.3) & (np.abs(y) < 1.8)
    clear = inside & ((np.abs(y) > 0.5) | (x < -1.4) | (x > 2.2))
    assert clear.sum() > 1000 and (grid.cells[clear] == 1).mean() > 0.98


def test_a_scan_has_its_room_and_a_scanned_thing_has_none() -> None:
    """Floor, walls and ceiling with furniture along the walls: outline, area and ceiling; corners behind things too."""
    rng = np.random.default_rng(4)
    w, d, h, per_m2 = 5.0, 4.0, 2.5, 900
    things = [
        ((0.5, 1.0, 0.4), (1.0, 1.6, 0.8)),
        ((3.0, 0.3, 0.9), (1.4, 0.6, 1.8)),
        ((4.6, 3.5, 0.35), (0.8, 0.9, 0.7)),
    ]
    flat = rng.uniform(0, 1, (int(per_m2 * w * d), 2)) * [w, d]
    under = np.any([np.all(np.abs(flat - c[:2]) <= np.array(s[:2]) / 2, axis=1) for c, s in things], axis=0)
    floor = np.column_stack([flat[~under], np.zeros((~under).sum())])
    ceiling = np.column_stack([flat, np.full(len(flat), h)])
    sides = []
    for x, y in ((0, None), (w, None), (None, 0), (None, d)):
        along = rng.uniform(0, 1, (int(per_m2 * h * (d if y is None else w)), 2)) * [d if y is None else w, h]
        fixed = np.full(len(along), x if y is None else y)
        sides.append(np.column_stack([fixed, along] if y is None else [along[:, 0], fixed, along[:, 1]]))
    xyz = np.concatenate([floor, ceiling, *sides, *(box_surface(c, s, per_m2, rng) for c, s in things)])
    cloud = PointCloud(xyz + rng.normal(0, 0.004, xyz.shape), np.full(xyz.shape, 150, np.uint8))
    m = build(cloud)
    (room,) = m.layout.rooms
    assert room.area_m2 == pytest.approx(w * d, rel=0.03) and len(m.layout.walls) == 4
    assert m.layout.ceiling_height_m == pytest.approx(h, abs=0.02)
    alone = box_surface((0, 0, 0.4), (0.5, 0.5, 0.8), 4000, rng)
    assert build(PointCloud(alone, np.full(alone.shape, 150, np.uint8)), place="object").layout.rooms == ()
