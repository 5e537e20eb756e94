"""The synthetic rooms themselves: hard enough, and their RGB-D maps judged over seeds."""

from __future__ import annotations

from dataclasses import replace

import cogmap_kernels
import numpy as np
import pytest

from cogmap import CognitiveMap
from cogmap.data.voxels import Voxels
from cogmap.stages.boxes import make_objects
from cogmap.stages.surfaces import find_surfaces

from .expected import MIDDLE
from .references import Reference, mapped, walk
from .rooms import make_room
from .rooms.judge import boxes_against


@pytest.mark.parametrize("seed", range(5))
def test_rooms_are_full_and_crowded(seed: int) -> None:
    room = make_room(seed, clutter="middle")
    crowded = [t.free_m < 0.05 for t in room.things]
    assert len(room.things) >= 15 and np.mean(crowded) >= 1 / 3
    assert sum(len(t.parts) > 1 for t in room.things) >= 15
    assert room.plain >= 0.5


def plain_components(voxels: Voxels) -> tuple:  # type: ignore[type-arg]
    """Objects by nothing but connected voxels, once the room is taken away."""
    index = np.flatnonzero(find_surfaces(voxels).kind == 0)
    label = cogmap_kernels.components(voxels.key[index])
    big = np.flatnonzero(np.bincount(label) >= 50)
    out = np.full(len(voxels), -1, np.int32)
    for n, k in enumerate(big):
        out[index[label == k]] = n
    return make_objects(voxels, out)[0]


def judged(ref: Reference, recall: float) -> None:
    """Plain components find as little as in real rooms, the stages what they are measured to find."""
    scene, room, T = ref.scene, ref.room, ref.T_map_room
    assert scene.voxels is not None and room is not None
    plain = replace(scene, objects=plain_components(scene.voxels))
    found = float((boxes_against(plain, room, T)[0] >= 0.5).mean())
    ours = float((boxes_against(scene, room, T)[0] >= 0.5).mean())
    assert 0.2 <= found <= 0.31
    assert ours >= recall


def test_middle_clutter_is_as_hard_as_real_rooms_and_the_stages_cope(middle: Reference) -> None:
    judged(middle, MIDDLE.recall)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2, 3, 4])
def test_other_rooms_of_middle_clutter(seed: int) -> None:
    room, poses = walk(seed, "middle")
    judged(Reference(f"middle {seed}", CognitiveMap(mapped(room, poses)), None, room, poses), MIDDLE.least)
