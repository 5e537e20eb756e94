"""Pictures of the chosen frames on disk, so that only one is in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..._checks import F64, U8, Bool
from ...data.capture import Capture
from ...geometry.camera import scaled_K

LONG_SIDE = 1280
DEPTH_WIDTH = 320


@dataclass(frozen=True)
class Pictures:
    """Frames as files: names, positions in the source, times, sizes (width, height), what was given.

    Attributes:
        K: per picture (3, 3) at the stored size, or None. T_world_cam: per picture (4, 4), or None.
        masked: positions of the pictures that have a mask file beside them.
    """

    folder: Path
    names: tuple[str, ...]
    index: tuple[int, ...]
    time_s: tuple[float, ...]
    size: tuple[tuple[int, int], ...]
    K: tuple[F64 | None, ...]
    T_world_cam: tuple[F64 | None, ...]
    masked: frozenset[int] = frozenset()

    def mask(self, k: int, size: tuple[int, int]) -> Bool:
        """Where picture k holds something, (height, width) bool."""
        if k not in self.masked:
            return np.ones(size, bool)
        with Image.open(self.folder / f"{self.names[k]}.mask.png") as file:
            return np.asarray(file.resize(size[::-1], Image.Resampling.NEAREST)) > 0

    def read(self, k: int) -> U8:
        """Picture k as (H, W, 3) uint8."""
        with Image.open(self.folder / self.names[k]) as picture:
            return np.asarray(picture.convert("RGB"))


def store_pictures(capture: Capture, indices: Sequence[int], folder: Path) -> Pictures:
    """Write the frames' pictures, at most 1280 pixels long, as PNG."""
    names, index, times, sizes, Ks, Ts = [], [], [], [], [], []
    masked = set()
    for k, frame in enumerate(capture.frames(indices)):
        h, w = frame.rgb.shape[:2]
        picture = Image.fromarray(shrunk(frame.rgb, LONG_SIDE))
        size = picture.size
        names.append(f"{k:06d}.png")
        picture.save(folder / names[-1], compress_level=1)
        if frame.usable is not None and not frame.usable.all():
            mask = Image.fromarray(frame.usable.astype(np.uint8) * 255)
            mask.resize(size, Image.Resampling.NEAREST).save(folder / f"{names[-1]}.mask.png")
            masked.add(k)
        index.append(frame.index)
        times.append(frame.time_s)
        sizes.append(size)
        Ks.append(None if frame.K is None else scaled_K(frame.K, size[0] / w, size[1] / h))
        Ts.append(frame.T_input_cam)
    return Pictures(
        folder, tuple(names), tuple(index), tuple(times), tuple(sizes), tuple(Ks), tuple(Ts), frozenset(masked)
    )


def shrunk(rgb: U8, long_side: int) -> U8:
    """A picture (H, W, 3) with its long side at most so many pixels."""
    h, w = rgb.shape[:2]
    s = min(1.0, long_side / max(h, w))
    size = (max(1, round(w * s)), max(1, round(h * s)))
    if size == (w, h):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def at_depth_size(rgb: U8, K: F64) -> tuple[U8, F64]:
    """A picture and its intrinsics at the size that depth is computed at, about 320 x 240 pixels in area."""
    h, w = rgb.shape[:2]
    s = min(1.0, np.sqrt(DEPTH_WIDTH * DEPTH_WIDTH * 0.75 / (h * w)))
    size = (max(2, round(w * s)), max(2, round(h * s)))
    small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX if s < 1 else Image.Resampling.NEAREST))
    return small, scaled_K(K, size[0] / w, size[1] / h)
