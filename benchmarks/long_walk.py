"""A long walk through three rooms in windows that drift: how far its cameras end off, and what memory it takes.

    python -m benchmarks.long_walk [--frames 2000]

An oracle that knows the rooms stands for a model with weights; every pass has a world of its own and bends with every
frame (0.04 % larger, 0.025 degrees on: over 2,000 frames a factor of 2.2 and 50 degrees). The path is compared with the
truth after a similarity, before and after loops are closed. Peak memory is that of a process of its own, with a
tenth of the frames and with all. Writes `benchmarks/results/long_walk.json`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cogmap.data.capture import Capture, CaptureFrame, SourceReport
from cogmap.geometry.rigid import about_z, apply, from_rotation, inverse
from cogmap.geometry.similarity import apply_to_pose, fit_similarity
from cogmap.reconstruct.base import Model, Prediction
from cogmap.reconstruct.feed_forward import reconstruct_by_model
from tests.rooms import Shot, make_suite, render, suite_path

RESULTS = Path(__file__).parent / "results" / "long_walk.json"
K = np.array([[260.0, 0, 160], [0, 260, 120], [0, 0, 1]])
SIZE = (240, 320)
LARGER, TURN = 0.0004, np.radians(0.025)


class Walk:
    """Frames drawn when they are asked for; their place is written into the first two pixels."""

    def __init__(self, n: int) -> None:
        self.room = make_suite(3)
        self.poses = suite_path(self.room, n)
        self.rng = np.random.default_rng(0)
        self.shot = lru_cache(maxsize=64)(self._shot)

    def _shot(self, i: int) -> Shot:
        return render(self.room, self.poses[i], K, SIZE)

    def capture(self) -> Capture:
        """The pictures alone."""

        def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
            for i in range(len(self.poses)) if indices is None else indices:
                rgb = self.shot(i).rgb.copy()
                rgb[0, 0], rgb[0, 1] = (i >> 8, i & 255, 0), (7, 7, 7)
                yield CaptureFrame(i, i / 7, rgb)

        return Capture("walk", len(self.poses), SourceReport("test"), frames)

    def predict(self, rgb: np.ndarray, T: Any, given: Any) -> Prediction:
        """The truth in a world of its own, bent along the pass."""
        shots = [self.shot(int(p[0, 0, 0]) * 256 + int(p[0, 0, 1])) for p in rgb]
        scale = float(self.rng.uniform(0.3, 3))
        S = from_rotation(about_z(self.rng.uniform(-3, 3)), self.rng.uniform(-5, 5, 3)) @ np.diag([scale] * 3 + [1.0])
        poses = apply_to_pose(S, np.stack([s.T_world_cam for s in shots]))
        about = from_rotation(np.eye(3), poses[0, :3, 3])
        depth = []
        for k, s in enumerate(shots):
            bend = from_rotation(about_z(TURN * k)) @ np.diag([1 + LARGER * k] * 3 + [1.0])
            poses[k] = apply_to_pose(about @ bend @ inverse(about), poses[k])
            depth.append(s.depth * scale * (1 + LARGER * k))
        n = len(rgb)
        dense = np.stack(depth).astype(np.float32)
        return Prediction(dense, np.ones(dense.shape, np.float32), np.stack([K] * n), poses)


def measured(n: int) -> dict[str, Any]:
    """Errors, loops, seconds and peak memory of a walk of n frames."""
    walk = Walk(n)
    since = time.perf_counter()
    model = Model("oracle", walk.predict, 320, 1, window=32, overlap=8)
    found = reconstruct_by_model(walk.capture(), range(n), model)
    poses = np.concatenate([w.T_world_cam for w in found.windows])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    correction = found.corrected()
    out: dict[str, Any] = {"frames": n, "windows": found.provenance["windows"]}
    out["worst camera, share of the path"] = {"open": off(poses, walk.poses)}
    if correction is not None and correction.moves is not None:
        closed = np.stack([apply_to_pose(S, T) for S, T in zip(correction.moves, poses)])
        out["worst camera, share of the path"]["closed"] = off(closed, walk.poses)
        out |= correction.told
    out["peak MB of the windows"] = round(before)
    out["peak MB with loops"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return out | {"seconds": round(time.perf_counter() - since, 1)}


def off(poses: np.ndarray, true: np.ndarray) -> float:
    """Worst distance of a camera from where it was, after a similarity, over the length of the path."""
    found, wanted = poses[:, :3, 3], true[:, :3, 3]
    length = np.linalg.norm(np.diff(wanted, axis=0), axis=1).sum()
    return round(float(np.linalg.norm(apply(fit_similarity(found, wanted), found) - wanted, axis=1).max() / length), 5)


def main() -> None:
    """A tenth of the frames and all of them, each in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    if given.alone:
        print(json.dumps(measured(given.frames)))
        return
    rows = []
    for n in (given.frames // 10, given.frames):
        command = [sys.executable, "-m", "benchmarks.long_walk", "--alone", "--frames", str(n)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print(json.dumps(rows[-1]), flush=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
