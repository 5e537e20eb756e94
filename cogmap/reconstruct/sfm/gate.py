"""The quality gate: whether a sparse model can be trusted, and if not, what to film instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._checks import F64
from ...errors import TrustError
from .features import Features, Match
from .mapping import Problem, intrinsics_are_sound

LEAST_IMAGES = 5
LEAST_SHARE = 0.6
LEAST_OBSERVATIONS = 80
LEAST_POINTS = 300
LEAST_POINTS_POSED = 50
LEAST_WORST = 40  # a camera placed by fewer points is a guess
LEAST_TRACK = 3.0
LEAST_ANGLE_DEG = 2.0
JUMP = 10.0
MOST_JUMPS = 0.02
STILL = 0.004
MOST_PLANAR = 0.8
STEPS, LEAST_STEP = 0.6, 0.05
LEAST_FEATURES = 150
SHORT = 4  # pictures between the ends of a pair that proves a neighbourhood
LEAST_PROOF = 30
MOST_ERROR = 0.01  # of the width


@dataclass(frozen=True)
class Verdict:
    """What a sparse model is worth.

    Attributes:
        broken: the rules it breaks, in words; empty when it can be trusted.
        share: registered share of the pictures. angle_deg: median of the points' largest viewing angle.
        torn: whether look-alike places folded the model onto itself.
    """

    broken: tuple[str, ...]
    share: float
    angle_deg: float
    torn: bool = False


def untorn(verdict: Verdict, model: Any, problem: Problem) -> Verdict:
    """The verdict, broken too where the model tears neighbouring pictures apart."""
    places = tears(model, problem.features, problem.matches)
    if not places:
        return verdict
    text = f"neighbouring pictures torn apart at {len(places)} places, as where two rooms look alike"
    return replace(verdict, broken=(*verdict.broken, text), torn=True)


def judge(model: Any, n_pictures: int, *, posed: bool = False) -> Verdict:
    """Judge a pycolmap model by figures of its own; reprojection error is none of them, it separates nothing.

    Poses that were given need no proof by points: `posed` asks only for enough points to search depth by.
    """
    images = sorted((i for i in model.images.values() if i.has_pose), key=lambda i: i.image_id)
    share = len(images) / n_pictures
    counts = [i.num_points3D for i in images] or [0]
    seen, worst = float(np.median(counts)), float(np.percentile(counts, 10))
    angle = viewing_angle_deg(model)
    rules = {
        f"{len(images)} of {n_pictures} pictures registered": len(images) < LEAST_IMAGES or share < LEAST_SHARE,
        f"{seen:.0f} points a picture": seen < LEAST_OBSERVATIONS,
        f"{worst:.0f} points in the worst tenth of the pictures": worst < LEAST_WORST,
        f"{model.num_points3D()} points in all": model.num_points3D() < LEAST_POINTS,
        f"tracks of {model.compute_mean_track_length():.1f} pictures": model.compute_mean_track_length() < LEAST_TRACK,
        f"viewing angles of {angle:.1f} degrees": angle < LEAST_ANGLE_DEG,
        "a focal length or distortion that no camera has": not intrinsics_are_sound(model),
        "camera positions that jump": _jump_share(images) > MOST_JUMPS,
    }
    if posed:
        few = model.num_points3D() < LEAST_POINTS_POSED
        rules = {f"{model.num_points3D()} points in all": few}
    return Verdict(tuple(text for text, bad in rules.items() if bad), share, angle)


def tears(model: Any, features: Sequence[Features], matches: Sequence[Match]) -> list[int]:
    """Places k where the model tears pictures k and k + 1 apart although what they share says otherwise.

    Look-alike places fold a model onto itself; then verified matches across the fold break the epipolar constraint of
    the model's own cameras. A place counts when three short pairs cross it and most of them are broken.
    """
    pose = {i.image_id - 1: i for i in model.images.values() if i.has_pose}
    crossing: dict[int, list[bool]] = {}
    for m in matches:
        i, j = m.pair
        if j - i <= SHORT and m.n_inliers >= LEAST_PROOF and i in pose and j in pose:
            broken = _epipolar_error_px(model, pose[i], pose[j], features, m) > MOST_ERROR * _width(model, pose[i])
            for k in range(i, j):
                crossing.setdefault(k, []).append(broken)
    return sorted(k for k, broken in crossing.items() if len(broken) >= 3 and np.mean(broken) > 0.5)


def _width(model: Any, image: Any) -> int:
    return int(model.cameras[image.camera_id].width)


def _epipolar_error_px(model: Any, a: Any, b: Any, features: Sequence[Features], m: Match) -> float:
    """Median Sampson error in pixels of a pair's inliers under the model's cameras, distortion left out."""
    K_a, K_b = (np.asarray(model.cameras[i.camera_id].calibration_matrix()) for i in (a, b))
    A, B = (np.vstack([np.asarray(i.cam_from_world().matrix()), [0, 0, 0, 1]]) for i in (a, b))
    T = B @ np.linalg.inv(A)
    x, y, z = T[:3, 3]
    E = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ T[:3, :3]
    F = np.linalg.inv(K_b).T @ E @ np.linalg.inv(K_a)
    rows = np.asarray(m.geometry.inlier_matches)
    p, q = (np.c_[features[k].uv[rows[:, s]].astype(np.float64), np.ones(len(rows))] for s, k in enumerate(m.pair))
    Fp, Fq = p @ F.T, q @ F
    slope = Fp[:, 0] ** 2 + Fp[:, 1] ** 2 + Fq[:, 0] ** 2 + Fq[:, 1] ** 2
    return float(np.median(np.abs((q * Fp).sum(1)) / np.sqrt(np.maximum(slope, 1e-18))))


def viewing_angle_deg(model: Any, most: int = 2000) -> float:
    """Median over points of the largest angle between two rays that see them, in degrees; 0 without points."""
    ids = sorted(model.points3D.keys())
    center = {k: np.asarray(i.projection_center()) for k, i in model.images.items() if i.has_pose}
    angles = []
    for p in ids[:: max(1, len(ids) // most)]:
        point = model.points3D[p]
        rays = np.array([center[e.image_id] for e in point.track.elements]) - np.asarray(point.xyz)
        rays /= np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-12)
        angles.append(np.degrees(np.arccos(np.clip((rays @ rays.T).min(), -1, 1))))
    return float(np.median(angles)) if angles else 0.0


def _jump_share(images: Sequence[Any]) -> float:
    """Share of steps between consecutive pictures that are ten times the median step."""
    at: F64 = np.array([i.projection_center() for i in images if i.has_pose], np.float64).reshape(-1, 3)
    number = np.array([i.image_id for i in images])
    if len(at) < 3:
        return 0.0
    steps = np.linalg.norm(np.diff(at, axis=0), axis=1) / np.maximum(np.diff(number), 1)
    return float((steps > JUMP * max(float(np.median(steps)), 1e-12)).mean())


def stands_still(matches: Sequence[Match]) -> bool:
    """Whether the camera hardly moves: near and far pairs alike shift by less than 0.4 % of the width."""
    moved = [m.moved for m in matches]
    return len(moved) >= 4 and float(np.percentile(moved, 80)) < STILL


def turns_in_place(matches: Sequence[Match]) -> bool:
    """Whether a turn explains nearly every pair; steps along one flat thing are explained by a homography too."""
    turn = [m.planar and (m.stretch < STEPS or m.step < LEAST_STEP) for m in matches]
    return len(matches) >= 4 and float(np.mean(turn)) > MOST_PLANAR


def refuse_motionless(matches: Sequence[Match], path: str) -> None:
    """Raise TrustError E-NO-PARALLAX when the matches alone show that depth cannot be seen."""
    if stands_still(matches):
        raise no_parallax("the camera does not move.", path)
    if turns_in_place(matches):
        raise no_parallax("the camera only turns.", path)


def refuse_few(n: int, path: str) -> None:
    """Raise TrustError E-TOO-FEW-FRAMES below five pictures."""
    if n < LEAST_IMAGES:
        problem = f"{n} frames cannot fix cameras and depth, at least {LEAST_IMAGES} are needed."
        raise TrustError("E-TOO-FEW-FRAMES", problem, "Film longer, or give a capture with depth.", path)


def refusal(features: Sequence[Features], matches: Sequence[Match], verdict: Verdict | None, path: str) -> TrustError:
    """The error that says why no trustworthy model came out, and what to film instead."""
    n = len(features)
    beside = [m for m in matches if m.pair[1] - m.pair[0] == 1]
    why = "; ".join(verdict.broken) if verdict is not None and verdict.broken else "no model came out"
    count = float(np.median([len(f.uv) for f in features]))
    if count < LEAST_FEATURES:
        return _texture(f"{count:.0f} features in the median picture ({why}).", path)
    if stands_still(matches):
        return no_parallax(f"the camera does not move ({why}).", path)
    if len(beside) < 0.5 * (n - 1):
        problem = f"{n - 1 - len(beside)} of {n - 1} neighbouring pictures share nothing ({why})."
        return TrustError("E-NO-OVERLAP", problem, "Film slower: each view must repeat half of the last.", path)
    if turns_in_place(matches) or (verdict is not None and 0 < verdict.angle_deg < LEAST_ANGLE_DEG):
        return no_parallax(f"the camera only turns or hardly moves ({why}).", path)
    inliers = float(np.median([m.n_inliers for m in beside]))
    if inliers < LEAST_OBSERVATIONS:
        return _texture(f"{inliers:.0f} matches between neighbouring pictures ({why}).", path)
    return TrustError("E-NO-OVERLAP", f"the views do not join: {why}.", "Film in one slow walk and return.", path)


def no_parallax(problem: str, path: str) -> TrustError:
    """E-NO-PARALLAX: depth cannot be seen without a step to the side."""
    return TrustError("E-NO-PARALLAX", problem, "Walk while filming; turning in place shows no depth.", path)


def _texture(problem: str, path: str) -> TrustError:
    remedy = "Film closer, in better light, and keep furniture in view; or use a capture with depth."
    return TrustError("E-NO-TEXTURE", problem, remedy, path)
