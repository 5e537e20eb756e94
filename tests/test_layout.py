"""Rooms, walls and doors: two rooms joined by one door, and a room that has none."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import CognitiveMap
from cogmap.data.scene import FreeSpace
from cogmap.geometry.rigid import apply
from cogmap.stages.layout import find_layout
from cogmap.stages.surfaces import OUTSIDE, Surfaces

from .references import Reference, mapped, two_rooms, walk
from .rooms import suite_path
from .rooms.suite import DOOR_M, THICK_M, door_y


def judged(ref: Reference) -> None:
    """Rooms, walls and the door are those of the suite."""
    scene, room, T, plan = ref.scene, ref.room, ref.T_map_room, ref.scene.layout
    assert room is not None
    gap, middle = door_y(room.depth, 1), room.width / 2
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


def test_two_rooms_joined_by_a_door(suite: Reference) -> None:
    judged(suite)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 8])
def test_other_rooms_joined_by_a_door(seed: int) -> None:
    room = two_rooms(seed)
    poses = suite_path(room, 120, n_rooms=2)
    judged(Reference(f"suite {seed}", CognitiveMap(mapped(room, poses)), None, room, poses))


def test_a_closed_room_has_no_door_and_no_partition(middle: Reference) -> None:
    plan = middle.scene.layout
    assert plan.openings == () and len(plan.rooms) == 1 and len(plan.walls) == 4


@pytest.mark.slow
def test_another_closed_room_has_no_door_and_no_partition() -> None:
    plan = mapped(*walk(4, "middle")).layout
    assert plan.openings == () and len(plan.rooms) == 1 and len(plan.walls) == 4


def test_a_grid_that_nothing_crossed_has_no_room(light: Reference) -> None:
    grid = FreeSpace(0.05, (0.0, 0.0), np.zeros((20, 30), np.uint8))
    scene = light.scene
    assert scene.voxels is not None
    nothing = Surfaces(np.full(len(scene.voxels), OUTSIDE, np.uint8), (), None)
    assert find_layout(scene.voxels, nothing, grid, np.zeros((20, 30), np.int32)).rooms == ()
