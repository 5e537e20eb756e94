"""Masks, boxes and labels that some model wrote down earlier: a folder or file of detections."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .._checks import F64, U8
from ..data.detections import FrameDetections, Labeler
from ..errors import InputError

REMEDY = (
    'Write {"source": "...", "frames": {"0": {"mask": "0.png", "things": [{"label": "chair", "score": 0.9}]}}}, '
    'or boxes: {"size": [640, 480], "things": [{"label": "chair", "box": [10, 20, 90, 200]}]}.'
)


@dataclass(frozen=True)
class _Row:
    """One frame of a listing."""

    mask: str | None
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    boxes: F64 | None


def recorded_labeler(place: Path) -> Labeler:
    """The labeler of a folder with `labels.json`, or of such a file.

    It names under `frames`, by a frame's position in the source, `things` with `label` and perhaps `score`, and either
    an image `mask` of the folder (8 or 16 bit, pixel m = thing m from 1, 0 = none, of the field of view of the upright
    picture in any resolution), or a `box` for each thing: left, top, right, bottom in pixels of a picture of `size`
    (width, height), or in shares of it where no size is told. Frames that are not listed say nothing. `source` is what
    labels are recorded as coming from.

    Raises:
        InputError: E-LABELS when the listing cannot be read; on use, when an image is missing, outside the folder or
            wrong.
    """
    path = place / "labels.json" if place.is_dir() or not place.suffix else place
    try:
        listing = json.loads(path.read_text())
        frames, source = listing["frames"], str(listing.get("source", "recorded"))
        rows = {int(k): _row(row) for k, row in frames.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("E-LABELS", f"cannot read the labels: {error!r}.", REMEDY, path) from error

    def detect(rgb: U8, index: int) -> FrameDetections | None:
        if index not in rows:
            return None
        row = rows[index]
        mask = None if row.mask is None else _mask(path.parent, row.mask)
        return FrameDetections(mask, row.labels, row.scores, row.boxes)

    return Labeler(source, detect, of_source=True)


def _row(row: Any) -> _Row:
    things = row["things"]
    labels = tuple(str(t["label"]) for t in things)
    scores = tuple(float(t.get("score", 1.0)) for t in things)
    if "mask" in row:
        return _Row(str(row["mask"]), labels, scores, None)
    boxes = in_shares(np.array([t["box"] for t in things], np.float64).reshape(-1, 4), row.get("size", (1.0, 1.0)))
    kept = inside(boxes)
    return _Row(None, tuple(labels[k] for k in kept), tuple(scores[k] for k in kept), boxes[kept])


def inside(boxes: F64) -> list[int]:
    """Positions of the boxes (M, 4) of which something is left inside the picture."""
    return np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(1)).tolist()


def in_shares(boxes: F64, size: Any) -> F64:
    """Boxes (M, 4) of a picture of `size` (width, height) as shares of it, cut at its edges."""
    width, height = (float(v) for v in size)
    return np.asarray(np.clip(boxes / [width, height, width, height], 0.0, 1.0))


def labeler_of_arrays(
    found: Mapping[int, Any], size: tuple[int, int], source: str = "arrays", names: Mapping[int, str] | None = None
) -> Labeler:
    """The labeler of detections held in memory, by a frame's position in the source.

    Args:
        found: objects with the arrays of supervision's `Detections`: `xyxy` (M, 4) pixels, `mask` (M, H, W) bool or
            None, `confidence` (M,) or None, and `data["class_name"]` (M,) or `class_id` (M,).
        size: width and height of the pictures in pixels. names: text of each class id.
    """
    rows = {index: _of_arrays(arrays, size, names or {}) for index, arrays in found.items()}
    return Labeler(source, lambda rgb, index: rows.get(index), of_source=True)


def _of_arrays(arrays: Any, size: tuple[int, int], names: Mapping[int, str]) -> FrameDetections:
    boxes = np.asarray(arrays.xyxy, np.float64).reshape(-1, 4)
    said = (getattr(arrays, "data", None) or {}).get("class_name")
    ids = getattr(arrays, "class_id", None)
    if said is None:
        said = [""] * len(boxes) if ids is None else [names.get(int(k), f"class {int(k)}") for k in ids]
    sure = getattr(arrays, "confidence", None)
    scores = tuple(1.0 if sure is None else float(sure[k]) for k in range(len(boxes)))
    labels = tuple(str(text) for text in said)
    masks = getattr(arrays, "mask", None)
    if masks is None:
        cut = in_shares(boxes, size)
        kept = inside(cut)
        return FrameDetections(None, tuple(labels[k] for k in kept), tuple(scores[k] for k in kept), cut[kept])
    return FrameDetections(id_image(np.asarray(masks, bool)), labels, scores)


def id_image(masks: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """(H, W) int32 of masks (M, H, W): m + 1 where mask m is, smaller masks over larger ones."""
    image = np.zeros(masks.shape[1:], np.int32)
    for k in np.argsort(-masks.sum((1, 2)), kind="stable"):
        image[masks[k]] = k + 1
    return image


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
