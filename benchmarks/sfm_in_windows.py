"""Structure from motion window by window, joined and closed as models are, against its solution of the whole clip.

    python -m benchmarks.sfm_in_windows FOLDER [--window 64]

Each window is solved as if it were a clip of its own, in a world and scale of its own; so this measures the joins. The
difference is that of the camera centres after a similarity, over the length of the path.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cogmap.capture.sniff import open_source
from cogmap.data.capture import Capture, CaptureFrame, SourceReport
from cogmap.geometry.camera import scaled_K
from cogmap.geometry.rigid import apply
from cogmap.geometry.similarity import apply_to_pose, fit_similarity
from cogmap.reconstruct.base import Model, Prediction
from cogmap.reconstruct.feed_forward import reconstruct_by_model
from cogmap.reconstruct.sfm.sfm import reconstruct_sfm
from cogmap.reconstructing import colour_alone


def predict(rgb: np.ndarray, T: Any, K: Any) -> Prediction:
    """Structure from motion as a model: frames that it cannot place have no depth and the pose of a neighbour."""

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(rgb)) if indices is None else indices:
            yield CaptureFrame(i, float(i), rgb[i])

    clip = Capture("window", len(rgb), SourceReport("window"), frames)
    height, width = rgb.shape[1:3]
    depth = np.zeros((len(rgb), height, width), np.float32)
    sure, poses, cameras = np.zeros_like(depth), [None] * len(rgb), [None] * len(rgb)
    for w in reconstruct_sfm(clip, range(len(rgb))).windows:
        k, (h, v) = int(w.index[0]), w.depth.shape[1:]
        rows, columns = ((np.arange(n) * m // n) for n, m in ((height, h), (width, v)))
        depth[k], sure[k] = w.depth[0][rows][:, columns], w.confidence[0][rows][:, columns]
        poses[k], cameras[k] = w.T_world_cam[0], scaled_K(w.K[0], width / v, height / h)
    placed = [k for k, p in enumerate(poses) if p is not None]
    near = [min(placed, key=lambda j: abs(j - k)) for k in range(len(rgb))]
    sky = depth == 0  # what stereo does not know is no fault of the model
    return Prediction(depth, sure, np.stack([cameras[k] for k in near]), np.stack([poses[k] for k in near]), sky)


def main() -> None:
    """Both ways, and how far apart they are."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--window", type=int, default=64)
    given = parser.parse_args()
    capture = open_source(given.folder)
    assert isinstance(capture, Capture)
    colours, rows = colour_alone(capture), range(capture.n_frames)
    since = time.perf_counter()
    whole = {int(w.index[0]): w.T_world_cam[0] for w in reconstruct_sfm(colours, rows).windows}
    seconds = [time.perf_counter() - since]
    shape = next(capture.frames([0])).rgb.shape
    model = Model("sfm", predict, max(shape[:2]), 2, window=given.window, overlap=given.window // 4)
    found = reconstruct_by_model(colours, rows, model)
    parts = {int(i): T for w in found.windows for i, T in zip(w.index, w.T_world_cam)}
    correction = found.corrected()
    if correction is not None and correction.moves is not None:
        parts = {i: apply_to_pose(S, T) for (i, T), S in zip(parts.items(), correction.moves)}
    seconds.append(time.perf_counter() - since - seconds[0])
    both = sorted(whole.keys() & parts.keys())
    a, b = (np.array([poses[i][:3, 3] for i in both]) for poses in (whole, parts))
    length = np.linalg.norm(np.diff(a, axis=0), axis=1).sum()
    off = np.linalg.norm(apply(fit_similarity(b, a), b) - a, axis=1) / length
    out = {"frames": len(rows), "compared": len(both), "windows": found.provenance["windows"]}
    out |= {"median, share of the path": float(np.median(off)), "most, share of the path": float(off.max())}
    out |= {"told": None if correction is None else correction.told}
    out |= {"seconds of the whole, of windows": [round(s) for s in seconds]}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
