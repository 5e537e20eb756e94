"""A text within a number of tokens: what a question is about stays, the rest is left out, and the text says so."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np

from ..data.nouns import same_thing
from ..data.scene import MapObject, SceneMap

PIECE = re.compile(r"(?:[^\r\n\w]|_)?[^\W\d_]+|\d{1,3}| ?(?:[^\s\w]|_)+[\r\n]*|\s*[\r\n]+|\s+")
LETTERS = 8
NEAR_PATH_M = 0.75
NEAR_NAMED_M = 1.0
MOST_PATHS = 6
Render = Callable[[SceneMap], str]
CountTokens = Callable[[str], int]


def estimate_tokens(text: str) -> int:
    """About how many tokens a text costs: cut as the o200k family cuts, long words in pieces of eight letters.

    Numbers are cut in threes and pay for the space before them. An estimate, never a count to be billed by.
    """
    return sum(math.ceil(len(piece) / LETTERS) for piece in PIECE.findall(text))


def named_in(scene: SceneMap, question: str) -> set[str]:
    """Ids of the objects and openings that a question names: by id, number ("#7"), or any word for their label."""
    words = re.findall(r"[\w-]+", question.lower())
    asked = {
        same_thing(" ".join(words[a:b])) for a in range(len(words)) for b in range(a + 1, min(a + 4, len(words)) + 1)
    }
    numbers = {int(n) for n in re.findall(r"#(\d+)", question)}
    out = {
        o.id
        for o in scene.objects
        if o.number in numbers or o.id in words or (o.label and same_thing(o.label) in asked)
    }
    return out | {o.id for o in scene.layout.openings if o.id in words or same_thing(o.kind) in asked}


def ranked(scene: SceneMap, question: str | None) -> list[MapObject]:
    """All objects, what a question needs first: the named, those near them and between them, then the large ones."""
    named = named_in(scene, question or "")
    boxes = {o.id: o.box for o in scene.objects} | {o.id: o.box for o in scene.layout.openings}
    places = np.array([boxes[n].center_m[:2] for n in sorted(named)]).reshape(-1, 2)
    paths = list(combinations(places, 2)) if len(places) <= MOST_PATHS else []

    def need(o: MapObject) -> tuple[int, float]:
        at = np.array(o.box.center_m[:2])
        if o.id in named:
            return 0, 0.0
        if len(places):
            near = float(np.linalg.norm(places - at, axis=1).min())
            path = min((_off_path(at, p, q) for p, q in paths), default=np.inf)
            if near <= NEAR_NAMED_M + max(o.box.size_m[:2]) / 2 or path <= NEAR_PATH_M:
                return 1, near
        return 2, -float(np.prod(o.box.size_m))

    return sorted(scene.objects, key=lambda o: (*need(o), o.number))


def _off_path(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Distance of a point from the stretch between two others."""
    along = np.clip((p - a) @ (b - a) / max(float((b - a) @ (b - a)), 1e-9), 0, 1)
    return float(np.linalg.norm(p - a - along * (b - a)))


def fit_text(
    scene: SceneMap,
    render: Render,
    max_tokens: int,
    question: str | None = None,
    count: CountTokens = estimate_tokens,
) -> str:
    """A rendering of as many objects as fit, the needed ones first; a last line counts what was left out by label.

    Named objects stay even when they alone cost more than `max_tokens`; then nothing else does.

    Args:
        render: from a map to its text. count: tokens of a text; an estimate by default.
    """
    whole = render(scene)
    if count(whole) <= max_tokens:
        return whole
    order = ranked(scene, question)
    named = named_in(scene, question or "")
    least = sum(o.id in named for o in order)
    low, high = least, len(order)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(_without(scene, render, order, middle)) <= max_tokens else (low, middle - 1)
    text = _without(scene, render, order, low)
    if count(text) <= max_tokens or low > least:
        return text
    return _bare(scene, render, order, least)


def _without(scene: SceneMap, render: Render, order: list[MapObject], n: int) -> str:
    """The rendering of the first n objects, in the map's order, and what was left out."""
    kept = {o.id for o in order[:n]}
    left = Counter(o.label or "unnamed" for o in order[n:])
    text = render(replace(scene, objects=tuple(o for o in scene.objects if o.id in kept)))
    said = ", ".join(f"{k} {name}" for name, k in left.most_common(4)) + (", ..." if len(left) > 4 else "")
    return text + (f"# left out: {sum(left.values())} objects ({said})\n" if left else "")


def _bare(scene: SceneMap, render: Render, order: list[MapObject], n: int) -> str:
    """The named objects alone: the first and the last comment line of their rendering, and every other line."""
    kept = {o.id for o in order[:n]}
    lines = render(replace(scene, objects=tuple(o for o in scene.objects if o.id in kept))).splitlines()
    heads = [line for line in lines if line.startswith("#")]
    rows = [line for line in lines if not line.startswith("#")]
    left = [f"# left out: {len(order) - n} objects"] if len(order) > n else []
    return "\n".join([*heads[:1], *heads[1:][-1:], *rows, *left]) + "\n"
