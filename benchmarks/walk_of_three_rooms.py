"""A five-minute walk through three rooms and back, from video alone: how many of the chosen frames register.

python -m benchmarks.walk_of_three_rooms [FOLDER]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import cogmap
from tests.rooms import make_suite, suite_path, write_video
from tests.rooms.film import K480, SIZE, Film
from tests.rooms.judge import judge

FPS = 5
SECONDS = 300


def main(folder: Path) -> None:
    """Film the walk, build the map and print one line of figures."""
    folder.mkdir(parents=True, exist_ok=True)
    room = make_suite(3)
    walk = Film(room, suite_path(room, FPS * SECONDS), K480, SIZE)
    video = folder / "walk.mp4"
    write_video(video, walk.pictures(), fps=FPS)
    since = time.perf_counter()
    m = cogmap.build(video)
    seconds = time.perf_counter() - since
    m.save(folder / "walk.cogmap", overwrite=True)
    score = judge(m.scene, room, walk.poses)
    chosen, registered = (int(m.scene.provenance[k] or 0) for k in ("frames", "registered"))
    print(
        json.dumps(
            {
                "chosen": chosen,
                "registered": registered,
                "share": round(registered / chosen, 3),
                "path_error": round(score.path_error, 5),
                "scale_of_truth": round(score.scale, 3),
                "status": m.quality.status,
                "warnings": [w.code for w in m.quality.warnings],
                "things": len(room.things),
                "found_at_iou_0.25": int((score.iou >= 0.25).sum()),
                "seconds": round(seconds, 1),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
