"""Structure from motion on the colour frames of a posed RGB-D folder, against its sensor.

    python -m benchmarks.sfm_against_sensor FOLDER

Cameras after a similarity fit on their centres; surfaces after a trimmed ICP on top of it, so scale error is left out.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from cogmap.building import colour_alone
from cogmap.capture.sniff import open_source
from cogmap.data.capture import Capture
from cogmap.data.reconstruction import Window
from cogmap.geometry.camera import unproject
from cogmap.geometry.rigid import apply, inverse
from cogmap.geometry.similarity import apply_to_pose, fit_similarity
from cogmap.reconstruct.measured import reconstruct_measured
from cogmap.reconstruct.sfm.sfm import reconstruct_sfm


def compare(folder: Path, seed: int = 0) -> dict[str, float]:
    """Figures of one run; lengths in metres."""
    capture = open_source(folder)
    assert isinstance(capture, Capture)
    since = time.perf_counter()
    rows = range(capture.n_frames)
    ours = list(reconstruct_sfm(colour_alone(capture), rows, seed=seed).windows)
    seconds = time.perf_counter() - since
    sensor = {int(w.index[0]): w for w in reconstruct_measured(capture, rows).windows}
    true = np.array([sensor[int(w.index[0])].T_world_cam[0] for w in ours])
    found = np.array([w.T_world_cam[0] for w in ours])
    S = fit_similarity(found[:, :3, 3], true[:, :3, 3])
    fitted = apply_to_pose(S, found)
    error = np.linalg.norm(fitted[:, :3, 3] - true[:, :3, 3], axis=1)
    surface = _surface([(w, apply_to_pose(S, w.T_world_cam[0])) for w in ours], np.cbrt(np.linalg.det(S[:3, :3])), 1)
    truth = _surface([(w, w.T_world_cam[0]) for w in sensor.values()], 1.0, 3)
    surface = _settled(surface, truth)
    near = cKDTree(truth).query(surface)[0]
    width = ours[0].depth.shape[2]
    source_width = next(capture.frames([0])).rgb.shape[1]
    return {
        "seconds": seconds,
        "registered": len(ours) / capture.n_frames,
        "camera_rmse_m": float(np.sqrt((error**2).mean())),
        "relative_error_per_m": _relative_error(fitted, true),
        "focal_px": float(ours[0].K[0, 0, 0] * source_width / width),
        "surface_median_m": float(np.median(near)),
        "surface_within_5cm": float((near < 0.05).mean()),
        "complete_10cm": float((cKDTree(surface).query(truth)[0] < 0.1).mean()),
        "kept": float(np.mean([(w.depth > 0).mean() for w in ours])),
    }


def _relative_error(found: np.ndarray, true: np.ndarray) -> float:
    """Median translation error of steps of about a metre, per metre."""
    out = []
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(true[:, :3, 3], axis=0), axis=1))])
    for i in range(len(true)):
        j = int(np.searchsorted(along, along[i] + 1.0))
        if j < len(true):
            gap = inverse(inverse(true[i]) @ true[j]) @ (inverse(found[i]) @ found[j])
            out.append(np.linalg.norm(gap[:3, 3]) / (along[j] - along[i]))
    return float(np.median(out)) if out else float("nan")


def _surface(views: list[tuple[Window, np.ndarray]], scale: float, step: int) -> np.ndarray:
    points = []
    for w, T in views:
        xyz = unproject(w.depth[0], w.K[0])[::step, ::step] * scale
        points.append(apply(T, xyz[w.depth[0][::step, ::step] > 0]))
    every = np.concatenate(points)
    return every[np.unique(np.floor(every / 0.02).astype(int), axis=0, return_index=True)[1]]


def _settled(surface: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Ten rounds of rigid ICP on pairs within 10 cm."""
    tree = cKDTree(truth)
    for _ in range(10):
        gap, at = tree.query(surface[::3])
        good = gap < 0.1
        surface = apply(fit_similarity(surface[::3][good], truth[at[good]], with_scale=False), surface)
    return surface


if __name__ == "__main__":
    print(json.dumps({k: round(v, 4) for k, v in compare(Path(sys.argv[1])).items()}, indent=1))
