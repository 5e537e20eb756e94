"""Our Depth Anything 3 against the upstream package: the same random weights, the same pictures, the same run.

    python -m benchmarks.bench_da3 [--model da3-small]

Needs the upstream package (see `tests/upstream.py`). Single precision on a CPU; on a GPU both in half precision. Runs
are taken by turns; ratios are medians over them. Outputs are compared first. Writes `benchmarks/results/da3.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from cogmap.reconstruct.depth_anything_3.network import Network
from cogmap.reconstruct.depth_anything_3.shapes import CHECKPOINTS
from tests.seeded import fill
from tests.upstream import importable, upstream_network

RESULTS = Path(__file__).parent / "results" / "da3.json"
CASES = ((4, 252, 336), (16, 168, 224), (64, 112, 154))
ROUNDS = 5


def timed(run: Callable[[], Any], cuda: bool) -> float:
    """Seconds of one call."""
    if cuda:
        torch.cuda.synchronize()
    since = time.perf_counter()
    run()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - since


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="da3-small")
    given = parser.parse_args()
    assert importable(), "the upstream package is not installed; see tests/upstream.py"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    theirs = fill(upstream_network(CHECKPOINTS[given.model].shape)).to(device)
    ours = Network(CHECKPOINTS[given.model].shape)
    ours.load_state_dict(theirs.state_dict())
    ours.to(device).eval()
    cuda = device == "cuda"
    rows = []
    for n, height, width in CASES:
        x = torch.from_numpy(np.random.default_rng(n).normal(0, 1, (1, n, 3, height, width)).astype(np.float32)).to(
            device
        )
        with torch.inference_mode(), torch.autocast(device, dtype=torch.bfloat16, enabled=cuda):
            first, second = theirs(x), ours(x)
            off = float((first["depth"] - second.dense.depth).abs().max() / first["depth"].abs().max())
            both = [partial(network, x) for network in (theirs, ours)]
            pairs = [tuple(timed(run, cuda) for run in both) for _ in range(ROUNDS)]
        row = {"frames": n, "pixels": f"{height} x {width}", "largest difference": off}
        row |= {"upstream s": round(median(p[0] for p in pairs), 3), "ours s": round(median(p[1] for p in pairs), 3)}
        row["upstream / ours"] = round(median(a / b for a, b in pairs), 3)
        rows.append(row)
        print(json.dumps(row), flush=True)
    RESULTS.write_text(
        json.dumps({"model": given.model, "device": device, "torch": torch.__version__, "rows": rows}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
