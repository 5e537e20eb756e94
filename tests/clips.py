"""Small real videos, good and damaged, made with PyAV for the tests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (64, 96)


def ramp(i: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A frame whose red grows to the right, green downwards, and blue with time: turns and order show."""
    h, w = size
    out = np.zeros((h, w, 3), np.uint8)
    out[..., 0] = np.linspace(0, 250, w).astype(np.uint8)
    out[..., 1] = np.linspace(0, 250, h).astype(np.uint8)[:, None]
    out[..., 2] = min(8 * i, 255)
    return out


def clip(
    path: Path,
    n: int = 30,
    *,
    fps: int = 10,
    rotation: int = 0,
    stamps_ms: list[int] | None = None,
    options: dict[str, str] | None = None,
    container: str | None = None,
    noise: bool = False,
) -> Path:
    """An H.264 file of `n` ramps; `stamps_ms` gives presentation times in milliseconds."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        stream = out.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], "yuv420p"
        stream.options = {"crf": "20", "g": "5"}
        if rotation:
            stream.set_display_rotation(rotation)
        if stamps_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i in range(n):
            rgb = ramp(i)
            if noise:
                rgb = np.clip(rgb + rng.normal(0, 30, rgb.shape), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(rgb)
            if stamps_ms is not None:
                frame.pts, frame.time_base = stamps_ms[i], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def without_frames(path: Path) -> Path:
    """Set the sample count of an MP4's sample-size table to zero, its sizes and chunk counts too."""
    data = bytearray(path.read_bytes())
    for box, at in ((b"stsz", 12), (b"stts", 8), (b"stsc", 8), (b"stco", 8)):
        spot = data.find(box)
        if spot >= 0:
            data[spot + at - 0 : spot + at + 4] = b"\0\0\0\0"
    path.write_bytes(bytes(data))
    return path


def audio(path: Path) -> Path:
    """One second of silence as AAC in MP4."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000)
        for k in range(16):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, 1024 * k
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path
