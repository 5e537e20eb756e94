"""The picture at the top of the README: a map from above beside one of its frames, with the same numbers.

    python -m benchmarks.make_hero

Builds a made-up room from 48 RGB-D frames with true masks and writes `docs/gallery/hero.png` and the text beside it.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import cogmap
from tests.rooms import make_room, render, walk_path, write_sevenscenes
from tests.rooms.detector import detector

OUT = Path(__file__).parents[1] / "docs" / "gallery"
K = np.array([[420.0, 0, 320], [0, 420, 240], [0, 0, 1]])
FRAMES, SIZE, HEIGHT = 48, (480, 640), 560


def main() -> None:
    """Build, draw side by side, write."""
    room = make_room(7)
    shots = [render(room, T, K, SIZE) for T in walk_path(room, FRAMES)]
    with tempfile.TemporaryDirectory() as place:
        write_sevenscenes(Path(place) / "scan", shots)
        m = cogmap.build(Path(place) / "scan", labeler=detector(room, shots))
    above = Image.open(io.BytesIO(m.to_image("bev", HEIGHT))).convert("RGB")
    best = int(np.argmax((m.visibility().share > 0.5).sum(0)))
    (marked,) = m.mark_frames([f"f{best:03d}"]).values()
    frame = Image.fromarray(marked)
    frame = frame.resize((round(frame.width * HEIGHT / frame.height), HEIGHT))
    both = Image.new("RGB", (above.width + 12 + frame.width, HEIGHT), "white")
    both.paste(above, (0, 0))
    both.paste(frame, (above.width + 12, 0))
    both.quantize(192).save(OUT / "hero.png", optimize=True)
    print(m.to_text("metric"))
    print(m.to_text("relations"))
    print((OUT / "hero.png").stat().st_size)


if __name__ == "__main__":
    main()
