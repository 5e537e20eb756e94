"""Depth and poses are given: nothing to reconstruct, only to check and register."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .._checks import F32, F64, U8
from ..data.capture import Capture, CaptureFrame
from ..data.reconstruction import Reconstruction, Scale, Window
from ..errors import InputError, TrustError
from .registered import colour_pixels

SENSOR_SIGMA = 0.01
MOST_BAD = 0.05
ABSURD_M = 1e9


def reconstruct_measured(capture: Capture, indices: Sequence[int]) -> Reconstruction:
    """Windows of one frame each from a posed RGB-D capture, lengths in metres unless its report names no scale.

    Raises (while the windows are read):
        InputError: E-POSE-CONVENTION, E-NO-INTRINSICS. TrustError: E-TOO-MANY-BAD-POINTS, over 5 % not finite.
    """
    metric = capture.report.scale_source != "none"
    return Reconstruction(
        windows=_windows(capture, indices),
        scale=Scale("metric", "sensor", SENSOR_SIGMA) if metric else Scale("relative", "none", 0.0),
        up_world=capture.gravity_input,
        losses=(),
        provenance={"reconstructor": "measured", "model": None},
    )


def _windows(capture: Capture, indices: Sequence[int]) -> Iterator[Window]:
    for frame in capture.frames(indices):
        depth = checked_depth(frame)
        K = frame.K_depth if frame.K_depth is not None else frame.K
        if K is None or frame.T_input_cam is None:
            raise InputError("E-NO-INTRINSICS", "a frame lacks intrinsics or pose.", "Give --intrinsics.", frame.name)
        yield Window(
            rgb=registered_rgb(frame, depth, K)[None],
            depth=depth[None],
            confidence=(depth > 0).astype(np.float32)[None],
            K=K[None],
            T_world_cam=frame.T_input_cam[None],
            index=np.array([frame.index], np.int32),
            time_s=np.array([frame.time_s]),
            instance_id=None if frame.instance_id is None else frame.instance_id[None],
        )


def checked_depth(frame: CaptureFrame) -> F32:
    """The depth of a frame with every invalid pixel at 0.

    Raises:
        InputError: E-POSE-CONVENTION (mostly negative). TrustError: E-TOO-MANY-BAD-POINTS.
    """
    depth = np.array(frame.depth_m, np.float32)
    bad = ~np.isfinite(depth) | (np.abs(np.nan_to_num(depth)) > ABSURD_M)
    if bad.mean() > MOST_BAD:
        raise TrustError(
            "E-TOO-MANY-BAD-POINTS", f"{bad.mean():.0%} of the depth is not finite.", "Export it again.", frame.name
        )
    depth[bad] = 0
    if (depth < 0).sum() > max((depth > 0).sum(), 1):
        remedy = "The camera looks along -z there (OpenGL): flip y and z of the poses and give positive depth."
        raise InputError("E-POSE-CONVENTION", "most depths are negative.", remedy, frame.name)
    depth[depth < 0] = 0
    return depth


def registered_rgb(frame: CaptureFrame, depth: F32, K_depth: F64) -> U8:
    """Colour of every depth pixel (h, w, 3): through the depth where both cameras are known, else resized."""
    at = colour_pixels(frame, depth, K_depth)
    return _resized(frame.rgb, *depth.shape) if at is None else np.asarray(frame.rgb[at[1], at[0]])


def _resized(rgb: U8, h: int, w: int) -> U8:
    from PIL import Image

    if rgb.shape[:2] == (h, w):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((w, h), Image.Resampling.BILINEAR))
