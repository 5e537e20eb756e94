"""The clip that `cogmap doctor --model` is judged on: a dozen frames of a rendered room with their cameras and depth.

    python -m benchmarks.make_doctor_clip

Writes `cogmap/doctor_clip.npz`: pictures as JPEG, poses, intrinsics, and depth in 16 bit at a quarter of the size.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.rooms import make_room, render, walk_path

CLIP = Path(__file__).parents[1] / "cogmap" / "doctor_clip.npz"
FRAMES, STEP, QUALITY = 12, 3, 85
SIZE = (294, 392)
K = np.array([[318.5, 0, 196], [0, 318.5, 147], [0, 0, 1]])
DEPTH_STEP_M = 0.0005


def main() -> None:
    """Render and write."""
    room = make_room(7)
    poses = walk_path(room, 120)[: FRAMES * STEP : STEP]
    jpegs, depth = [], []
    for T in poses:
        shot = render(room, T, K, SIZE)
        out = io.BytesIO()
        Image.fromarray(shot.rgb).save(out, "JPEG", quality=QUALITY)
        jpegs.append(np.frombuffer(out.getvalue(), np.uint8))
        depth.append(np.round(shot.depth[2::4, 2::4] / DEPTH_STEP_M).astype(np.uint16))
    lengths = np.array([len(j) for j in jpegs])
    arrays = {"jpeg": np.concatenate(jpegs), "length": lengths, "T_world_cam": poses, "K": K}
    np.savez_compressed(CLIP, **arrays, depth=np.stack(depth), depth_step_m=np.float64(DEPTH_STEP_M))
    print(CLIP, CLIP.stat().st_size)


if __name__ == "__main__":
    main()
