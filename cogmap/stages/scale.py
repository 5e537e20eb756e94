"""Metres: what the unit of length is, how that is known and how well."""

from __future__ import annotations

import math
from dataclasses import replace

from ..data.capture import Loss
from ..data.reconstruction import Scale
from ..errors import ConfigError

ASSUMED_CAMERA_HEIGHT_M = 1.45
ASSUMED_SIGMA = 0.15
GIVEN_SIGMA = 0.03
CEILING_M = (2.0, 4.5)
MOST_APART = 0.15
CHECKED_BY_SCALE = ("W-SCALE-UNKNOWN", "W-SCALE-ASSUMED", "W-SCALE-CEILING", "W-SCALE-DISAGREES")


def scale_factor(
    scale: Scale, camera_height: float | None, given_height_m: float | None = None
) -> tuple[float, Scale, tuple[Loss, ...]]:
    """The factor that takes the reconstruction's lengths to map lengths, with its source.

    Args:
        scale: what the reconstruction knows. camera_height: median height over a proven floor, or None.
        given_height_m: the user's camera height in metres, if any.

    Raises:
        ConfigError: E-SCALE-NO-FLOOR when a camera height is given but no floor is proven.
    """
    if given_height_m is not None:
        if camera_height is None:
            remedy = "Film the floor under your path, or give an object's height instead."
            raise ConfigError("E-SCALE-NO-FLOOR", "camera-height needs a proven floor, none was seen.", remedy)
        factor = given_height_m / camera_height
        odds = _disagreement(factor, f"the camera height and the {scale.source}") if scale.kind == "metric" else ()
        return factor, Scale("metric", "camera-height", GIVEN_SIGMA), odds
    if scale.kind == "metric":
        return (1.0, scale, ()) if scale.source != "model" or camera_height is None else fused(scale, camera_height)
    if camera_height is None:
        effect = "lengths are map units, not metres"
        return 1.0, replace(scale, source="none"), (Loss("W-SCALE-UNKNOWN", 1, "scale", effect),)
    effect = f"sizes may be off by {ASSUMED_SIGMA:.0%}"
    loss = Loss("W-SCALE-ASSUMED", 1, "scale", effect)
    return ASSUMED_CAMERA_HEIGHT_M / camera_height, Scale("metric", "assumed", ASSUMED_SIGMA), (loss,)


def fused(scale: Scale, camera_height: float) -> tuple[float, Scale, tuple[Loss, ...]]:
    """A model's metres and the usual height of a hand-held camera, weighed by their errors.

    The mean of log scales by inverse variance; its error is never below half of what they differ by.

    Args:
        scale: the model's, with its relative error. camera_height: over a proven floor, in the model's metres.
    """
    off = math.log(ASSUMED_CAMERA_HEIGHT_M / camera_height)
    weight = [1 / scale.rel_sigma**2, 1 / ASSUMED_SIGMA**2]
    share = weight[1] / sum(weight)
    sigma = max(sum(weight) ** -0.5, abs(off) / 2)
    losses = _disagreement(math.exp(off), "the model's metres and the usual camera height")
    return math.exp(share * off), Scale("metric", "model", sigma), losses


def _disagreement(ratio: float, between: str) -> tuple[Loss, ...]:
    """A warning when two sources of scale differ by more than 15 %."""
    if max(ratio, 1 / ratio) <= 1 + MOST_APART:
        return ()
    return (Loss("W-SCALE-DISAGREES", 1, "scale", f"{between} differ by a factor of {ratio:.2f}"),)


def check_ceiling(scale: Scale, ceiling_m: float | None) -> tuple[Loss, ...]:
    """A warning when the ceiling height of a metric map is not one that rooms have."""
    if scale.kind != "metric" or ceiling_m is None or CEILING_M[0] <= ceiling_m <= CEILING_M[1]:
        return ()
    return (Loss("W-SCALE-CEILING", 1, "scale", f"a ceiling at {ceiling_m:.2f} m is unusual: check the scale"),)
