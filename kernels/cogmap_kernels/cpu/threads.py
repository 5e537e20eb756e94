"""Threads for kernels that run without the interpreter's lock; who does what never depends on timing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def slices(n: int, parts: int) -> Iterator[tuple[int, int]]:
    """Ranges (lo, hi) that cut n things into parts of like size."""
    for k in range(parts):
        yield n * k // parts, n * (k + 1) // parts


class Team:
    """Workers of one call; with one thread everything runs here."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def each(self, work: Callable[[int], Any]) -> list[Any]:
        """Results of `work(0)`, ..., `work(threads - 1)`, in order."""
        numbers = range(self.threads)
        return [work(0)] if self._pool is None else list(self._pool.map(work, numbers))

    def over(self, n: int, work: Callable[[int, int], Any]) -> list[Any]:
        """Results of `work(lo, hi)` over ranges that cut n things."""
        parts = list(slices(n, self.threads))
        return self.each(lambda k: work(*parts[k]))
