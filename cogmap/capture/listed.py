"""What lists of files say: paths of other systems, and times in other units than seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

import numpy as np

from .._checks import F64, Array
from ..data.issues import Issue

# seconds in one unit; a time since 1970 in seconds is about 1.7e9, frames follow one another within 0.005 to 10 s
TIME_UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
SINCE_1970 = (1e11, 1e14, 1e17)
LONGEST_STEP_S = 30.0


def listed_file(folder: Path, name: str) -> Path:
    """The file that a list in a folder names: as it stands, else with Windows separators read as such, else the
    longest end of an absolute path of another machine that lies in the folder."""
    plain = folder / name
    if plain.exists():
        return plain
    parts = PureWindowsPath(name).parts if "\\" in name else Path(name).parts
    parts = tuple(p for p in parts if p not in ("/", "\\", ".") and not p.endswith((":\\", ":")))
    for k in range(len(parts)):
        tail = folder.joinpath(*parts[k:])
        if tail.exists():
            return tail
    return folder.joinpath(*parts) if parts else plain


def in_seconds(stamps: Sequence[float] | Sequence[int] | Array) -> tuple[F64, str]:
    """Times (N,) in seconds and the unit that they were in, judged by their size since 1970, else by their steps."""
    values = np.asarray(stamps, np.float64)
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return values, "seconds"
    largest = float(np.abs(finite).max())
    if largest >= SINCE_1970[0]:
        unit = list(TIME_UNITS)[1 + sum(largest >= edge for edge in SINCE_1970[1:])]
    else:
        steps = np.diff(np.unique(finite))
        step = float(np.median(steps)) if len(steps) else 0.0
        whole = bool((finite == np.round(finite)).all())
        unit = "seconds"
        if whole and step > LONGEST_STEP_S:
            unit = next((n for n, s in list(TIME_UNITS.items())[1:] if step * s <= LONGEST_STEP_S), "nanoseconds")
            if unit == "milliseconds" and step * TIME_UNITS[unit] > 5:
                unit = "microseconds" if step >= 5000 else unit
    return np.asarray(values * TIME_UNITS[unit], np.float64), unit


def unit_issue(unit: str) -> list[Issue]:
    """What is said of times that were in another unit."""
    return [] if unit == "seconds" else [Issue("W-TIMES-UNIT", 1, "capture", f"time stamps are in {unit}")]
