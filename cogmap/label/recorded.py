"""Masks and labels that some model wrote down earlier: a folder with `labels.json` and id images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .._checks import U8
from ..data.detections import FrameDetections, Labeler
from ..errors import InputError

REMEDY = 'Write {"source": "...", "frames": {"0": {"mask": "0.png", "things": [{"label": "chair", "score": 0.9}]}}}.'


def recorded_labeler(folder: Path) -> Labeler:
    """The labeler of a folder.

    `labels.json` names under `frames`, by a frame's position in the source, an image `mask` of the folder (8 or 16
    bit, pixel m = thing m, 0 = none, of the field of view of the upright picture in any resolution) and `things`, with
    `label` and perhaps `score`, the first of which is thing 1. Frames that are not listed say nothing. `source` is what
    labels are recorded as coming from.

    Raises:
        InputError: E-LABELS when the listing cannot be read; on use, when an image is missing, outside the folder or
            wrong.
    """
    path = folder / "labels.json"
    try:
        listing = json.loads(path.read_text())
        frames, source = listing["frames"], str(listing.get("source", "recorded"))
        rows = {int(k): (str(row["mask"]), [_thing(t) for t in row["things"]]) for k, row in frames.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("E-LABELS", f"cannot read the labels: {error!r}.", REMEDY, path) from error

    def detect(rgb: U8, index: int) -> FrameDetections | None:
        if index not in rows:
            return None
        name, things = rows[index]
        return FrameDetections(_mask(folder, name), tuple(t[0] for t in things), tuple(t[1] for t in things))

    return Labeler(source, detect)


def _thing(row: Any) -> tuple[str, float]:
    return str(row["label"]), float(row.get("score", 1.0))


def _mask(folder: Path, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError("E-LABELS", f"the mask {name!r} lies outside the folder.", "Name images of the folder.", path)
    try:
        with Image.open(path) as image:
            mask = np.asarray(image)
    except OSError as error:
        raise InputError("E-LABELS", f"cannot read the mask: {error}.", "Write it as PNG.", path) from error
    if mask.ndim != 2 or mask.dtype.kind not in "iu":
        raise InputError(
            "E-LABELS", f"the mask is {mask.dtype} {mask.shape}, not one id a pixel.", "Write grey PNG.", path
        )
    return mask.astype(np.int32)
