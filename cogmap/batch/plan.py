"""A batch under way: what is left to do, and what becomes of each try."""

from __future__ import annotations

import shutil
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..config import Config
from ..errors import CogmapError
from ..mapfile import SUFFIX
from .ledger import DONE, FAILED, Ledger, key_of
from .manifest import Item
from .worker import Limits, Outcome

OnItem = Callable[["Batch"], None]


@dataclass
class Batch:
    """A batch under way: what is left, how often each item was tried, and what was done.

    Attributes:
        waiting: items still to be tried, in order. trying: how many are being tried now.
        twins: items of the same content and options, by key.
    """

    ledger: Ledger
    config: Config
    limits: Limits
    retries: int
    on_item: OnItem | None = None
    waiting: deque[Item] = field(default_factory=deque)
    keys: dict[str, str] = field(default_factory=dict)
    twins: dict[str, list[Item]] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    trying: int = 0
    total: int = 0
    skipped: int = 0
    done: int = 0
    failed: int = 0
    frames: int = 0
    peak_bytes: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Item | None:
        """The next item to be tried, None when there is none for now."""
        with self._lock:
            if self.stop.is_set() or not self.waiting:
                return None
            self.trying += 1
            return self.waiting.popleft()

    @property
    def over(self) -> bool:
        """Whether nothing is left to try, and nothing is being tried that could come back."""
        with self._lock:
            return self.stop.is_set() or not (self.waiting or self.trying)

    def again(self, item: Item) -> None:
        """Put an item back that was lost through no fault of its own."""
        with self._lock:
            self.trying -= 1
            self.waiting.append(item)

    def target(self, item: Item) -> Path:
        """Where the map of an item is published."""
        return self.ledger.maps / f"{item.name}{SUFFIX}"

    def ended(self, item: Item, outcome: Outcome) -> None:
        """Note how a try ended: done, to be tried again, or failed for good."""
        with self._lock:
            self.trying -= 1
            tries = self.tries[item.name] = self.tries.get(item.name, 0) + 1
            self.frames += outcome.n_frames
            self.peak_bytes = max(self.peak_bytes, outcome.peak_bytes)
            if outcome.code is not None and tries <= self.retries:
                self.waiting.append(item)
                return
            for same in (item, *self.twins.get(self.keys[item.name], ())):
                self.settle(same, item, outcome, tries)
        if self.on_item is not None:
            self.on_item(self)

    def settle(self, item: Item, built: Item, outcome: Outcome, tries: int) -> None:
        """Mark an item as done or failed for good; one of the same content as `built` gets a copy of its map."""
        row = {"key": self.keys[item.name], "source": item.source, "attempts": tries}
        if outcome.code is not None:
            said = {"code": outcome.code, "stage": outcome.stage, "words": outcome.words}
            self.ledger.write(FAILED, item.name, {**row, **said})
            self.failed += 1
            return
        if item is not built:
            shutil.rmtree(self.target(item), ignore_errors=True)
            shutil.copytree(self.target(built), self.target(item))
        where = self.target(item).relative_to(self.ledger.out).as_posix()
        told = {"map": where, "status": outcome.status, "n_objects": outcome.n_objects, "seconds": outcome.seconds}
        self.ledger.write(DONE, item.name, {**row, **told})
        self.done += 1


def planned(batch: Batch, items: list[Item], *, only_failed: bool = False) -> None:
    """Queue what is left to do: what is not done under its key, once for each content."""
    batch.total = len(items)
    first: dict[str, Item] = {}
    for item in items:
        done, failed = batch.ledger.done(item.name), batch.ledger.failed(item.name)
        try:
            key = key_of(item, batch.config)
        except (OSError, CogmapError) as error:
            key = f"unreadable {item.source}"
            batch.keys[item.name] = key
            if failed is None or failed["key"] != key or only_failed:
                batch.settle(item, item, Outcome("E-NO-SOURCE", "open", str(error)[:300]), batch.retries + 1)
            else:
                batch.skipped += 1
            continue
        batch.keys[item.name] = key
        settled = (done and done["key"] == key) or (failed and failed["key"] == key)
        if (only_failed and not failed) or (settled and not (only_failed and failed)):
            batch.skipped += 1
        elif key in first:
            batch.twins.setdefault(key, []).append(item)
        else:
            first[key] = item
            batch.waiting.append(item)
            if not (batch.target(item) / "map.json").exists():  # what is left of a map is in the way of a new one
                shutil.rmtree(batch.target(item), ignore_errors=True)
