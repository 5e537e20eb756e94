"""How right the objects of synthetic rooms are: by geometry, by true masks, by masks with the faults of detectors.

    python -m benchmarks.accuracy.rooms [--seeds 5] [--clutter light,middle,heavy] [--jobs 2] [--keep FOLDER]

RGB-D with sensor-like noise, 640 x 480, 60 frames. Things that fill at least 1,200 pixels of some frame count as seen.
Writes `benchmarks/results/accuracy_rooms.json`: median, least and most over seeds. With `--peers`, on the same voxels:
plain components, exact DBSCAN and scikit-learn's HDBSCAN (on at most 8,000 of them), boxed by the same code.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cogmap_kernels
import numba
import numpy as np
from threadpoolctl import threadpool_limits

from cogmap import pipeline
from cogmap.config import Config
from cogmap.data.detections import FrameDetections, Labeler
from cogmap.data.reconstruction import Reconstruction, Scale, Window
from cogmap.data.scene import MapObject, SceneMap
from cogmap.geometry.box import corners_xy, turn_xy
from cogmap.geometry.rigid import apply
from cogmap.stages.boxes import make_objects
from cogmap.stages.sightings import packed, sight
from cogmap.stages.surfaces import find_surfaces
from tests.rooms import Room, Shot, Thing, make_room, noisy_depth, render, rgbd_window, walk_path
from tests.rooms.detector import Faults, detector
from tests.rooms.judge import boxes_against

RESULTS = Path(__file__).parents[1] / "results"
K = np.array([[520.0, 0, 320], [0, 520, 240], [0, 0, 1]])
SEEN_PX, GLIMPSED_PX = 1200, 40


def windows(shots: list[Shot], first: np.ndarray) -> Iterator[Window]:
    """The shots as an RGB-D sensor gives them, in the frame of the camera `first`."""
    for i, shot in enumerate(shots):
        yield rgbd_window(shot, i, noisy_depth(shot.depth, i), first)


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
    T = scene.T_map_input @ np.linalg.inv(shots[3].T_world_cam)
    row["centre error m"] = float(np.median([np.linalg.norm(apply(T, t.center) - o.box.center_m) for t, o in pairs]))
    turn = float(np.arctan2(T[1, 0], T[0, 0]))
    long = [(t, o) for t, o in pairs if abs(t.size[0] - t.size[1]) > 0.15 * t.size[:2].max()]
    off = [np.degrees(abs((t.yaw + turn - o.box.yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4)) for t, o in long]
    row["yaw error deg"] = float(np.median(off)) if off else 0.0
    row["faces within 2 sigma"] = float(np.mean([w for t, o in pairs if not o.partial for w in within(t, o, T)] or [0]))
    area = sum(r.area_m2 for r in scene.layout.rooms)
    row["room area error"] = abs(area / room.area_m2 - 1)
    row["id switches"] = switches(scene, room, shots)
    right = []
    for label in sorted({t.label for t in room.things}):
        of = np.array([t.label == label for t in room.things])
        found = sum(o.label == label for o in scene.objects)
        right.append((of & seen).sum() <= found <= (of & (most_px >= GLIMPSED_PX)).sum())
    return row | {"counts right": float(np.mean(right))}


def within(thing: Thing, found: MapObject, T: np.ndarray) -> list[bool]:
    """Of the six faces of a thing, which lie within two sigma of those of the box, along the axes of the truth."""
    local = np.linalg.inv(T)
    yaw = found.box.yaw - float(np.arctan2(T[1, 0], T[0, 0]))
    corners = corners_xy(apply(local, np.array(found.box.center_m)), np.array(found.box.size_m), yaw)
    along = (corners - thing.center[:2]) @ turn_xy(thing.yaw)
    z = apply(local, np.array(found.box.center_m))[2] - thing.center[2] + np.array([-0.5, 0.5]) * found.box.size_m[2]
    lo, hi = np.append(along.min(0), z[0]), np.append(along.max(0), z[1])
    error = np.concatenate([lo + thing.size / 2, hi - thing.size / 2])
    return (np.abs(error) <= 2 * found.sigma_m).tolist()


def switches(scene: SceneMap, room: Room, shots: list[Shot]) -> float:
    """How often a thing's pixels change from one object to another between frames that show it, as a share of them."""
    assert scene.voxels is not None and scene.frames is not None and scene.object_of_voxel is not None
    keys = packed(scene.voxels.key.astype(np.int64))
    last, seen, changed = np.full(len(room.things), -1), 0, 0
    for frame in scene.frames:
        mask = np.maximum(shots[frame.index].thing + 1, 0).astype(np.int32)
        labels = ("",) * len(room.things)
        sight_of = sight(scene.voxels, keys, frame, FrameDetections(mask, labels, (1.0,) * len(labels)))
        of = scene.object_of_voxel[sight_of.voxel]
        for k in np.flatnonzero(np.bincount(mask.ravel(), minlength=len(room.things) + 1)[1:] >= SEEN_PX):
            mine = of[(sight_of.mask == k + 1) & (of >= 0)]
            if len(mine):
                now = int(np.bincount(mine).argmax())
                seen, changed = seen + 1, changed + int(last[k] not in (-1, now))
                last[k] = now
    return changed / max(seen, 1)


