"""Sentences: is every line of `relations` and `facts` true, by a checker that shares no code with the queries?

    python -m benchmarks.sentences [--rooms 30] [--pairs 10000]

Maps built from RGB-D walks through synthetic rooms, made-up maps with L- and U-shaped outlines until `--pairs` pairs of
things were looked at, and the real captures where they are there. Exit 1 when a sentence is false.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from math import comb
from pathlib import Path

import cogmap
from cogmap.data.scene import SceneMap
from tests.test_true_sentences import crowded, false_sentences

from .liars import built, room_frames

CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips"
REAL = ("redkitchen_rgbd", "redkitchen_video/redkitchen.mp4", "tum_fr3_office")


def scenes(rooms: int, pairs: int) -> Iterator[tuple[str, SceneMap]]:
    """Name and map, one after another."""
    for seed in range(rooms):
        yield f"room {seed}", built(room_frames(seed), "arrays", Path()).scene
    seed = 0
    while pairs > 0:
        scene = crowded(seed)
        pairs -= comb(len(scene.objects), 2)
        yield f"made up {seed}", scene
        seed += 1
    for name in REAL:
        if (CLIPS / name).exists():
            yield name, cogmap.build(CLIPS / name).scene


def main() -> None:
    """Look at all, print what is false."""
    parser = argparse.ArgumentParser(description="Whether every sentence of a map is true.")
    parser.add_argument("--rooms", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=10_000)
    asked = parser.parse_args()
    false, said, looked, maps = 0, 0, 0, 0
    for name, scene in scenes(asked.rooms, asked.pairs):
        wrong, n = false_sentences(scene)
        false, said, maps = false + len(wrong), said + n, maps + 1
        looked += comb(len(scene.objects), 2)
        for row in wrong:
            print(f"{name}: {row}", flush=True)
    print(f"{maps} maps, {looked} pairs, {said} sentences, {false} false")
    sys.exit(bool(false))


if __name__ == "__main__":
    main()
