"""One NPZ of frames, as SLAM systems and models save them: pictures, depth, intrinsics, camera-to-world poses."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from .._checks import U8, Array, shaped
from ..data.capture import Capture
from ..errors import InputError
from .arrays import open_arrays
from .listed import in_seconds, unit_issue

NAMES = {"rgb": ("rgb", "images"), "depth": ("depth", "depths"), "K": ("K", "intrinsics"),
         "T_world_cam": ("T_world_cam", "camera_poses", "poses")}  # fmt: skip
ROUNDED = 1e-2


def accepts(path: Path) -> bool:
    """A zip whose members are arrays with depth and poses among them."""
    try:
        with zipfile.ZipFile(path) as file:
            held = {name.removesuffix(".npy") for name in file.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return all(held & set(NAMES[need]) for need in ("depth", "T_world_cam"))


def open_frames_npz(path: Path) -> Capture:
    """Arrays of N frames: `rgb` (N, H, W, 3), `depth` (N, H, W), `K` (3, 3) or (N, 3, 3), `T_world_cam` (N, 4, 4).

    Depth is 0 where unknown, the first pixel's centre is at 0.5, axes are OpenCV's, poses may be (N, 3, 4); `time_s`
    (N,) and `metric` (false: no metres) may be there.
    Also known as `images`, `depths`, `intrinsics`, `camera_poses` or `poses`.

    Raises:
        InputError: E-NPZ (not readable, or pickled), E-NPZ-FIELDS, E-SHAPE, E-POSE-NOT-RIGID, E-POSE-REFLECTED.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError("E-NPZ", f"cannot be read: {error}.", "Save plain arrays with numpy.savez.", path) from error
    rgb, depth, K, T = (_named(arrays, need, path) for need in NAMES)
    n = shaped("rgb", rgb, "N", "H", "W", 3)["N"]
    shaped("depth", depth, n, *rgb.shape[1:3])
    shaped("K", K, *((3, 3) if K.ndim == 2 else (n, 3, 3)))
    cameras = np.broadcast_to(K, (n, 3, 3)).astype(np.float64)
    shaped("T_world_cam", T, n, 3 if T.ndim == 3 and T.shape[1] == 3 else 4, 4)
    if depth.dtype.kind in "iu":
        remedy = "Save it as floats in metres: depth.astype(numpy.float32) / 1000 where it counts millimetres."
        raise InputError("E-DEPTH-UNIT", f"depth is {depth.dtype}: whole numbers of what?", remedy, path)
    times = arrays.get("time_s", np.arange(n, dtype=float))
    shaped("time_s", times, n)
    return open_arrays(
        _bytes(rgb), depth, cameras, T, in_seconds(times)[0], metric=bool(arrays.get("metric", True)),
        notes=unit_issue(in_seconds(times)[1]), path=str(path),
    )  # fmt: skip


def _named(arrays: dict[str, Array], need: str, path: Path) -> Array:
    for name in NAMES[need]:
        if name in arrays and arrays[name].dtype.kind in "fiu":
            return arrays[name]
    held = ", ".join(sorted(arrays))
    raise InputError("E-NPZ-FIELDS", f"it holds {held}, not {need}.", f"Add {' or '.join(NAMES[need])}.", path)


def _bytes(rgb: Array) -> U8:
    """Colours as bytes: shares of 0 to 1 are spread out, what goes beyond 1 counts as bytes already."""
    if rgb.dtype == np.uint8:
        return rgb
    share = rgb.dtype.kind == "f" and float(np.nanmax(rgb, initial=0.0)) <= 1.0
    return np.clip(np.round(rgb * 255.0 if share else rgb), 0, 255).astype(np.uint8)
