"""A reconstruction kept on disk and played back: plain arrays, one file a window."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..data.issues import Issue
from ..data.reconstruction import Correction, Reconstruction, Scale, Window
from ..errors import InputError

FIELDS = ("rgb", "depth", "confidence", "K", "T_world_cam", "index", "time_s")
OPTIONAL = ("instance_id", "picture")


def record(reconstruction: Reconstruction, folder: Path) -> None:
    """Write the windows as `w00000.npz`, ... and the rest as `reconstruction.json`; the windows are used up."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, window in enumerate(reconstruction.windows):
        arrays = {name: getattr(window, name) for name in FIELDS}
        arrays |= {name: getattr(window, name) for name in OPTIONAL if getattr(window, name) is not None}
        np.savez_compressed(folder / f"w{n:05d}.npz", part=np.int64(window.part), **arrays)
    up = reconstruction.up_world
    correction = reconstruction.corrected()
    if correction is not None and correction.moves is not None:
        np.savez_compressed(folder / "moves.npz", moves=correction.moves)
    losses = (*reconstruction.losses, *reconstruction.late_losses())
    head = {
        "scale": asdict(reconstruction.scale),
        "up_world": None if up is None else up.tolist(),
        "rel_noise": reconstruction.rel_noise,
        "provenance": {**reconstruction.provenance, **({} if correction is None else correction.told)},
        "losses": [asdict(loss) for loss in losses],
    }
    (folder / "reconstruction.json").write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")


def read_recorded(folder: Path) -> Reconstruction:
    """Play a recorded reconstruction back.

    Raises:
        InputError: E-RECORDED when the folder or one of its windows cannot be read.
    """
    file = folder / "reconstruction.json"
    try:
        head: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        scale = Scale(**head["scale"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("E-RECORDED", f"cannot be read: {error}.", "Record it again.", file) from error
    up = head.get("up_world")
    return Reconstruction(
        windows=_windows(folder),
        scale=scale,
        up_world=None if up is None else np.array(up, np.float64),
        rel_noise=float(head.get("rel_noise", 0.005)),
        losses=tuple(Issue(**loss) for loss in head.get("losses", [])),
        provenance=dict(head.get("provenance", {})),
        corrected=lambda: _correction(folder / "moves.npz"),
    )


def _correction(path: Path) -> Correction | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as data:
        return Correction(data["moves"])


def _windows(folder: Path) -> Iterator[Window]:
    for path in sorted(folder.glob("w*.npz")):
        try:
            with np.load(path, allow_pickle=False) as data:
                arrays = {name: data[name] for name in data.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError("E-RECORDED", f"cannot be read: {error}.", "Record it again.", path) from error
        yield Window(part=int(arrays.pop("part", 0)), **arrays)
