"""A feed-forward model over a capture: pictures fitted to it, windows joined, what it is unsure of left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from .._checks import F32, U8, Bool
from ..data.capture import Capture, CaptureFrame, Loss
from ..data.reconstruction import Reconstruction, Scale, Window
from ..errors import ConfigError, TrustError
from ..geometry.camera import scaled_K
from .base import Model, Prediction, checked
from .windows import join, moved, plan

REL_NOISE = 0.02
LEAST_RANK = 0.15
EDGE = 0.06
WORST_SEAM = 0.05


def reconstruct_by_model(capture: Capture, indices: Sequence[int], model: Model) -> Reconstruction:
    """Windows of a capture as a model sees it; given poses and intrinsics are handed to models that take them.

    Memory holds one window and the frames it shares with the next. Lengths are metres only where the model claims them.

    Raises (while the windows are read):
        ConfigError: E-MODEL-POSES for a model that needs poses where there are none.
        TrustError: E-MODEL-OUTPUT, E-TOO-FEW-FRAMES, E-WINDOWS-APART when two windows do not fit together.
    """
    if not indices:
        raise TrustError("E-TOO-FEW-FRAMES", "no frames were chosen.", "Film longer.", capture.path)
    frames = capture.frames(indices)
    windows = plan(len(indices), model.window, model.overlap)
    first = _next_window(frames, [], len(windows[0]))
    if not first:
        raise TrustError("E-TOO-FEW-FRAMES", "no frame could be read.", "Check the files.", capture.path)
    size = fitted_size(first[0].rgb.shape[:2], model)
    posed = model.takes_poses and capture.posed and all(f.K is not None for f in first)
    if model.needs_poses and not posed:
        remedy = "Give posed pictures, or choose da3-small."
        raise ConfigError("E-MODEL-POSES", f"{model.name} finds no cameras itself.", remedy, capture.path)
    found = _predicted(first, model, size, posed)
    scale = Scale("metric", "model", model.scale_sigma) if found.metric else Scale("relative", "none", 0.0)
    return Reconstruction(
        windows=_joined(frames, first, found, windows, model, size, posed),
        scale=scale,
        up_world=capture.gravity_input if posed else None,
        rel_noise=REL_NOISE,
        losses=(Loss("W-MODEL-SCALE", 1, "scale", f"metres as {model.name} sees them"),) if found.metric else (),
        provenance={"reconstructor": model.name, "windows": len(windows), **model.provenance},
    )


def fitted_size(size: tuple[int, int], model: Model) -> tuple[int, int]:
    """(height, width) of pictures of a size for a model: its longer side, both sides multiples, the shape kept."""
    share = model.long_side_px / max(size)
    height, width = (max(1, round(n * share / model.multiple_px)) * model.multiple_px for n in size)
    return height, width


def _next_window(frames: Iterator[CaptureFrame], kept: list[CaptureFrame], n: int) -> list[CaptureFrame]:
    out = list(kept)
    for frame in frames:
        out.append(frame)
        if len(out) == n:
            break
    return out


def _predicted(frames: list[CaptureFrame], model: Model, size: tuple[int, int], posed: bool) -> Prediction:
    """The checked prediction of one window."""
    rgb = np.stack([_resized(f.rgb, size) for f in frames])
    poses = np.stack([np.asarray(f.T_input_cam, np.float64) for f in frames]) if posed else None
    K = None
    if posed:
        shapes = [(f.K, f.rgb.shape) for f in frames]
        K = np.stack([scaled_K(k, size[1] / s[1], size[0] / s[0]) for k, s in shapes if k is not None])
    return checked(model.predict(rgb, poses, K), model.name, len(frames), size)


def _resized(rgb: U8, size: tuple[int, int]) -> U8:
    return np.asarray(Image.fromarray(rgb).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _joined(
    frames: Iterator[CaptureFrame],
    current: list[CaptureFrame],
    found: Prediction,
    windows: list[range],
    model: Model,
    size: tuple[int, int],
    posed: bool,
) -> Iterator[Window]:
    """Every frame once, in the world of the first window."""
    yield _as_window(current, found, 0)
    for before, here in zip(windows, windows[1:]):
        shared = before.stop - here.start
        current = _next_window(frames, current[len(current) - shared :], len(here))
        if len(current) <= shared:  # frames were lost: nothing new is left
            return
        new = _predicted(current, model, size, posed)
        if not posed:
            S, seam = join(found, new, shared)
            if not seam < WORST_SEAM:
                raise TrustError(
                    "E-WINDOWS-APART",
                    f"{model.name}: frames {here.start} to {here.stop - 1} lie {seam:.0%} of their depth off.",
                    "Film more slowly, or use --reconstructor sfm.",
                )
            new = moved(new, S)
        found = new
        yield _as_window(current, found, shared)


def _as_window(frames: list[CaptureFrame], found: Prediction, first: int) -> Window:
    """The frames from `first` on, without the pixels that the model is least sure of and those across edges."""
    part = slice(first, None)
    depth = np.where(trusted(found.depth[part], found.confidence[part]), found.depth[part], 0).astype(np.float32)
    size = depth.shape[1:]
    pictures = [f.rgb for f in frames[part]]
    same = len({p.shape for p in pictures}) == 1
    return Window(
        rgb=np.stack([_resized(p, (size[0], size[1])) for p in pictures]),
        depth=depth,
        confidence=found.confidence[part],
        K=found.K[part],
        T_world_cam=found.T_world_cam[part],
        index=np.array([f.index for f in frames[part]], np.int32),
        time_s=np.array([f.time_s for f in frames[part]]),
        picture=np.stack(pictures) if same else None,
    )


def trusted(depth: F32, confidence: F32) -> Bool:
    """(N, H, W) pixels whose confidence ranks above the lowest 15 % of the window, away from jumps of the depth."""
    sure = confidence >= np.quantile(confidence, LEAST_RANK)
    jump = np.zeros(depth.shape, bool)
    for axis in (1, 2):
        step = np.abs(np.diff(depth, axis=axis)) > EDGE * np.minimum(
            np.take(depth, range(depth.shape[axis] - 1), axis), np.take(depth, range(1, depth.shape[axis]), axis)
        )
        pad = [(0, 0)] * 3
        pad[axis] = (0, 1)
        jump |= np.pad(step, pad)
        pad[axis] = (1, 0)
        jump |= np.pad(step, pad)
    return np.asarray(sure & ~jump & (depth > 0))
