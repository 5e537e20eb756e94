"""Our Depth Anything 3 against the upstream package: the same random weights, the same pictures, the same run.

    python -m benchmarks.bench_da3 [--model da3-small] [--compiled]

Needs the upstream package (see `tests/upstream.py`). Single precision on a CPU; on a GPU both in half precision. Runs
are taken by turns; ratios are medians over them. Outputs are compared first: on a GPU in single precision too. `whole`
is from pictures of 1440 x 1080 in main memory to depth in main memory, upstream by its own `inference`. Writes
`benchmarks/results/da3.json`, or `da3_gpu.json` on a GPU.
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

from cogmap.reconstruct.depth_anything_3.load import predict
from cogmap.reconstruct.depth_anything_3.network import Network
from cogmap.reconstruct.depth_anything_3.shapes import CHECKPOINTS
from cogmap.reconstruct.feed_forward import resized
from tests.seeded import fill
from tests.upstream import importable, upstream_network

RESULTS = Path(__file__).parent / "results"
CASES = {
    "cpu": ((4, 252, 336), (16, 168, 224), (64, 112, 154)),
    "cuda": ((4, 378, 504), (16, 378, 504), (64, 378, 504)),
}
ROUNDS = {"cpu": 5, "cuda": 11}
MIB = 1 << 20


def timed(run: Callable[[], Any], cuda: bool) -> float:
    """Seconds of one call."""
    if cuda:
        torch.cuda.synchronize()
    since = time.perf_counter()
    run()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - since


def ratio(first: Callable[[], Any], second: Callable[[], Any], device: str) -> dict[str, float]:
    """Median seconds of two tasks taken by turns, and the median of their ratios."""
    cuda = device == "cuda"
    pairs = [(timed(first, cuda), timed(second, cuda)) for _ in range(ROUNDS[device])]
    row = {"upstream s": round(median(p[0] for p in pairs), 4), "ours s": round(median(p[1] for p in pairs), 4)}
    return row | {"upstream / ours": round(median(a / b for a, b in pairs), 3)}


def peak(run: Callable[[], Any]) -> float:
    """MiB on the card at most while a task runs, beyond what lies there before."""
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / MIB


def difference(theirs: Any, ours: Any, x: Any) -> float:
    """The largest difference of depth as a share of the largest depth."""
    first, second = theirs(x)["depth"], ours(x).dense.depth
    return float((first - second).abs().max() / first.abs().max())


def passes(theirs: Any, ours: Any, n: int, size: tuple[int, int], device: str) -> dict[str, Any]:
    """One pass over pictures that are prepared already."""
    x = torch.from_numpy(np.random.default_rng(n).normal(0, 1, (1, n, 3, *size)).astype(np.float32)).to(device)
    both = [partial(network, x) for network in (theirs, ours)]
    row: dict[str, Any] = {"frames": n, "pixels": "{} x {}".format(*size)}
    with torch.inference_mode():
        torch.backends.cudnn.allow_tf32 = False  # single precision is what is compared here
        row["largest difference"] = difference(theirs, ours, x)
        torch.backends.cudnn.allow_tf32 = True  # as torch has it
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            if device == "cuda":
                row["largest difference, half precision"] = difference(theirs, ours, x)
                row |= {f"{name} MiB": round(peak(run)) for name, run in zip(("upstream", "ours"), both)}
            row |= ratio(*both, device)
    return row


def upstream_whole(theirs: Any) -> Callable[[list[Any]], Any]:
    """Upstream's own way from pictures to depth."""
    from depth_anything_3.api import DepthAnything3, InputProcessor, OutputProcessor

    api = DepthAnything3.__new__(DepthAnything3)
    torch.nn.Module.__init__(api)
    api.model, api.device = theirs, None
    api.input_processor, api.output_processor = InputProcessor(), OutputProcessor()
    return api.inference


def ours_whole(network: Any, pictures: list[Any], size: tuple[int, int]) -> Any:
    """Ours: as `reconstruct_by_model` asks a model."""
    return predict(network, resized(pictures, size), None, None)


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="da3-small")
    parser.add_argument("--compiled", action="store_true", help="ours compiled by torch")
    given = parser.parse_args()
    assert importable(), "the upstream package is not installed; see tests/upstream.py"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    theirs = fill(upstream_network(CHECKPOINTS[given.model].shape)).to(device)
    ours = Network(CHECKPOINTS[given.model].shape)
    ours.load_state_dict(theirs.state_dict())
    ours.to(device).eval().requires_grad_(False)
    if given.compiled:
        ours.compile()
    rows = []
    whole = upstream_whole(theirs) if device == "cuda" else None
    for n, *size in CASES[device]:
        row = passes(theirs, ours, n, (size[0], size[1]), device)
        if whole is not None:
            pictures = list(np.random.default_rng(n).integers(0, 255, (n, 1080, 1440, 3), np.uint8))
            tasks = partial(whole, pictures), partial(ours_whole, ours, pictures, (size[0], size[1]))
            row["whole"] = ratio(*tasks, device) | {
                "resizing s": timed(partial(resized, pictures, (size[0], size[1])), False)
            }
        rows.append(row)
        print(json.dumps(row), flush=True)
    told = {"model": given.model, "compiled": given.compiled, "torch": torch.__version__}
    told["device"] = torch.cuda.get_device_name() if device == "cuda" else device
    file = RESULTS / ("da3.json" if device == "cpu" else "da3_gpu.json")
    file.write_text(json.dumps({**told, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
