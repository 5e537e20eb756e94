"""nerfstudio's `transforms.json`: posed pictures with OpenGL cameras, sometimes depth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F64
from ..data.capture import Capture, CaptureFrame, SourceReport
from ..data.issues import Issue, by_share
from ..errors import InputError
from ..geometry.camera import pinhole_K, scaled_K
from ..geometry.lens import Lens, undistorted, undistorted_nearest
from ..geometry.rigid import checked_pose
from .listed import listed_file
from .ordering import natural_key
from .pictures import fitted_K, read_depth, read_picture

ROUNDED = 1e-2
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
# COLMAP's name for each model, and the coefficients it takes, in its order
MODELS = {
    "OPENCV": ("OPENCV", ("k1", "k2", "p1", "p2")),
    "PINHOLE": ("OPENCV", ()),
    "SIMPLE_PINHOLE": ("OPENCV", ()),
    "PERSPECTIVE": ("OPENCV", ("k1", "k2", "p1", "p2")),
    "SIMPLE_RADIAL": ("OPENCV", ("k1",)),
    "RADIAL": ("OPENCV", ("k1", "k2")),
    "FULL_OPENCV": ("FULL_OPENCV", ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")),
    "OPENCV_FISHEYE": ("OPENCV_FISHEYE", ("k1", "k2", "k3", "k4")),
    "FISHEYE": ("OPENCV_FISHEYE", ("k1", "k2", "k3", "k4")),
}
COEFFICIENTS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2", "sx1", "sy1", "s1", "s2", "s3", "s4")
FRAME_KEYS = {"file_path", "transform_matrix", "depth_file_path", "mask_path", "colmap_im_id", "w", "h", "fl_x", "fl_y",
              "cx", "cy", "camera_angle_x", "camera_angle_y", "camera_model", *COEFFICIENTS}  # fmt: skip
TOP_KEYS = FRAME_KEYS | {"frames", "depth_unit_scale_factor", "applied_transform", "applied_scale", "ply_file_path",
                         "aabb_scale", "orientation_override", "train_filenames", "val_filenames",
                         "test_filenames"}  # fmt: skip
LEAST_WITH_DEPTH = 0.5


@dataclass(frozen=True)
class Listed:
    """One frame of the file: picture, depth or None, pose (OpenCV axes), K, lens, size that K is for."""

    file: Path
    depth: Path | None
    T: F64
    K: F64
    lens: Lens
    size: tuple[int, int] | None


def accepts(path: Path) -> bool:
    """A `transforms.json`, or a folder that holds one."""
    return (path / "transforms.json").is_file() if path.is_dir() else path.name.endswith("transforms.json")


def open_nerfstudio(path: Path, depth_unit: float | None = None) -> Capture:
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
    there = [x for x in listed if x is not None and x.file.exists()]
    if not there:
        raise InputError(
            "E-FOLDER-EMPTY", f"none of {len(listed)} listed pictures exists.", "Move it beside them.", file
        )
    with_depth = [x for x in there if x.depth is not None and x.depth.exists()]
    deep = len(with_depth) >= max(LEAST_WITH_DEPTH * len(there), 1)
    notes = _notes(data, len(listed) - len(there), len(listed), listed.count(None))
    if deep and len(with_depth) < len(there):
        lost = len(there) - len(with_depth)
        effect = f"{lost} of {len(there)} frames have no depth and are left out"
        notes.append(Issue("W-DEPTH-MISSING", lost, "capture", effect, by_share(lost, len(there))))
        there = with_depth
    elif with_depth and not deep:
        effect = f"only {len(with_depth)} of {len(there)} frames have depth: it is not used"
        notes.append(Issue("W-DEPTH-MISSING", len(there) - len(with_depth), "capture", effect, "degraded"))
    unit = depth_unit or float(data.get("depth_unit_scale_factor", 0.001))
    report = SourceReport(
        kind="nerfstudio",
        camera_convention="opengl",
        pose_direction="camera-to-world",
        depth_unit_m=unit if deep else None,
        scale_source="sensor" if deep else "none",
        notes=tuple(notes),
    )

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(there)) if indices is None else indices:
            yield _frame(there[i], i, unit if deep else None)

    at = np.array([x.T[:3, 3] for x in there])
    return Capture(str(path), len(there), report, frames, posed=True, has_depth=deep, positions=at)


def _data(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(data.get("frames"), list):
            raise ValueError("no list of frames")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError("E-TRANSFORMS", f"cannot be read: {error}.", "Export it again.", file) from error
    return dict(data)


def _listed(file: Path, data: dict[str, Any], row: dict[str, Any]) -> Listed | None:
    """One frame, or None where its pose is not finite."""
    picture = listed_file(file.parent, str(row.get("file_path", "")))
    if not picture.suffix:
        endings = (picture.with_suffix(s) for s in (".png", ".jpg", ".jpeg"))
        picture = next((p for p in endings if p.exists()), picture)
    depth = row.get("depth_file_path")
    try:
        T = np.array(row["transform_matrix"], np.float64).reshape(-1, 4)
        T = T if len(T) == 4 else np.vstack([T, [0, 0, 0, 1]])
    except (KeyError, ValueError) as error:
        raise InputError("E-TRANSFORMS", f"{picture.name} has no pose: {error}.", "Export it again.", file) from error
    if not np.isfinite(T).all():
        return None
    K, size = _intrinsics(file, data, row)
    pose = checked_pose(T, f"{file} frame {picture.name}", tolerance=ROUNDED) @ OPENGL
    deep = None if depth is None else listed_file(file.parent, str(depth))
    return Listed(picture, deep, pose, K, _lens(file, data, row), size)


def _lens(file: Path, data: dict[str, Any], row: dict[str, Any]) -> Lens:
    """The lens of one frame: its own coefficients, else those of the file."""
    model = str(row.get("camera_model", data.get("camera_model", "OPENCV")))
    if model not in MODELS:
        remedy = f"Undistort the pictures first, or export one of {', '.join(MODELS)}."
        raise InputError("E-CAMERA-MODEL", f"camera model {model} is not read.", remedy, file)
    value = {k: float(row.get(k, data.get(k, 0.0)) or 0.0) for k in COEFFICIENTS}
    name, taken = MODELS[model]
    if name == "OPENCV" and any(value[k] for k in ("k3", "k4", "k5", "k6")):
        name, taken = MODELS["FULL_OPENCV"]
    return Lens(name, tuple(value[k] for k in taken))


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


def _notes(data: dict[str, Any], lost: int, of: int, unposed: int) -> list[Issue]:
    notes = []
    missing = lost - unposed
    if missing:
        effect = "listed pictures do not exist"
        notes.append(Issue("W-FRAMES-INCOMPLETE", missing, "capture", effect, by_share(missing, of)))
    if unposed:
        notes.append(Issue("W-POSES-DROPPED", unposed, "capture", "the pose is not finite", by_share(unposed, of)))
    unknown = {k for k in data if k not in TOP_KEYS} | {k for row in data["frames"] for k in row if k not in FRAME_KEYS}
    if unknown:
        notes.append(Issue("W-FIELDS-UNKNOWN", len(unknown), "capture", f"not read: {', '.join(sorted(unknown)[:8])}"))
    prisms = [k for k in COEFFICIENTS if k.startswith("s") and any(r.get(k) for r in (data, *data["frames"]))]
    if prisms:
        effect = f"thin-prism terms {', '.join(prisms)} stay in the pictures"
        notes.append(Issue("W-LENS-IGNORED", len(prisms), "capture", effect))
    if "applied_transform" in data or "applied_scale" in data:
        notes.append(
            Issue("W-APPLIED-TRANSFORM", 1, "capture", "the input frame is that of the file, after its transform")
        )
    return notes


def _frame(row: Listed, i: int, unit: float | None) -> CaptureFrame:
    rgb, usable, _ = read_picture(row.file, of_size=row.size or "stored")
    K = row.K if row.size is None else fitted_K(row.K, row.size, rgb.shape[:2], row.file)
    rgb, seen = undistorted(rgb, K, row.lens)
    usable = seen if usable is None else (usable if seen is None else usable & seen)
    depth, K_depth = None, None
    if unit is not None and row.depth is not None:
        depth = read_depth(row.depth, unit)
        K_depth = scaled_K(K, depth.shape[1] / rgb.shape[1], depth.shape[0] / rgb.shape[0])
        depth = undistorted_nearest(depth, K_depth, row.lens)
    return CaptureFrame(i, float(i), rgb, depth, K, K_depth, T_input_cam=row.T, usable=usable, name=row.file.name)
