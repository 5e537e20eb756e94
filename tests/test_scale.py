"""Where metres come from when several sources know them."""

from __future__ import annotations

import math

import pytest

from cogmap.data.reconstruction import Scale
from cogmap.pipeline import DEGRADING
from cogmap.stages.scale import ASSUMED_CAMERA_HEIGHT_M, fused, scale_factor

MODEL = Scale("metric", "model", 0.2)


def test_a_models_metres_are_weighed_with_the_usual_camera_height() -> None:
    factor, scale, losses = scale_factor(MODEL, 1.45)
    assert factor == pytest.approx(1) and losses == () and scale.source == "model"
    assert scale.rel_sigma == pytest.approx((1 / 0.2**2 + 1 / 0.15**2) ** -0.5)
    factor, scale, losses = scale_factor(MODEL, 1.45 / 1.1)
    assert 1.0 < factor < 1.1 and losses == ()


@pytest.mark.parametrize("height", [0.5, 1.1, 1.9, 4.0])
def test_a_disagreement_is_said_and_widens_the_error(height: float) -> None:
    factor, scale, losses = fused(MODEL, height)
    wanted = ASSUMED_CAMERA_HEIGHT_M / height
    assert min(1, wanted) < factor < max(1, wanted)  # between what both say
    assert [x.code for x in losses] == ["W-SCALE-DISAGREES"] and "W-SCALE-DISAGREES" in DEGRADING
    assert scale.rel_sigma >= abs(math.log(wanted)) / 2


def test_a_sensor_is_believed_and_a_given_height_beats_a_model() -> None:
    sensor = Scale("metric", "sensor", 0.01)
    assert scale_factor(sensor, 1.1) == (1.0, sensor, ())
    factor, scale, losses = scale_factor(MODEL, 1.0, 1.5)
    assert factor == 1.5 and scale.source == "camera-height" and losses[0].code == "W-SCALE-DISAGREES"
    assert scale_factor(MODEL, 1.5, 1.5)[2] == () and scale_factor(MODEL, None)[0] == 1.0
