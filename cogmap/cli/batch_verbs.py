"""`batch`: maps of many captures."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

EVERY_S = 30.0


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command()(batch)


def batch(
    manifest: Annotated[
        Path | None, typer.Argument(metavar="MANIFEST", help="CSV, JSONL, Parquet, or a folder of captures.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT", help="Folder of the maps.")] = None,
    runner: Annotated[str, typer.Option(help="local, ray (RAY_ADDRESS, else a cluster of this machine)")] = "local",
    jobs: Annotated[int, typer.Option(min=1, max=4096, help="Captures at once.")] = 1,
    gpus_per_worker: Annotated[float, typer.Option(help="Of ray.")] = 0.0,
    max_memory: Annotated[str | None, typer.Option(help="That a capture's processes may hold: 8G")] = None,
    timeout: Annotated[str | None, typer.Option(help="That a capture may take: 90s, 15m, 2h")] = None,
    retries: Annotated[int, typer.Option(min=0, max=20, help="Tries after the first.")] = 1,
    only_failed: Annotated[bool, typer.Option("--only-failed", help="Try again what failed, nothing else.")] = False,
    shard_rows: Annotated[int, typer.Option(min=1, help="Rows of a Parquet file.")] = 10_000,
    settings: Annotated[list[str] | None, typer.Option("--set", help="section.key=value")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML or TOML of options, over cogmap.toml.")] = None,
    status: Annotated[Path | None, typer.Option("--status", metavar="OUT", help="Only say how a batch stands.")] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing of single captures.")] = False,
) -> None:
    """Map every capture of a manifest; run again, it goes on where it was."""
    from ..batch.run import run_batch
    from ..batch.worker import Limits
    from ..config import parse_setting, settled, with_options
    from ..errors import ConfigError

    if status is not None:
        print(json.dumps(standing(status)))
        return
    if manifest is None or output is None:
        raise ConfigError("E-OPTION", "a batch needs MANIFEST and -o OUT.", "Or ask --status OUT.")
    options: dict[str, Any] = {}
    for text in settings or []:
        options |= parse_setting(text)
    figures = run_batch(
        manifest,
        output,
        config=with_options(settled(config)[0], options),
        runner=runner,
        jobs=jobs,
        gpus_per_worker=gpus_per_worker,
        limits=Limits(
            None if timeout is None else amount(timeout, {"s": 1, "m": 60, "h": 3600}, "timeout"),
            None if max_memory is None else int(amount(max_memory, {"M": 1e6, "G": 1e9}, "max-memory")),
        ),
        retries=retries,
        only_failed=only_failed,
        shard_rows=shard_rows,
        on_item=None if quiet else _Said(),
    )
    print(json.dumps(figures))
    if figures["stopped"]:
        sys.exit(130)
    if figures["failed"]:
        sys.exit(5)


def amount(text: str, units: dict[str, float], name: str) -> float:
    """A number with one of some units. Raises ConfigError E-OPTION."""
    from ..errors import ConfigError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]?)B?", text.strip())
    unit = found[2] if found else ""
    scale = units.get(unit) or units.get(unit.lower()) or units.get(unit.upper())
    if not found or scale is None:
        example = " or ".join(f"10{u}" for u in units)
        raise ConfigError("E-OPTION", f"--{name} {text!r} is no amount.", f"Write {example}.")
    return float(found[1]) * scale


def standing(out: Path) -> dict[str, Any]:
    """Counts of a batch's folder, from its markers alone; a batch that runs need not be asked."""
    from ..batch.ledger import DONE, FAILED, Ledger

    ledger = Ledger(out)
    failed = ledger.all(FAILED)
    codes: dict[str, int] = {}
    for row in failed.values():
        codes[row.get("code", "?")] = codes.get(row.get("code", "?"), 0) + 1
    return {"done": len(ledger.all(DONE)), "failed": len(failed), "codes": dict(sorted(codes.items()))}


class _Said:
    """How a batch goes: on a terminal one line that changes, elsewhere a line every half minute."""

    def __init__(self) -> None:
        self.last, self.live = 0.0, sys.stderr.isatty()

    def __call__(self, batch: Any) -> None:
        settled = batch.done + batch.failed + batch.skipped
        now = time.monotonic()
        if not self.live and now - self.last < EVERY_S and settled < batch.total:
            return
        self.last = now
        line = f"{settled} of {batch.total}: {batch.done} made, {batch.failed} failed, {batch.skipped} were there"
        print(f"\r{line}" if self.live else line, end="" if self.live and settled < batch.total else "\n",
              file=sys.stderr, flush=True)  # fmt: skip
