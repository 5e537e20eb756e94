"""Readable golden files of every text form: `python -m tests.golden` writes them anew, `git diff` shows what changed.

`room/FORM.txt` is of a room made by hand and must be met to the letter. `light/FORM.txt` is of the reference map of
that name, built from RGB-D: words must be met to the letter and numbers to one unit of their last digit.
"""

from __future__ import annotations

import re
from pathlib import Path

from cogmap import CognitiveMap

from .maps import living_room
from .references import reference

FOLDER = Path(__file__).parent / "samples" / "golden"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
OPTIONS: dict[str, dict[str, object]] = {
    "metric": {},
    "grid": {},
    "layout": {},
    "relations": {},
    "ego": {"at": (0.0, 0.0), "heading": 0.5},
    "rationale": {"frame": 3},
    "aabb": {},
    "facts": {},
    "vsibench": {},
    "mindcube": {},
    "video2layout": {},
    "ego3d": {},
    "spatiallm": {},
}


def maps() -> dict[str, CognitiveMap]:
    """The maps that have golden files."""
    return {"room": CognitiveMap(living_room()), "light": reference("light").map}


def forms_of(name: str) -> list[str]:
    """Text forms that a map can give: a room made by hand has no frames."""
    return [form for form in OPTIONS if name != "room" or form not in ("rationale", "ego3d")]


def text_of(m: CognitiveMap, form: str) -> str:
    """One form as it is kept."""
    return m.to_text(form, **OPTIONS[form]).rstrip() + "\n"


def differences(kept: str, got: str, *, exact: bool) -> list[str]:
    """Lines that differ: in a word, or in a number by more than one unit of its last digit."""
    a, b = kept.splitlines(), got.splitlines()
    out = [f"{len(a)} lines were kept, {len(b)} came"] if len(a) != len(b) else []
    for old, new in zip(a, b):
        words = NUMBER.sub("0", old) == NUMBER.sub("0", new)
        if (exact and old != new) or not words or any(map(_apart, NUMBER.findall(old), NUMBER.findall(new))):
            out += [f"- {old}", f"+ {new}"]
    return out


def _apart(old: str, new: str) -> bool:
    digits = len(old.partition(".")[2])
    return abs(float(old) - float(new)) > 1.001 * 10**-digits


def main() -> None:
    """Write all golden files."""
    for name, m in maps().items():
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        for form in forms_of(name):
            (FOLDER / name / f"{form}.txt").write_text(text_of(m, form), encoding="utf-8")


if __name__ == "__main__":
    main()
