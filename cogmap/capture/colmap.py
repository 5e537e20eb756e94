"""A COLMAP model (bin or txt): posed pictures; scale is arbitrary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F64
from ..data.capture import Capture, CaptureFrame, SourceReport
from ..data.issues import Issue, by_share
from ..errors import InputError, MissingDependencyError
from ..geometry.camera import pinhole_K
from ..geometry.lens import Lens, undistorted
from ..geometry.rigid import from_rotation, inverse
from .listed import listed_file
from .ordering import natural_key
from .pictures import fitted_K, read_picture

# how many focal lengths each model has; its other parameters come after the centre
FOCALS = {
    "SIMPLE_PINHOLE": 1, "PINHOLE": 2, "SIMPLE_RADIAL": 1, "RADIAL": 1, "OPENCV": 2, "FULL_OPENCV": 2,
    "OPENCV_FISHEYE": 2, "SIMPLE_RADIAL_FISHEYE": 1, "RADIAL_FISHEYE": 1, "FOV": 2, "THIN_PRISM_FISHEYE": 2,
}  # fmt: skip
BROWN = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV")
LEAST_BYTES = {"cameras.bin": 48, "images.bin": 64, "points3D.bin": 43}


def model_folders(path: Path) -> list[Path]:
    """Folders under a path that hold a model: itself, `sparse`, `sparse/0`, `0`, ..."""
    spots = [path, path / "sparse", *sorted(path.glob("sparse/*")), *sorted(p for p in path.glob("[0-9]*"))]
    return [
        p
        for p in spots
        if any((p / f"images.{e}").is_file() and (p / f"cameras.{e}").is_file() for e in ("bin", "txt"))
    ]


def accepts(path: Path) -> bool:
    """A folder that holds a model, or a COLMAP project."""
    return path.is_dir() and bool(model_folders(path))


def open_colmap(path: Path) -> Capture:
    """Open the model with most pictures; poses are world-to-camera and become camera-to-world.

    Raises:
        InputError: E-COLMAP-MODEL (damaged), E-CAMERA-MODEL, E-COLMAP-IMAGES (the pictures are not found).
        MissingDependencyError: E-PYCOLMAP.
    """
    models = {folder: _read(folder) for folder in model_folders(path)}
    folder = max(models, key=lambda f: models[f].num_reg_images())
    model = models[folder]
    images = sorted((i for i in model.images.values() if i.has_pose), key=lambda i: natural_key(i.name))
    home = _image_folder(path, folder, [i.name for i in images])
    there = [i for i in images if (listed_file(home, i.name)).exists()]
    notes = []
    if len(models) > 1:
        effect = f"the largest was taken: {folder.name}, {len(images)} pictures"
        notes.append(Issue("W-COLMAP-MODELS", len(models), "capture", effect))
    if len(there) < len(images):
        lost = len(images) - len(there)
        severity = by_share(lost, len(images))
        notes.append(Issue("W-FRAMES-INCOMPLETE", lost, "capture", "pictures do not exist", severity))
    rows = [(listed_file(home, i.name), _pose(i), *_camera(model.cameras[i.camera_id], folder)) for i in there]

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(rows)) if indices is None else indices:
            file, T, K, lens, size = rows[i]
            rgb, usable, _ = read_picture(file, of_size=size)
            K = fitted_K(K, size, rgb.shape[:2], file)
            rgb, seen = undistorted(rgb, K, lens)
            usable = seen if usable is None else (usable if seen is None else usable & seen)
            yield CaptureFrame(i, float(i), rgb, K=K, T_input_cam=T, usable=usable, name=file.name)

    report = SourceReport(kind="colmap", pose_direction="world-to-camera", notes=tuple(notes))
    at = np.array([T[:3, 3] for _, T, *_ in rows])
    return Capture(str(path), len(rows), report, frames, posed=True, positions=at)


def _read(folder: Path) -> Any:
    try:
        import pycolmap
    except ImportError as error:
        remedy = "It has no wheel for this machine; export the poses as transforms.json instead."
        raise MissingDependencyError("E-PYCOLMAP", "COLMAP models are read by pycolmap.", remedy, folder) from error
    for name, least in LEAST_BYTES.items():
        file = folder / name
        if file.is_file():
            count = int.from_bytes(file.read_bytes()[:8], "little")
            if count * least > file.stat().st_size:
                raise InputError("E-COLMAP-MODEL", f"{count} entries cannot fit in it.", "Export it again.", file)
    try:
        return pycolmap.Reconstruction(str(folder))
    except (ValueError, RuntimeError, OSError) as error:
        raise InputError("E-COLMAP-MODEL", f"cannot be read: {error}.", "Export it again.", folder) from error


def _pose(image: Any) -> F64:
    M = np.asarray(image.cam_from_world().matrix())
    return inverse(from_rotation(M[:, :3], M[:, 3]))


def _camera(camera: Any, folder: Path) -> tuple[F64, Lens, tuple[int, int]]:
    name = camera.model_name
    if name not in FOCALS:
        remedy = f"Undistort the pictures first; models read are {', '.join(FOCALS)}."
        raise InputError("E-CAMERA-MODEL", f"camera model {name} is not read.", remedy, folder)
    n, v = FOCALS[name], [float(p) for p in camera.params]
    K = pinhole_K(v[0], v[n - 1], v[n], v[n + 1])
    return K, Lens("OPENCV" if name in BROWN else name, tuple(v[n + 2 :])), (camera.width, camera.height)


def _image_folder(path: Path, model: Path, names: Sequence[str]) -> Path:
    for home in (path / "images", model.parent / "images", model.parent.parent / "images", path, model):
        if any((home / n).exists() for n in names):
            return home
    remedy = "Put them into `images` beside the model."
    raise InputError("E-COLMAP-IMAGES", f"none of the model's {len(names)} pictures was found.", remedy, path)
