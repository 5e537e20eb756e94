"""What labelers hand over besides masks: boxes, arrays, guesses, and the words that users look for."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cogmap import pipeline
from cogmap.building import build
from cogmap.cognitive_map import CognitiveMap
from cogmap.config import Config
from cogmap.data.detections import FrameDetections, Labeler
from cogmap.data.nouns import same_thing, singular
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.data.scene import Box, SceneMap
from cogmap.errors import ConfigError, InputError
from cogmap.label.prompts import parse_objects
from cogmap.label.recorded import labeler_of_arrays, recorded_labeler
from cogmap.label.shape_prior import OTHER, guess_labels, shipped
from cogmap.render.text_metric import parse_metric, render_metric
from cogmap.stages.sightings import masks_of_boxes

from .references import K, windows
from .rooms import Shot, make_room, render, walk_path
from .rooms.detector import detector
from .rooms.judge import boxes_against

ROOM = make_room(3)
POSES = walk_path(ROOM, 40)


@cache
def shots() -> list[Shot]:
    return [render(ROOM, T, K, (240, 320)) for T in POSES]


def mapped(labeler: Labeler, n: int = 40) -> SceneMap:
    reconstruction = Reconstruction(windows(ROOM, POSES[:n], shots()[:n]), Scale("metric", "sensor", 0.01))
    return pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary(), labeler=labeler)


def boxes_of(found: FrameDetections) -> FrameDetections:
    """The true masks of a frame as boxes."""
    assert found.mask is not None
    rows, labels = [], []
    for k, label in enumerate(found.labels, 1):
        v, u = np.nonzero(found.mask == k)
        if len(v):
            rows.append([u.min() / 320, v.min() / 240, (u.max() + 1) / 320, (v.max() + 1) / 240])
            labels.append(label)
    return FrameDetections(None, tuple(labels), (0.9,) * len(labels), np.array(rows).reshape(-1, 4))


@pytest.mark.slow
def test_boxes_alone_find_and_name_most_things() -> None:
    true = detector(ROOM, shots())
    labeler = Labeler("boxes", lambda rgb, i: boxes_of(true.detect(rgb, i)), provenance={"weights": "none"})
    scene = mapped(labeler)
    overlap, match = boxes_against(scene, ROOM, scene.T_map_input @ np.linalg.inv(POSES[3]))
    seen = np.array([max(int((s.thing == k).sum()) for s in shots()) for k in range(len(ROOM.things))]) >= 300
    hit = overlap >= 0.5
    assert hit[seen].mean() >= 0.7
    right = [scene.objects[m].label == ROOM.things[k].label for k, m in enumerate(match) if hit[k]]
    assert np.mean(right) >= 0.8
    assert scene.provenance["weights"] == "none"


def test_depth_cuts_a_thing_out_of_its_box() -> None:
    depth = np.full((40, 40), 4.0, np.float32)
    depth[10:30, 10:30] = 2.0
    camera = np.array([[40.0, 0, 20], [0, 40, 20], [0, 0, 1]])
    image = masks_of_boxes(np.array([[0.1, 0.1, 0.9, 0.9], [0.5, 0.5, 0.7, 0.7]]), depth, camera)
    assert (image[10:20, 10:20] == 1).all() and (image[22:26, 22:26] == 2).all() and image[5, 5] == 0
    assert masks_of_boxes(np.array([[0.0, 0.0, 0.5, 0.5]]), np.zeros((40, 40), np.float32), camera).max() == 0


def test_pictures_are_asked_about_as_many_at_once_as_the_model_takes() -> None:
    true, sizes = detector(ROOM, shots()), []

    def many(pictures: list[np.ndarray], indices: list[int]) -> list[FrameDetections | None]:
        sizes.append(len(pictures))
        return [true.detect(p, i) for p, i in zip(pictures, indices)]

    scene = mapped(Labeler("truth", true.detect, many, 8), 20)
    assert sizes == [8, 8, 4] and sum(o.label is not None for o in scene.objects) >= 10
    with pytest.raises(InputError, match="answers to"):
        mapped(Labeler("short", true.detect, lambda pictures, indices: [], 16))


def test_arrays_and_files_say_the_same(tmp_path: Path) -> None:
    box, mask = np.array([[32.0, 24, 160, 120]]), np.zeros((1, 240, 320), bool)
    mask[0, 24:120, 32:160] = True
    named = SimpleNamespace(xyxy=box, mask=None, confidence=np.array([0.5]), data={"class_name": np.array(["chair"])})
    masked = SimpleNamespace(xyxy=box, mask=mask, confidence=None, class_id=np.array([3]), data={})
    labeler = labeler_of_arrays({0: named, 1: masked}, (320, 240), names={3: "sofa"})
    first, second = labeler.detect(shots()[0].rgb, 0), labeler.detect(shots()[0].rgb, 1)
    assert first is not None and second is not None and labeler.detect(shots()[0].rgb, 2) is None
    assert first.boxes is not None and np.allclose(first.boxes, [[0.1, 0.1, 0.5, 0.5]])
    assert second.mask is not None and (second.mask == mask[0]).all() and second.labels == ("sofa",)
    things = [{"label": "chair", "score": 0.5, "box": [32, 24, 160, 120]}]
    file = tmp_path / "found.json"
    file.write_text(json.dumps({"frames": {"0": {"size": [320, 240], "things": things}}}))
    read = recorded_labeler(file).detect(shots()[0].rgb, 0)
    assert read is not None and read.boxes is not None and np.allclose(read.boxes, first.boxes)


@pytest.mark.parametrize("boxes", [[[0.5, 0, 0.4, 1]], [[0, 0, 2, 1]], [[float("nan"), 0, 1, 1]]])
def test_boxes_that_are_none_are_refused(boxes: list[list[float]]) -> None:
    with pytest.raises(InputError, match="E-DETECTIONS"):
        FrameDetections(None, ("a",), (1.0,), np.array(boxes))
    with pytest.raises(InputError, match="neither"):
        FrameDetections(None, (), ())


def test_users_words_become_prompts_in_the_singular() -> None:
    asked = parse_objects("Chairs, sofa|couch , bookshelves, glasses,boxes")
    assert asked.texts == ("chair", "sofa", "couch", "bookshelve", "glasses", "box") or asked.texts[3] == "bookshelf"
    assert asked.names[:3] == ("chair", "sofa", "sofa")
    assert [singular(w) for w in ("benches", "bus", "dress", "knives", "Tables", "babies")] == [
        "bench", "bus", "dress", "knife", "table", "baby",
    ]  # fmt: skip
    assert same_thing("couches") == same_thing("sofa") == "sofa" and same_thing("trash cans") == "bin"
    with pytest.raises(ConfigError, match="E-OBJECTS"):
        parse_objects(" , ")


def test_guesses_are_probabilities_and_name_nothing(tmp_path: Path) -> None:
    prior = shipped()
    assert OTHER in prior.labels and np.isclose(prior.probabilities(np.zeros((3, 5))).sum(1), 1).all()
    bed, mouse, strange = (
        guess_labels([Box((0, 0, h / 2 + z), (length, w, h), 0.0)])[0]
        for length, w, h, z in [(2.1, 1.5, 0.6, 0), (0.11, 0.07, 0.04, 0.74), (9.0, 0.1, 0.1, 1.0)]
    )
    assert bed[0][0] == "bed" and mouse[0][0] == "computer mouse" and bed[0][2] == "shape-prior"
    assert all(0.1 <= share <= 1 for _, share, _ in (*bed, *mouse, *strange)) and len(strange) <= 3
    file = tmp_path / "boxes.json"
    rows = [
        {"label": "throne", "center_m": [0, 0, 0.45], "size_m": [0.5, 0.5, 0.9]},
        {"center_m": [3, 0, 0.3], "size_m": [2.1, 1.5, 0.6]},
    ]
    file.write_text(json.dumps({"objects": rows}))
    m = build(file, labeler="shape-prior")
    throne, thing = m.objects
    assert throne.labels == (("throne", 1.0, "given"),) and thing.label is None and thing.labels[0][0] == "bed"
    assert m.label("shape-prior").objects == m.objects
    text = render_metric(m.scene)
    assert '"bed?"' in text and "guess" in text and parse_metric(text)[1].label == "bed?"


def test_no_metres_no_guesses() -> None:
    scene = mapped(Labeler("silent", lambda rgb, i: None))
    relative = CognitiveMap(replace(scene, scale=Scale("relative", "none", 0.0)))
    guessed = relative.label("shape-prior")
    assert [o.labels for o in guessed.objects] == [o.labels for o in relative.objects]
    assert guessed.quality.warnings[-1].code == "W-GUESS-NO-SCALE"
