"""A synthetic RGB-D room through the whole line, judged in centimetres against its key."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import pipeline
from cogmap.config import Config
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.data.scene import SceneMap

from .rooms import Room, make_room, noisy_depth, render, rgbd_window, walk_path
from .rooms.judge import boxes_against, surface_error

K = np.array([[260.0, 0, 160], [0, 260, 120], [0, 0, 1]])


def windows(room: Room, poses: np.ndarray):  # type: ignore[no-untyped-def]
    for i, T in enumerate(poses):
        shot = render(room, T, K, (240, 320))
        yield rgbd_window(shot, i, noisy_depth(shot.depth, i), poses[3])


def mapped(seed: int, clutter: str = "light") -> tuple[SceneMap, Room, np.ndarray]:
    room = make_room(seed, clutter=clutter)
    poses = walk_path(room, 60)
    reconstruction = Reconstruction(windows(room, poses), Scale("metric", "sensor", 0.01))
    scene = pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary())
    return scene, room, scene.T_map_input @ np.linalg.inv(poses[3])


@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 2, 3, 4))])
def test_room_upright_with_boxes_walls_and_area(seed: int) -> None:
    scene, room, T_map_room = mapped(seed)
    assert np.degrees(np.arccos(T_map_room[2, 2])) < 1
    assert abs(T_map_room[2, 3]) < 0.02
    yaw = np.arctan2(T_map_room[1, 0], T_map_room[0, 0])
    assert abs((np.degrees(yaw) + 45) % 90 - 45) < 2
    assert len(scene.layout.walls) == 4
    assert scene.layout.floor_area_m2 == pytest.approx(room.area_m2, rel=0.05)
    assert scene.layout.ceiling_height_m == pytest.approx(room.height, abs=0.03)
    assert np.median(surface_error(scene, room, T_map_room)) < 0.01
    hit = boxes_against(scene, room, T_map_room)[0] >= 0.5
    free = np.array([t.free_m for t in room.things]) >= 0.15
    assert hit[free].mean() >= 0.8
    assert hit.mean() >= 0.45
