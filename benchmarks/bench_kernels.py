"""Kernels against the strongest peers on the same input in the same run, results checked, medians of ratios.

    python -m benchmarks.bench_kernels [--large] [--only voxels,dbscan,...]

Clouds come in raster order from rays cast into a furnished suite. Writes `benchmarks/results/kernels.json`
and a plot. Peers that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cogmap_kernels as ck
import numpy as np

from tests.rooms import make_suite, render, suite_path

from . import peers

RESULTS = Path(__file__).parent / "results"
K = np.array([[420.0, 0, 259], [0, 420, 196], [0, 0, 1]])
SIZE = (392, 518)
Task = Callable[[], Any]


def cloud(n: int) -> dict[str, np.ndarray]:
    """About n points in raster order: depth noise 3 mm + 0.2 %, 0.4 % flying points; `thing` is -1 for the room."""
    frames = -(-n // (SIZE[0] * SIZE[1]))
    room, rng = make_suite(3), np.random.default_rng(0)
    xyz, rgb, thing = [], [], []
    for T in suite_path(room, 10 * frames)[::10]:
        shot = render(room, T, K, SIZE)
        noise = rng.standard_normal((2, *SIZE), dtype=np.float32)
        d = shot.depth * (1 + 0.002 * noise[0]) + 0.003 * noise[1]
        d = np.where(rng.random(SIZE) < 0.004, d * rng.uniform(0.6, 1.2, SIZE), d)
        v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
        p = np.stack([(u - K[0, 2]) / K[0, 0] * d, (v - K[1, 2]) / K[1, 1] * d, d], -1)
        xyz.append((p.reshape(-1, 3) @ T[:3, :3].T + T[:3, 3]).astype(np.float32))
        rgb.append(shot.rgb.reshape(-1, 3))
        thing.append(shot.thing.ravel())
    return {k: np.concatenate(a)[:n] for k, a in (("xyz", xyz), ("rgb", rgb), ("thing", thing))}


def duel(ours: Task, others: dict[str, Task], rounds: int) -> dict[str, Any]:
    """Seconds of all in interleaved rounds after one unmeasured one; ratio = median over rounds of peer / ours."""
    tasks = {"cogmap": ours, **others}
    for task in tasks.values():
        task()
    seconds: dict[str, list[float]] = {k: [] for k in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            since = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - since)
    ratio = {k: float(np.median(np.divide(s, seconds["cogmap"]))) for k, s in seconds.items() if k != "cogmap"}
    return {
        "seconds": {k: round(float(np.median(s)), 5) for k, s in seconds.items()},
        "times_faster": {k: round(r, 2) for k, r in ratio.items()},
    }


def peak_bytes(task: Task) -> int:
    """How far the process grows while a task runs, its result included; sampled every half millisecond.

    Memory that earlier tasks freed is given back first, else it would hide what is taken again.
    """
    import ctypes

    import psutil

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    process, stop = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    top = [before]

    def watch() -> None:
        while not stop.is_set():
            top[0] = max(top[0], process.memory_info().rss)
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    kept = task()
    stop.set()
    watcher.join()
    del kept
    return top[0] - before


def bandwidth_gb_s() -> float:
    """Bytes read and written a second by a large copy on this machine, best of five."""
    a, b = np.ones(1 << 27, np.uint8), np.empty(1 << 27, np.uint8)
    best = 0.0
    for _ in range(5):
        since = time.perf_counter()
        np.copyto(b, a)
        best = max(best, 2 * a.nbytes / (time.perf_counter() - since) / 1e9)
    return round(best, 1)


def bench_voxels(points: dict[str, np.ndarray], voxel: float, rounds: int) -> dict[str, Any]:
    """Means, colours and counts; the same cells and counts as NumPy, means within a step of 1/16384."""
    xyz, rgb = points["xyz"], points["rgb"]
    ours = ck.voxelize(xyz, voxel, rgb=rgb)
    key, count, mean = peers.voxels_numpy(xyz, rgb, voxel)[:3]
    assert np.array_equal(ours.key, key) and np.array_equal(ours.n_points, count)
    assert np.abs(ours.mean - mean).max() < voxel / 16384 + 2e-6
    row = duel(lambda: ck.voxelize(xyz, voxel, rgb=rgb), peers.voxel_tasks(xyz, rgb, voxel), rounds)
    floor = (len(xyz) * 15 + len(key) * 31) / 1e9 / bandwidth_gb_s()
    row |= {"points": len(xyz), "voxels": len(key), "times_the_copy_limit": round(row["seconds"]["cogmap"] / floor, 1)}
    del ours
    row["peak_bytes_a_point"] = round(peak_bytes(lambda: ck.voxelize(xyz, voxel, rgb=rgb)) / len(xyz), 2)
    return row


def bench_dbscan(points: dict[str, np.ndarray], n: int, eps: float, rounds: int) -> dict[str, Any]:
    """Points of things only; the same noise and the same partition of the cores as the peers, eps in float64."""
    xyz = np.ascontiguousarray(points["xyz"][points["thing"] >= 0][:n])
    ours = ck.dbscan(xyz, eps, 10)
    tasks = peers.dbscan_tasks(xyz, eps, 10)
    agree = {name: peers.same_clusters(ours, task()) for name, task in tasks.items()}
    row = duel(lambda: ck.dbscan(xyz, eps, 10), tasks, rounds) | {"points": len(xyz), "clusters": int(ours.max() + 1)}
    row["points_labelled_otherwise"] = agree
    row["peak_bytes_a_point"] = round(peak_bytes(lambda: ck.dbscan(xyz, eps, 10)) / len(xyz), 1)
    return row


def bench_components(points: dict[str, np.ndarray], voxel: float, rounds: int) -> dict[str, Any]:
    """26-connected components of the things' voxels; the same partition as cc3d on a dense grid."""
    key = ck.voxelize(points["xyz"][points["thing"] >= 0], voxel).key
    ours = ck.components(key)
    tasks = peers.component_tasks(key)
    for task in tasks.values():
        assert peers.same_clusters(ours, task()) == 0
    row = duel(lambda: ck.components(key), tasks, rounds) | {"voxels": len(key), "components": int(ours.max() + 1)}
    far = np.concatenate([key, key[-1:] + np.array([[0, 0, 10 * int(np.ptp(key[:, 2]))]], np.int32)])
    wide = duel(lambda: ck.components(key), {"tenfold volume": lambda: ck.components(far)}, rounds)
    row["slower_in_ten_times_the_volume"] = wide["times_faster"]["tenfold volume"]
    row["peak_bytes_a_voxel"] = round(peak_bytes(lambda: ck.components(key)) / len(key), 1)
    return row


