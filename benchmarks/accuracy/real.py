"""How right the objects of real rooms are, by the scorer of `cogmap eval`.

    python -m benchmarks.accuracy.real SCANS [--ways none,true,faulty,partly] [--peers]

SCANS holds rooms, or is one: posed RGB-D frames of a scanned room with `truth.json` (objects with `label`, `center_m`,
`size_m`, `yaw_deg`, `seen_px`, `seen_box`; `T_raw_aligned`) and `recorded/` with the true masks. No room is part of the
project. Things count that fill 15,000 pixels in 60 frames of 640 x 480, or as many in proportion; each side of a box is
5 cm at least, in truth and map alike; precision is against the seen boxes of everything that is annotated.

Ways: no masks; true masks; masks with the faults of detectors; true masks of three things in four. Peers: other
clusterings of the same voxels, boxed by the same code. Writes `benchmarks/results/accuracy_real.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

import cogmap
from cogmap.data.detections import FrameDetections, Labeler
from cogmap.data.points import GivenBox
from cogmap.data.scene import MapObject, SceneMap
from cogmap.label.recorded import recorded_labeler
from cogmap.qa.accuracy import accuracy
from cogmap.stages.boxes import import_boxes
from tests.rooms.detector import Faults, detector

from .rooms import peer_maps

RESULTS = Path(__file__).parents[1] / "results"
ROOM = ("wall", "floor", "ceiling")
WELL_SEEN = 15_000 / (60 * 640 * 480)
LEAST_SIDE_M = 0.05
WAYS = ("none", "true", "faulty", "partly")


def masks_of(folder: Path) -> list[np.ndarray]:
    """The true masks of every frame as numbers of things from 0, -1 = none."""
    return [np.asarray(Image.open(f)).astype(np.int32) - 1 for f in sorted((folder / "masks").glob("*.png"))]


def labeler_of(folder: Path, way: str, labels: dict[int, str]) -> Labeler | None:
    """The labeler of one way."""
    if way == "none":
        return None
    true = recorded_labeler(folder / "recorded")
    if way == "true":
        return true
    things = [SimpleNamespace(label=labels.get(k + 1, "none")) for k in range(max(labels, default=0))]
    left_out = {k for k, t in enumerate(things) if t.label in (*ROOM, "unknown", "none")}
    if way == "partly":
        left_out |= {k for k in range(len(things)) if k % 4 == 3}
    shots = [SimpleNamespace(thing=np.where(np.isin(m, list(left_out)), -1, m)) for m in masks_of(folder)]
    room: Any = SimpleNamespace(things=things)
    spoilt = detector(room, shots, Faults() if way == "faulty" else None, least_px=60)  # type: ignore[arg-type]

    def detect(rgb: np.ndarray, index: int) -> FrameDetections | None:
        return spoilt.detect(rgb, index)

    return Labeler(way, detect)


def truths(folder: Path, scene: SceneMap) -> dict[str, SceneMap]:
    """Maps of the true boxes in the frame of a map: full and seen ones of what is well seen, and all seen ones."""
    told = json.loads((folder / "truth.json").read_text())
    T = scene.T_map_input @ np.array(told["T_raw_aligned"])
    frames = len(list((folder / "masks").glob("*.png")))
    size = np.prod(np.asarray(Image.open(next((folder / "masks").glob("*.png")))).shape)
    kept = [t for t in told["objects"] if t["label"] not in ROOM]
    well = [t for t in kept if t["seen_px"] >= WELL_SEEN * frames * size]
    rows = {
        "full": well,
        "seen": [{**t, **t["seen_box"]} for t in well if t["seen_box"]],
        "all seen": [{**t, **t["seen_box"]} for t in kept if t["seen_box"]],
    }
    return {
        name: replace(scene, objects=import_boxes(tuple(_given(t) for t in chosen), T)) for name, chosen in rows.items()
    }


def _given(t: dict[str, Any]) -> GivenBox:
    a, b, c = (max(float(s), LEAST_SIDE_M) for s in t["size_m"])
    x, y, z = t["center_m"]
    return GivenBox(t["label"], (x, y, z), (a, b, c), yaw_deg=t["yaw_deg"])


def _widened(o: MapObject) -> MapObject:
    a, b, c = (max(s, LEAST_SIDE_M) for s in o.box.size_m)
    return replace(o, box=replace(o.box, size_m=(a, b, c)))


def scored(folder: Path, scene: SceneMap, seconds: float) -> dict[str, Any]:
    """Recall on full and seen boxes, precision, counts and causes of one map."""
    padded = replace(scene, objects=tuple(_widened(o) for o in scene.objects))
    row: dict[str, Any] = {"objects": len(scene.objects), "seconds": round(seconds, 1)}
    for name, truth in truths(folder, scene).items():
        found = accuracy(padded, truth).figures
        if name == "all seen":
            row |= {f"precision {limit}": found[f"precision@{limit}"] for limit in (0.25, 0.5)}
            continue
        row |= {f"{name} recall {limit}": found[f"recall@{limit}"] for limit in (0.25, 0.5)}
        row["things"] = found["n_truth"]
        if name == "seen":
            row |= {k: v for k, v in found.items() if k.startswith("missed_")}
    row["status"] = scene.quality.status
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}


def measured(folder: Path, ways: list[str], with_peers: bool) -> dict[str, dict[str, Any]]:
    """Figures of one room by every way."""
    told = json.loads((folder / "truth.json").read_text())
    labels = {int(k): v for k, v in told["labels"].items()}
    rows = {}
    for way in ways:
        since = time.perf_counter()
        m = cogmap.build(folder, labeler=labeler_of(folder, way, labels))
        rows[way] = scored(folder, m.scene, time.perf_counter() - since)
        if way == "none" and with_peers:
            rows |= {name: scored(folder, scene, seconds) for name, scene, seconds in peer_maps(m.scene)}
    return rows


def main() -> None:
    """Every room, every way; figures per room and their mean."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scans", type=Path)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--peers", action="store_true")
    args = parser.parse_args()
    folders = sorted({f.parent for f in args.scans.rglob("truth.json")})
    table: dict[str, Any] = {}
    for folder in folders:
        table[folder.name] = measured(folder, args.ways.split(","), args.peers)
        for way, row in table[folder.name].items():
            print(folder.name, way, json.dumps(row), flush=True)
    rooms = list(table.values())
    numbers = [k for k, v in rooms[0][args.ways.split(",")[0]].items() if isinstance(v, (int, float))] if rooms else []
    mean = {w: {k: round(float(np.mean([r[w][k] or 0 for r in rooms])), 3) for k in numbers} for w in rooms[0]}
    text = json.dumps({"rooms": table, "mean": mean}, indent=1)
    (RESULTS / "accuracy_real.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
