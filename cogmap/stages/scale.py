"""Metres: what the unit of length is, how that is known and how well."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..data.issues import Issue
from ..data.reconstruction import Scale
from ..data.scene import MapObject
from ..errors import ConfigError
from .floor import Floor

GIVEN_SIGMA = 0.03
CEILING_M = (2.0, 4.5)
MOST_APART = 0.15
# of 1,803 annotated boxes of real rooms: the edge that varies least among 25 and more of a kind, by 16 % at most; its
# median in metres and the spread of its logarithm (half of what lies between the 16th and the 84th of a hundred)
KNOWN_EDGES: dict[str, tuple[str, float, float]] = {
    "bathtub": ("height", 0.57, 0.05),
    "bed": ("length", 2.12, 0.05),
    "chair": ("length", 0.55, 0.16),
    "door": ("height", 2.11, 0.10),
    "keyboard": ("length", 0.45, 0.04),
    "refrigerator": ("width", 0.60, 0.14),
    "sofa": ("height", 0.81, 0.15),
    "toilet": ("length", 0.61, 0.12),
    "washer": ("height", 0.86, 0.05),
}
ALSO = {"office chair": "chair", "couch": "sofa", "fridge": "refrigerator", "washing machine": "washer"}
BEYOND = 3.0
LEAST_KNOWN = 3
LEAST_KNOWN_SIGMA = 0.05
CHECKED_BY_SCALE = ("W-SCALE-UNKNOWN", "W-SCALE-ASSUMED", "W-SCALE-CEILING", "W-SCALE-DISAGREES")


def scale_factor(
    scale: Scale, floor: Floor, given_height_m: float | None = None
) -> tuple[float, Scale, tuple[Issue, ...]]:
    """The factor that takes the reconstruction's lengths to map lengths, with its source.

    Args:
        scale: what the reconstruction knows. floor: in its lengths. given_height_m: the user's camera height, if any.

    Raises:
        ConfigError: E-SCALE-NO-FLOOR when a camera height is given but no floor was seen.
    """
    if given_height_m is not None:
        if not floor.proven:
            remedy = "Film the floor too, or build without it and give an object's height: --scale ID.height=0.75."
            raise ConfigError("E-SCALE-NO-FLOOR", "camera-height needs a floor, none was seen.", remedy)
        factor = given_height_m / floor.camera_height
        odds = _disagreement(factor, f"the camera height and the {scale.source}") if scale.kind == "metric" else ()
        return factor, Scale("metric", "camera-height", GIVEN_SIGMA), odds
    if scale.kind == "metric":
        return (1.0, scale, ()) if scale.source != "model" or not floor.proven else fused(scale, floor)
    if not floor.proven:
        effect = "lengths are map units, not metres"
        return 1.0, replace(scale, source="none"), (Issue("W-SCALE-UNKNOWN", 1, "scale", effect),)
    found = floor.metres
    assumed = Scale("metric", "assumed", found.rel_sigma)
    return found.factor, assumed, check_assumed(assumed)


def fused(scale: Scale, floor: Floor) -> tuple[float, Scale, tuple[Issue, ...]]:
    """A model's metres and those of usual heights, weighed by their errors; see `weighed` and `heights.metres_of`.

    Args:
        scale: the model's, with its relative error. floor: proven, in the model's metres.
    """
    found = floor.metres
    other = Scale("metric", "assumed", found.rel_sigma)
    return weighed(scale, found.factor, other, "the model's metres and usual heights over a floor")


def weighed(scale: Scale, ratio: float, other: Scale, between: str) -> tuple[float, Scale, tuple[Issue, ...]]:
    """Two opinions on the metre weighed by their errors: the mean of log scales by inverse variance.

    The error of both is never below half of what they differ by. The source stays that of the first unless things of
    known size weigh more.

    Args:
        ratio: the factor that the other opinion asks for. between: what differs, for a warning.

    Returns:
        The factor to apply, the scale, and a warning where they differ by more than 15 %.
    """
    weight = [1 / scale.rel_sigma**2, 1 / other.rel_sigma**2]
    share = weight[1] / sum(weight)
    sigma = max(sum(weight) ** -0.5, abs(math.log(ratio)) / 2)
    surer = other if other.source == "known-object" and share > 0.5 else scale
    return ratio**share, Scale("metric", surer.source, sigma), _disagreement(ratio, between)


def of_known_objects(objects: Iterable[MapObject]) -> tuple[float, Scale] | None:
    """The factor that gives labelled things whose size varies little their usual size; None for fewer than three.

    The mean of the kinds' median log ratios by inverse variance. Things of one kind are of one make in most rooms, so
    many of them say no more than one does. Things seen in part do not count.
    """
    ratios: dict[str, list[float]] = {}
    for o in objects:
        text = (o.label or "").lower()
        name = ALSO.get(text, text)  # whole labels: a cabinet door is no door
        if name in KNOWN_EDGES and not o.partial:
            edge, usual_m, _ = KNOWN_EDGES[name]
            sides = sorted(o.box.size_m[:2])
            have_m = {"width": sides[0], "length": sides[1], "height": o.box.size_m[2]}[edge]
            ratios.setdefault(name, []).append(math.log(usual_m / have_m))
    if sum(map(len, ratios.values())) < LEAST_KNOWN:
        return None
    off = np.array([np.median(r) for r in ratios.values()])
    weight = np.array([max(KNOWN_EDGES[name][2], LEAST_KNOWN_SIGMA) ** -2 for name in ratios])
    middle = float(np.average(off, weights=weight))
    sigma = max(float(weight.sum()) ** -0.5, float(np.average((off - middle) ** 2, weights=weight)) ** 0.5)
    return math.exp(middle), Scale("metric", "known-object", sigma)


def _disagreement(ratio: float, between: str) -> tuple[Issue, ...]:
    """A warning when two sources of scale differ by more than 15 %."""
    if max(ratio, 1 / ratio) <= 1 + MOST_APART:
        return ()
    return (Issue("W-SCALE-DISAGREES", 1, "scale", f"{between} differ by a factor of {ratio:.2f}"),)


def check_assumed(scale: Scale) -> tuple[Issue, ...]:
    """A warning when the metre is assumed, with its error."""
    if scale.source != "assumed":
        return ()
    return (Issue("W-SCALE-ASSUMED", 1, "scale", f"sizes may be off by {scale.rel_sigma:.0%}"),)


def check_ceiling(scale: Scale, ceiling_m: float | None) -> tuple[Issue, ...]:
    """A warning when the ceiling height of a metric map is not one that rooms have."""
    if scale.kind != "metric" or ceiling_m is None or CEILING_M[0] <= ceiling_m <= CEILING_M[1]:
        return ()
    return (Issue("W-SCALE-CEILING", 1, "scale", f"a ceiling at {ceiling_m:.2f} m is unusual: check the scale"),)
