"""Seconds of every stage of a build, and what the start of the library loads.

    python -m benchmarks.bench_pipeline [SOURCE ...]

Without a source a synthetic RGB-D room is made. Writes `benchmarks/results/pipeline.json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import cogmap
from tests.rooms import make_room, render, walk_path, write_sevenscenes

RESULTS = Path(__file__).parent / "results"


def main(sources: list[str]) -> None:
    """Build every source once and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = {Path(s).name: stages(Path(s)) for s in sources or [synthetic(Path(folder) / "room")]}
    rows["import cogmap"] = {"seconds": start_up("import cogmap")}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pipeline.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(json.dumps(rows, indent=1))


def synthetic(folder: Path) -> str:
    """A 7-Scenes folder of 60 frames at 320 x 240."""
    room, K = make_room(0), np.array([[260.0, 0, 160], [0, 260, 120], [0, 0, 1]])
    write_sevenscenes(folder, [render(room, T, K, (240, 320)) for T in walk_path(room, 60)])
    return str(folder)


def stages(source: Path) -> dict[str, float]:
    """Seconds by stage of the second of two builds, so that compiling is left out."""
    cogmap.build(source)
    m = cogmap.build(source)
    seconds = m.run["seconds"]
    assert isinstance(seconds, dict)
    return {str(k): float(v) for k, v in seconds.items()}


def start_up(statement: str) -> float:
    """Median seconds of a fresh interpreter that runs a statement, less one that runs nothing."""

    def once(code: str) -> float:
        since = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - since

    return round(float(np.median([once(statement) - once("pass") for _ in range(5)])), 3)


if __name__ == "__main__":
    main(sys.argv[1:])
