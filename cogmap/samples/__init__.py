"""A capture to try things on: a made-up room as RGB-D frames with masks, and as a film of it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from .._checks import Array
from ..errors import OutputError

HERE = Path(__file__).parent


def write_sample(folder: str | Path) -> Path:
    """Write the sample: `scan/` (24 frames, 160 x 120, 7-Scenes layout), `masks/` of its things, `room.mp4` (18 s).

    Raises:
        OutputError: E-OUTPUT-EXISTS when the folder is there and not empty, E-OUTPUT-DENIED.
    """
    place = Path(folder)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise OutputError("E-OUTPUT-EXISTS", "the folder is not empty.", "Choose another one.", place)
    try:
        for part in (place / "scan", place / "masks"):
            part.mkdir(parents=True, exist_ok=True)
        with np.load(HERE / "frames.npz") as data:
            _write_scan(place / "scan", {name: data[name] for name in data.files})
            _write_masks(place / "masks", data["thing"], [str(name) for name in data["label"]])
        shutil.copyfile(HERE / "room.mp4", place / "room.mp4")
    except OSError as error:
        raise OutputError("E-OUTPUT-DENIED", f"cannot write: {error}.", "Choose a writable folder.", place) from error
    return place


def _write_scan(folder: Path, data: dict[str, Array]) -> None:
    """Colour, depth in millimetres, camera-to-world poses, one file of intrinsics."""
    pictures, depths = _images(data, "jpeg"), _images(data, "png")
    for i, (picture, depth, T) in enumerate(zip(pictures, depths, data["T_world_cam"])):
        name = folder / f"frame-{i:06d}"
        Path(f"{name}.color.jpg").write_bytes(picture)
        mm = np.asarray(Image.open(io.BytesIO(depth))).astype(np.uint16) * np.uint16(data["depth_step_mm"])
        Image.fromarray(mm).save(f"{name}.depth.png")
        np.savetxt(f"{name}.pose.txt", T)
    np.savetxt(folder / "camera-intrinsics.txt", data["K"])


def _write_masks(folder: Path, things: Array, names: list[str]) -> None:
    """One image of ids a frame, and what they name."""
    frames = {}
    for i, thing in enumerate(things):
        shown = np.unique(thing[thing > 0])
        number = np.zeros(256, np.uint8)
        number[shown] = np.arange(1, len(shown) + 1)
        Image.fromarray(number[thing]).save(folder / f"{i:06d}.png")
        frames[str(i)] = {"mask": f"{i:06d}.png", "things": [{"label": names[k - 1]} for k in shown.tolist()]}
    (folder / "labels.json").write_text(json.dumps({"source": "truth", "frames": frames}))


def _images(data: dict[str, Array], form: str) -> Iterator[bytes]:
    """Encoded images, one after another."""
    ends = np.cumsum(data[f"{form}_length"])
    for start, end in zip(np.concatenate([[0], ends[:-1]]), ends):
        yield data[form][start:end].tobytes()
