"""Frames held in memory: a model's tensors, or what an NPZ of frames holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._checks import F64, U8, Array, shaped
from ..data.capture import Capture, CaptureFrame, SourceReport
from ..data.issues import Issue, by_share
from ..errors import InputError
from ..geometry.camera import pinhole_K
from ..geometry.rigid import checked_pose, rigid_error
from .listed import in_seconds, unit_issue

ROUNDED = 1e-2  # of R R' - I: what half precision and rounded files leave
EXACT = 1e-4


def capture_of(
    rgb: Any,
    depth: Any,
    K: Any,
    T_world_cam: Any,
    *,
    masks: Any = None,
    labels: Sequence[str] = (),
    up: Any = None,
    metric: bool = True,
    times_s: Any = None,
) -> Capture:
    """The capture of tensors of any library, on any device; see `cogmap.build_arrays`."""
    picture = as_numpy(rgb)
    n = shaped("rgb", picture, "N", "H", "W", 3)["N"]
    if picture.dtype.kind == "f":
        picture = np.clip(np.round(np.nan_to_num(picture) * 255), 0, 255)
    deep, poses, times, ids = _frames_of(picture, depth, T_world_cam, times_s, masks)
    seconds, unit = in_seconds(times)
    return open_arrays(
        picture.astype(np.uint8),
        deep,
        _cameras(K, n),
        poses,
        seconds,
        metric=metric,
        instance_id=ids,
        labels=tuple(labels),
        gravity=None if up is None else as_numpy(up).astype(np.float64),
        notes=unit_issue(unit),
        kind="arrays",
    )


def open_arrays(
    rgb: U8,
    depth: Array,
    K: Array,
    T: Array,
    time_s: Array,
    *,
    metric: bool = True,
    instance_id: Array | None = None,
    labels: tuple[str, ...] = (),
    gravity: F64 | None = None,
    notes: Sequence[Issue] = (),
    path: str = "arrays",
    kind: str = "npz",
) -> Capture:
    """The capture of frames held in memory; frames whose pose is not finite are left out.

    Args:
        rgb: (N, H, W, 3). depth: (N, H, W) metres, 0 or not finite = unknown. K: (N, 3, 3). T: (N, 4, 4) or (N, 3, 4).
        metric: whether depth is metres. instance_id: (N, H, W), 0 = none. gravity: (3,) up in the world, or None.

    Raises:
        InputError: E-POSE-NOT-RIGID, E-POSE-REFLECTED, E-POSE-FILE when over half of the poses are not finite.
    """
    finite = np.flatnonzero(np.isfinite(T).all((1, 2)))
    lost = len(T) - len(finite)
    if 2 * lost > len(T):
        raise InputError("E-POSE-FILE", f"{lost} of {len(T)} poses are not finite.", "Export the poses again.", path)
    poses = {int(i): checked_pose(_square(T[i]), f"pose {i} of {path}", ROUNDED) for i in finite}
    issues = list(notes)
    off = max((rigid_error(T[i]) for i in finite), default=0.0)
    if off > EXACT:
        effect = f"rotations are off by {off:.2g} and were moved onto the nearest ones"
        issues.append(Issue("W-POSES-ROUNDED", len(finite), "capture", effect, measured=off, expected=0.0))
    if lost:
        effect = f"the pose is not finite in {lost} of {len(T)} frames"
        issues.append(Issue("W-POSES-DROPPED", lost, "capture", effect, by_share(lost, len(T))))

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for k in range(len(finite)) if indices is None else indices:
            i = int(finite[k])
            ids = None if instance_id is None else np.asarray(instance_id[i], np.int32)
            yield CaptureFrame(
                k,
                float(time_s[i]),
                rgb[i],
                depth[i].astype(np.float32),
                K[i],
                K[i],
                T_input_cam=poses[i],
                instance_id=ids,
            )

    report = SourceReport(
        kind,
        pose_direction="camera-to-world",
        depth_unit_m=1.0,
        scale_source="sensor" if metric else "none",
        gravity_source="none" if gravity is None else "user",
        notes=tuple(issues),
    )
    return Capture(
        path,
        len(finite),
        report,
        frames,
        posed=True,
        has_depth=True,
        gravity_input=gravity,
        instance_labels=labels,
        positions=np.array([poses[int(i)][:3, 3] for i in finite]).reshape(-1, 3),
    )


def _frames_of(
    rgb: Array, depth: Array, T: Array, times: Array | None, masks: Array | None
) -> tuple[Array, Array, Array, Array | None]:
    """Depth (N, H, W), poses, times (N,) and ids of frames, checked against the pictures."""
    n, h, w = rgb.shape[:3]
    deep = as_numpy(depth)
    shaped("depth", deep, n, h, w)
    if deep.dtype.kind != "f":
        remedy = "Give floats in metres: depth.astype('float32') / 1000 where it counts millimetres."
        raise InputError("E-DEPTH-UNIT", f"depth is {deep.dtype}: whole numbers of what?", remedy)
    deep = np.where(np.isfinite(deep) & (deep > 0), deep, 0).astype(np.float32)
    poses = as_numpy(T).astype(np.float64)
    shaped("T_world_cam", poses, n, 3 if poses.ndim == 3 and poses.shape[1] == 3 else 4, 4)
    ids = None if masks is None else as_numpy(masks)
    if ids is not None:
        shaped("masks", ids, n, h, w)
        if ids.dtype.kind not in "iu":
            remedy = "Give one id a pixel, 0 = none; (N, H, W) bool tells only that something is there."
            raise InputError("E-SHAPE", f"masks are {ids.dtype}, not ids.", remedy)
    stamps = np.arange(n, dtype=float) if times is None else as_numpy(times).astype(np.float64)
    shaped("times_s", stamps, n)
    return deep, poses, stamps, ids


def _cameras(K: Array, n: int) -> Array:
    """Intrinsics (N, 3, 3) of matrices or of four numbers."""
    given = as_numpy(K).astype(np.float64)
    if given.shape in ((4,), (n, 4)) and given.shape != (3, 3):
        rows = np.broadcast_to(given, (n, 4))
        return np.stack([pinhole_K(*row) for row in rows.tolist()])
    shaped("K", given, *((3, 3) if given.ndim == 2 else (n, 3, 3)))
    return np.broadcast_to(given, (n, 3, 3))


def as_numpy(array: Any) -> Array:
    """Any array as numpy: torch tensors leave their device."""
    if hasattr(array, "detach"):
        array = array.detach().cpu().numpy()
    out = np.asarray(array)
    if out.dtype == object:
        raise InputError("E-SHAPE", "an argument is no array of numbers.", "Give numpy or torch arrays.")
    return out


def _square(T: Array) -> F64:
    out = np.eye(4)
    out[: T.shape[0]] = T
    return out