def bench_plane(points: dict[str, np.ndarray], n: int, rounds: int) -> dict[str, Any]:
    """The largest plane within 3 cm, 1,000 hypotheses; inliers compared."""
    xyz = np.ascontiguousarray(points["xyz"][:n])
    ours = ck.segment_planes(xyz, 0.03)
    tasks = peers.plane_tasks(xyz, 0.03)
    inliers = {name: int(task()) for name, task in tasks.items()}
    row = duel(lambda: ck.segment_planes(xyz, 0.03), tasks, rounds)
    return row | {"points": len(xyz), "inliers": {"cogmap": int(ours.n_points[0]), **inliers}}


def bench_boxes(points: dict[str, np.ndarray], rounds: int) -> dict[str, Any]:
    """Boxes of things; the area is that of a search over 1,800 turns of the hull, to 0.2 %, never above."""
    things = points["thing"] >= 0
    xyz, label = np.ascontiguousarray(points["xyz"][things][:300_000]), points["thing"][things][:300_000]
    ours = ck.yaw_boxes(xyz, label)
    for k in np.unique(label):
        least = peers.least_area(xyz[label == k])
        area = float(ours.size[k, 0] * ours.size[k, 1])
        assert least * 0.998 <= area <= least * (1 + 1e-9), (k, area, least)
    return duel(lambda: ck.yaw_boxes(xyz, label), peers.box_tasks(xyz, label), rounds) | {"points": len(xyz)}


def bench_chain(points: dict[str, np.ndarray], rounds: int) -> dict[str, Any]:
    """All points to boxed objects at 5 cm without the room's planes, and one more frame into a table of the rest."""
    xyz, rgb = points["xyz"], points["rgb"]

    def chain() -> Any:
        cells = ck.voxelize(xyz, 0.05, rgb=rgb, extents=True)
        room = ck.segment_planes(cells.mean, 0.05, most=8, least=500).plane_of_point >= 0
        return ck.yaw_boxes(cells.mean[~room], ck.components(cells.key[~room]))

    frame = SIZE[0] * SIZE[1]
    table = ck.VoxelTable(0.05)
    seconds = []
    for at in range(0, len(xyz) - frame, frame):
        since = time.perf_counter()
        table.add(xyz[at : at + frame], rgb=rgb[at : at + frame])
        seconds.append(time.perf_counter() - since)
    chain()
    took = []
    for _ in range(rounds):
        since = time.perf_counter()
        chain()
        took.append(time.perf_counter() - since)
    tenth, last = np.median(seconds[5:10]), np.median(seconds[-5:])
    return {
        "points": len(xyz),
        "boxes": len(chain().yaw),
        "seconds": round(float(np.median(took)), 4),
        "frame_points": frame,
        "frame_seconds_after_10": round(float(tenth), 4),
        "frame_seconds_at_the_end": round(float(last), 4),
    }


