"""Reconstructors on the colour frames of a posed RGB-D folder, against its sensor.

    python -m benchmarks.eval_reconstruction FOLDER [--backends sfm,sfm-unchecked,da3-small:FOLDER,sfm+da3-small]

Cameras after a similarity fit on their centres (for backends that are given poses there is nothing to fit); surfaces
after a trimmed ICP on top of it, so scale error is left out and told apart. Each backend runs in a process of its own:
seconds and peak memory are its own. `sfm-unchecked` is `sfm` without the check of depth between pictures;
`NAME@poses` hands a model the sensor's poses. Prints a table and writes `benchmarks/results/reconstruction.json` and
`.png`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from cogmap.capture.sniff import open_source
from cogmap.data.capture import Capture
from cogmap.data.reconstruction import Reconstruction
from cogmap.errors import CogmapError
from cogmap.geometry.camera import unproject
from cogmap.geometry.rigid import apply, inverse
from cogmap.geometry.similarity import apply_to_pose, fit_similarity, scale_of
from cogmap.reconstruct.hybrid import with_learned_depth
from cogmap.reconstruct.measured import reconstruct_measured
from cogmap.reconstruct.models import open_model
from cogmap.reconstruct.sfm import sfm, stereo
from cogmap.reconstructing import by_model, colour_alone, without_depth

RESULTS = Path(__file__).parent / "results"
COLUMNS = ("camera_rmse_m", "relative_error_per_m", "surface_median_m", "surface_within_5cm", "complete_10cm", "kept",
           "scale_of_truth", "focal_px", "registered", "seconds", "peak_mb")  # fmt: skip


class Frame(NamedTuple):
    """One reconstructed frame: depth (H, W), K (3, 3), pose (4, 4)."""

    depth: np.ndarray
    K: np.ndarray
    T_world_cam: np.ndarray


def reconstructed(capture: Capture, backend: str, seed: int) -> Reconstruction:
    """What a backend makes of the pictures of a capture."""
    rows = range(capture.n_frames)
    if backend == "sfm-unchecked":
        sfm.stereo.checked_depths = _unchecked  # type: ignore[assignment]
    name, _, posed = backend.partition("@")
    if name in ("sfm", "sfm-unchecked"):
        return sfm.reconstruct_sfm(colour_alone(capture), rows, seed=seed)
    model = open_model(name.removeprefix("sfm+"))
    if name.startswith("sfm+"):
        return with_learned_depth(sfm.reconstruct_sfm(colour_alone(capture), rows, seed=seed), model)
    return by_model(without_depth(capture) if posed else colour_alone(capture), rows, replace(model), seed=seed)


def _unchecked(views: Sequence[stereo.View], folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i in range(len(views)):
        depth = np.load(folder / f"raw{i:05d}.npy")
        yield depth, np.where(depth > 0, 1, 0).astype(np.float32)


def framed(found: Reconstruction) -> dict[int, Frame]:
    """The frames of a reconstruction by their place in the source, loops closed."""
    out: dict[int, Frame] = {}
    for w in found.windows:
        for k, index in enumerate(w.index):
            out[int(index)] = Frame(w.depth[k], w.K[k], w.T_world_cam[k])
    correction = found.corrected()
    if correction is not None and correction.moves is not None:
        for (index, f), S in zip(list(out.items()), correction.moves):
            out[index] = Frame(f.depth * np.float32(scale_of(S)), f.K, apply_to_pose(S, f.T_world_cam))
    return out


def compare(folder: Path, backend: str = "sfm", seed: int = 0) -> dict[str, float]:
    """Figures of one run; lengths in metres."""
    capture = open_source(folder)
    assert isinstance(capture, Capture)
    since = time.perf_counter()
    ours = framed(reconstructed(capture, backend, seed))
    seconds = time.perf_counter() - since
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sensor = framed(reconstruct_measured(capture, range(capture.n_frames)))
    true = np.array([sensor[i].T_world_cam for i in ours])
    found = np.array([f.T_world_cam for f in ours.values()])
    S = fit_similarity(found[:, :3, 3], true[:, :3, 3])
    fitted = apply_to_pose(S, found)
    error = np.linalg.norm(fitted[:, :3, 3] - true[:, :3, 3], axis=1)
    surface = _surface([(f, T) for f, T in zip(ours.values(), fitted)], scale_of(S), 1)
    truth = _surface([(f, f.T_world_cam) for f in sensor.values()], 1.0, 3)
    surface = _settled(surface, truth)
    near = cKDTree(truth).query(surface)[0]
    first = next(iter(ours.values()))
    return {
        "camera_rmse_m": float(np.sqrt((error**2).mean())),
        "relative_error_per_m": _relative_error(fitted, true),
        "surface_median_m": float(np.median(near)),
        "surface_within_5cm": float((near < 0.05).mean()),
        "complete_10cm": float((cKDTree(surface).query(truth)[0] < 0.1).mean()),
        "kept": float(np.mean([(f.depth > 0).mean() for f in ours.values()])),
        "scale_of_truth": 1 / scale_of(S),
        "focal_px": float(first.K[0, 0] * next(capture.frames([0])).rgb.shape[1] / first.depth.shape[1]),
        "registered": len(ours) / capture.n_frames,
        "seconds": seconds,
        "peak_mb": peak,
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


def _surface(views: list[tuple[Frame, np.ndarray]], scale: float, step: int) -> np.ndarray:
    points = []
    for f, T in views:
        xyz = unproject(f.depth, f.K)[::step, ::step] * scale
        points.append(apply(T, xyz[f.depth[::step, ::step] > 0]))
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


def drawn(rows: dict[str, dict[str, float]]) -> None:
    """Errors, completeness and seconds of every backend as bars."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = {"camera_rmse_m": "camera RMSE, m", "surface_median_m": "surface median, m"}
    shown |= {"complete_10cm": "complete within 10 cm", "kept": "pixels kept", "seconds": "seconds"}
    figure, axes = pyplot.subplots(1, len(shown), figsize=(3 * len(shown), 3), layout="constrained")
    for axis, (key, title) in zip(axes, shown.items()):
        axis.bar(list(rows), [r[key] for r in rows.values()], color="#0072b2")
        axis.set_title(title, fontsize=10)
        axis.tick_params(axis="x", rotation=30, labelsize=8)
    figure.savefig(RESULTS / "reconstruction.png", dpi=110)


def main() -> None:
    """Every backend in a process of its own; one that cannot run says why."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backends", default="sfm,sfm-unchecked")
    parser.add_argument("--alone")
    given = parser.parse_args()
    if given.alone:
        try:
            print(json.dumps({k: round(v, 4) for k, v in compare(given.folder, given.alone).items()}))
        except CogmapError as error:
            sys.exit(str(error))
        return
    rows = {}
    for backend in given.backends.split(","):
        command = [sys.executable, "-m", "benchmarks.eval_reconstruction", str(given.folder), "--alone", backend]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            print(f"{backend}: {run.stderr.strip().splitlines()[-1]}")
            continue
        rows[backend] = json.loads(run.stdout.splitlines()[-1])
    wide = max(map(len, rows), default=0)
    print(" " * wide, *(c.rjust(len(c)) for c in COLUMNS))
    for backend, row in rows.items():
        print(backend.ljust(wide), *(f"{row[c]:.3f}".rjust(len(c)) for c in COLUMNS))
    if rows:
        (RESULTS / "reconstruction.json").write_text(json.dumps(rows, indent=1) + "\n")
        drawn(rows)


if __name__ == "__main__":
    main()
