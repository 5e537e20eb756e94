"""Posed RGB-D in the 7-Scenes layout: `frame-000000.color.jpg|png`, `.depth.png` in mm, `.pose.txt`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .._checks import F64
from ..data.capture import Capture, CaptureFrame, SourceReport
from ..data.issues import Issue, by_share
from ..errors import InputError
from ..geometry.camera import pinhole_K
from ..geometry.rigid import checked_pose
from .ordering import natural_order
from .pictures import read_depth, read_rgb

FPS = 30.0
NOMINAL_COLOR_FOCAL = 525.0
SENSOR_DEPTH_FOCAL = 585.0


def accepts(path: Path) -> bool:
    """A folder with colour, depth and pose files of the same stem."""
    return path.is_dir() and any(path.glob("*.pose.txt")) and any(path.glob("*.depth.png"))


def open_sevenscenes(
    path: Path, intrinsics: tuple[float, float, float, float] | None = None, depth_unit: float | None = None
) -> Capture:
    """Open a folder; poses are camera-to-world of the depth camera, OpenCV axes.

    Raises:
        InputError: E-NO-INTRINSICS, E-POSE-FILE, E-POSE-NOT-RIGID, E-POSE-REFLECTED; E-EMPTY-FOLDER.
    """
    K, unit_m = intrinsics_of(path, intrinsics), depth_unit or 0.001
    stems, poses, losses = _frames(path)
    if not stems:
        raise InputError("E-EMPTY-FOLDER", "no frame has colour, depth and a finite pose.", "Check the folder.", path)
    registered = abs(K[0, 0] - SENSOR_DEPTH_FOCAL) > 1
    if not registered:
        losses.append(
            Issue("W-RGBD-UNREGISTERED", 1, "capture", "colour and depth cameras differ; colours are shifted")
        )

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(stems)) if indices is None else indices:
            yield _read(path, stems[i], i, K, poses[i], registered, unit_m)

    report = SourceReport(
        kind="sevenscenes",
        pose_direction="camera-to-world",
        depth_unit_m=unit_m,
        scale_source="sensor",
        notes=tuple(losses),
    )
    at = np.array([T[:3, 3] for T in poses])
    return Capture(str(path), len(stems), report, frames, posed=True, has_depth=True, positions=at)


def intrinsics_of(path: Path, given: tuple[float, float, float, float] | None) -> F64:
    """Depth intrinsics (3, 3) from the option or `camera-intrinsics.txt`."""
    if given is not None:
        return pinhole_K(*given)
    file = path / "camera-intrinsics.txt"
    try:
        K = np.loadtxt(file).reshape(-1)[:9].reshape(3, 3)
    except (OSError, ValueError) as error:
        remedy = "Add camera-intrinsics.txt (3 x 3) or give --intrinsics fx,fy,cx,cy."
        raise InputError("E-NO-INTRINSICS", "no intrinsics could be read.", remedy, file) from error
    return np.asarray(K, np.float64)


def _frames(path: Path) -> tuple[list[str], list[F64], list[Issue]]:
    """Stems with all three files and a finite pose; the rest is counted."""
    stems, poses, missing, bad = [], [], 0, 0
    for file in natural_order(path.glob("*.pose.txt")):
        stem = file.name[: -len(".pose.txt")]
        if not (path / f"{stem}.depth.png").exists() or _color_file(path, stem) is None:
            missing += 1
            continue
        pose = read_pose(file)
        if pose is None:
            bad += 1
            continue
        stems.append(stem)
        poses.append(pose)
    losses, of = [], missing + bad + len(stems)
    if missing:
        effect = "a colour or depth file is missing"
        losses.append(Issue("W-FRAMES-INCOMPLETE", missing, "capture", effect, by_share(missing, of)))
    if bad:
        losses.append(Issue("W-POSES-DROPPED", bad, "capture", "the pose is not finite", by_share(bad, of)))
    if bad > max(0.5 * (bad + len(stems)), 1):
        raise InputError("E-POSE-FILE", f"{bad} poses are not finite.", "Export the poses again.", path)
    return stems, poses, losses


def read_pose(file: Path) -> F64 | None:
    """A checked (4, 4) pose, or None when it is not finite."""
    try:
        T = np.loadtxt(file).reshape(4, 4)
    except (OSError, ValueError) as error:
        raise InputError("E-POSE-FILE", f"not a 4 x 4 matrix: {error}.", "Export the pose again.", file) from error
    return checked_pose(T, str(file), tolerance=1e-2) if np.isfinite(T).all() else None


def _color_file(path: Path, stem: str) -> Path | None:
    for suffix in (".color.png", ".color.jpg"):
        if (path / f"{stem}{suffix}").exists():
            return path / f"{stem}{suffix}"
    return None


def _read(path: Path, stem: str, i: int, K: F64, pose: F64, registered: bool, unit_m: float) -> CaptureFrame:
    color = _color_file(path, stem)
    rgb = read_rgb(color if color is not None else path / f"{stem}.color.png")
    h, w = rgb.shape[:2]
    nominal = pinhole_K(NOMINAL_COLOR_FOCAL, NOMINAL_COLOR_FOCAL, w / 2, h / 2)
    digits = "".join(c for c in stem if c.isdigit())
    return CaptureFrame(
        index=i,
        time_s=(int(digits) if digits else i) / FPS,
        rgb=rgb,
        depth_m=read_depth(path / f"{stem}.depth.png", unit_m),
        K=K if registered else nominal,
        K_depth=K,
        T_input_cam=pose,
        name=stem,
    )
