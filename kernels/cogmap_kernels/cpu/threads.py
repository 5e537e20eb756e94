"""Threads for kernels that run without the interpreter's lock; who does what never depends on timing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any


def slices(n: int, parts: int) -> Iterator[tuple[int, int]]:
    """Ranges (lo, hi) that cut n things into parts of like size."""
    for k in range(parts):
        yield n * k // parts, n * (k + 1) // parts


_pools: dict[int, ThreadPoolExecutor] = {}
_making = threading.Lock()


def _pool(threads: int) -> ThreadPoolExecutor:
    """Workers that are kept from call to call: to start them takes as long as a small call."""
    with _making:
        if threads not in _pools:
            _pools[threads] = ThreadPoolExecutor(threads, "cogmap-kernels")
        return _pools[threads]


def _forget() -> None:
    """A forked child has none of its parent's threads."""
    global _making
    _making = threading.Lock()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Team:
    """The workers of a call; with one thread everything runs here. Work must not ask for a team of its own."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = _pool(threads) if threads > 1 else None

    def each(self, work: Callable[[int], Any]) -> list[Any]:
        """Results of `work(0)`, ..., `work(threads - 1)`, in order, once all have ended; the first error is raised."""
        if self._pool is None:
            return [work(0)]
        tasks = [self._pool.submit(work, k) for k in range(self.threads)]
        wait(tasks)
        return [task.result() for task in tasks]

    def over(self, n: int, work: Callable[[int, int], Any]) -> list[Any]:
        """Results of `work(lo, hi)` over ranges that cut n things."""
        parts = list(slices(n, self.threads))
        return self.each(lambda k: work(*parts[k]))
