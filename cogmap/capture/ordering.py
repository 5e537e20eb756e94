"""Natural order of file names: img2 before img10."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key in which runs of digits count as numbers; letters by case-folded text, then as written."""
    parts = re.split(r"(\d+)", name)
    key = [(1, int(p), p) if p.isdigit() else (0, 0, p.casefold()) for p in parts if p]
    return (*key, (0, 0, name))


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Paths in natural order of their names."""
    return sorted(paths, key=lambda p: natural_key(p.name))
