"""The CUDA column on a card against torch and CuPy on the same arrays in the same run, integers checked equal.

    python -m benchmarks.bench_gpu [--points 20000000]

Arrays lie on the card before the clock starts, and results stay there; `to main memory` brings keys, counts, places and
colours back. `times_the_floor` is the time over what reading the points and writing
the voxels once takes at the bandwidth of a copy on this card. Without a card it says so and ends; in the simulator
(NUMBA_ENABLE_CUDASIM=1) it checks itself on a few points and its times mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import cogmap_kernels as ck
import numpy as np
from cogmap_kernels import _device

from . import peers
from .bench_kernels import RESULTS, Task, cloud, duel

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def torch_voxels(torch: Any, xyz: Any, rgb: Any, voxel: float) -> tuple[Any, Any, Any]:
    """Packed keys, counts and sums of places and colours by torch's own unique and index_add."""
    cell = torch.floor(xyz.double() / voxel).long() + (1 << 20)
    key, where, count = torch.unique(
        cell[:, 2] << 42 | cell[:, 1] << 21 | cell[:, 0], return_inverse=True, return_counts=True
    )
    sums = torch.zeros((len(key), 6), dtype=torch.float64, device=xyz.device)
    sums.index_add_(0, where, torch.cat([xyz, rgb], 1).double())
    return key, count, sums / count[:, None]


def cupy_voxels(cupy: Any, xyz: Any, rgb: Any, voxel: float) -> tuple[Any, Any, Any]:
    """The same by CuPy's."""
    cell = cupy.floor(xyz.astype(cupy.float64) / voxel).astype(cupy.int64) + (1 << 20)
    key, where, count = cupy.unique(
        cell[:, 2] << 42 | cell[:, 1] << 21 | cell[:, 0], return_inverse=True, return_counts=True
    )
    both = cupy.concatenate([xyz, rgb], 1)
    means = [cupy.bincount(where, both[:, k]) / count for k in range(6)]
    return key, count, cupy.stack(means, 1)


def copy_gb_s(torch: Any, device: str) -> float:
    """Bytes read and written a second by a large copy, best of five."""
    a = torch.ones(1 << (20 if SIMULATED else 30), dtype=torch.uint8, device=device)
    b = torch.empty_like(a)
    best = min(duel(lambda: finished(torch, lambda: b.copy_(a)), {}, 1)["seconds"]["cogmap"] for _ in range(5))
    return 2 * a.numel() / best / 1e9


def finished(torch: Any, task: Task) -> Any:
    """The result of a task once the card has done it."""
    out = task()
    if not SIMULATED:
        torch.cuda.synchronize()
    return out


def bench_voxels(torch: Any, device: str, points: dict[str, Any], voxel: float, rounds: int) -> dict[str, Any]:
    """Means, colours and counts of points in raster order."""
    n = len(points["xyz"])
    xyz, rgb = (torch.as_tensor(points[k], device=device) for k in ("xyz", "rgb"))

    def ours(to_host: bool = False) -> Any:
        given = points if SIMULATED else {"xyz": xyz, "rgb": rgb}
        found = ck.voxelize(given["xyz"], voxel, rgb=given["rgb"], device="cuda", to_host=to_host)
        return finished(torch, lambda: found)

    def torch_home() -> Any:
        return [a.cpu() for a in torch_voxels(torch, xyz, rgb, voxel)]

    tasks: dict[str, Task] = {"torch": lambda: finished(torch, lambda: torch_voxels(torch, xyz, rgb, voxel))}
    if peers.has("cupy") and not SIMULATED:
        import cupy

        c_xyz, c_rgb = cupy.asarray(xyz), cupy.asarray(rgb)
        tasks["cupy"] = lambda: finished(torch, lambda: cupy_voxels(cupy, c_xyz, c_rgb, voxel))
    found, cpu = ours(to_host=True), ck.voxelize(points["xyz"], voxel, rgb=points["rgb"], device="cpu")
    assert all(np.array_equal(getattr(found, k), getattr(cpu, k)) for k in ("key", "n_points", "rgb", "mean"))
    assert np.array_equal(torch_voxels(torch, xyz, rgb, voxel)[1].cpu().numpy(), found.n_points)
    row = duel(ours, tasks, rounds) | {
        "to main memory": duel(lambda: ours(to_host=True), {"torch": torch_home}, rounds)
    }
    floor = (15 * n + 19 * len(found.key)) / copy_gb_s(torch, device) / 1e9
    return row | {"points": n, "voxels": len(found.key), "times_the_floor": row["seconds"]["cogmap"] / floor}


def main() -> None:
    """Run on the card and write `benchmarks/results/kernels_gpu.json`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if not _device.cuda_is_usable():
        print("no CUDA device can be used: nothing was measured")
        return
    import torch

    device = "cpu" if SIMULATED else "cuda"
    rows: dict[str, Any] = {"card": "simulator" if SIMULATED else torch.cuda.get_device_name()}
    points = {k: a[: given.points] for k, a in cloud(given.points).items()}
    for voxel in (0.02, 0.05):
        rows[f"voxels {voxel:.2f} m"] = bench_voxels(torch, device, points, voxel, given.rounds)
    print(json.dumps(rows, indent=1))
    if not SIMULATED:
        (RESULTS / "kernels_gpu.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
