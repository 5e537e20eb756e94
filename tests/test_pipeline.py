"""A synthetic RGB-D room through the whole line, judged in centimetres against its key."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import CognitiveMap

from .expected import LIGHT
from .references import Reference, mapped, walk
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
