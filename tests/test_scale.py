"""Where metres come from when several sources know them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import cogmap
from cogmap.data.reconstruction import Scale
from cogmap.edit import scaled_by_known_objects
from cogmap.stages.floor import Floor
from cogmap.stages.heights import CAMERA_M, CAMERA_SIGMA
from cogmap.stages.scale import fused, of_known_objects, scale_factor

from .maps import map_of
from .rooms import make_room, render, walk_path

MODEL = Scale("metric", "model", 0.2)
UNSEEN = Floor(0.0, False, -np.inf)


def at(height: float) -> Floor:
    """A floor that is sure, cameras at a height over it, nothing else level."""
    return Floor(0.0, True, 3.0, camera_height=height)


def test_a_models_metres_are_weighed_with_the_usual_camera_height() -> None:
    factor, scale, losses = scale_factor(MODEL, at(1.45))
    assert factor == pytest.approx(1) and losses == () and scale.source == "model"
    assert scale.rel_sigma == pytest.approx((1 / 0.2**2 + 1 / CAMERA_SIGMA**2) ** -0.5, rel=0.01)
    factor, scale, losses = scale_factor(MODEL, at(1.45 / 1.1))
    assert 1.0 < factor < 1.1 and losses == ()


@pytest.mark.parametrize("height", [0.5, 1.1, 1.9, 4.0])
def test_a_disagreement_is_said_and_widens_the_error(height: float) -> None:
    factor, scale, losses = fused(MODEL, at(height))
    wanted = CAMERA_M / height
    assert min(1, wanted) < factor < max(1, wanted)  # between what both say
    assert [(x.code, x.severity) for x in losses] == [("W-SCALE-DISAGREES", "degraded")]
    assert scale.rel_sigma >= 0.999 * abs(math.log(wanted)) / 2


def test_a_sensor_is_believed_and_a_given_height_beats_a_model() -> None:
    sensor = Scale("metric", "sensor", 0.01)
    assert scale_factor(sensor, at(1.1)) == (1.0, sensor, ())
    factor, scale, losses = scale_factor(MODEL, at(1.0), 1.5)
    assert factor == 1.5 and scale.source == "camera-height" and losses[0].code == "W-SCALE-DISAGREES"
    assert scale_factor(MODEL, at(1.5), 1.5)[2] == () and scale_factor(MODEL, UNSEEN)[0] == 1.0


def furnished(f: float, beds: int = 1, chairs: int = 2) -> cogmap.data.scene.SceneMap:
    """Beds and chairs of the usual size, all lengths times f, in metres that are assumed."""
    rows = [("bed", (3.0 * k, 0.0, 0.3), (2.12 * f, 1.5 * f, 0.6 * f), 0.0) for k in range(beds)]
    rows += [("office chair", (k, 3.0, 0.45), (0.55 * f, 0.5 * f, 0.9 * f), 0.0) for k in range(chairs)]
    scene = map_of(*rows, ("shelf", (5.0, 5.0, 0.9), (0.9, 0.3, 1.8), 0.0))
    return replace(scene, scale=Scale("metric", "assumed", 0.15))


def test_things_of_known_size_tell_the_metre() -> None:
    found = of_known_objects(furnished(0.8).objects)
    assert found is not None
    assert found[0] == pytest.approx(1 / 0.8) and found[1] == Scale("metric", "known-object", found[1].rel_sigma)
    assert 0.04 < found[1].rel_sigma < 0.06
    many = of_known_objects(furnished(0.8, 0, 40).objects)
    assert many is not None and many[1].rel_sigma == pytest.approx(
        0.16
    )  # forty chairs of one make know no more than one
    assert of_known_objects(furnished(0.8, 0, 2).objects) is None
    seen_in_part = [replace(o, partial=True) for o in furnished(0.8).objects]
    assert of_known_objects(seen_in_part) is None


def test_known_sizes_are_weighed_with_what_was_assumed_and_never_with_what_was_measured() -> None:
    before = furnished(0.8)
    after = scaled_by_known_objects(before)
    factor = after.objects[0].box.size_m[0] / before.objects[0].box.size_m[0]
    assert 1.2 < factor < 1.25 and after.scale.source == "known-object"
    assert "W-SCALE-DISAGREES" in {w.code for w in after.quality.warnings} and after.quality.status == "degraded"
    wild = scaled_by_known_objects(furnished(0.4))
    assert wild.objects[0].box == furnished(0.4).objects[0].box and wild.scale.source == "assumed"
    assert "W-SCALE-DISAGREES" in {w.code for w in wild.quality.warnings}
    near = scaled_by_known_objects(furnished(0.9, 0, 4))  # chairs alone know less than the height of the camera
    assert near.scale.source == "assumed"
    assert {w.code: w.effect for w in near.quality.warnings}["W-SCALE-ASSUMED"].endswith(f"{near.scale.rel_sigma:.0%}")
    for kept in (
        Scale("metric", "sensor", 0.01),
        Scale("metric", "camera-height", 0.03),
        Scale("relative", "none", 0.0),
    ):
        assert scaled_by_known_objects(replace(before, scale=kept)).objects is not None
        assert scaled_by_known_objects(replace(before, scale=kept)).scale == kept


def test_a_build_with_labels_and_no_metres_takes_them_from_its_things() -> None:
    room = make_room(3)
    K = np.array([[260.0, 0, 160], [0, 260, 120], [0, 0, 1]])
    shots = [render(room, T, K, (240, 320)) for T in walk_path(room, 30, height=1.1)]
    rgb, depth = np.stack([s.rgb for s in shots]), 0.37 * np.stack([s.depth for s in shots])
    poses = np.stack([s.T_world_cam for s in shots])
    poses[:, :3, 3] *= 0.37
    masks = np.maximum(np.stack([s.thing for s in shots]) + 1, 0)
    labels = [t.label for t in room.things]
    told, bare = (
        cogmap.build_arrays(rgb, depth, K, poses, metric=False, masks=masks, labels=names)
        for names in (labels, ["thing"] * len(labels))
    )
    scales = [0.37 * np.cbrt(np.linalg.det(m.scene.T_map_input[:3, :3])) for m in (told, bare)]
    assert bare.scale.source == "assumed" and abs(math.log(scales[1])) < 2 * bare.scale.rel_sigma < 0.3
    assert abs(math.log(scales[1])) < 0.1 < math.log(CAMERA_M / 1.1)  # tables and seats outweigh a camera held low
    assert abs(math.log(scales[0])) < 2 * told.scale.rel_sigma < 2 * bare.scale.rel_sigma
