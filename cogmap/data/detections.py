"""What a labeler says about one picture: masks, their labels and scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._checks import I32, U8, shaped
from ..errors import InputError


@dataclass(frozen=True)
class FrameDetections:
    """The things of one frame; masks do not overlap.

    Attributes:
        mask: (H, W) int32, 0 = none, m = thing m of this frame; of the field of view of the picture, in any resolution.
        labels: text of thing 1, 2, ...; "" where it has none. scores: 0..1 of each.
    """

    mask: I32
    labels: tuple[str, ...]
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        shaped("mask", self.mask, "H", "W")
        most = int(self.mask.max(initial=0))
        if len(self.scores) != len(self.labels) or most > len(self.labels) or self.mask.min(initial=0) < 0:
            raise InputError(
                "E-DETECTIONS",
                f"a mask image with numbers to {most} has {len(self.labels)} labels and {len(self.scores)} scores.",
                "Number masks from 1 and give each a label and a score.",
            )
        if not all(np.isfinite(s) and 0 <= s <= 1 for s in self.scores):
            raise InputError("E-DETECTIONS", "a score is not within 0 and 1.", "Give probabilities.")


@dataclass(frozen=True)
class Labeler:
    """Something that finds things in pictures.

    Attributes:
        name: what maps record as the source of a label.
        detect: called with a picture (H, W, 3) uint8 and its position in the source; None where it has nothing to say.
    """

    name: str
    detect: Callable[[U8, int], FrameDetections | None]
