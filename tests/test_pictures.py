"""The pictures keep their word: numbers on what shows, labels apart, small files, the same bytes again."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cogmap import CognitiveMap
from cogmap.data.scene import SceneMap
from cogmap.errors import ConfigError, InputError
from cogmap.render.anchors import anchors_of, free_spots
from cogmap.render.bev import bev_ids, bev_view
from cogmap.render.elevation_svg import render_elevation
from cogmap.render.marked_frames import mark_spots

from .maps import living_room, map_of
from .references import K, Reference, mapped
from .rooms import make_room, render, walk_path
from .rooms.detector import detector
from .rooms.judge import boxes_against


def furniture(seed: int, n: int, span_m: float) -> SceneMap:
    """n boxes in a square of a room; many lie on or under others."""
    rng = np.random.default_rng(seed)
    rows = []
    for height in rng.uniform(0.2, 1.8, n):
        size = (float(rng.uniform(0.2, 1.2)), float(rng.uniform(0.2, 0.8)), float(height))
        at = (float(rng.uniform(0, span_m)), float(rng.uniform(0, span_m)), float(height / 2))
        rows.append(("thing", at, size, float(rng.uniform(-90, 90))))
    return map_of(*rows)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(3.0, 15.0))
def test_every_anchor_lies_on_its_own_footprint(seed: int, n: int, span_m: float) -> None:
    scene = furniture(seed, n, span_m)
    ids, view = bev_ids(scene, 896), bev_view(scene, 896)
    shown = np.bincount(ids.ravel(), minlength=n + 1)
    for thing, at in zip(scene.objects, anchors_of(scene.objects)):
        u, v = np.floor(view.pixel(at)).astype(int)
        if shown[thing.number] > 60:  # a sliver thinner than a pixel has no middle
            assert ids[v, u] == thing.number


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(1.0, 15.0))
def test_no_two_labels_overlap(seed: int, n: int, span_m: float) -> None:
    scene = furniture(seed, n, span_m)
    view = bev_view(scene, 1792)
    spots = free_spots(view.pixel(anchors_of(scene.objects)), 40.0, 1792)
    apart = np.linalg.norm(spots[:, None] - spots[None], axis=2) + 1e9 * np.eye(n)
    assert apart.min() >= 40.0 - 1e-9 if n > 1 else True
    assert spots.min() >= 20.0 and spots.max() <= 1792 - 20.0


def test_sixty_objects_make_a_small_picture_and_the_same_bytes() -> None:
    m = CognitiveMap(furniture(0, 60, 8.0))
    first = m.to_image("bev", 896)
    assert len(first) < 120_000 and first == m.to_image("bev", 896)
    assert Image.open(io.BytesIO(first)).mode == "P"


def test_the_id_picture_is_for_programs() -> None:
    m = CognitiveMap(living_room())
    ids = np.asarray(Image.open(io.BytesIO(m.to_image("bev", 448, style="ids"))))
    assert ids.shape == (448, 448) and np.array_equal(ids, bev_ids(m.scene, 448))
    lamp, table = m["lamp_1"].number, m["table_1"].number
    assert {0, lamp, table} <= set(np.unique(ids).tolist())  # the lamp stands on the table
    assert m["box_1"].number not in ids  # the box is under it
    with pytest.raises(ConfigError, match="schematic, photo, height, occupancy, ids"):
        m.to_image("bev", style="sepia")


def test_the_elevation_holds_widths_and_heights() -> None:
    scene = living_room()
    shapes = {g.attrib["id"]: g for g in ET.fromstring(render_elevation(scene)).iter("{http://www.w3.org/2000/svg}g")}
    assert list(shapes) != [] and set(shapes) == {o.id for o in scene.objects}
    for thing in scene.objects:
        rect = next(shapes[thing.id].iter("{http://www.w3.org/2000/svg}rect")).attrib
        across = thing.box.floor_corners[:, 0]
        assert float(rect["width"]) == pytest.approx(100 * (across.max() - across.min()), abs=0.1)
        assert float(rect["height"]) == pytest.approx(100 * thing.box.size_m[2], abs=0.1)
    turned = ET.fromstring(render_elevation(scene, "x"))
    assert len(list(turned.iter("{http://www.w3.org/2000/svg}rect"))) == len(scene.objects)
    with pytest.raises(InputError, match="E-AXIS"):
        render_elevation(scene, "z")
    with pytest.raises(InputError, match="E-NO-OBJECTS"):
        render_elevation(map_of())


def numbers_stand_right(ref: Reference) -> None:
    """Numbers in marked frames lie on pixels of the things that the objects of those numbers are."""
    scene, shots = ref.scene, ref.shots
    assert ref.room is not None
    overlap, match = boxes_against(scene, ref.room, ref.T_map_room)
    thing_of = {scene.objects[m].number: k for k, m in enumerate(match) if overlap[k] >= 0.5}
    right = []
    for camera in scene.camera_path:
        for number, (u, v) in mark_spots(scene, camera.frame).items():
            if number in thing_of:
                right.append(shots[camera.index].thing[int(v), int(u)] == thing_of[number])
    assert len(right) > 100 and np.mean(right) >= 0.99
    names = CognitiveMap(scene).mark_frames(["f003", 7])
    assert list(names) == ["f003", "f007"] and names["f003"].shape == (240, 320, 3)
    with pytest.raises(InputError, match="E-FRAME"):
        CognitiveMap(scene).mark_frames(["f999"])


def test_numbers_stand_on_the_pixels_of_their_things(masked: Reference) -> None:
    numbers_stand_right(masked)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 2])
def test_numbers_of_other_rooms_stand_on_the_pixels_of_their_things(seed: int) -> None:
    room = make_room(seed, clutter="middle")
    poses = walk_path(room, 24)
    shots = [render(room, T, K, (240, 320)) for T in poses]
    numbers_stand_right(
        Reference(f"numbers {seed}", CognitiveMap(mapped(room, poses, detector(room, shots))), None, room, poses)
    )
