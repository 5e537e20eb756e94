"""Plain fronts that a sensor does not see: masks tell whose hole it is, and a plane fills it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cogmap import CognitiveMap, load, pipeline
from cogmap.config import Config
from cogmap.data.detections import Labeler
from cogmap.data.reconstruction import Reconstruction, Scale, Window
from cogmap.data.scene import SceneMap
from cogmap.geometry.box import turn_xy
from cogmap.geometry.camera import unproject
from cogmap.geometry.rigid import apply
from cogmap.label.remembered import remembered

from .references import K
from .rooms import Room, Shot, make_room, noisy_depth, render, rgbd_window, walk_path
from .rooms.detector import detector
from .rooms.judge import boxes_against

PLAIN = ("cabinet", "box")


def blinded(room: Room, shots: list[Shot], first: np.ndarray) -> Iterator[Window]:
    """RGB-D that sees of plain things only what is within 5 cm of an edge."""
    for i, shot in enumerate(shots):
        depth = noisy_depth(shot.depth, i)
        xyz = apply(shot.T_world_cam, unproject(shot.depth, K))
        for k, thing in enumerate(room.things):
            if thing.label in PLAIN:
                local = xyz - thing.center
                local[..., :2] = local[..., :2] @ turn_xy(thing.yaw)
                at_faces = (np.abs(np.abs(local) - thing.size / 2) < 0.05).sum(-1)
                depth[(shot.thing == k) & (at_faces < 2)] = 0
        yield rgbd_window(shot, i, depth, first)


def mapped(room: Room, shots: list[Shot], labeler: Labeler | None) -> SceneMap:
    reconstruction = Reconstruction(blinded(room, shots, shots[3].T_world_cam), Scale("metric", "sensor", 0.01))
    return pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary(), labeler=labeler)


@pytest.fixture(scope="module")
def holed() -> tuple[Room, list[Shot], SceneMap]:
    room = make_room(4)
    shots = [render(room, T, K, (240, 320)) for T in walk_path(room, 40)]
    return room, shots, mapped(room, shots, detector(room, shots))


def test_holes_inside_masks_are_filled_and_said_to_be(tmp_path: Path, holed: tuple[Room, list[Shot], SceneMap]) -> None:
    room, shots, scene = holed
    assert scene.voxels is not None and scene.object_of_voxel is not None
    made = scene.voxels.confidence == 0.25
    overlap, match = boxes_against(scene, room, scene.T_map_input @ np.linalg.inv(shots[3].T_world_cam))
    plain = [k for k, t in enumerate(room.things) if t.label in PLAIN and overlap[k] >= 0.5]
    assert made.sum() > 500 and len(plain) >= 2
    assert np.mean([scene.objects[match[k]].completed for k in plain]) >= 0.5
    others = [match[k] for k, t in enumerate(room.things) if t.label == "chair" and overlap[k] >= 0.5]
    assert not any(scene.objects[m].completed for m in others)
    assert (scene.voxels.confidence[~made] >= 0.4).all()
    CognitiveMap(scene).save(tmp_path / "m.cogmap")
    assert [o.completed for o in load(tmp_path / "m.cogmap").objects] == [o.completed for o in scene.objects]


def test_a_labeler_is_asked_once_a_picture(tmp_path: Path) -> None:
    room = make_room(4)
    shots = [render(room, T, K, (240, 320)) for T in walk_path(room, 12)]
    true, asked = detector(room, shots), []
    counting = Labeler("truth", lambda rgb, i: asked.append(i) or true.detect(rgb, i))  # type: ignore[func-returns-value]
    mapped(room, shots, counting)
    assert asked == list(range(12))
    again = remembered(Labeler("silent", lambda rgb, i: None), tmp_path)
    assert again.detect(shots[0].rgb, 0) is None and again.detect(shots[0].rgb, 0) is None
