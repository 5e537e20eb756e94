"""A synthetic RGB-D room through the whole line, judged in centimetres against its key."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import CognitiveMap, build_arrays

from .expected import LIGHT
from .references import Reference, mapped, walk
from .rooms import make_room, noisy_depth, render, walk_path
from .rooms.judge import boxes_against, surface_error


def judged(ref: Reference) -> None:
    """What every map of a light room holds."""
    scene, room, T = ref.scene, ref.room, ref.T_map_room
    assert room is not None and len(room.things) >= 15
    assert np.degrees(np.arccos(T[2, 2])) < 1
    assert abs(T[2, 3]) < 0.02
    yaw = np.arctan2(T[1, 0], T[0, 0])
    assert abs((np.degrees(yaw) + 45) % 90 - 45) < 2
    assert len(scene.layout.walls) == 4
    assert scene.layout.floor_area_m2 == pytest.approx(room.area_m2, rel=0.05)
    assert scene.layout.ceiling_height_m == pytest.approx(room.height, abs=0.03)
    assert np.median(surface_error(scene, room, T)) < 0.01
    hit = boxes_against(scene, room, T)[0] >= 0.5
    free = np.array([t.free_m for t in room.things]) >= 0.15
    assert free.sum() >= 5 and hit[free].mean() >= LIGHT.free
    assert hit.mean() >= LIGHT.recall


def test_room_upright_with_boxes_walls_and_area(light: Reference) -> None:
    judged(light)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_other_rooms_upright_with_boxes_walls_and_area(seed: int) -> None:
    room, poses = walk(seed, "light")
    judged(Reference(f"light {seed}", CognitiveMap(mapped(room, poses)), None, room, poses))


def test_sparse_depth_of_many_frames_keeps_its_objects() -> None:
    """Each point falls into a voxel of its own: a view a voxel is no sign that only one frame shows the thing."""
    room, K = make_room(7, clutter="light"), np.array([[84.0, 0, 56], [0, 84, 42], [0, 0, 1]])
    poses = walk_path(room, 60)
    shots = [render(room, T, K, (84, 112)) for T in poses]
    depth = np.array([noisy_depth(s.depth, i) for i, s in enumerate(shots)]).astype(np.float32)
    few, many = (
        build_arrays(np.array([s.rgb for s in shots])[::step], depth[::step], K, poses[::step]).scene for step in (3, 1)
    )
    best = [(boxes_against(s, room, s.T_map_input)[0] >= 0.5).sum() for s in (few, many)]
    assert best[1] >= max(best[0], 14)
