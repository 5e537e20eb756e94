"""One item at a time in a process of its own, ended when it hangs or takes too much memory."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .._apart import WORDS, keep_to, last_words
from .._optional import needed
from ..config import Config, with_options
from ..errors import CogmapError
from .manifest import REMEDY, Item

POLL_S = 0.05
MEMORY_EVERY_S = 0.25


@dataclass(frozen=True)
class Limits:
    """What one item may take: seconds, and bytes of memory held by its processes; None for any."""

    timeout_s: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How an item ended: `code` is None where its map is in place, else why not, with the stage and the last words."""

    code: str | None
    stage: str = ""
    words: str = ""
    seconds: float = 0.0
    status: str = ""
    n_objects: int = 0
    n_frames: int = 0
    peak_bytes: int = 0


class Worker:
    """A process that builds maps, started anew after each that had to be killed. It may be used from one thread."""

    def __init__(self, config: Config, limits: Limits, stop: threading.Event | None = None) -> None:
        self.config, self.limits, self.stop = config, limits, stop
        self._process: Any = None
        self._pipe: Connection | None = None
        self._scratch: Path | None = None

    def run(self, item: Item, target: Path) -> Outcome:
        """Build an item and publish its map at `target`. Never raises for what an item does."""
        since = time.monotonic()
        pipe = self._ready()
        pipe.send((item, str(target)))
        stage, asked, peak = "starting", since, 0
        while True:
            if pipe.poll(POLL_S):
                try:
                    heard = pipe.recv()
                except (EOFError, OSError):
                    return self._died(stage, since)
                if isinstance(heard, Outcome):
                    return replace(heard, peak_bytes=max(peak, self._held()))
                stage = heard
            if self.stop is not None and self.stop.is_set():
                return self._killed("E-STOPPED", stage, since, "the batch was stopped")
            now = time.monotonic()
            if self.limits.timeout_s is not None and now - since > self.limits.timeout_s:
                return self._killed("E-TIMEOUT", stage, since, f"over {self.limits.timeout_s:g} s")
            if now - asked > MEMORY_EVERY_S:
                asked, peak = now, max(peak, self._held())
                if self.limits.memory_bytes is not None and peak > self.limits.memory_bytes:
                    return self._killed("E-MEMORY", stage, since, f"held {peak / 1e9:.2f} GB")

    def close(self) -> None:
        """End the process and what it left."""
        if self._process is not None:
            self._end()

    def _ready(self) -> Connection:
        """The pipe to a living process."""
        if self._process is None or not self._process.is_alive() or self._pipe is None:
            self.close()
            self._scratch = Path(tempfile.mkdtemp(prefix="cogmap-batch-"))
            context = get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=serve, args=(self.config, theirs, str(self._scratch)))
            self._process.start()
            theirs.close()
        return self._pipe

    def _held(self) -> int:
        """Bytes held by the process and all below it."""
        psutil = needed("psutil", REMEDY)
        total = 0
        with contextlib.suppress(psutil.Error):
            top = psutil.Process(self._process.pid)
            for process in (top, *top.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
        return total

    def _killed(self, code: str, stage: str, since: float, why: str) -> Outcome:
        self._end()
        return Outcome(code, stage, why, time.monotonic() - since)

    def _died(self, stage: str, since: float) -> Outcome:
        self._process.join(5)
        words = last_words(self._scratch) if self._scratch else ""
        code = self._process.exitcode
        self._end()
        return Outcome("E-CRASHED", stage, f"exit {code} {words}".strip(), time.monotonic() - since)

    def _end(self) -> None:
        """Kill the process and all below it, and remove its scratch folder."""
        psutil = needed("psutil", REMEDY)
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        self._process.kill()
        self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        self._process = self._pipe = self._scratch = None


def serve(config: Config, pipe: Connection, scratch: str) -> None:
    """Build what comes through a pipe until it closes; what is printed goes to a file."""
    from ..building import MapBuilder

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asked decides when to stop
    keep_to(Path(scratch))
    builders: dict[Config, MapBuilder] = {}
    with contextlib.suppress(EOFError, OSError):
        while True:
            item, target = pipe.recv()
            asked = with_options(config, item.options)
            if asked not in builders:
                builders.clear()
                builders[asked] = MapBuilder(asked)
            pipe.send(_built(builders[asked], item, Path(target), pipe))


def _built(builder: Any, item: Item, target: Path, pipe: Connection) -> Outcome:
    """The outcome of one build in this process."""
    since, stage = time.monotonic(), "open"

    def said(name: str, done: int, total: int) -> None:
        nonlocal stage
        stage = name
        pipe.send(name)

    try:
        with tempfile.TemporaryDirectory() as folder:
            m = builder.build(fetched(item.source, Path(folder)), said)
            m.save(target, overwrite=True)
    except CogmapError as error:
        return Outcome(error.code, stage, str(error)[:WORDS], time.monotonic() - since)
    except Exception as error:  # what a build raises by mistake is that item's failure, not the batch's
        return Outcome("E-INTERNAL", stage, f"{type(error).__name__}: {error}"[:WORDS], time.monotonic() - since)
    n_frames = len(m.scene.camera_path)
    return Outcome(None, "done", "", time.monotonic() - since, m.quality.status, len(m.objects), n_frames)


def fetched(source: str, folder: Path) -> Path:
    """A source on this machine: itself, or a copy in a folder of what a URI names."""
    if "://" not in source:
        return Path(source)
    fsspec = needed("fsspec", REMEDY)
    fs, remote = fsspec.core.url_to_fs(source)
    local = folder / Path(remote.rstrip("/")).name
    fs.get(remote, str(local), recursive=fs.isdir(remote))
    return local
