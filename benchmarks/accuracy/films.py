"""Masks on depth from video alone: how many things of filmed rooms are found, by faulty masks, true ones and none.

    python -m benchmarks.accuracy.films [--seeds 7,8,9]

H.264 films of 180 frames of 480 x 360, the camera's height given; masks as a detector gives them for its frames, with
the faults of `tests.rooms.detector`. Things that fill 675 pixels of some frame count as seen: as many of a frame as in
`rooms`. Writes `benchmarks/results/accuracy_films.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import cogmap
from cogmap.capture.sniff import open_source
from cogmap.config import Config
from cogmap.data.detections import Labeler
from cogmap.data.diary import Diary
from cogmap.reconstruct.recorded import record
from cogmap.reconstructing import reconstruct
from tests.rooms import film, make_room, render, write_video
from tests.rooms.detector import Faults, detector
from tests.rooms.judge import judge

from .rooms import RESULTS

FRAMES, HEIGHT_M, SEEN_PX = 180, 1.5, 675


def measured(seed: int) -> dict[str, dict[str, float]]:
    """Figures of one film by every way to find its things."""
    room = make_room(seed)
    movie = film(room, FRAMES, height=HEIGHT_M)
    shots = [render(room, T, movie.K, movie.size) for T in movie.poses]
    seen = np.array([max(int((s.thing == k).sum()) for s in shots) >= SEEN_PX for k in range(len(room.things))])
    ways: dict[str, Labeler | None] = {
        "faulty masks": detector(room, shots, Faults()),
        "true masks": detector(room, shots),
    }
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "room.mp4"
        write_video(video, movie.pictures(), fps=10)
        record(reconstruct(open_source(video), Config(), Diary()), Path(folder) / "depth")  # once for all three
        for name, labeler in {**ways, "geometry": None}.items():
            m = cogmap.build(
                video,
                labeler=labeler,
                scale=f"camera-height={HEIGHT_M}",
                reconstructor=f"recorded:{folder}/depth",
            )
            score = judge(m.scene, room, movie.poses)
            row: dict[str, float] = {"seen": int(seen.sum()), "objects": len(m.scene.objects)}
            for least in (0.5, 0.25):
                row[f"found {least}"] = int((score.iou[seen] >= least).sum())
            row |= {"recall 0.5": round(row["found 0.5"] / row["seen"], 3), "camera error": round(score.path_error, 5)}
            out[name] = row
            print(seed, name, json.dumps(row), flush=True)
    return out


def main() -> None:
    """Every seed; print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="7,8,9")
    rows = {}
    for seed in parser.parse_args().seeds.split(","):
        rows[f"room {seed}"] = measured(int(seed))
        (RESULTS / "accuracy_films.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
