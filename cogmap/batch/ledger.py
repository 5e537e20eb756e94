"""What is done: one small file for each item, put in place by a rename; any runner goes on from another one's work."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._files import put_text
from .._version import __version__
from ..building import config_hash, hash_of
from ..config import Config, with_options
from ..errors import OutputError
from .manifest import Item

DONE, FAILED = ".done", ".failed"


class Ledger:
    """Markers below a batch's folder. A key is that of content, options and version: what changed is done anew."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.maps = out / "maps"

    def prepare(self) -> None:
        """Make the folders, and clear what a killed run left half-written. Raises OutputError E-OUTPUT-DENIED."""
        try:
            for folder in (self.maps, self.out / DONE, self.out / FAILED):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                "E-OUTPUT-DENIED", f"cannot write: {error}.", "Choose a writable -o.", self.out
            ) from error
        for stray in (*self.maps.glob(".*"), *(self.out / DONE).glob(".*"), *(self.out / FAILED).glob(".*")):
            shutil.rmtree(stray, ignore_errors=True) if stray.is_dir() else stray.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Held while a batch runs. Raises OutputError E-BATCH-RUNNING while another one does."""
        self.out.mkdir(parents=True, exist_ok=True)
        with (self.out / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                problem = "another batch writes to this folder."
                raise OutputError("E-BATCH-RUNNING", problem, "Wait, or choose another -o.", self.out) from error
            yield

    def done(self, name: str) -> dict[str, Any] | None:
        """The marker of an item that was mapped, if its map is there."""
        marker = _read(self.out / DONE / f"{name}.json")
        return marker if marker and (self.out / marker["map"] / "map.json").is_file() else None

    def failed(self, name: str) -> dict[str, Any] | None:
        """The marker of an item that failed."""
        return _read(self.out / FAILED / f"{name}.json")

    def write(self, kind: str, name: str, row: dict[str, Any]) -> None:
        """Put a marker in place; it takes the other kind's place."""
        put_text(self.out / kind / f"{name}.json", json.dumps(row, sort_keys=True) + "\n")
        other = FAILED if kind == DONE else DONE
        (self.out / other / f"{name}.json").unlink(missing_ok=True)

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """All markers of a kind by name, sorted."""
        rows = {p.stem: _read(p) for p in sorted((self.out / kind).glob("*.json"))}
        return {name: row for name, row in rows.items() if row is not None}


def _read(path: Path) -> dict[str, Any] | None:
    """A marker, None where there is none or it is damaged."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) and "key" in row else None


def key_of(item: Item, config: Config) -> str:
    """SHA-256 of an item's content, of all options, and of the version. Raises OSError where it cannot be read.

    Of a URI the address stands for the content.
    """
    content = item.source if "://" in item.source else hash_of(Path(item.source))
    parts = (content, config_hash(with_options(config, item.options)), __version__)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
