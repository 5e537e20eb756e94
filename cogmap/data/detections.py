"""What a labeler says about one picture: masks or boxes, their labels and scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .._checks import F64, I32, U8, shaped
from ..errors import InputError


@dataclass(frozen=True)
class FrameDetections:
    """The things of one frame: as masks that do not overlap, or as boxes that depth turns into masks.

    Attributes:
        mask: (H, W) int32, 0 = none, m = thing m of this frame; of the field of view of the picture, in any resolution.
            None where there are boxes only.
        labels: text of thing 1, 2, ...; "" where it has none. scores: 0..1 of each.
        boxes: (M, 4) float64 left, top, right, bottom of every thing in shares of width and height, or None.
    """

    mask: I32 | None
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    boxes: F64 | None = None

    def __post_init__(self) -> None:
        if self.mask is None and self.boxes is None:
            raise InputError("E-DETECTIONS", "a frame has neither masks nor boxes.", "Give one of them.")
        most, least = len(self.labels), 0
        if self.mask is not None:
            shaped("mask", self.mask, "H", "W")
            most, least = int(self.mask.max(initial=0)), int(self.mask.min(initial=0))
        if len(self.scores) != len(self.labels) or most > len(self.labels) or least < 0:
            raise InputError(
                "E-DETECTIONS",
                f"a mask image with numbers to {most} has {len(self.labels)} labels and {len(self.scores)} scores.",
                "Number masks from 1 and give each a label and a score.",
            )
        if not all(np.isfinite(s) and 0 <= s <= 1 for s in self.scores):
            raise InputError("E-DETECTIONS", "a score is not within 0 and 1.", "Give probabilities.")
        if self.boxes is not None:
            self._check_boxes(self.boxes)

    def _check_boxes(self, boxes: F64) -> None:
        shaped("boxes", boxes, len(self.labels), 4)
        known = np.nan_to_num(boxes, nan=-1.0)
        if known.min(initial=0) < 0 or known.max(initial=1) > 1 or (boxes[:, 2:] <= boxes[:, :2]).any():
            raise InputError(
                "E-DETECTIONS", "a box lies outside the picture or is empty.", "Give shares of width and height."
            )


@dataclass(frozen=True)
class Labeler:
    """Something that finds things in pictures.

    Attributes:
        name: what maps record as the source of a label.
        detect: called with a picture (H, W, 3) uint8 and its position in the source; None where it has nothing to say.
        detect_many: the same for `batch` pictures at once, where the model is faster that way.
        provenance: what the map records of the model: weights, licence.
        of_source: whether it speaks of the pictures of the source, which another camera than that of the depth may have
            taken, and not of the picture that it is shown.
    """

    name: str
    detect: Callable[[U8, int], FrameDetections | None]
    detect_many: Callable[[list[U8], list[int]], list[FrameDetections | None]] | None = None
    batch: int = 1
    provenance: dict[str, str] = field(default_factory=dict)
    of_source: bool = False

    def ask(self, pictures: list[U8], indices: list[int]) -> list[FrameDetections | None]:
        """What it says about some pictures. Raises InputError E-DETECTIONS for more or fewer answers."""
        if self.detect_many is None:
            return [self.detect(picture, index) for picture, index in zip(pictures, indices)]
        found = self.detect_many(pictures, indices)
        if len(found) != len(pictures):
            problem = f"{len(found)} answers to {len(pictures)} pictures."
            raise InputError("E-DETECTIONS", problem, "Answer for each.")
        return found
