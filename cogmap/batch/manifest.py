"""What is to be mapped: a CSV, JSON lines or Parquet file of sources, or a folder of them."""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .._optional import needed
from ..config import Config, with_options
from ..errors import InputError
from ..mapfile import SUFFIX

SOURCES = ("source", "uri", "path", "video")
REMEDY = 'Install it: pip install "cogmap[batch]".'
NAME = re.compile(r"[^A-Za-z0-9_-]+")
OPTIONS = {f.name for f in fields(Config)}


@dataclass(frozen=True)
class Item:
    """One row: a name that no other row has, where its capture is (a path or an fsspec URI), options of its own."""

    name: str
    source: str
    options: dict[str, Any] = field(default_factory=dict)


def read_manifest(path: Path) -> tuple[list[Item], tuple[str, ...]]:
    """The items of a manifest in its order, and the columns that say nothing to cogmap.

    A row has a `source` (also `uri`, `path` or `video`; relative to the manifest), perhaps an `id`, and fields of
    Config. The entries of a folder are its sources. No row holds bytes.

    Raises:
        InputError: E-MANIFEST with the row and what is wrong with it. ConfigError: an option out of range.
    """
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if not p.name.startswith(".") and p.suffix != SUFFIX)
        rows: Iterable[dict[str, Any]] = [{"source": str(p)} for p in found]
    else:
        rows = _rows(path)
    items, unknown, names = [], set[str](), dict[str, int]()
    for n, row in enumerate(rows, 1):
        item, more = _item(row, n, path, names)
        items.append(item)
        unknown |= more
    if not items:
        raise InputError("E-MANIFEST", "it holds no sources.", "Give one row, or one file, for each capture.", path)
    return items, tuple(sorted(unknown))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a file by name. Raises InputError E-MANIFEST."""
    try:
        if path.suffix == ".parquet":
            yield from needed("pyarrow.parquet", REMEDY).read_table(path).to_pylist()
        elif path.suffix in (".jsonl", ".ndjson"):
            with path.open(encoding="utf-8") as lines:
                yield from (json.loads(line) for line in lines if line.strip())
        elif path.suffix in (".csv", ".tsv"):
            with path.open(encoding="utf-8-sig", newline="") as file:
                yield from csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        else:
            raise ValueError(f"a manifest is CSV, JSONL, Parquet or a folder, not {path.suffix or path.name}")
    except InputError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise InputError("E-MANIFEST", f"cannot read it: {error}.", "See docs/batch.md.", path) from error


def _item(row: Any, n: int, path: Path, names: dict[str, int]) -> tuple[Item, set[str]]:
    if not isinstance(row, dict):
        raise InputError("E-MANIFEST", f"row {n} is no object.", "Write one JSON object a line.", path)
    known = {k: v for k, v in row.items() if k is not None and v not in (None, "")}
    source = next((known.pop(k) for k in SOURCES if k in known), None)
    if not isinstance(source, str):
        close = [c for k in row if (c := difflib.get_close_matches(str(k), SOURCES, 1))]
        hint = f"Rename a column to {close[0][0]}." if close else f"Name a column {SOURCES[0]}."
        raise InputError("E-MANIFEST", f"row {n} has no source.", hint, path)
    options = {k: _typed(v) for k, v in known.items() if k in OPTIONS}
    with_options(Config(), options)
    name = NAME.sub("_", str(known.get("id") or Path(source.rstrip("/")).stem)).strip("_")[:60] or "item"
    names[name] = names.get(name, 0) + 1
    if names[name] > 1:
        name = f"{name}-{names[name]}"
    if "://" not in source:
        source = str((path if path.is_dir() else path.parent).resolve() / source)
    return Item(name, source, options), set(known) - OPTIONS - {"id"}


def _typed(value: Any) -> Any:
    """A cell of a CSV as what it says: a number, true, or a text."""
    if not isinstance(value, str):
        return value
    import yaml

    return yaml.safe_load(value)
