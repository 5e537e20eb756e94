"""Objects from 2D masks: one object for what most views call one thing, whatever single frames say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from cogmap import CognitiveMap, pipeline
from cogmap.building import build
from cogmap.config import Config
from cogmap.data.detections import FrameDetections, Labeler
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.data.scene import Box
from cogmap.data.voxels import Voxels
from cogmap.errors import ConfigError, InputError
from cogmap.label.recorded import recorded_labeler
from cogmap.stages import masks
from cogmap.stages.consensus import join_by_views
from cogmap.stages.instances import InstanceOptions, is_large, is_object

from .expected import FAULTY, MASKED, Least
from .references import K, Reference, mapped, windows
from .rooms import Room, make_room, render, walk_path, write_sevenscenes
from .rooms.detector import Faults, detector
from .rooms.judge import boxes_against

ONE = np.array([5, 5, 5])
HALF_SIZE = Faults(edge_px=3)  # these pictures are half as wide as a phone's


@pytest.fixture(scope="module")
def faulty(masked: Reference) -> Reference:
    """The same frames with the faults of real detectors."""
    assert masked.room is not None and masked.poses is not None
    labeler = detector(masked.room, masked.shots, HALF_SIZE)
    return replace(masked, map=CognitiveMap(mapped(masked.room, masked.poses, labeler, masked.shots)))


def every_thing_is_found(ref: Reference, least: Least) -> None:
    """Things that were seen are one object each, with their label."""
    scene, room, shots = ref.scene, ref.room, ref.shots
    assert room is not None
    seen = np.array([max(int((s.thing == k).sum()) for s in shots) for k in range(len(room.things))]) >= 300
    overlap, match = boxes_against(scene, room, ref.T_map_room)
    hit = overlap >= 0.5
    assert seen.sum() >= 20 and hit[seen].mean() >= least.recall
    assert len({m for m, h in zip(match, hit) if h}) / len(scene.objects) >= least.precision
    right = [scene.objects[m].label == room.things[k].label for k, m in enumerate(match) if hit[k]]
    assert np.mean(right) >= 0.95
    assert all(o.labels[0][2] == "truth" and o.labels[0][1] <= 1 for o in scene.objects if o.label)


def test_every_thing_is_one_object_with_its_label(masked: Reference) -> None:
    every_thing_is_found(masked, MASKED)


def test_every_thing_is_one_object_though_masks_are_faulty(faulty: Reference) -> None:
    every_thing_is_found(faulty, FAULTY)


def test_what_grew_over_an_outline_and_was_never_masked_is_nobodys(masked: Reference) -> None:
    """Stereo sees things two pixels larger than they are; the masks know where they end."""
    room, shots = masked.room, masked.shots[::2]
    assert room is not None and masked.poses is not None
    poses = masked.poses[::2]
    grown = (replace(w, depth=ndimage.minimum_filter(w.depth, (1, 5, 5))) for w in windows(room, poses, shots))
    scene = pipeline.map_reconstruction(
        Reconstruction(grown, Scale("metric", "sensor", 0.01)),
        Config(),
        pipeline.Diary(),
        labeler=detector(room, shots),
    )
    overlap, match = boxes_against(scene, room, scene.T_map_input @ np.linalg.inv(poses[3]))
    pairs = [(np.sort(room.things[k].size), match[k]) for k in np.flatnonzero(overlap > 0.3)]
    assert len(pairs) > 15
    assert np.median([(np.sort(scene.objects[m].box.size_m) - size).max() for size, m in pairs]) < 0.03


def test_geometry_leaves_out_what_one_view_shows_and_masks_do_not() -> None:
    key = np.stack([a.ravel() for a in np.meshgrid(np.arange(20), np.arange(20), np.arange(30), indexing="ij")], 1)
    voxels = _voxels(key.astype(np.int32), n_views=np.where(key[:, 0] < 8, 1, 2).astype(np.int32))
    part, options = np.flatnonzero(voxels.key[:, 0] < 8), InstanceOptions()
    assert is_large(voxels, part, options) and not is_object(voxels, part, options)
    assert is_object(voxels, np.flatnonzero(voxels.key[:, 0] >= 8), options)


def _voxels(key: np.ndarray, n_views: np.ndarray | None = None) -> Voxels:
    n, at = len(key), (0.02 * (key + 0.5)).astype(np.float32)
    one, sure = np.ones(n, np.int32), np.ones(n, np.float32)
    views, rgb = one if n_views is None else n_views, np.zeros((n, 3), np.uint8)
    return Voxels(0.02, np.zeros(3), key, at, at, at, rgb, 9 * one, views, sure, at, one)


def test_the_side_of_a_thing_at_a_wall_is_its_own_and_what_spilled_beside_it_is_not() -> None:
    x, y, z = (a.ravel() for a in np.meshgrid(np.arange(-9, 30), np.arange(20), np.arange(40), indexing="ij"))
    thing = (x >= 0) & (x < 20) & (y < 12) & (z < 30)
    shell = thing & ((x == 0) | (x == 19) | (y == 11) | (z == 29))
    wall = (y == 0) & ~thing
    key = np.stack([x, y, z], 1)[shell | wall].astype(np.int32)
    key = key[np.lexsort(key.T)]
    voxels = _voxels(key)
    is_room = key[:, 1] < 5  # as far as noise lets surfaces at the wall be wall
    spilled = (key[:, 1] == 0) & (key[:, 0] >= -3) & (key[:, 0] < 23) & (key[:, 2] < 33)
    mine = (key[:, 0] >= 0) & (key[:, 0] < 20) & (key[:, 2] < 30)
    out = masks._tidied(voxels, is_room, np.where(spilled | mine, 0, -1).astype(np.int32))
    assert (out[mine] == 0).mean() > 0.9 and key[out == 0][:, 1].min() == 0
    assert (out[~mine] == -1).all()


def test_regions_join_where_most_views_agree() -> None:
    apart = [[1, 1, 1, 1], [2, 2, 2, 1], [0, 0, 0, 0]]  # merged once in four frames
    assert join_by_views(np.array(apart, np.int32), ONE).tolist() == [0, 1, 2]
    together = [[1, 1, 0, 2], [1, 1, 0, 1], [0, -1, 0, 0]]  # split once, missing once
    assert join_by_views(np.array(together, np.int32), ONE).tolist() == [0, 0, 1]
    once = [[1, 3, -1], [1, -1, 4], [-1, 3, 4]]  # one frame proves nothing of regions that others show too
    assert join_by_views(np.array(once, np.int32), ONE).tolist() == [0, 1, 2]
    assert join_by_views(np.array([[1], [1], [2]], np.int32), ONE).tolist() == [0, 0, 1]  # one picture is all there is
    assert join_by_views(np.zeros((0, 3), np.int32), np.zeros(0, np.int64)).tolist() == []


@pytest.fixture(scope="module")
def plain() -> tuple[Room, np.ndarray, list[Box]]:
    """A room, poses, and the boxes that geometry alone finds."""
    room = make_room(2)
    poses = walk_path(room, 24)
    return room, poses, [o.box for o in mapped(room, poses).objects]


def test_the_room_itself_is_no_object(plain: tuple[Room, np.ndarray, list[Box]]) -> None:
    room, poses, boxes = plain

    def walls(rgb: np.ndarray, index: int) -> FrameDetections:
        wall = render(room, poses[index], K, (240, 320)).thing == -1
        return FrameDetections(wall.astype(np.int32), ("Wall",), (0.8,))

    assert len(boxes) >= 10 and [o.box for o in mapped(room, poses, Labeler("walls", walls)).objects] == boxes


def test_silence_leaves_geometry(plain: tuple[Room, np.ndarray, list[Box]]) -> None:
    room, poses, boxes = plain
    assert [o.box for o in mapped(room, poses, Labeler("silent", lambda rgb, index: None)).objects] == boxes


def write_labels(folder: Path, labeler: Labeler, n: int) -> None:
    folder.mkdir()
    frames = {}
    for i in range(n):
        found = labeler.detect(np.zeros((1, 1, 3), np.uint8), i)
        assert found is not None
        Image.fromarray(found.mask.astype(np.uint16)).save(folder / f"{i}.png")
        things = [{"label": text, "score": score} for text, score in zip(found.labels, found.scores)]
        frames[str(i)] = {"mask": f"{i}.png", "things": things}
    (folder / "labels.json").write_text(json.dumps({"source": "a model", "frames": frames}))


def test_recorded_masks_give_the_objects_of_the_model_that_wrote_them(tmp_path: Path) -> None:
    room = make_room(0)
    poses = walk_path(room, 10)
    shots = [render(room, T, K, (240, 320)) for T in poses]
    write_sevenscenes(tmp_path / "scan", shots)
    write_labels(tmp_path / "labels", detector(room, shots), len(shots))
    m = build(tmp_path / "scan", labeler=f"recorded:{tmp_path / 'labels'}")
    assert {o.labels[0][2] for o in m.objects if o.label} == {"a model"}
    assert sum(o.label == "chair" for o in m.objects) >= 2
    assert all(o.id.startswith(o.label.replace(" ", "_")) for o in m.objects if o.label)
    m.save(tmp_path / "m.cogmap")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"frames": {"x": {}}}', '{"frames": {"0": {"mask": "a.png", "things": [{}]}}}']
)
def test_labels_that_cannot_be_read_say_which_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(InputError, match="E-LABELS.*labels.json"):
        recorded_labeler(tmp_path)
    with pytest.raises(InputError, match="E-LABELS"):
        recorded_labeler(tmp_path / "nowhere")


def test_masks_that_do_not_fit_their_listing(tmp_path: Path) -> None:
    row = {"mask": "0.png", "things": [{"label": "chair"}]}
    rows = {"0": row, "1": {**row, "mask": "../0.png"}, "2": {**row, "mask": "2.png"}, "3": {**row, "mask": "3.png"}}
    (tmp_path / "labels.json").write_text(json.dumps({"frames": rows}))
    Image.fromarray(np.full((4, 4), 2, np.uint8)).save(tmp_path / "0.png")
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "2.png")
    labeler, rgb = recorded_labeler(tmp_path), np.zeros((4, 4, 3), np.uint8)
    for index, message in ((0, "E-DETECTIONS"), (1, "outside"), (2, "one id a pixel"), (3, "cannot read")):
        with pytest.raises(InputError, match=message):
            labeler.detect(rgb, index)
    assert labeler.detect(rgb, 7) is None
    with pytest.raises(InputError, match="score"):
        FrameDetections(np.zeros((2, 2), np.int32), ("a",), (1.5,))
    with pytest.raises(ConfigError, match="recorded:FOLDER"):
        build(tmp_path, config=replace(Config(), labeler="magic"))
