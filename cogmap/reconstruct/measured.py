"""Depth and poses are given: nothing to reconstruct, only to check and register."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .._checks import F32, F64, U8
from ..data.capture import Capture, CaptureFrame, Loss
from ..data.reconstruction import Reconstruction, Scale, Window
from ..errors import InputError, TrustError
from ..geometry.camera import project, scaled_K, unproject
from ..geometry.conventions import conventions
from ..geometry.rigid import apply

SENSOR_SIGMA = 0.01
PLAUSIBLE_M = (0.2, 20.0)
MOST_BAD = 0.05
ABSURD_M = 1e9
CLEAR_AGREEMENT = 0.75
DEPTH_UNITS = {"feet read as metres": 0.3048, "metres read as feet": 1 / 0.3048, "centimetres read as metres": 0.01}


def reconstruct_measured(capture: Capture, indices: Sequence[int]) -> Reconstruction:
    """Windows of one frame each from a posed RGB-D capture, lengths in metres unless its report names no scale.

    Raises (while the windows are read):
        InputError: E-DEPTH-UNIT when the depths cannot be metres; E-DEPTH-BAD, over 5 % not finite.
    """
    metric = capture.report.scale_source != "none"
    return Reconstruction(
        windows=_windows(capture, indices, metric),
        scale=Scale("metric", "sensor", SENSOR_SIGMA) if metric else Scale("relative", "none", 0.0),
        up_world=capture.gravity_input,
        losses=(),
        provenance={"reconstructor": "measured", "model": None},
    )


def _windows(capture: Capture, indices: Sequence[int], metric: bool) -> Iterator[Window]:
    for frame in capture.frames(indices):
        depth = checked_depth(frame, metric=metric)
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


def checked_depth(frame: CaptureFrame, *, metric: bool = True) -> F32:
    """The depth of a frame with every invalid pixel at 0; where it claims to be metres, of a length that rooms have.

    Raises:
        InputError: E-DEPTH-UNIT, E-POSE-CONVENTION (mostly negative). TrustError: E-TOO-MANY-BAD-POINTS.
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
    if metric and (depth > 0).any():
        _check_unit(float(np.median(depth[depth > 0])), frame.name)
    return depth


def _check_unit(median: float, name: str) -> None:
    if PLAUSIBLE_M[0] <= median <= PLAUSIBLE_M[1]:
        return
    likely = "millimetres read as metres" if median > PLAUSIBLE_M[1] else "metres divided by 1000"
    remedy = f"These look like {likely}: give the depth in metres, or set the unit."
    raise InputError("E-DEPTH-UNIT", f"median depth is {median:.4g} m, expected 0.2 to 20.", remedy, name)


def registered_rgb(frame: CaptureFrame, depth: F32, K_depth: F64) -> U8:
    """Colour of every depth pixel (h, w, 3): through the depth where both cameras are known, else resized.

    Pixels without depth take the colour at the depth of the frame's median.
    """
    h, w = depth.shape
    if frame.K is None or (frame.K_depth is None and frame.T_rgb_depth is None):
        return _resized(frame.rgb, h, w)
    filled = np.where(depth > 0, depth, np.median(depth[depth > 0]) if (depth > 0).any() else 1.0)
    xyz = unproject(filled.astype(np.float32), K_depth)
    uv, _ = project(apply(frame.T_rgb_depth, xyz) if frame.T_rgb_depth is not None else xyz, frame.K)
    column = np.clip(np.nan_to_num(uv[..., 0]).astype(int), 0, frame.rgb.shape[1] - 1)
    row = np.clip(np.nan_to_num(uv[..., 1]).astype(int), 0, frame.rgb.shape[0] - 1)
    return np.asarray(frame.rgb[row, column])


def _resized(rgb: U8, h: int, w: int) -> U8:
    from PIL import Image

    if rgb.shape[:2] == (h, w):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((w, h), Image.Resampling.BILINEAR))


def check_poses(pairs: Sequence[tuple[CaptureFrame, CaptureFrame]]) -> tuple[Loss, ...]:
    """Check that depth and poses agree: the depth of one frame must reappear in another that sees the same.

    Where it does not, the same is tried with poses inverted, with every proper signed permutation of the camera's
    axes, and with depth in other units; when one of those fits clearly better the capture is refused.

    Raises:
        InputError: E-POSE-CONVENTION or E-DEPTH-UNIT, with what fits.
    """
    as_read = _agreement(pairs, _as_read)
    if as_read >= CLEAR_AGREEMENT or not pairs:
        return ()
    others = {name: _agreement(pairs, fix) for name, fix in conventions().items()}
    units = {name: _agreement(pairs, _as_read, factor) for name, factor in DEPTH_UNITS.items()}
    best = max(others, key=lambda k: others[k])
    unit = max(units, key=lambda k: units[k])
    if max(others[best], units[unit]) > as_read + 0.25:
        right = max(others[best], units[unit])
        problem = f"depth and poses agree in {as_read:.0%} of the pixels as read, {right:.0%} otherwise."
        if units[unit] >= others[best]:
            raise InputError("E-DEPTH-UNIT", problem, f"Likely {unit}: give the depth in metres.", pairs[0][0].name)
        raise InputError("E-POSE-CONVENTION", problem, f"Likely {best}.", pairs[0][0].name)
    if as_read < 0.25:
        effect = f"neighbouring depth maps agree in only {as_read:.0%} of the shared pixels"
        return (Loss("W-POSES-DISAGREE", len(pairs), "reconstruct", effect),)
    return ()


def _as_read(T: F64) -> F64:
    return T


def _agreement(
    pairs: Sequence[tuple[CaptureFrame, CaptureFrame]], fix: Callable[[F64], F64], depth_factor: float = 1.0
) -> float:
    """Median over pairs of the share of shared pixels whose depths agree within 5 %."""
    shares = []
    for a, b in pairs:
        if a.T_input_cam is None or b.T_input_cam is None or a.depth_m is None or b.depth_m is None:
            continue
        K = a.K_depth if a.K_depth is not None else a.K
        if K is None:
            continue
        T_b_a = np.linalg.inv(fix(b.T_input_cam)) @ fix(a.T_input_cam)
        T_b_a[:3, 3] /= depth_factor
        share = _shared(np.ascontiguousarray(a.depth_m[4::8, 4::8]), b.depth_m, K, np.asarray(T_b_a))
        shares += [] if share is None else [share]
    return float(np.median(shares)) if shares else 0.0


def _shared(depth_a: F32, depth_b: F32, K: F64, T_b_a: F64) -> float | None:
    thin = scaled_K(K, 1 / 8, 1 / 8)
    xyz = unproject(depth_a, thin)[depth_a > 0]
    uv, z = project(apply(T_b_a, xyz), K)
    h, w = depth_b.shape
    with np.errstate(invalid="ignore"):
        inside = (z > 0) & (uv[:, 0] >= 0) & (uv[:, 1] >= 0) & (uv[:, 0] < w) & (uv[:, 1] < h)
    if inside.sum() < 0.1 * max(len(xyz), 1):
        return 0.0 if len(xyz) else None
    d = depth_b[uv[inside, 1].astype(int), uv[inside, 0].astype(int)]
    known = d > 0
    return float((np.abs(d - z[inside])[known] < 0.05 * z[inside][known]).mean()) if known.any() else None
