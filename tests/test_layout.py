"""Rooms, walls and doors: two rooms joined by one door, and a room that has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cogmap import pipeline
from cogmap.config import Config
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.data.scene import FreeSpace
from cogmap.geometry.rigid import apply
from cogmap.stages.layout import find_layout
from cogmap.stages.surfaces import OUTSIDE, Surfaces

from .rooms import make_suite, suite_path
from .rooms.suite import DOOR_M, THICK_M, door_y
from .test_pipeline import mapped, windows


@pytest.mark.parametrize("seed", [5, pytest.param(3, marks=pytest.mark.slow), pytest.param(8, marks=pytest.mark.slow)])
def test_two_rooms_joined_by_a_door(seed: int) -> None:
    room = make_suite(seed, n_rooms=2)
    gap, middle = door_y(room.depth, 1), room.width / 2
    lintel = (np.array([middle, gap, (room.height + 2) / 2]), np.array([THICK_M, DOOR_M, room.height - 2]))
    room = replace(room, screens=[*room.screens, lintel])
    poses = suite_path(room, 120, n_rooms=2)
    reconstruction = Reconstruction(windows(room, poses), Scale("metric", "sensor", 0.01))
    scene = pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary())
    T = scene.T_map_input @ np.linalg.inv(poses[3])
    plan = scene.layout
    area = (room.width - THICK_M) / 2 * room.depth
    assert [r.area_m2 for r in plan.rooms] == pytest.approx([area, area], rel=0.05)
    assert plan.floor_area_range_m2 is not None
    assert plan.floor_area_range_m2[0] <= 2 * area <= plan.floor_area_range_m2[1]
    assert len(plan.walls) == 6
    (door,) = plan.openings
    assert door.kind == "door" and door.wall is not None and door.box.size_m[0] == pytest.approx(DOOR_M, abs=0.1)
    assert np.linalg.norm(apply(T, np.array([middle, gap, 0.0]))[:2] - door.box.center_m[:2]) < 0.1
    ends = {(x, y) for x in (0.0, middle - THICK_M / 2, middle + THICK_M / 2, room.width) for y in (0.0, room.depth)}
    true = apply(T, np.array([(*e, 0.0) for e in sorted(ends)]))[:, :2]
    for wall in plan.walls:
        for end in (wall.from_m, wall.to_m):
            assert np.linalg.norm(true - np.array(end), axis=1).min() < 0.1
    assert len({o.number for o in (*scene.objects, *plan.openings)}) == len(scene.objects) + 1


@pytest.mark.parametrize("seed", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_closed_room_has_no_door_and_no_partition(seed: int) -> None:
    plan = mapped(seed, "middle")[0].layout
    assert plan.openings == () and len(plan.rooms) == 1 and len(plan.walls) == 4


def test_a_grid_that_nothing_crossed_has_no_room() -> None:
    grid = FreeSpace(0.05, (0.0, 0.0), np.zeros((20, 30), np.uint8))
    scene = mapped(1)[0]
    assert scene.voxels is not None
    nothing = Surfaces(np.full(len(scene.voxels), OUTSIDE, np.uint8), (), None)
    assert find_layout(scene.voxels, nothing, grid, np.zeros((20, 30), np.int32)).rooms == ()
