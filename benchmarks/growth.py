"""How costs grow: stages over objects (and so points), and over frames.

    python -m benchmarks.growth [--most-objects 10000] [--most-frames 2000]

Objects: boxes of 0.2 to 0.6 m on a floor, one a square metre, their surfaces sampled every 2 cm, as a scan without ids.
Frames: a furnished room seen from a longer and longer walk, 160 x 120 RGB-D with true masks. Prints seconds and the
slope of log seconds over log size, and writes `benchmarks/results/growth.json`.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path

import numpy as np

from cogmap import pipeline
from cogmap.config import Config
from cogmap.data.points import PointCloud
from cogmap.data.reconstruction import Reconstruction, Scale
from tests.rooms import Room, make_room, noisy_depth, render, rgbd_window, walk_path
from tests.rooms.detector import detector

RESULTS = Path(__file__).parent / "results" / "growth.json"
K = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])
SPACING_M = 1.0
STEP_M = 0.02


def boxes_on_a_floor(n: int) -> PointCloud:
    """A scan of n boxes in rows, and of the floor under them."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(n)))
    parts = []
    for k in range(n):
        size = rng.uniform(0.2, 0.6, 3)
        parts.append(_surface(size) + [SPACING_M * (k % side), SPACING_M * (k // side), size[2] / 2])
    edge = np.arange(-1, side * SPACING_M + 1, 2 * STEP_M)
    floor = np.stack([*(a.ravel() for a in np.meshgrid(edge, edge)), np.zeros(len(edge) ** 2)], axis=1)
    return PointCloud(np.concatenate([*parts, floor]))


def _surface(size: np.ndarray) -> np.ndarray:
    """Points of the sides and the top of a box round the origin."""
    out = []
    for axis in range(3):
        a, b = (np.arange(-size[k] / 2, size[k] / 2, STEP_M) for k in range(3) if k != axis)
        u, v = (g.ravel() for g in np.meshgrid(a, b))
        for sign in (-1, 1) if axis < 2 else (1,):
            face = np.insert(np.stack([u, v], axis=1), axis, sign * size[axis] / 2, axis=1)
            out.append(face)
    return np.concatenate(out)


def frames_of(room: Room, n: int) -> dict[str, float]:
    """Seconds by stage of a map of n frames with masks."""
    poses = walk_path(room, n, turns=n / 60)
    shots = [render(room, T, K, (120, 160)) for T in poses]

    windows = (rgbd_window(shot, i, noisy_depth(shot.depth, i), np.eye(4)) for i, shot in enumerate(shots))
    diary = pipeline.Diary()
    reconstruction = Reconstruction(windows, Scale("metric", "sensor", 0.01))
    pipeline.map_reconstruction(reconstruction, Config(max_frames=n), diary, labeler=detector(room, shots))
    return diary.seconds


def slope(sizes: list[int], seconds: list[float]) -> float:
    """Exponent of seconds over size: the line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(seconds, 1e-4)), 1)[0])


def report(name: str, sizes: list[int], runs: list[dict[str, float]]) -> dict[str, object]:
    """Print and return seconds by stage and the exponents of all that takes a tenth of the time at the end."""
    total = [sum(r.values()) for r in runs]
    slopes = {"total": slope(sizes, total)}
    for stage in runs[-1]:
        if runs[-1][stage] > 0.1 * total[-1]:
            slopes[stage] = slope(sizes, [r.get(stage, 0.0) for r in runs])
    rows = [{k: round(v, 3) for k, v in r.items()} for r in runs]
    print(name, sizes, [round(t, 2) for t in total], {k: round(v, 2) for k, v in slopes.items()}, flush=True)
    return {"sizes": sizes, "seconds": rows, "exponents": {k: round(v, 3) for k, v in slopes.items()}}


def main() -> None:
    """Both growths."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--most-objects", type=int, default=10_000)
    parser.add_argument("--most-frames", type=int, default=2_000)
    given = parser.parse_args()
    pipeline.map_points(boxes_on_a_floor(20), Config(), pipeline.Diary())
    objects = [given.most_objects // k for k in (8, 4, 2, 1)]
    runs, found, points = [], [], []
    for n in objects:
        cloud, diary = boxes_on_a_floor(n), pipeline.Diary()
        scene = pipeline.map_points(cloud, Config(), diary)
        runs.append(diary.seconds)
        found.append(len(scene.objects))
        points.append(len(cloud.xyz_input))
    result = {"objects": {**report("points", points, runs), "objects": objects, "found": found}}
    print("objects", objects, "found", found)
    frames = [given.most_frames // k for k in (8, 4, 2, 1)]
    room = make_room(1, clutter="middle")
    frames_of(room, 24)
    result["frames"] = report("frames", frames, [frames_of(room, n) for n in frames])
    result["peak MB"] = {"MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
