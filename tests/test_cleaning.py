"""What noise and movement leave in a map: flat walls on request, no ghosts of walkers, less trust in fewer views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from cogmap import pipeline
from cogmap.config import Config
from cogmap.data.detections import FrameDetections, Labeler
from cogmap.data.frames import FrameStore, OwnedFolder
from cogmap.data.reconstruction import Reconstruction, Scale, Window
from cogmap.data.scene import SceneMap
from cogmap.data.voxels import Voxels
from cogmap.stages.movers import hide_movers
from cogmap.stages.surfaces import find_surfaces, flattened

from .rooms import Room, Shot, make_room, noisy_depth, render, rgbd_window, walk_path
from .rooms.detector import detector
from .rooms.judge import surface_error
from .rooms.variants import PeopledFilm

K = np.array([[180.0, 0, 110], [0, 180, 82], [0, 0, 1]])
SIZE = (164, 220)


def seen(rooms: Sequence[Room | Shot], poses: np.ndarray, base_m: float = 0.003) -> Iterator[Window]:
    """RGB-D of a room that may differ from frame to frame, or of shots of it."""
    for i, (room, T) in enumerate(zip(rooms, poses)):
        shot = room if isinstance(room, Shot) else render(room, T, K, SIZE)
        yield rgbd_window(shot, i, noisy_depth(shot.depth, i, base_m, 0.002), poses[min(3, len(poses) - 1)])


def mapped(
    rooms: Sequence[Room | Shot],
    poses: np.ndarray,
    base_m: float = 0.003,
    config: Config | None = None,
    labeler: Labeler | None = None,
) -> SceneMap:
    reconstruction = Reconstruction(seen(rooms, poses, base_m), Scale("metric", "sensor", 0.01))
    return pipeline.map_reconstruction(reconstruction, config or Config(), pipeline.Diary(), labeler=labeler)


def flatter(room: Room, poses: np.ndarray, plain: SceneMap, flat: Voxels) -> None:
    """Wall voxels lie nearer to the walls, those of things where they lay."""
    assert plain.voxels is not None
    kind = find_surfaces(plain.voxels, noise_m=pipeline.noise_of(plain.frames)).kind
    T = plain.T_map_input @ np.linalg.inv(poses[3])
    before, after = (surface_error(replace(plain, voxels=v), room, T) for v in (plain.voxels, flat))
    rms = [float(np.sqrt((e[kind == 3] ** 2).mean())) for e in (before, after)]
    assert (kind == 3).sum() > 1000 and rms[1] < 0.7 * rms[0], rms
    assert np.array_equal(before[kind == 0], after[kind == 0])


@pytest.fixture(scope="module")
def noisy() -> tuple[Room, np.ndarray, SceneMap]:
    room = make_room(2, plain=0.5)
    poses = walk_path(room, 16)
    return room, poses, mapped([room] * 16, poses, 0.02)


def test_walls_are_flatter_when_asked_for(noisy: tuple[Room, np.ndarray, SceneMap]) -> None:
    room, poses, plain = noisy
    assert plain.voxels is not None
    found = find_surfaces(plain.voxels, noise_m=pipeline.noise_of(plain.frames))
    flatter(room, poses, plain, flattened(plain.voxels, found))


@pytest.mark.slow
def test_flat_walls_move_no_object() -> None:
    room = make_room(2, plain=0.5)
    poses = walk_path(room, 30)
    plain = mapped([room] * 30, poses, 0.02)
    flat = mapped([room] * 30, poses, 0.02, Config(planes=True))
    assert flat.voxels is not None and len(plain.objects) >= 10
    flatter(room, poses, plain, flat.voxels)
    assert [o.box for o in flat.objects] == [o.box for o in plain.objects]


def test_a_person_who_walks_about_leaves_hardly_any_ghost() -> None:
    room = make_room(5)
    poses = walk_path(room, 40)
    film = PeopledFilm(room, poses, K, SIZE)
    scene = mapped([film.room_at(i) for i in range(40)], poses)
    error = surface_error(scene, room, scene.T_map_input @ np.linalg.inv(poses[3]))
    assert (error > 0.1).mean() <= 0.02
    dropped = {w.code: w.count for w in scene.quality.warnings}
    assert dropped["W-VOXELS-DROPPED"] > 500


@pytest.fixture(scope="module")
def peopled() -> tuple[Room, np.ndarray, SceneMap, SceneMap]:
    """A room in which a person walks about: the map that hides it, and the one that was asked for persons."""
    room = make_room(5)
    poses = walk_path(room, 16)
    film = PeopledFilm(room, poses, K, SIZE)
    rooms = [film.room_at(i) for i in range(16)]
    shots = [render(r, T, K, SIZE) for r, T in zip(rooms, poses)]
    labeler = detector(rooms[0], shots)
    hidden = mapped(shots, poses, labeler=labeler)
    kept = mapped(shots, poses, labeler=labeler, config=Config(objects="person, chair"))
    return room, poses, hidden, kept


def test_a_person_that_masks_name_leaves_no_depth_and_is_no_object(
    peopled: tuple[Room, np.ndarray, SceneMap, SceneMap],
) -> None:
    room, poses, hidden, kept = peopled
    T = hidden.T_map_input @ np.linalg.inv(poses[3])
    ghosts, left = ((surface_error(m, room, T) > 0.1).mean() for m in (hidden, kept))
    assert ghosts < 0.002 and ghosts < left / 4, (ghosts, left)
    told = {w.code: w.count for w in hidden.quality.warnings}
    assert 2 < told["W-MOVERS-HIDDEN"] < 16 and hidden.quality.status == "ok"
    assert "W-MOVERS-HIDDEN" not in {w.code for w in kept.quality.warnings}
    assert "person" not in {o.label for o in hidden.objects}
    assert hidden.frames is not None and kept.frames is not None
    assert sum((f.depth > 0).sum() for f in hidden.frames) < sum((f.depth > 0).sum() for f in kept.frames)


def test_what_moves_by_name() -> None:
    mask = np.array([[1, 2, 3, 4, 5, 6]], np.int32)
    labels = ("old man", "toy dog", "dogs", "hot dog", "people", "chair")
    told = FrameDetections(mask, labels, (0.9,) * 6)
    boxes = FrameDetections(None, labels, (0.9,) * 6, np.tile([0.0, 0.0, 1.0, 1.0], (6, 1)))
    store, picture = FrameStore(OwnedFolder()), np.zeros((8, 48, 3), np.uint8)
    flat = np.ones((8, 48), np.float32)
    store.append(0, 0.0, picture, flat, flat, K, np.eye(4))
    for found, hidden in ((told, 1), (boxes, 0)):
        n, silent = hide_movers(store, Labeler("test", lambda rgb, index, found=found: found))
        (left,) = silent.ask([picture], [0])
        assert n == hidden and left is not None
        if left.mask is None:
            assert left.labels == ("hot dog", "chair") and left.boxes is not None and len(left.boxes) == 2
        else:
            assert left.mask.tolist() == [[0, 0, 0, 4, 0, 6]]
    (left,) = hide_movers(store, Labeler("test", lambda rgb, index: told), ("toy dog", "person"))[1].ask([picture], [0])
    assert left is not None and left.mask is not None and left.mask.tolist() == [[0, 2, 3, 4, 5, 6]]


def test_fewer_views_are_trusted_less() -> None:
    room = make_room(2)
    poses = walk_path(room, 30)
    many = mapped([room] * 30, poses)
    most = max(many.objects, key=lambda o: len(o.seen))
    frame = most.seen[len(most.seen) // 2][0]
    one = mapped([room], poses[[frame]])
    assert len(most.seen) >= 10 and one.objects
    assert max(o.confidence for o in one.objects) < most.confidence / 2


def test_the_outline_of_a_thing_as_thin_as_a_line_is_a_centimetre_wide() -> None:
    from cogmap.geometry.box import hull_xy
    from cogmap.stages.boxes import _outline

    line = np.column_stack([np.linspace(0, 1, 50), np.zeros(50)])
    lo, hi = _outline(line).min(0), _outline(line).max(0)
    assert np.allclose(lo, [-0.005, -0.005]) and np.allclose(hi, [1.005, 0.005]) and len(hull_xy(line)) <= 2