def exponents(points: dict[str, np.ndarray], rounds: int) -> dict[str, float]:
    """Slopes of seconds over size on log-log scales; 1 is linear."""
    xyz, rgb = points["xyz"], points["rgb"]
    free = np.ascontiguousarray(xyz[points["thing"] >= 0])

    def slope(sizes: list[int], make: Callable[[int], Task]) -> float:
        best = []
        for n in sizes:
            task = make(n)
            task()
            times = []
            for _ in range(rounds):
                since = time.perf_counter()
                task()
                times.append(time.perf_counter() - since)
            best.append(min(times))
        return round(float(np.polyfit(np.log(sizes), np.log(best), 1)[0]), 3)

    sizes = [len(xyz) // 8, len(xyz) // 4, len(xyz) // 2, len(xyz)]
    table = [len(free) // 8, len(free) // 4, len(free) // 2, len(free)]
    grid = np.argwhere(np.random.default_rng(0).random((160, 160, 160)) < 0.1).astype(np.int32)[:, ::-1]
    return {
        "voxelize over points": slope(sizes, lambda n: lambda: ck.voxelize(xyz[:n], 0.05, rgb=rgb[:n])),
        "dbscan over points": slope(table, lambda n: lambda: ck.dbscan(free[:n], 0.05, 10)),
        "components over voxels": slope(
            [len(grid) // 8, len(grid) // 4, len(grid) // 2, len(grid)], lambda n: lambda: ck.components(grid[:n])
        ),
        "dbscan over density": slope(
            [1, 2, 4], lambda k: lambda: ck.dbscan(free[:: 4 // k][: len(free) // 4 * k], 0.05 / k ** (1 / 3), 10)
        ),
    }


def first_call() -> dict[str, float]:
    """Seconds of a fresh process until its first result, code cached, over one that only imports NumPy."""
    code = "import numpy as np, cogmap_kernels as ck; ck.voxelize(np.zeros((9, 3), np.float32), 1.0)"

    def once(text: str) -> float:
        since = time.perf_counter()
        subprocess.run([sys.executable, "-c", text], check=True)
        return time.perf_counter() - since

    once(code)
    return {"first voxelize": round(float(np.median([once(code) - once("import numpy") for _ in range(5)])), 3)}


def main() -> None:
    """Run what is asked for and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true", help="20M points too")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    n, rounds = (20_000_000 if given.large else 5_000_000), given.rounds
    big = cloud(n)
    order = np.random.default_rng(1).permutation(5_000_000)
    five = {k: a[:5_000_000] for k, a in big.items()}
    shuffled = {k: a[order] for k, a in five.items()}
    runs: dict[str, Callable[[], Any]] = {
        "voxels 2 cm": lambda: bench_voxels(big, 0.02, rounds),
        "voxels 5 cm": lambda: bench_voxels(big, 0.05, rounds),
        "voxels 2 cm, 5M": lambda: bench_voxels(five, 0.02, rounds),
        "voxels 2 cm, 1M": lambda: bench_voxels({k: a[:1_000_000] for k, a in big.items()}, 0.02, rounds),
        "voxels 2 cm, 5M shuffled": lambda: bench_voxels(shuffled, 0.02, rounds),
        "dbscan 200k, 5 cm": lambda: bench_dbscan(big, 200_000, 0.05, rounds),
        "dbscan 1M, 4 cm": lambda: bench_dbscan(big, 1_000_000, 0.04, min(rounds, 3)),
        "components 2 cm": lambda: bench_components(big, 0.02, rounds),
        "components 5 cm": lambda: bench_components(big, 0.05, rounds),
        "plane 1M": lambda: bench_plane(big, 1_000_000, rounds),
        "boxes": lambda: bench_boxes(big, 5 * rounds),
        "5M points to boxes": lambda: bench_chain(five, rounds),
        "exponents": lambda: exponents(five, rounds),
        "first call": first_call,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "kernels.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    rows["machine"] = {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": platform.processor() or platform.machine(),
        "copy_gb_s": bandwidth_gb_s(),
        "missing_peers": peers.missing(),
        "numpy": np.__version__,
    }
    for name, run in runs.items():
        if any(part in name for part in given.only.split(",")):
            rows[name] = run()
            print(json.dumps({name: rows[name]}), flush=True)
            path.write_text(json.dumps(rows, indent=1) + "\n")
    plot(rows)


def plot(rows: dict[str, Any]) -> None:
    """How many times faster than each peer, one group of bars an operation; 1 is a tie."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    bars = [(f"{k} | {p}", r) for k, row in rows.items() for p, r in row.get("times_faster", {}).items()]
    figure = Figure(figsize=(9, 0.28 * len(bars) + 1))
    axes = figure.subplots()
    axes.barh([b[0] for b in bars][::-1], [b[1] for b in bars][::-1], color="#0072b2")
    axes.axvline(1, color="#d55e00")
    axes.set_xscale("log")
    axes.set_xlabel("times faster than the peer, same run, equal results")
    axes.tick_params(labelsize=7)
    figure.tight_layout()
    figure.savefig(RESULTS / "kernels.png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
