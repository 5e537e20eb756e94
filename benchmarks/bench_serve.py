"""What a question costs over HTTP beside an empty tool of the same server, and whether the server grows.

    python -m benchmarks.bench_serve MAP [--calls 300] [--grow 10000]

One client and eight at once, medians of five runs side by side; then the server's memory over many calls.
Writes `benchmarks/results/serve.json`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import psutil
import uvicorn
from mcp import Client

from cogmap.query.table import QUERIES
from cogmap.serve.server import OWN, Service, http_app
from cogmap.serve.tools import Arguments

RESULTS = Path(__file__).parent / "results"
EMPTY = "nothing"


def served(maps: str, port: int) -> None:
    """The server, with a tool that does nothing."""
    service = Service(Path(maps))
    OWN[EMPTY] = ("Nothing.", Arguments)
    service._own[EMPTY] = lambda: {"value": None}
    uvicorn.run(http_app(service), host="127.0.0.1", port=port, log_level="error")


async def times(url: str, calls: list[tuple[str, dict[str, Any]]], clients: int) -> list[float]:
    """Seconds of every call, `clients` of them at once."""
    out: list[float] = []

    async def one() -> None:
        async with Client(url) as client:
            await client.call_tool(*calls[0])
            for name, arguments in calls:
                since = time.perf_counter()
                await client.call_tool(name, arguments)
                out.append(time.perf_counter() - since)

    async with anyio.create_task_group() as group:
        for _ in range(clients):
            group.start_soon(one)
    return out


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("map", type=Path)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--grow", type=int, default=10_000)
    args = parser.parse_args()
    with socket.socket() as s, tempfile.TemporaryDirectory() as folder:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        shutil.copytree(args.map, Path(folder) / "room.cogmap")
        s.close()
        process = get_context("spawn").Process(target=served, args=(folder, port))
        process.start()
        url = f"http://127.0.0.1:{port}/mcp"
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        ids = [row["id"] for row in Service(Path(folder)).call("describe", {})["objects"]]
        asked = [
            (name, arguments)
            for a, b in zip(ids, ids[1:])
            for name, arguments in (
                ("distance", {"a": a, "b": b}),
                ("size", {"name": a}),
                ("relation", {"a": a, "b": b}),
                ("nearest", {"to": a, "k": 3}),
            )
        ]
        asked = (asked * (args.calls // max(len(asked), 1) + 1))[: args.calls]
        assert {name for name, _ in asked} <= set(QUERIES)
        rows: dict[str, Any] = {}
        for clients in (1, 8):
            empty, full = [], []
            for _ in range(5):
                for calls, kept in (([(EMPTY, {})] * len(asked), empty), (asked, full)):
                    kept.append(float(np.percentile(anyio.run(times, url, calls[::clients], clients), 95)) * 1e3)
            rows[f"{clients} clients"] = {
                "p95 empty ms": round(statistics.median(empty), 2),
                "p95 query ms": round(statistics.median(full), 2),
            }
        held = psutil.Process(process.pid).memory_info
        anyio.run(times, url, (asked * 100)[:1000], 1)
        before = held().rss
        anyio.run(times, url, (asked * 100)[: max(args.grow - 1000, 1)], 1)
        rows["bytes a call after the first 1,000"] = round((held().rss - before) / max(args.grow - 1000, 1))
        process.kill()
    print(json.dumps(rows, indent=1))
    (RESULTS / "serve.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
