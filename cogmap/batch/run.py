"""A batch: what is left to do, the runner that does it, and what came of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import ConfigError
from .ledger import Ledger
from .manifest import read_manifest
from .plan import Batch, OnItem, planned
from .worker import Limits, Worker

RUNNERS = ("local", "ray")


def run_batch(
    manifest: str | Path,
    out: str | Path,
    *,
    config: Config | None = None,
    runner: str = "local",
    jobs: int = 1,
    gpus_per_worker: float = 0.0,
    limits: Limits | None = None,
    retries: int = 1,
    only_failed: bool = False,
    shard_rows: int = 10_000,
    on_item: OnItem | None = None,
) -> dict[str, Any]:
    """Map every item of a manifest into a folder; what is done already is left as it is.

    Args:
        manifest: see `read_manifest`. runner: "local", a pool of processes, or "ray", a cluster (that of
            `RAY_ADDRESS`, else one of this machine). jobs: items at once. gpus_per_worker: of ray.
        limits: of each item; it is ended where it takes more. retries: tries after the first.
        only_failed: try those again that failed, and nothing else. on_item: called after each item.

    Returns:
        Counts and figures; also written to `run.json`.

    Raises:
        CogmapError: E-MANIFEST, E-OPTION, E-OUTPUT-DENIED, E-BATCH-RUNNING, E-EXTRA; what an item does is no error.
    """
    from .tables import checked_tables, write_tables

    if runner not in RUNNERS:
        raise ConfigError("E-OPTION", f"there is no runner {runner!r}.", f"Choose {', '.join(RUNNERS)}.")
    checked_tables()
    since = time.monotonic()
    items, unknown = read_manifest(Path(manifest))
    ledger = Ledger(Path(out))
    with ledger.lock():
        ledger.prepare()
        batch = Batch(ledger, config or Config(), limits or Limits(), retries, on_item)
        planned(batch, items, only_failed=only_failed)
        with _stopping(batch):
            if runner == "ray":
                from .on_ray import run_on_ray

                run_on_ray(batch, jobs, gpus_per_worker)
            else:
                run_locally(batch, jobs)
        seconds = time.monotonic() - since
        figures = {
            "items": batch.total,
            "done": len([i for i in items if ledger.done(i.name)]),
            "failed": len([i for i in items if ledger.failed(i.name)]),
            "made_now": batch.done,
            "left_as_they_were": batch.skipped,
            "stopped": batch.stop.is_set(),
            "columns_not_understood": list(unknown),
            "seconds": round(seconds, 1),
            "frames_per_second": round(batch.frames / max(seconds, 1e-9), 2),
            "peak_bytes_of_one_item": batch.peak_bytes,
            "runner": runner,
            "jobs": jobs,
        }
        write_tables(ledger, items, shard_rows, {**figures, "config": asdict(batch.config)})
    return figures


def run_locally(batch: Batch, jobs: int) -> None:
    """Try all waiting items in `jobs` processes at once."""

    def hand() -> None:
        worker = Worker(batch.config, batch.limits, batch.stop)
        try:
            while not batch.over:
                item = batch.next()
                if item is None:
                    time.sleep(0.05)
                    continue
                outcome = worker.run(item, batch.target(item))
                if outcome.code != "E-STOPPED":
                    batch.ended(item, outcome)
        finally:
            worker.close()

    hands = [threading.Thread(target=hand, daemon=True) for _ in range(max(1, jobs))]
    for thread in hands:
        thread.start()
    for thread in hands:
        while thread.is_alive():
            thread.join(0.2)  # so that signals are heard


@contextmanager
def _stopping(batch: Batch) -> Iterator[None]:
    """SIGINT and SIGTERM stop a batch: what is done stays done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, lambda *_: batch.stop.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
