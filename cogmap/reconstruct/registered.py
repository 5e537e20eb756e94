"""From a colour camera to the camera of the depth beside it: colours, masks and boxes by one rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._checks import F32, F64, I32, U8
from ..data.capture import Capture, CaptureFrame
from ..data.detections import FrameDetections, Labeler
from ..geometry.camera import project, unproject
from ..geometry.rigid import apply

LEAST_PIXELS = 8


def colour_pixels(frame: CaptureFrame, depth: F32, K_depth: F64) -> tuple[I32, I32] | None:
    """Column and row (h, w) in the colour picture of every depth pixel, or None where one camera took both.

    Pixels without depth go by the depth of the frame's median; what falls outside goes to the nearest edge.
    """
    if frame.K is None or (frame.K_depth is None and frame.T_rgb_depth is None):
        return None
    filled = np.where(depth > 0, depth, np.median(depth[depth > 0]) if (depth > 0).any() else 1.0)
    xyz = unproject(filled.astype(np.float32), K_depth)
    uv, _ = project(apply(frame.T_rgb_depth, xyz) if frame.T_rgb_depth is not None else xyz, frame.K)
    height, width = frame.rgb.shape[:2]
    column = np.clip(np.nan_to_num(uv[..., 0]).astype(np.int32), 0, width - 1)
    row = np.clip(np.nan_to_num(uv[..., 1]).astype(np.int32), 0, height - 1)
    return column, row


def registered_labeler(labeler: Labeler, capture: Capture) -> Labeler:
    """A labeler of the source's pictures that answers for the pictures of the depth camera.

    Masks and boxes stand where the colours stand: every depth pixel takes what was said of its colour's pixel.
    """

    def detect(rgb: U8, index: int) -> FrameDetections | None:
        found = labeler.detect(rgb, index)
        frame = None if found is None else next(iter(capture.frames([index])), None)
        if found is None or frame is None or frame.depth_m is None:
            return found
        K = frame.K_depth if frame.K_depth is not None else frame.K
        depth = np.maximum(np.nan_to_num(np.asarray(frame.depth_m, np.float32)), 0)
        at = None if K is None else colour_pixels(frame, depth, K)
        if at is None or _same(at, frame.rgb.shape[:2]):
            return found
        return _moved(found, at, frame.rgb.shape[:2])

    return replace(labeler, detect=detect, detect_many=None)


def _same(at: tuple[I32, I32], size: tuple[int, int]) -> bool:
    """Whether every pixel stays within a pixel of where a resize would put it."""
    h, w = at[0].shape
    column, row = (np.arange(w) + 0.5) * size[1] / w, (np.arange(h) + 0.5) * size[0] / h
    return bool(
        (np.abs(at[0] + 0.5 - column) <= max(1.0, size[1] / w)).mean() > 0.99
        and (np.abs(at[1] + 0.5 - row[:, None]) <= max(1.0, size[0] / h)).mean() > 0.99
    )


def _moved(found: FrameDetections, at: tuple[I32, I32], size: tuple[int, int]) -> FrameDetections:
    """Masks and boxes of a colour picture of a size (height, width) on the pixels of the depth."""
    mask = None
    if found.mask is not None:
        rows = at[1] * found.mask.shape[0] // size[0]
        columns = at[0] * found.mask.shape[1] // size[1]
        mask = found.mask[rows, columns]
    if found.boxes is None:
        return FrameDetections(mask, found.labels, found.scores)
    h, w = at[0].shape
    boxes, kept = [], []
    u, v = (at[0] + 0.5) / size[1], (at[1] + 0.5) / size[0]
    for k, (left, top, right, bottom) in enumerate(found.boxes):
        inside = (u >= left) & (u <= right) & (v >= top) & (v <= bottom)
        if inside.sum() >= LEAST_PIXELS:
            y, x = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
            boxes.append([x[0] / w, y[0] / h, (x[-1] + 1) / w, (y[-1] + 1) / h])
            kept.append(k)
    if mask is not None:
        return FrameDetections(mask, found.labels, found.scores)
    labels, scores = tuple(found.labels[k] for k in kept), tuple(found.scores[k] for k in kept)
    return FrameDetections(None, labels, scores, np.array(boxes, np.float64).reshape(-1, 4))
