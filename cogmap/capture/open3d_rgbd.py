"""Posed RGB-D in Open3D's layout: `color/`, `depth/`, a trajectory `*.log` and the intrinsics as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .._checks import F64
from ..data.capture import Capture, CaptureFrame, SourceReport
from ..data.issues import Issue, by_share
from ..errors import InputError
from ..geometry.camera import pinhole_K
from ..geometry.rigid import checked_pose
from .images import picture_files
from .pictures import read_depth, read_rgb

COLOURS = ("color", "rgb", "image", "images", "colour")
DEPTHS = ("depth", "depths")
ROUNDED = 1e-2


def folders(path: Path) -> tuple[Path, Path] | None:
    """The folders of colour and depth pictures, or None."""
    colour = next((path / n for n in COLOURS if (path / n).is_dir()), None)
    depth = next((path / n for n in DEPTHS if (path / n).is_dir()), None)
    return None if colour is None or depth is None else (colour, depth)


def accepts(path: Path) -> bool:
    """A folder with folders of colour and depth pictures and a trajectory."""
    return path.is_dir() and folders(path) is not None and _log(path) is not None


def _log(path: Path) -> Path | None:
    return next(iter(sorted(path.glob("*.log")) + sorted(path.glob("scene/*.log"))), None)


def open_open3d(
    path: Path, intrinsics: tuple[float, float, float, float] | None = None, depth_unit: float | None = None
) -> Capture:
    """Open a folder; poses are camera-to-world with OpenCV axes, depth is registered to colour, in millimetres.

    The n-th pose belongs to the n-th picture of both folders, in natural order.

    Raises:
        InputError: E-NO-INTRINSICS, E-POSE-FILE, E-POSE-NOT-RIGID, E-POSE-REFLECTED, E-FOLDER-EMPTY.
    """
    pair = folders(path)
    assert pair is not None
    colour, depth = picture_files(pair[0]), picture_files(pair[1])
    poses = read_log(_log(path) or path)
    n = min(len(colour), len(depth), len(poses))
    if n == 0:
        raise InputError("E-FOLDER-EMPTY", "no frame has colour, depth and pose.", "Check the folders.", path)
    rows = [k for k in range(n) if np.isfinite(poses[k]).all()]
    most = max(len(colour), len(depth), len(poses))
    notes = []
    if len(rows) < most:
        effect = f"{len(colour)} colours, {len(depth)} depths, {len(poses)} poses: the rest is left out"
        lost = most - len(rows)
        notes.append(Issue("W-FRAMES-INCOMPLETE", lost, "capture", effect, by_share(lost, most)))
    K, unit = _intrinsics(path, intrinsics), depth_unit or 0.001
    T = {k: checked_pose(poses[k], f"pose {k} of {path}", ROUNDED) for k in rows}

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(rows)) if indices is None else indices:
            k = rows[i]
            rgb, metres = read_rgb(colour[k]), read_depth(depth[k], unit)
            yield CaptureFrame(i, float(i), rgb, metres, K, K, T_input_cam=T[k], name=colour[k].name)

    report = SourceReport(
        "open3d", pose_direction="camera-to-world", depth_unit_m=unit, scale_source="sensor", notes=tuple(notes)
    )
    at = np.array([T[k][:3, 3] for k in rows])
    return Capture(str(path), len(rows), report, frames, posed=True, has_depth=True, positions=at)


def read_log(path: Path) -> list[F64]:
    """Poses (4, 4) of a trajectory: five lines each, three numbers and then a matrix.

    Raises:
        InputError: E-POSE-FILE.
    """
    try:
        words = np.array(path.read_text(encoding="utf-8").split(), np.float64).reshape(-1, 19)
    except (OSError, ValueError) as error:
        remedy = "Expected five lines a pose: three numbers, then a 4 x 4 matrix."
        raise InputError("E-POSE-FILE", f"not a trajectory: {error}.", remedy, path) from error
    return [np.asarray(row[3:].reshape(4, 4), np.float64) for row in words]


def _intrinsics(path: Path, given: tuple[float, float, float, float] | None) -> F64:
    if given is not None:
        return pinhole_K(*given)
    for file in sorted(path.glob("*.json")):
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            matrix = data["intrinsic_matrix"]
            flat = np.array(matrix.get("matrix", matrix) if isinstance(matrix, dict) else matrix, np.float64).ravel()
            return np.asarray(flat.reshape(3, 3).T, np.float64)  # written column by column
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue
    remedy = "Add Open3D's intrinsics as JSON, or give --intrinsics fx,fy,cx,cy."
    raise InputError("E-NO-INTRINSICS", "no JSON here holds an intrinsic_matrix.", remedy, path)
