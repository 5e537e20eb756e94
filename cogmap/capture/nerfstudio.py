"""nerfstudio's `transforms.json`: posed pictures with OpenGL cameras, sometimes depth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F64
from ..data.capture import Capture, CaptureFrame, Loss, SourceReport
from ..errors import InputError
from ..geometry.camera import pinhole_K, scaled_K
from ..geometry.lens import undistorted
from ..geometry.rigid import checked_pose
from .ordering import natural_key
from .pictures import read_depth, read_picture

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE")


@dataclass(frozen=True)
class Listed:
    """One frame of the file: picture, depth or None, pose (OpenCV axes), K, distortion (k1, k2, p1, p2)."""

    file: Path
    depth: Path | None
    T: F64
    K: F64
    lens: tuple[float, float, float, float]
    size: tuple[int, int] | None


def accepts(path: Path) -> bool:
    """A `transforms.json`, or a folder that holds one."""
    return (path / "transforms.json").is_file() if path.is_dir() else path.name.endswith("transforms.json")


def open_nerfstudio(path: Path) -> Capture:
    """Open the pictures that exist; poses are camera-to-world with OpenGL axes and become OpenCV.

    `applied_transform` and `applied_scale` stay as they are: the input frame is the file's own.

    Raises:
        InputError: E-TRANSFORMS (not readable), E-CAMERA-MODEL (fisheye and others), E-NO-INTRINSICS,
            E-POSE-NOT-RIGID, E-POSE-REFLECTED, E-FOLDER-EMPTY (no listed picture exists).
    """
    file = path / "transforms.json" if path.is_dir() else path
    data = _data(file)
    rows = sorted((f for f in data["frames"]), key=lambda f: natural_key(str(f.get("file_path", ""))))
    listed = [_listed(file, data, row) for row in rows]
    there = [x for x in listed if x.file.exists()]
    if not there:
        raise InputError(
            "E-FOLDER-EMPTY", f"none of {len(listed)} listed pictures exists.", "Move it beside them.", file
        )
    deep = all(x.depth is not None and x.depth.exists() for x in there)
    unit = float(data.get("depth_unit_scale_factor", 0.001))
    report = SourceReport(
        kind="nerfstudio",
        camera_convention="opengl",
        pose_direction="camera-to-world",
        depth_unit_m=unit if deep else None,
        scale_source="sensor" if deep else "none",
        notes=tuple(_notes(data, len(listed) - len(there))),
    )

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(there)) if indices is None else indices:
            yield _frame(there[i], i, unit if deep else None)

    return Capture(str(path), len(there), report, frames, posed=True, has_depth=deep)


def _data(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(data.get("frames"), list):
            raise ValueError("no list of frames")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError("E-TRANSFORMS", f"cannot be read: {error}.", "Export it again.", file) from error
    model = str(data.get("camera_model", "OPENCV"))
    if model not in MODELS:
        remedy = f"Undistort the pictures first, or export one of {', '.join(MODELS)}."
        raise InputError("E-CAMERA-MODEL", f"camera model {model} is not read.", remedy, file)
    return dict(data)


def _listed(file: Path, data: dict[str, Any], row: dict[str, Any]) -> Listed:
    picture = file.parent / str(row.get("file_path", ""))
    if not picture.suffix and picture.with_suffix(".png").exists():
        picture = picture.with_suffix(".png")
    depth = row.get("depth_file_path")
    try:
        T = np.array(row["transform_matrix"], np.float64).reshape(-1, 4)
        T = T if len(T) == 4 else np.vstack([T, [0, 0, 0, 1]])
    except (KeyError, ValueError) as error:
        raise InputError("E-TRANSFORMS", f"{picture.name} has no pose: {error}.", "Export it again.", file) from error
    lens = tuple(float(row.get(k, data.get(k, 0.0))) for k in ("k1", "k2", "p1", "p2"))
    K, size = _intrinsics(file, data, row)
    pose = checked_pose(T, f"{file} frame {picture.name}", tolerance=1e-3) @ OPENGL
    return Listed(picture, None if depth is None else file.parent / depth, pose, K, lens[:4], size)  # type: ignore[arg-type]


def _intrinsics(file: Path, data: dict[str, Any], row: dict[str, Any]) -> tuple[F64, tuple[int, int] | None]:
    def value(name: str) -> float | None:
        found = row.get(name, data.get(name))
        return None if found is None else float(found)

    w, h, fx = value("w"), value("h"), value("fl_x")
    angle = value("camera_angle_x")
    if fx is None and angle is not None and w is not None:
        fx = 0.5 * w / float(np.tan(angle / 2))
    if fx is None or (w is None and value("cx") is None):
        raise InputError("E-NO-INTRINSICS", "neither fl_x nor camera_angle_x with w.", "Add fl_x, cx, cy, w, h.", file)
    fy = value("fl_y") or fx
    cx = value("cx") if value("cx") is not None else (w or 0) / 2
    cy = value("cy") if value("cy") is not None else (h or 0) / 2
    size = (int(w), int(h)) if w is not None and h is not None else None
    return pinhole_K(fx, fy, float(cx or 0.0), float(cy or 0.0)), size


def _notes(data: dict[str, Any], missing: int) -> list[Loss]:
    notes = []
    if missing:
        notes.append(Loss("W-FRAMES-INCOMPLETE", missing, "capture", "listed pictures do not exist"))
    if "applied_transform" in data or "applied_scale" in data:
        notes.append(
            Loss("W-APPLIED-TRANSFORM", 1, "capture", "the input frame is that of the file, after its transform")
        )
    return notes


def _frame(row: Listed, i: int, unit: float | None) -> CaptureFrame:
    rgb, usable, _ = read_picture(row.file)
    K = row.K if row.size is None else scaled_K(row.K, rgb.shape[1] / row.size[0], rgb.shape[0] / row.size[1])
    rgb = undistorted(rgb, K, *row.lens)
    depth, K_depth = None, None
    if unit is not None and row.depth is not None:
        depth = read_depth(row.depth, unit)
        K_depth = scaled_K(K, depth.shape[1] / rgb.shape[1], depth.shape[0] / rgb.shape[0])
    return CaptureFrame(i, float(i), rgb, depth, K, K_depth, T_input_cam=row.T, usable=usable, name=row.file.name)
