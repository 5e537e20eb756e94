"""`build`, `build_arrays` and `load`: the doors of the library."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ._checks import Array, shaped
from .cognitive_map import CognitiveMap
from .config import Config, read_config, with_options
from .data.capture import Capture
from .data.points import PointCloud
from .data.reconstruction import Reconstruction, Scale, Window
from .errors import ConfigError, InputError
from .pipeline import Diary, map_points, map_reconstruction


def build(source: str | Path, *, config: Config | str | Path | None = None, **options: Any) -> CognitiveMap:
    """Build a map from a capture.

    Args:
        source: a posed RGB-D folder, a video, a folder of pictures, a point cloud or a box list.
        config: a Config or a file of one. options: fields of Config by name.

    Raises:
        CogmapError: see `cogmap.errors`; nothing is written.
    """
    from .capture.sniff import open_source

    settings = with_options(config if isinstance(config, Config) else _config(config), options)
    diary = Diary()
    opened = open_source(Path(source), settings.intrinsics)
    if isinstance(opened, PointCloud):
        scene = map_points(opened, settings, diary)
    else:
        diary.done("open", opened.report.notes)
        scene = map_reconstruction(reconstruct(opened, settings), settings, diary)
    return _finished(scene, settings, diary)


def _config(file: str | Path | None) -> Config:
    return Config() if file is None else read_config(Path(file))


def reconstruct(capture: Capture, config: Config) -> Reconstruction:
    """The reconstruction of a capture by the reconstructor that its config names or that fits it."""
    from .reconstruct.measured import check_poses, reconstruct_measured

    name = config.reconstructor
    if name == "auto":
        name = "measured" if capture.posed and capture.has_depth else "sfm"
    if name == "measured":
        if not (capture.posed and capture.has_depth):
            raise ConfigError("E-OPTION", "`measured` needs depth and poses.", "Use --reconstructor sfm.", capture.path)
        step = max(1, -(-capture.n_frames // config.max_frames))
        indices = list(range(0, capture.n_frames, step))
        probe = list(capture.frames(indices[:: max(1, len(indices) // 12)] if len(indices) < 3 else indices[:13]))
        from dataclasses import replace

        found = reconstruct_measured(capture, indices)
        return replace(found, losses=(*found.losses, *check_poses(probe)))
    raise ConfigError("E-OPTION", f"there is no reconstructor {name!r}.", "Choose auto, measured or sfm.")


def build_arrays(
    rgb: Array,
    depth: Array,
    K: Array,
    T_world_cam: Array,
    *,
    masks: Array | None = None,
    labels: list[str] | None = None,
    up: Array | None = None,
    metric: bool = True,
    times_s: Array | None = None,
    **options: Any,
) -> CognitiveMap:
    """Build a map from a model's tensors: numpy or torch, on any device.

    Args:
        rgb: (N, H, W, 3) uint8, or float in 0..1. depth: (N, H, W) z-depth, 0 or not finite = unknown.
        K: (3, 3) or (N, 3, 3) pixels, first pixel centre at 0.5. T_world_cam: (N, 4, 4), OpenCV axes.
        masks: (N, H, W) int instance ids, 0 = none; they become the objects. labels: text of id 1, 2, ...
        up: (3,) up in the world, or None to find it. metric: whether depth is metres.
        times_s: (N,) seconds. options: fields of Config by name.

    Raises:
        InputError: E-SHAPE, E-POSE-NOT-RIGID, E-POSE-REFLECTED. TrustError: nothing usable.
    """
    settings = with_options(Config(), options)
    picture = _numpy(rgb)
    if picture.dtype.kind == "f":
        picture = np.clip(np.round(picture * 255), 0, 255)
    n = shaped("rgb", picture, "N", "H", "W", 3)["N"]
    cameras = np.broadcast_to(_numpy(K).astype(np.float64), (n, 3, 3))
    scale = Scale("metric", "sensor", 0.01) if metric else Scale("relative", "none", 0.0)
    windows = _windows(
        picture.astype(np.uint8),
        _numpy(depth),
        cameras,
        _numpy(T_world_cam),
        None if masks is None else _numpy(masks),
        np.arange(n, dtype=float) if times_s is None else _numpy(times_s),
    )
    given_up = None if up is None else _numpy(up).astype(np.float64)
    provenance: dict[str, str | int | float | None] = {"reconstructor": "arrays", "model": None}
    diary = Diary()
    scene = map_reconstruction(
        Reconstruction(windows, scale, given_up, provenance=provenance), settings, diary, tuple(labels or ())
    )
    return _finished(scene, settings, diary)


def _windows(rgb: Array, depth: Array, K: Array, T: Array, masks: Array | None, times: Array) -> Iterator[Window]:
    from .geometry.rigid import checked_pose

    shaped("depth", depth, len(rgb), *rgb.shape[1:3])
    shaped("T_world_cam", T, len(rgb), 4, 4)
    for i in range(len(rgb)):
        known = np.where(np.isfinite(depth[i]) & (depth[i] > 0), depth[i], 0).astype(np.float32)
        yield Window(
            rgb=rgb[i : i + 1],
            depth=known[None],
            confidence=(known > 0).astype(np.float32)[None],
            K=np.asarray(K[i : i + 1], np.float64),
            T_world_cam=checked_pose(T[i], f"T_world_cam[{i}]")[None],
            index=np.array([i], np.int32),
            time_s=np.array([float(times[i])]),
            instance_id=None if masks is None else np.asarray(masks[i : i + 1], np.int32),
        )


def _numpy(array: Any) -> Array:
    """Any array as numpy: torch tensors leave their device."""
    if hasattr(array, "detach"):
        array = array.detach().cpu().numpy()
    out = np.asarray(array)
    if out.dtype == object:
        raise InputError("E-SHAPE", "an argument is no array of numbers.", "Give numpy or torch arrays.")
    return out


def _finished(scene: Any, config: Config, diary: Diary) -> CognitiveMap:
    from . import __version__
    from .publish import rounded

    run: dict[str, object] = {
        "cogmap": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "config": vars(config),
        "seconds": {k: round(v, 3) for k, v in diary.seconds.items()},
    }
    return CognitiveMap(rounded(scene), run)


def load(path: str | Path) -> CognitiveMap:
    """Load a map folder or a `map.json`. Raises InputError E-MAP-... when it is not whole."""
    from .mapfile.read import read_map

    return CognitiveMap(read_map(Path(path)))
