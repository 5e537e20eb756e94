"""What this machine can do, and whether a model with its weights sees a room that is known."""

from __future__ import annotations

import io
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ._checks import F32, F64, U8
from .data.capture import Capture, CaptureFrame, SourceReport
from .geometry.rigid import apply, rotation_angle
from .geometry.similarity import apply_to_pose, fit_similarity, scale_of
from .reconstruct.choice import suited
from .reconstruct.models import open_model
from .reconstructing import by_model

CLIP = Path(__file__).with_name("doctor_clip.npz")
PACKAGES = (
    "numpy",
    "numba",
    "av",
    "pycolmap",
    "torch",
    "transformers",
    "open3d",
    "rerun-sdk",
    "pytorch3d",
    "numba-cuda",
)
MOST_CAMERA, MOST_DEPTH, MOST_FOCAL = 0.05, 0.10, 0.15
MOST_TURN_DEG = 10.0


@dataclass(frozen=True)
class Known:
    """A short clip whose truth is known: pictures (N, H, W, 3), depth (N, H / 4, W / 4), K (3, 3), poses (N, 4, 4)."""

    rgb: U8
    depth: F32
    K: F64
    T_world_cam: F64


class Verdict(NamedTuple):
    """How far a model is off on the known clip, after a similarity; and whether that is what its kind should reach.

    camera: worst camera over the length of the path, NaN for models that are given poses. turn_deg: worst angle of a
    camera. depth: median relative error. focal: relative error of the median focal length. scale: its unit in metres.
    """

    camera: float
    turn_deg: float
    depth: float
    focal: float
    scale: float
    seconds: float
    passed: bool


def survey(device: str = "auto") -> list[str]:
    """One line a fact: versions, cores, and what `--reconstructor auto` would do with a video and why."""
    lines = [f"python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"]
    lines += [f"{name} {_version(name)}" for name in PACKAGES]
    choice = suited(None, device)
    return [*lines, f"a video would go through {choice.name}: {choice.why}"]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"


@cache
def known_clip() -> Known:
    """The clip that ships with the package: a rendered room."""
    with np.load(CLIP, allow_pickle=False) as data:
        ends = np.cumsum(data["length"])
        files = [data["jpeg"][end - n : end].tobytes() for end, n in zip(ends, data["length"])]
        rgb = np.stack([np.asarray(Image.open(io.BytesIO(f)).convert("RGB")) for f in files])
        depth = (data["depth"] * np.float32(data["depth_step_m"])).astype(np.float32)
        return Known(rgb, depth, data["K"].astype(np.float64), data["T_world_cam"].astype(np.float64))


def judge_model(text: str, device: str = "auto") -> Verdict:
    """Run a model with its weights over the known clip.

    It passes with every camera within 5 % of the path's length and 10 degrees, depth within 10 %, focal length within
    15 %, and metres, where it claims any, within three of its own errors: bounds of sanity that a model with the right
    weights keeps easily and one with the wrong ones, or read the wrong way round, does not.

    Raises:
        MissingDependencyError: E-EXTRA, E-WEIGHTS. TrustError: E-MODEL-OUTPUT.
    """
    model, clip = open_model(text, device), known_clip()
    since = time.perf_counter()
    found = by_model(_capture(clip, posed=model.needs_poses), range(len(clip.rgb)), model)
    windows = list(found.windows)
    seconds = time.perf_counter() - since
    depth = np.concatenate([w.depth for w in windows])
    poses = np.concatenate([w.T_world_cam for w in windows])
    focal = float(np.median([w.K[:, 0, 0].mean() / w.rgb.shape[2] for w in windows]))
    off_focal = abs(focal / (clip.K[0, 0] / clip.rgb.shape[2]) - 1)
    true = clip.T_world_cam[:, :3, 3]
    S = np.eye(4) if model.needs_poses else fit_similarity(poses[:, :3, 3], true)
    length = float(np.linalg.norm(np.diff(true, axis=0), axis=1).sum())
    camera = float(np.linalg.norm(apply(S, poses[:, :3, 3]) - true, axis=1).max()) / length
    fitted = apply_to_pose(S, poses)
    turned = max(rotation_angle(a[:3, :3].T @ b[:3, :3]) for a, b in zip(fitted, clip.T_world_cam))
    unit = scale_of(S)
    off_depth = _depth_error(depth * np.float32(unit), clip.depth)
    passed = camera <= MOST_CAMERA and np.degrees(turned) <= MOST_TURN_DEG
    passed = passed and off_depth <= MOST_DEPTH and off_focal <= MOST_FOCAL
    if found.scale.source == "model":
        passed = passed and abs(unit - 1) <= 3 * model.scale_sigma
    camera = float("nan") if model.needs_poses else camera
    return Verdict(camera, float(np.degrees(turned)), off_depth, off_focal, unit, seconds, bool(passed))


def _depth_error(found: F32, true: F32) -> float:
    """Median relative error of the known depths, sampled where the truth is."""
    rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(true.shape[1:], found.shape[1:]))
    same = found[:, rows][:, :, columns]
    known = (same > 0) & (true > 0)
    return float(np.median(np.abs(same[known] / true[known] - 1))) if known.any() else float("inf")


def _capture(clip: Known, *, posed: bool) -> Capture:
    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(clip.rgb)) if indices is None else indices:
            known = {"K": clip.K, "T_input_cam": clip.T_world_cam[i]} if posed else {}
            yield CaptureFrame(i, float(i), clip.rgb[i], **known)

    return Capture("the known clip", len(clip.rgb), SourceReport("known", scale_source="sensor"), frames, posed=posed)