def peers(scene: SceneMap, room: Room, shots: list[Shot]) -> dict[str, dict[str, float]]:
    """Figures of other clusterings of the same voxels."""
    return {name: scored(made, room, shots, seconds) for name, made, seconds in peer_maps(scene)}


def peer_maps(scene: SceneMap) -> Iterator[tuple[str, SceneMap, float]]:
    """Maps by other clusterings of the same voxels once the room is taken away, boxed by the same code; and seconds."""
    assert scene.voxels is not None
    index = np.flatnonzero(find_surfaces(scene.voxels).kind == 0)
    xyz = scene.voxels.mean_map[index].astype(np.float64)
    labels: dict[str, Any] = {"plain components": lambda: cogmap_kernels.components(scene.voxels.key[index])}
    labels["DBSCAN 6 cm / 10"] = lambda: cogmap_kernels.dbscan(xyz, 0.06, 10)
    labels["scikit-learn HDBSCAN"] = lambda: _hdbscan(xyz)
    for name, run in labels.items():
        since = time.perf_counter()
        label = np.asarray(run())
        seconds = time.perf_counter() - since
        large = np.flatnonzero(np.bincount(label[label >= 0]) >= 50)
        out = np.full(len(scene.voxels), -1, np.int32)
        for n, k in enumerate(large):
            out[index[label == k]] = n
        objects, of_voxel = make_objects(scene.voxels, out)
        yield name, replace(scene, objects=objects, object_of_voxel=of_voxel), seconds


def _hdbscan(xyz: np.ndarray) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    some = np.linspace(0, len(xyz) - 1, min(len(xyz), 8000)).astype(int)
    label = HDBSCAN(min_cluster_size=20, copy=True).fit(xyz[some]).labels_
    return np.asarray(label[cogmap_kernels.nearest(xyz, xyz[some])[1]])


def measured(room: Room, with_peers: bool) -> dict[str, dict[str, float]]:
    """Figures of one room by every way to find its objects."""
    shots = [render(room, T, K, (480, 640)) for T in walk_path(room, 60)]
    rows = {}
    labelers = {"true masks": detector(room, shots), "faulty masks": detector(room, shots, Faults())}
    for name, labeler in {"geometry": None, **labelers}.items():
        scene, seconds = mapped(shots, labeler)
        rows[name] = scored(scene, room, shots, seconds)
        if labeler is None and with_peers:
            rows |= peers(scene, room, shots)
    return rows


def tabulated(runs: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, list[float]]]:
    """Median, least and most of every figure over rooms."""
    table: dict[str, dict[str, list[float]]] = {}
    for way, first in runs[0].items():
        for figure in first:
            values = [run[way][figure] for run in runs]
            table.setdefault(way, {})[figure] = [round(float(f(values)), 3) for f in (np.median, np.min, np.max)]
    return table


def kept(job: tuple[Path, str, int, bool]) -> Path:
    """The file of one room's figures, measured where it is not there yet."""
    folder, clutter, seed, with_peers = job
    file = folder / f"{clutter}-{seed:03d}.json"
    if not file.is_file():
        rows = measured(make_room(seed, clutter=clutter), with_peers)
        unfinished = file.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(rows, indent=1) + "\n")
        unfinished.replace(file)
    return file


def alone() -> None:
    """One thread for a worker, so that workers do not stand in each other's way."""
    numba.set_num_threads(1)
    threadpool_limits(1)


def main() -> None:
    """Every seed, every clutter, every way; with `--keep` a run that was cut off goes on where it was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--clutter", default="light,middle,heavy")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="rooms at once, each on one thread")
    parser.add_argument("--keep", type=Path, help="folder of one file a room; rooms in it are not measured again")
    given = parser.parse_args()
    clutters = given.clutter.split(",")
    with tempfile.TemporaryDirectory() as unkept:
        folder = given.keep or Path(unkept)
        folder.mkdir(exist_ok=True, parents=True)
        jobs = [(folder, clutter, seed, given.peers) for seed in range(given.seeds) for clutter in clutters]
        runs: dict[str, list[dict[str, dict[str, float]]]] = {clutter: [] for clutter in clutters}
        with ProcessPoolExecutor(given.jobs, get_context("spawn"), initializer=alone) as pool:
            for job, file in zip(jobs, pool.map(kept, jobs)):
                runs[job[1]].append(json.loads(file.read_text()))
                for way, row in runs[job[1]][-1].items():
                    print(*job[1:3], way, json.dumps({k: round(v, 3) for k, v in row.items()}), flush=True)
    table = {clutter: tabulated(rows) for clutter, rows in runs.items()}
    text = json.dumps({"median, least, most over seeds": given.seeds, **table}, indent=1)
    (RESULTS / "accuracy_rooms.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
