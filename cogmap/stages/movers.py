"""People and animals: where a labeler names them, their depth is taken out before anything is made of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from scipy import ndimage

from .._checks import U8
from ..data.detections import FrameDetections, Labeler
from ..data.frames import FrameStore
from .sightings import answers, sampled

MOVERS = ("person", "man", "woman", "child", "boy", "girl", "baby", "human", "pedestrian", "dog", "cat", "pet")
MANY = {"people": "person", "men": "man", "women": "woman", "children": "child", "babies": "baby"}
NO_MOVERS = ("hot dog",)
WIDER_PX = 3


def hide_movers(store: FrameStore, labeler: Labeler, wanted: Collection[str] = ()) -> tuple[int, Labeler]:
    """Take the depth of what moves out of the store, three pixels more on every side.

    Boxes are too coarse for that: what moves in them is only no object.

    Args:
        wanted: words for things that are looked for and stay, even so.

    Returns:
        In how many frames depth was taken out, and the labeler without what moves.
    """
    hidden = 0
    for stored, found in answers(store, labeler):
        moving = [] if found is None else _moving(found, wanted)
        if found is None or found.mask is None or not moving:
            continue
        hide = np.isin(sampled(found.mask, stored.depth.shape), moving)
        if hide.any():
            store.hide(stored.frame, ndimage.binary_dilation(hide, iterations=WIDER_PX))
            hidden += 1
    return hidden, _without(labeler, wanted)


def _moving(found: FrameDetections, wanted: Collection[str]) -> list[int]:
    """Numbers of the things of a frame that move: by the last word of their label, one or many."""
    asked = {_one(text) for text in wanted}
    return [k for k, text in enumerate(found.labels, 1) if _one(text) in MOVERS and _one(text) not in asked]


def _one(text: str) -> str:
    """The last word of a label, of one thing; nothing for what only sounds like one that moves."""
    name = text.lower().strip()
    last = "" if not name or name in NO_MOVERS else name.split()[-1]
    return MANY.get(last, last[:-1] if last.endswith("s") and last[:-1] in MOVERS else last)


def _without(labeler: Labeler, wanted: Collection[str]) -> Labeler:
    """The labeler, silent about what moves."""

    def told(found: FrameDetections | None) -> FrameDetections | None:
        moving = [] if found is None else _moving(found, wanted)
        if found is None or not moving:
            return found
        if found.mask is not None:
            return replace(found, mask=np.where(np.isin(found.mask, moving), 0, found.mask).astype(np.int32))
        assert found.boxes is not None
        stay = [k for k in range(len(found.labels)) if k + 1 not in moving]
        labels, scores = (tuple(a[k] for k in stay) for a in (found.labels, found.scores))
        return FrameDetections(None, labels, scores, found.boxes[stay])  # type: ignore[arg-type]

    def detect_many(pictures: list[U8], indices: list[int]) -> list[FrameDetections | None]:
        return [told(found) for found in labeler.ask(pictures, indices)]

    return replace(labeler, detect=lambda rgb, index: detect_many([rgb], [index])[0], detect_many=detect_many)
