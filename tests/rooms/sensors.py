"""Sensors: noisy depth, RGB-D folders and H.264 videos made from a rendered room. Nothing true leaks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from PIL import Image

from cogmap.data.reconstruction import Window

from .raycast import Shot


def noisy_depth(depth: np.ndarray, seed: int, base_m: float = 0.003, share: float = 0.002) -> np.ndarray:
    """Depth with normal noise of `base_m + share * depth` and 0.5 % of the pixels missing."""
    rng = np.random.default_rng(seed)
    noisy = depth + rng.normal(0, 1, depth.shape) * (base_m + share * depth)
    noisy[rng.random(depth.shape) < 0.005] = 0
    return noisy.astype(np.float32)


def rgbd_window(shot: Shot, i: int, depth: np.ndarray, first: np.ndarray) -> Window:
    """A shot with some depth as frame i of an RGB-D capture, five a second, in the frame of the camera `first`."""
    return Window(
        rgb=shot.rgb[None],
        depth=depth[None],
        confidence=(depth > 0).astype(np.float32)[None],
        K=shot.K[None],
        T_world_cam=(np.linalg.inv(first) @ shot.T_world_cam)[None],
        index=np.array([i], np.int32),
        time_s=np.array([i / 5]),
    )


def write_sevenscenes(folder: Path, shots: Iterable[Shot], seed: int = 0) -> None:
    """Write the 7-Scenes layout: colour, depth in mm, camera-to-world poses, one intrinsics file."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, shot in enumerate(shots):
        name = folder / f"frame-{i:06d}"
        Image.fromarray(shot.rgb).save(f"{name}.color.png")
        mm = np.round(noisy_depth(shot.depth, seed + i) * 1000).astype(np.uint16)
        Image.fromarray(mm).save(f"{name}.depth.png")
        np.savetxt(f"{name}.pose.txt", shot.T_world_cam)
        np.savetxt(folder / "camera-intrinsics.txt", shot.K)


def filmed(rgb: np.ndarray, i: int, rng: np.random.Generator) -> np.ndarray:
    """A frame as a phone would film it: exposure drifts, pixels are noisy."""
    gain = 1.0 + 0.08 * np.sin(0.11 * i)
    noise = rng.normal(0, 2.5, rgb.shape)
    return np.clip(rgb * gain + noise, 0, 255).astype(np.uint8)


def write_video(
    path: Path, pictures: Iterable[np.ndarray], fps: int = 10, *, seed: int = 0, codec: str = "libx264", qp: int = 20
) -> None:
    """Encode (H, W, 3) uint8 pictures as H.264 with sensor noise and exposure changes."""
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as out:
        stream = None
        for i, rgb in enumerate(pictures):
            if stream is None:
                stream = out.add_stream(codec, rate=fps)
                stream.width, stream.height = rgb.shape[1], rgb.shape[0]
                stream.pix_fmt = "yuv420p"
                stream.options = {"qp": str(qp), "preset": "veryfast"}  # rate control differs from run to run
            for packet in stream.encode(av.VideoFrame.from_ndarray(filmed(rgb, i, rng))):
                out.mux(packet)
        assert stream is not None
        for packet in stream.encode():
            out.mux(packet)
