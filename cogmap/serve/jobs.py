"""Builds in a process of their own: one at a time, watched, stopped without a trace."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .._apart import keep_to, last_words
from ..errors import CogmapError, InputError, SecurityError
from ..mapfile import SUFFIX
from .collection import NAME
from .tools import error_of


class Jobs:
    """Builds of sources below one folder into a folder of maps."""

    def __init__(self, maps: Path, sources: Path | None) -> None:
        self.maps = maps.resolve()
        self.sources = None if sources is None else sources.resolve()
        self._jobs: dict[str, dict[str, Any]] = {}
        self._running: Any = None
        self._lock = threading.Lock()

    def start(self, source: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Begin a build and return its job.

        Raises:
            SecurityError: E-SOURCE-REFUSED outside the folder of sources, links followed. InputError: E-NAME,
            E-NAME-TAKEN, E-BUSY, E-NO-SOURCE.
        """
        path, target = self._source(source), self._target(name)
        with self._lock:
            if any(job["state"] == "running" for job in self._jobs.values()):
                raise InputError("E-BUSY", "a map is being built.", "Ask job, and start the next when it is done.")
            id = f"job_{len(self._jobs) + 1}"
            scratch = Path(tempfile.mkdtemp(prefix="cogmap-job-"))
            context = get_context("spawn")
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=work, args=(str(path), str(target), options, str(scratch), theirs))
            process.start()
            theirs.close()
            job: dict[str, Any] = {
                "job": id,
                "state": "running",
                "stage": "starting",
                "done": 0,
                "total": 0,
                "map": name,
            }
            job["watched"] = threading.Event()
            self._jobs[id], self._running = job, process
            watcher = threading.Thread(target=self._watch, args=(job, process, ours, scratch, target), daemon=True)
            watcher.start()
            return dict(job)

    def state(self, id: str, *, cancel: bool = False) -> dict[str, Any]:
        """How a job stands; `cancel` ends it first. Raises InputError E-NO-JOB."""
        if id not in self._jobs:
            known = ", ".join(list(self._jobs)[-20:]) or "none"
            raise InputError("E-NO-JOB", f"there is no job {id[:40]!r}.", f"Jobs: {known}.")
        job = self._jobs[id]
        if cancel and job["state"] == "running":
            self._running.terminate()
            self._running.join(5)
            if self._running.is_alive():
                self._running.kill()
            job["state"] = "cancelled"
            job["watched"].wait(10)
        return {k: v for k, v in job.items() if k != "watched"}

    def close(self) -> None:
        """End the build that runs."""
        for id, job in list(self._jobs.items()):
            if job["state"] == "running":
                self.state(id, cancel=True)

    def _source(self, source: str) -> Path:
        if self.sources is None:
            remedy = "Start the server with --sources FOLDER."
            raise SecurityError("E-SOURCE-REFUSED", "this server builds no maps.", remedy)
        path = (self.sources / source).resolve()
        if path != self.sources and self.sources not in path.parents:
            raise SecurityError("E-SOURCE-REFUSED", "the source lies outside --sources.", "Name one below it.")
        if not path.exists():
            raise InputError("E-NO-SOURCE", f"there is no {source[:80]!r} below --sources.", "Check its name.")
        return path

    def _target(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            remedy = "Use letters, digits, dot, dash and underscore."
            raise InputError("E-NAME", f"{name[:80]!r} is no name of a map.", remedy)
        target = self.maps / f"{name.removesuffix(SUFFIX)}{SUFFIX}"
        if target.exists():
            raise InputError("E-NAME-TAKEN", f"there is a map {name!r}.", "Choose another name.")
        return target

    def _watch(self, job: dict[str, Any], process: Any, ours: Connection, scratch: Path, target: Path) -> None:
        """Follow a build to its end, then remove what it left outside its map."""
        watched, end = job["watched"], dict[str, Any]()
        with contextlib.suppress(EOFError, OSError):
            while True:
                heard = ours.recv()
                (end if "state" in heard else job).update(heard)
        process.join()
        if not end:
            problem = f"the build ended with {process.exitcode}: {last_words(scratch) or 'no word'}."
            end = {"state": "failed", "error": {"code": "E-CRASHED", "problem": problem, "remedy": "Report it."}}
        shutil.rmtree(scratch, ignore_errors=True)
        for aside in self.maps.glob(f".{target.name}-*"):
            shutil.rmtree(aside, ignore_errors=True)
        if job["state"] == "running":
            job.update(end)
        watched.set()


def work(source: str, target: str, options: dict[str, Any], scratch: str, out: Connection) -> None:
    """Build one map in this process; whatever it prints goes to a file, never to the server's own streams."""
    keep_to(Path(scratch))
    from ..building import build

    def said(stage: str, done: int, total: int) -> None:
        out.send({"stage": stage, "done": done, "total": total})

    try:
        m = build(Path(source), on_progress=said, **options)
        m.save(Path(target))
    except CogmapError as error:
        out.send({"state": "failed", **error_of(error)})
    else:
        out.send({"state": "done", "status": m.quality.status, "n_objects": len(m.objects)})
    out.close()
