"""People and animals: where a labeler names them, their depth is taken out before anything is made of it."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from scipy import ndimage

from ..data.detections import Labeler
from ..data.frames import FrameStore
from .sightings import answers, image_of

MOVERS = frozenset(
    [
        "person",
        "people",
        "man",
        "men",
        "woman",
        "women",
        "child",
        "children",
        "boy",
        "girl",
        "baby",
        "human",
        "pedestrian",
        "dog",
        "cat",
        "pet",
    ]
)
WIDER_PX = 3


def hide_movers(store: FrameStore, labeler: Labeler, wanted: Set[str] = frozenset()) -> int:
    """Take the depth of what moves out of the store, three pixels more on every side; in how many frames it was.

    Args:
        wanted: words for things that are looked for and stay, even so.
    """
    hidden = 0
    for stored, found in answers(store, labeler):
        words = () if found is None else [text.lower().split()[-1:] for text in found.labels]
        moving = [k for k, last in enumerate(words, 1) if MOVERS.intersection(last) - wanted]
        if found is None or not moving:
            continue
        hide = np.isin(image_of(found, stored.depth, stored.K), moving)
        if hide.any():
            store.hide(stored.frame, ndimage.binary_dilation(hide, iterations=WIDER_PX))
            hidden += 1
    return hidden
