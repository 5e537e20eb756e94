"""How right the objects of synthetic rooms are: by geometry, by true masks, by masks with the faults of detectors.

    python -m benchmarks.accuracy.rooms [--seeds 5] [--clutter light,middle]

RGB-D with sensor-like noise, 640 x 480, 60 frames. Things that fill at least 1,200 pixels of some frame count as seen.
Writes `benchmarks/results/accuracy_rooms.json`: median, least and most over seeds. With `--peers`, on the same voxels:
plain components, exact DBSCAN and scikit-learn's HDBSCAN (on at most 8,000 of them), boxed by the same code.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cogmap_kernels
import numpy as np

from cogmap import pipeline
from cogmap.config import Config
from cogmap.data.detections import Labeler
from cogmap.data.reconstruction import Reconstruction, Scale, Window
from cogmap.data.scene import SceneMap
from cogmap.stages.boxes import make_objects
from cogmap.stages.surfaces import find_surfaces
from tests.rooms import Room, Shot, make_room, noisy_depth, render, walk_path
from tests.rooms.detector import Faults, detector
from tests.rooms.judge import boxes_against

RESULTS = Path(__file__).parents[1] / "results"
K = np.array([[520.0, 0, 320], [0, 520, 240], [0, 0, 1]])
SEEN_PX, GLIMPSED_PX = 1200, 40


def windows(shots: list[Shot], first: np.ndarray) -> Iterator[Window]:
    """The shots as an RGB-D sensor gives them, in the frame of the camera `first`."""
    for i, shot in enumerate(shots):
        depth = noisy_depth(shot.depth, i)
        yield Window(
            rgb=shot.rgb[None],
            depth=depth[None],
            confidence=(depth > 0).astype(np.float32)[None],
            K=K[None],
            T_world_cam=(np.linalg.inv(first) @ shot.T_world_cam)[None],
            index=np.array([i], np.int32),
            time_s=np.array([i / 5]),
        )


def mapped(shots: list[Shot], labeler: Labeler | None) -> tuple[SceneMap, float]:
    """The map and the seconds that its objects took."""
    diary = pipeline.Diary()
    reconstruction = Reconstruction(windows(shots, shots[3].T_world_cam), Scale("metric", "sensor", 0.01))
    scene = pipeline.map_reconstruction(reconstruction, Config(), diary, labeler=labeler)
    return scene, diary.seconds["instances"]


def scored(scene: SceneMap, room: Room, shots: list[Shot], seconds: float) -> dict[str, float]:
    """Recall and precision at IoU 0.5 and 0.25, size error, and the share of labels whose count is right.

    A count is right from that of the things seen well to that of the things seen at all.
    """
    overlap, match = boxes_against(scene, room, scene.T_map_input @ np.linalg.inv(shots[3].T_world_cam))
    most_px = np.array([max(int((s.thing == k).sum()) for s in shots) for k in range(len(room.things))])
    seen = most_px >= SEEN_PX
    row: dict[str, float] = {"things": int(seen.sum()), "objects": len(scene.objects), "seconds": seconds}
    for least in (0.5, 0.25):
        hit = overlap >= least
        row[f"recall {least}"] = float(hit[seen].mean())
        row[f"precision {least}"] = len({m for m, h in zip(match, hit) if h}) / max(len(scene.objects), 1)
    pairs = [(room.things[k], scene.objects[match[k]]) for k in np.flatnonzero(overlap >= 0.5)]
    row["size error m"] = float(np.median([np.abs(np.sort(t.size) - np.sort(o.box.size_m)).max() for t, o in pairs]))
    right = []
    for label in sorted({t.label for t in room.things}):
        of = np.array([t.label == label for t in room.things])
        found = sum(o.label == label for o in scene.objects)
        right.append((of & seen).sum() <= found <= (of & (most_px >= GLIMPSED_PX)).sum())
    return row | {"counts right": float(np.mean(right))}


def peers(scene: SceneMap, room: Room, shots: list[Shot]) -> dict[str, dict[str, float]]:
    """Other clusterings of the same voxels once the room is taken away, boxed by the same code."""
    assert scene.voxels is not None
    index = np.flatnonzero(find_surfaces(scene.voxels).kind == 0)
    xyz = scene.voxels.mean_map[index].astype(np.float64)
    labels: dict[str, Any] = {"plain components": lambda: cogmap_kernels.components(scene.voxels.key[index])}
    labels["DBSCAN 6 cm / 10"] = lambda: cogmap_kernels.dbscan(xyz, 0.06, 10)
    labels["scikit-learn HDBSCAN"] = lambda: _hdbscan(xyz)
    rows = {}
    for name, run in labels.items():
        since = time.perf_counter()
        label = np.asarray(run())
        seconds = time.perf_counter() - since
        large = np.flatnonzero(np.bincount(label[label >= 0]) >= 50)
        out = np.full(len(scene.voxels), -1, np.int32)
        for n, k in enumerate(large):
            out[index[label == k]] = n
        objects = make_objects(scene.voxels, out)[0]
        rows[name] = scored(replace(scene, objects=objects), room, shots, seconds)
    return rows


def _hdbscan(xyz: np.ndarray) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    some = np.linspace(0, len(xyz) - 1, min(len(xyz), 8000)).astype(int)
    label = HDBSCAN(min_cluster_size=20, copy=True).fit(xyz[some]).labels_
    return np.asarray(label[cogmap_kernels.nearest(xyz, xyz[some])[1]])


def main() -> None:
    """Every clutter, every seed, every way to find objects."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--clutter", default="light,middle")
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    rows: dict[str, dict[str, list[dict[str, float]]]] = {}
    for clutter in given.clutter.split(","):
        ways = rows.setdefault(clutter, {})
        for seed in range(given.seeds):
            room = make_room(seed, clutter=clutter)
            shots = [render(room, T, K, (480, 640)) for T in walk_path(room, 60)]
            labelers = {
                "geometry": None,
                "true masks": detector(room, shots),
                "faulty masks": detector(room, shots, Faults()),
            }
            for name, labeler in labelers.items():
                scene, seconds = mapped(shots, labeler)
                ways.setdefault(name, []).append(scored(scene, room, shots, seconds))
                print(clutter, seed, name, json.dumps({k: round(v, 3) for k, v in ways[name][-1].items()}), flush=True)
                if labeler is None and given.peers:
                    for peer, row in peers(scene, room, shots).items():
                        ways.setdefault(peer, []).append(row)
                        print(clutter, seed, peer, json.dumps({k: round(v, 3) for k, v in row.items()}), flush=True)
    table = {
        clutter: {
            name: {k: [round(float(f([r[k] for r in runs])), 3) for f in (np.median, np.min, np.max)] for k in runs[0]}
            for name, runs in ways.items()
        }
        for clutter, ways in rows.items()
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"median, least, most over seeds": given.seeds, **table}, indent=1)
    (RESULTS / "accuracy_rooms.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
