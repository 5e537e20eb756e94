"""Posed RGB-D in the TUM layout: `rgb.txt`, `depth.txt`, `groundtruth.txt`, joined by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from .._checks import F64
from ..data.capture import Capture, CaptureFrame, SourceReport
from ..data.issues import Issue, by_share
from ..errors import InputError
from ..geometry.camera import pinhole_K
from ..geometry.rigid import from_rotation
from .listed import in_seconds, listed_file, unit_issue
from .pictures import BROKEN, read_depth, read_rgb

NEAREST_S = 0.02
DEPTH_STEPS_PER_M = 5000.0
NOMINAL_SIZE = (640, 480)
NOMINAL = (525.0, 525.0, 320.0, 240.0)  # published for pixel centres counted from 0 as 319.5, 239.5


def accepts(path: Path) -> bool:
    """A folder with the three lists."""
    return path.is_dir() and all((path / n).exists() for n in ("rgb.txt", "depth.txt", "groundtruth.txt"))


def open_tum(
    path: Path, intrinsics: tuple[float, float, float, float] | None = None, depth_unit: float | None = None
) -> Capture:
    """Open a sequence; poses are camera-to-world, depth is registered to colour, 5000 steps a metre unless told.

    Each colour frame takes the depth and the pose nearest in time, within 20 ms.

    Raises:
        InputError: E-TUM-LIST (a list cannot be read), E-TUM-ASSOCIATION (nothing falls together in time).
    """
    unit_m = depth_unit or 1.0 / DEPTH_STEPS_PER_M
    rgb, unit = _files(path / "rgb.txt")
    depth, _ = _files(path / "depth.txt")
    poses = _poses(path / "groundtruth.txt")
    rows = []
    for t, name in rgb:
        d, p = _nearest([x[0] for x in depth], t), _nearest(poses[:, 0], t)
        if d is not None and p is not None:
            rows.append((t, name, depth[d][1], _pose(poses[p])))
    if not rows:
        problem = f"none of {len(rgb)} colour frames has depth and pose within {NEAREST_S * 1000:.0f} ms."
        raise InputError("E-TUM-ASSOCIATION", problem, "Check that the time stamps share a clock.", path)
    notes = unit_issue(unit)
    if len(rows) < len(rgb):
        effect, lost = "no depth or pose within 20 ms", len(rgb) - len(rows)
        notes.append(Issue("W-FRAMES-INCOMPLETE", lost, "capture", effect, by_share(lost, len(rgb))))
    if intrinsics is None:
        notes.append(
            Issue("W-INTRINSICS-ASSUMED", 1, "capture", "the nominal 525 px; give --intrinsics for this camera")
        )
        check_nominal(listed_file(path, rows[0][1]))
    K = pinhole_K(*(intrinsics or NOMINAL))

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(rows)) if indices is None else indices:
            t, color, deep, T = rows[i]
            metres = read_depth(listed_file(path, deep), unit_m)
            yield CaptureFrame(
                i, t - rows[0][0], read_rgb(listed_file(path, color)), metres, K, K, T_input_cam=T, name=color
            )

    report = SourceReport(
        kind="tum",
        pose_direction="camera-to-world",
        depth_unit_m=unit_m,
        scale_source="sensor",
        notes=tuple(notes),
    )
    at = np.array([T[:3, 3] for *_, T in rows])
    return Capture(str(path), len(rows), report, frames, posed=True, has_depth=True, positions=at)


def _lines(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("E-TUM-LIST", f"cannot be read: {error}.", "Copy it again.", path) from error
    return [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def check_nominal(picture: Path) -> None:
    """The nominal camera is that of pictures of 640 x 480; another size needs its own.

    Raises:
        InputError: E-NO-INTRINSICS.
    """
    try:
        with Image.open(picture) as file:
            size = file.size
    except BROKEN:
        return  # told when it is read
    if size != NOMINAL_SIZE:
        problem = f"525 px is the focal length of 640 x 480, these pictures are {size[0]} x {size[1]}."
        raise InputError("E-NO-INTRINSICS", problem, "Give --intrinsics fx,fy,cx,cy of this camera.", picture)


def _files(path: Path) -> tuple[list[tuple[float, str]], str]:
    """(seconds, file) in order of time, and the unit that the times were in."""
    try:
        rows = [(float(r[0]), " ".join(r[1:])) for r in _lines(path) if r[1]]
        times, unit = in_seconds([int(r[0]) if r[0].isdigit() else float(r[0]) for r in _lines(path)])
        return sorted((float(t), name) for t, (_, name) in zip(times, rows)), unit
    except (ValueError, IndexError) as error:
        raise InputError("E-TUM-LIST", f"expected `time file` lines: {error}.", "Export it again.", path) from error


def _poses(path: Path) -> F64:
    try:
        rows = np.array([[float(v) for v in r[:8]] for r in _lines(path)]).reshape(-1, 8)
    except ValueError as error:
        remedy = "Export the trajectory again."
        raise InputError("E-TUM-LIST", f"expected `time x y z qx qy qz qw` lines: {error}.", remedy, path) from error
    rows[:, 0] = in_seconds(rows[:, 0])[0]
    finite = np.isfinite(rows).all(1) & (np.linalg.norm(rows[:, 4:8], axis=1) > 0.5)
    return np.asarray(rows[finite][np.argsort(rows[finite, 0], kind="stable")])


def _pose(row: F64) -> F64:
    return from_rotation(np.asarray(Rotation.from_quat(row[4:8]).as_matrix()), row[1:4])


def _nearest(times: Sequence[float] | F64, t: float) -> int | None:
    """Position of the time nearest to t in an ascending list, when within 20 ms."""
    if len(times) == 0:
        return None
    at = int(np.searchsorted(times, t))
    best = min((k for k in (at - 1, at) if 0 <= k < len(times)), key=lambda k: abs(times[k] - t))
    return best if abs(times[best] - t) <= NEAREST_S else None
