"""The capture that ships with the package: a made-up room as RGB-D frames with masks, and as a film.

    python -m benchmarks.make_sample

Writes into `cogmap/samples` a `frames.npz` (pictures as JPEG, depth as PNG, ids of things, poses, K) and a `room.mp4`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.rooms import film, make_room, noisy_depth, render, walk_path, write_video

PLACE = Path(__file__).parents[1] / "cogmap" / "samples"
FRAMES, SIZE, QUALITY, STEP_MM = 24, (120, 160), 85, 4
K = np.array([[120.0, 0, 80], [0, 120, 60], [0, 0, 1]])
FILM_FRAMES, CAMERA_HEIGHT_M, FILM_QP = 180, 1.5, 31


def packed(images: list[np.ndarray], form: str, **options: object) -> dict[str, np.ndarray]:
    """Images as one array of encoded bytes, and how many each takes."""
    encoded = []
    for image in images:
        out = io.BytesIO()
        Image.fromarray(image).save(out, form, **options)
        encoded.append(np.frombuffer(out.getvalue(), np.uint8))
    return {form.lower(): np.concatenate(encoded), f"{form.lower()}_length": np.array([len(e) for e in encoded])}


def main() -> None:
    """Render and write."""
    room = make_room(7)
    shots = [render(room, T, K, SIZE) for T in walk_path(room, FRAMES)]
    depth = [np.round(1000 / STEP_MM * noisy_depth(s.depth, i)).astype(np.uint16) for i, s in enumerate(shots)]
    PLACE.mkdir(exist_ok=True)
    np.savez_compressed(
        PLACE / "frames.npz",
        **packed([s.rgb for s in shots], "JPEG", quality=QUALITY),
        **packed(depth, "PNG", optimize=True),
        depth_step_mm=STEP_MM,
        thing=np.maximum(np.stack([s.thing for s in shots]) + 1, 0).astype(np.uint8),
        label=np.array([t.label for t in room.things]),
        T_world_cam=np.stack([s.T_world_cam for s in shots]),
        K=K,
    )
    movie = film(room, FILM_FRAMES, height=CAMERA_HEIGHT_M)
    write_video(PLACE / "room.mp4", movie.pictures(), fps=10, qp=FILM_QP)
    for path in sorted(PLACE.iterdir()):
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
