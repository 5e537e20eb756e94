"""Classical cameras with learned depth, each depth at the scale of the stereo depth that it must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from .._checks import F32
from ..data.issues import Issue
from ..data.reconstruction import Reconstruction, Window
from ..errors import TrustError
from ..geometry.camera import scaled_K
from .base import Model, Prediction, asked
from .feed_forward import fitted_size, resized, trusted

LEAST_PX = 200
WORST_SPREAD = 0.1
AGREES = 0.05
LEARNED_CONFIDENCE = 0.5


def with_learned_depth(found: Reconstruction, model: Model) -> Reconstruction:
    """A reconstruction of posed windows whose holes are filled by a model's depth.

    The scale of a frame is the median ratio of its known depths to the model's. A frame whose ratios spread by more
    than a tenth (median absolute deviation), or that has fewer than 200 known pixels, keeps what it had: such frames
    are counted as W-MODEL-REJECTED. Where both know a depth and agree within 5 % the measured one stays; where they do
    not agree, the measured one if over half of its neighbours confirm it, else neither.
    """
    rejected = [0, 0]

    def late() -> tuple[Issue, ...]:
        before = found.late_losses()
        note = f"of {rejected[1]} frames: {model.name} does not fit their stereo depth"
        return (*before, Issue("W-MODEL-REJECTED", rejected[0], "reconstruct", note)) if rejected[0] else before

    told = {**found.provenance, "reconstructor": f"{found.provenance.get('reconstructor')}+{model.name}"}
    return replace(
        found,
        windows=_filled(found.windows, model, rejected),
        provenance={**told, **model.provenance},
        late_losses=late,
    )


def _filled(windows: Iterator[Window], model: Model, rejected: list[int]) -> Iterator[Window]:
    """The same windows with filled depth; as many frames at once as the model takes."""
    waiting: list[Window] = []
    for window in windows:
        if waiting and (window.rgb.shape != waiting[0].rgb.shape or sum(len(w.index) for w in waiting) >= model.window):
            yield from _answered(waiting, model, rejected)
            waiting = []
        waiting.append(window)
    if waiting:
        yield from _answered(waiting, model, rejected)


def _answered(windows: list[Window], model: Model, rejected: list[int]) -> Iterator[Window]:
    pictures = [p for w in windows for p in (w.rgb if w.picture is None else w.picture)]
    size = fitted_size(pictures[0].shape[:2], model)
    rgb = resized(pictures, size)
    height, width = windows[0].rgb.shape[1:3]
    K = np.stack([scaled_K(k, size[1] / width, size[0] / height) for w in windows for k in w.K])
    poses = np.concatenate([w.T_world_cam for w in windows])
    given = (poses, K) if model.needs_poses or (model.takes_poses and len(poses) > 1) else (None, None)
    try:
        learned = _at_size(asked(model, rgb, given[0], given[1], size), (height, width))
    except TrustError:  # what the model says of these is of no use: they keep what they had
        learned = np.zeros((len(rgb), height, width), np.float32)
    first = 0
    for window in windows:
        here = slice(first, first + len(window.index))
        first = here.stop
        yield _fused(window, learned[here], rejected)


def _at_size(said: Prediction, size: tuple[int, int]) -> F32:
    """The model's trusted depth (N, H, W) on the pixels of the windows; nearest, so that edges stay edges."""
    depth = np.where(trusted(said.depth, said.confidence), said.depth, 0).astype(np.float32)
    smaller = (size[1], size[0])
    return np.stack([np.asarray(Image.fromarray(d).resize(smaller, Image.Resampling.NEAREST)) for d in depth])


def _fused(window: Window, learned: F32, rejected: list[int]) -> Window:
    depth, confidence = window.depth.copy(), window.confidence.copy()
    for k in range(len(depth)):
        rejected[1] += 1
        scale = fitted_scale(window.depth[k], learned[k])
        if scale is None:
            rejected[0] += 1
            continue
        other = learned[k] * np.float32(scale)
        both = (depth[k] > 0) & (other > 0)
        off = np.abs(other - depth[k]) > AGREES * depth[k]
        depth[k][both & off & (confidence[k] <= LEARNED_CONFIDENCE)] = 0
        filled = (window.depth[k] == 0) & (other > 0)
        depth[k][filled], confidence[k][filled] = other[filled], LEARNED_CONFIDENCE
    return replace(window, depth=depth, confidence=confidence)


def fitted_scale(known: F32, learned: F32) -> float | None:
    """How much longer known depths (H, W) are than learned ones; None where too few are known or ratios spread."""
    both = (known > 0) & (learned > 0)
    if both.sum() < LEAST_PX:
        return None
    ratio = known[both] / learned[both]
    middle = float(np.median(ratio))
    return middle if np.median(np.abs(ratio - middle)) <= WORST_SPREAD * middle else None
