"""The gate that every posed capture with depth passes before a map is made of it.

What is certain is corrected and told, what is not is refused with the option that mends it, and what only does not fit
is told with its size. What no data can tell (one factor on depth and poses alike within what rooms are, red for blue)
is listed in docs/conventions.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from .._checks import F64, Bool
from ..data.capture import Capture, CaptureFrame
from ..data.issues import Issue
from ..errors import ConfigError, InputError
from ..geometry.conventions import conventions
from .plausible import BETTER, Guess, Verdict, judged, precise_factor, sights, spread

POSES_IN_METRES = ("tum", "sevenscenes", "npz", "arrays", "open3d")
LEAST_FIT = 0.25
CLEAR_FIT, CLEARLY_BETTER = 0.4, 0.2
FACTOR_OFF, FOCAL_OFF, CENTRE_OFF = np.log(1.045), np.log(1.06), 0.05
CENTRE_BEYOND, CENTRE_FAR = 0.5, 0.2
ALONE, CROWD = 0.5, 0.42
DEPTHS_M = {"object": (0.02, 3.0), "room": (0.2, 20.0), "building": (0.2, 50.0), "street": (0.5, 200.0)}
JUMP, LEAST_JUMP_M = 12.0, 1.0
STEPS, END_STEPS, NEAR_STEPS = 4.0, 8.0, 4.0


@dataclass(frozen=True)
class Checked:
    """A capture that may be mapped: its frames as they are meant, which of them to use, and what was found."""

    capture: Capture
    indices: tuple[int, ...]
    issues: tuple[Issue, ...]


def checked(
    capture: Capture, indices: Sequence[int], *, trusted: Sequence[str] = (), place: str | None = None
) -> Checked:
    """Check poses, cameras and depth of the chosen frames against one another.

    Args:
        trusted: options that the user gave ("--depth-unit", "--convention", "--intrinsics"): these are never overruled.
        place: what the capture shows: "object", "room", "building", "street", or None for a room or building.

    Raises:
        InputError: E-POSE-CONVENTION, E-DEPTH-UNIT, E-INTRINSICS, each with what fits.
    """
    issues = list[Issue]()
    kept, lost = near_ones(capture, indices)
    if lost:
        effect = f"the camera of {lost} of {len(indices)} frames jumps far away from all others"
        issues.append(Issue("W-POSES-DROPPED", lost, "capture", effect, "degraded"))
    picked = [kept[k] for k in spread(len(kept))]
    frames = list(capture.frames(picked))
    check_unit(capture, frames, place)
    issues += check_centre(frames)
    seen = sights(frames)
    if len(seen) < 2:
        return Checked(capture, tuple(kept), tuple(issues))
    verdict = judged(seen)
    alone = [picked[k] for k in _alone(verdict)] if len(seen) == len(picked) else []
    if alone:
        effect = f"depth of {len(alone)} of {len(picked)} frames fits no other: their poses are lost"
        issues.append(Issue("W-POSES-DROPPED", len(alone), "capture", effect, "degraded"))
        kept = [i for i in kept if i not in alone]
    if abs(np.log(verdict.best.factor)) > FACTOR_OFF:
        alike = Guess(factor=verdict.best.factor, pose=verdict.best.pose)  # cameras are left as they are or refused
        verdict = replace(verdict, best=replace(verdict.best, factor=precise_factor(frames, alike)))
    mended, more = _mended(capture, frames[0], verdict, trusted)
    return Checked(mended, tuple(kept), (*issues, *more))


def near_ones(capture: Capture, indices: Sequence[int]) -> tuple[list[int], int]:
    """Frames whose camera is near another one, and how many are not: tracking that was lost throws them far away."""
    if capture.positions is None or len(indices) < 4:
        return list(indices), 0
    at = capture.positions[list(indices)]
    nearest = np.asarray(cKDTree(at).query(at, k=2)[0])[:, 1]  # the first is the camera itself
    usual = float(np.quantile(nearest, 0.75))
    far = nearest > max(JUMP * usual, LEAST_JUMP_M if capture.report.scale_source != "none" else 0.0)
    if capture.ordered:
        far |= _jumps(at)
    if far.mean() > 0.25:  # a few cameras that stand far apart, not a walk
        return list(indices), 0
    return [i for i, gone in zip(indices, far) if not gone], int(far.sum())


def _jumps(at: F64) -> Bool:
    """Which of the cameras (N, 3) of a walk are far from both neighbours, though these are near one another."""
    step = np.linalg.norm(np.diff(at, axis=0), axis=1)
    usual = float(np.median(step))
    before, after = np.append(np.inf, step), np.append(step, np.inf)
    over = np.full(len(at), 0.0)
    over[1:-1] = np.linalg.norm(at[2:] - at[:-2], axis=1)
    least = np.where(np.isinf(before) | np.isinf(after), END_STEPS, STEPS) * usual
    return np.asarray((np.minimum(before, after) > np.maximum(least, 1e-9)) & (over < NEAR_STEPS * usual + 1e-9))


def check_unit(capture: Capture, frames: Sequence[CaptureFrame], place: str | None = None) -> None:
    """Whether depth that claims to be metres is as far as things in a place are, in the middle one of its frames.

    Raises:
        InputError: E-DEPTH-UNIT.
    """
    depths = [np.nan_to_num(f.depth_m, posinf=0) for f in frames if f.depth_m is not None]
    middles = [float(np.median(d[d > 0])) for d in depths if (d > 0).any()]
    if capture.report.scale_source == "none" or not middles:
        return
    median, (low, high) = float(np.median(middles)), DEPTHS_M.get(place or "", DEPTHS_M["room"])
    if low <= median <= high:
        return
    likely = "millimetres read as metres" if median > high else "metres divided by 1000"
    remedy = f"These look like {likely}: give --depth-unit, the depth in metres, or --place."
    name = frames[0].name or capture.path
    raise InputError("E-DEPTH-UNIT", f"median depth is {median:.4g} m, expected {low:g} to {high:g}.", remedy, name)


def check_centre(frames: Sequence[CaptureFrame]) -> list[Issue]:
    """Whether the principal point lies where cameras have it: near the middle of the picture.

    Raises:
        InputError: E-INTRINSICS where it lies outside the picture.
    """
    worst, where = 0.0, ""
    for f in frames:
        for K, pixels in ((f.K_depth, f.depth_m), (f.K, f.rgb)):
            if K is None or pixels is None:
                continue
            h, w = pixels.shape[:2]
            off = max(abs(K[0, 2] / w - 0.5), abs(K[1, 2] / h - 0.5))
            if off > worst:
                worst, where = float(off), f"({K[0, 2]:.0f}, {K[1, 2]:.0f}) in {w} x {h} pixels"
    if worst > CENTRE_BEYOND:
        raise InputError(
            "E-INTRINSICS",
            f"the principal point lies outside the picture: {where}.",
            "Give --intrinsics.",
            frames[0].name,
        )
    if worst > CENTRE_FAR:
        effect = f"the principal point {where} is far from the middle: the intrinsics may be of other pictures"
        return [Issue("W-INTRINSICS-DISAGREE", 1, "capture", effect, measured=round(worst, 3), expected=0.0)]
    return []


def _alone(verdict: Verdict) -> list[int]:
    """Positions of frames that fit no other, where the others fit."""
    fit = np.array(verdict.per_frame)
    known = fit[np.isfinite(fit)]
    if len(known) < 5 or float(np.median(known)) < ALONE or verdict.best.pose:
        return []
    lost = np.flatnonzero(np.isfinite(fit) & (fit < min(CROWD, 0.6 * float(np.median(known)))))
    return lost.tolist() if len(lost) <= 0.2 * len(known) else []


def _mended(
    capture: Capture, first: CaptureFrame, verdict: Verdict, trusted: Sequence[str]
) -> tuple[Capture, list[Issue]]:
    """The capture as its numbers are meant, or a refusal that says how they fit."""
    best, gain = verdict.best, verdict.fit - verdict.as_read
    told = {"measured": round(verdict.as_read, 3), "expected": round(max(verdict.fit, 0.5), 3)}
    if verdict.pairs < 3 or (verdict.fit < LEAST_FIT and gain < CLEARLY_BETTER):
        if verdict.pairs < 3:
            return capture, []
        effect = f"depth of one frame reappears in others in {verdict.as_read:.0%} of the pixels that they share"
        return capture, [Issue("W-POSES-DISAGREE", verdict.pairs, "capture", effect, **told)]  # type: ignore[arg-type]
    if gain < BETTER:
        return capture, []
    said = f"depth and poses agree in {verdict.as_read:.0%} of the shared pixels as read, in {verdict.fit:.0%}"
    issues = list[Issue]()
    if best.pose:
        if verdict.fit < CLEAR_FIT or gain < CLEARLY_BETTER or "--convention" in trusted:
            raise InputError(
                "E-POSE-CONVENTION", f"{said} otherwise.", f"Likely {best.pose}: see --convention.", first.name
            )
        effect = f"{said} with {best.pose}"
        issues.append(Issue("W-CAMERA-CONVERTED", 1, "capture", effect, **told))  # type: ignore[arg-type]
    _check_cameras(best, first, said)
    factor = best.factor if abs(np.log(best.factor)) > FACTOR_OFF else 1.0
    if factor != 1.0:
        unit = capture.report.depth_unit_m
        rate = f"{factor:.3f}" if unit is None else f"{factor:.3f} (--depth-unit {unit * factor:.6g})"
        if capture.report.kind not in POSES_IN_METRES and capture.report.scale_source != "none":
            remedy = f"Give --depth-unit, or poses in metres: the factor between them is {rate}."
            raise InputError("E-DEPTH-UNIT", f"{said} with another unit of depth.", remedy, first.name)
        if "--depth-unit" in trusted:
            effect = f"{said} with depth times {factor:.3f}: the depth unit that was given does not fit the poses"
            return _with(capture, best, 1.0), [
                *issues,
                Issue("W-DEPTH-DISAGREES", 1, "capture", effect, measured=factor),
            ]
        effect = f"depth is multiplied by {rate}: {said} then; the unit of the poses is believed"
        issues.append(Issue("W-DEPTH-SCALED", 1, "capture", effect, measured=round(factor, 4), expected=1.0))
    return _with(capture, best, factor), issues


def _check_cameras(best: Guess, first: CaptureFrame, said: str) -> None:
    """Raise E-INTRINSICS where another focal length or centre fits clearly better."""
    K = first.K_depth if first.K_depth is not None else first.K
    off = max(abs(best.shift[0]), abs(best.shift[1]))
    if K is None or first.depth_m is None or (abs(np.log(best.focal)) <= FOCAL_OFF and off <= CENTRE_OFF):
        return
    h, w = first.depth_m.shape
    fx, fy = K[0, 0] * best.focal, K[1, 1] * best.focal
    cx, cy = K[0, 2] + best.shift[0] * w, K[1, 2] + best.shift[1] * h
    what = "focal length" if abs(np.log(best.focal)) > FOCAL_OFF else "principal point"
    remedy = f"Give the calibration; about --intrinsics {fx:.0f},{fy:.0f},{cx:.0f},{cy:.0f} of the depth fits."
    raise InputError("E-INTRINSICS", f"{said} with another {what}.", remedy, first.name)


def _with(capture: Capture, guess: Guess, factor: float) -> Capture:
    """The capture with its poses turned and its depth multiplied as was found."""
    if not guess.pose and factor == 1.0:
        return capture
    mend = conventions()[guess.pose] if guess.pose else None

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for f in capture.frames(indices):
            T = f.T_input_cam if mend is None or f.T_input_cam is None else mend(f.T_input_cam)
            depth = None if f.depth_m is None else (f.depth_m * np.float32(factor)).astype(np.float32)
            yield replace(f, T_input_cam=T, depth_m=depth)

    return replace(capture, frames=frames, positions=None)


def as_stored(capture: Capture, convention: str) -> Capture:
    """The capture with its poses read by another convention than its format's: "opencv", "opengl", also "-w2c".

    Raises:
        ConfigError: E-OPTION for a capture without poses.
    """
    if not capture.posed:
        raise ConfigError("E-OPTION", "--convention needs a capture with poses.", "Leave it out.", capture.path)
    axes, _, direction = convention.partition("-")
    read_axes = capture.report.camera_convention
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    inverted = (direction == "w2c") != (capture.report.pose_direction == "world-to-camera")

    def meant(T: F64) -> F64:
        stored = np.asarray(T @ flip if read_axes == "opengl" else T, np.float64)
        stored = np.asarray(np.linalg.inv(stored), np.float64) if inverted else stored
        return np.asarray(stored @ flip if axes == "opengl" else stored, np.float64)

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for f in capture.frames(indices):
            yield f if f.T_input_cam is None else replace(f, T_input_cam=meant(f.T_input_cam))

    report = replace(capture.report, camera_convention=axes, pose_direction="as given by the user")
    return replace(capture, frames=frames, report=report, positions=None)
