"""Which things a description means: names or "object", colours, sizes, order, relations to others; and chains of steps.

A small grammar, left to right: [superlative or ordinal] [colour] noun [relation other]. What does not fit it whole is
unknown, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .._checks import F64
from ..data.answers import Answer, unknown
from ..data.scene import MapObject, SceneMap
from . import measures, nearest, sides
from .names import Entity, bare, resolve

ANYTHING = ("object", "thing", "item", "one", "something", "what")
COLORS = ("dark gray", "light gray", "dark-gray", "light-gray", "black", "white", "gray", "grey", "red", "green",
          "blue", "yellow", "orange", "brown", "beige", "pink", "purple", "cyan")  # fmt: skip
LARGEST = {"largest": 1, "biggest": 1, "smallest": -1, "tallest": 1, "highest": 1, "shortest": -1, "lowest": -1,
           "longest": 1, "widest": 1, "leftmost": -1, "rightmost": 1}  # fmt: skip
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
RELATIONS = (
    ("between", r"between (?P<b>.+?) and (?P<c>.+)"),
    ("nearest", r"(?:nearest|closest) (?:to )?(?P<b>.+)"),
    ("farthest", r"(?:farthest|furthest) (?:from )?(?P<b>.+)"),
    ("near", r"(?:near|next to|beside|by|close to) (?P<b>.+)"),
    ("left", r"(?:to the left of|left of|on the left of) (?P<b>.+)"),
    ("right", r"(?:to the right of|right of|on the right of) (?P<b>.+)"),
    ("front", r"in front of (?P<b>.+)"),
    ("behind", r"behind (?P<b>.+)"),
    ("on", r"(?:on top of|on) (?P<b>.+)"),
    ("under", r"(?:under|beneath|underneath) (?P<b>.+)"),
    ("above", r"above (?P<b>.+)"),
    ("below", r"below (?P<b>.+)"),
    ("inside", r"(?:inside|in) (?P<b>.+)"),
)
FRONT = re.compile(
    rf"(?:(?P<ordinal>{'|'.join(ORDINALS)}) )?(?:(?P<superlative>{'|'.join(LARGEST)}) )?"
    rf"(?:(?P<color>{'|'.join(COLORS)}) )?"
)
NEAR_M = 1.0
BETWEEN_ASIDE = 0.35
TIE = 0.02


@dataclass(frozen=True)
class _Said:
    """A description taken apart."""

    superlative: str | None
    ordinal: int | None
    color: str | None
    noun: str
    relation: str | None
    others: tuple[str, ...]


def refer(scene: SceneMap, text: str, frame: str = "world") -> Answer:
    """The object that a description means: its id, `details` of its box, and every candidate where several fit.

    "the red chair left of the table", "the object between the sofa and the window", "the second largest box",
    "the thing nearest to the door". Left, right, in front and behind hold in `frame`, see `sides.relation`.
    """
    said = _taken_apart(scene, text)
    if said is None:
        return unknown("refer", f"the description {text!r} was not understood")
    fits = _of_kind(scene, said)
    if not fits:
        return unknown("refer", f"no {said.color + ' ' if said.color else ''}{said.noun} is there")
    if said.relation is not None:
        related = _related(scene, fits, said, frame)
        if isinstance(related, Answer):
            return related
        fits = related
        if not fits:
            return unknown("refer", f"no {said.noun} is {said.relation} {' and '.join(said.others)}")
    return _picked(fits, said, text, frame)


def _taken_apart(scene: SceneMap, text: str) -> _Said | None:
    words = bare(text).lower()
    known = resolve(scene, words)
    if words and known and all(e.id == words.replace(" ", "_") for e in known):
        return _Said(None, None, None, words, None, ())
    front = FRONT.match(words)
    assert front is not None  # all of it is optional
    ordinal = None if front["ordinal"] is None else ORDINALS[front["ordinal"]]

    def said(noun: str, relation: str | None, others: tuple[str, ...]) -> _Said:
        return _Said(front["superlative"], ordinal, front["color"], noun, relation, others)

    rest = words[front.end() :]
    near = re.match(r"(?P<how>nearest|closest|farthest|furthest) (?P<noun>.+?) (?:to|from) (?P<b>.+)", rest)
    if near:
        return said(near["noun"], "nearest" if near["how"] in ("nearest", "closest") else "farthest", (near["b"],))
    for relation, pattern in RELATIONS:
        match = re.fullmatch(rf"(?P<noun>.+?) (?:that is |which is |is )?{pattern}", rest)
        if match:
            return said(match["noun"], relation, tuple(v for k, v in match.groupdict().items() if k in "bc" and v))
    return said(rest, None, ()) if rest else None


def _of_kind(scene: SceneMap, said: _Said) -> list[MapObject]:
    """The objects of a noun and a colour."""
    if said.noun in ANYTHING or said.noun.rstrip("s") in ANYTHING:
        found = list(scene.objects)
    else:
        found = [e for e in resolve(scene, said.noun) if isinstance(e, MapObject)]
    color = (said.color or "").replace("-", " ").replace("grey", "gray")
    return [o for o in found if not color or (o.color_name or "").endswith(color)]


def _related(scene: SceneMap, fits: list[MapObject], said: _Said, frame: str) -> list[MapObject] | Answer:
    """Those of some objects that stand in a relation, nearest first where it is one of distance."""
    others: list[list[measures.Place]] = []
    for name in said.others:
        inner = measures.places(scene, name)
        if not inner:
            found = refer(scene, name, frame)
            if found.value is None:
                return found
            inner = measures.places(scene, str(found.value))
        others.append(inner)
    own = {id for places in others for id, _ in places}
    rest = [o for o in fits if o.id not in own]
    if said.relation in ("nearest", "farthest", "near"):
        gaps = {o.id: min(measures.between(o, p, "surface") for _, p in others[0]) for o in rest}
        rest.sort(key=lambda o: (gaps[o.id] if said.relation != "farthest" else -gaps[o.id], o.number))
        if said.relation == "near":
            return [o for o in rest if gaps[o.id] <= NEAR_M]
        return rest if said.ordinal is not None else rest[:1]
    if said.relation == "between":
        return [o for o in rest if any(_between(o, p[1], q[1]) for p in others[0] for q in others[1])]
    return [o for o in rest if any(_holds(scene, o, id, str(said.relation), frame) for id, _ in others[0])]


def _holds(scene: SceneMap, thing: MapObject, other: str, relation: str, frame: str) -> bool:
    found = sides.relation(scene, thing.id, other, frame)
    return (
        found.value == relation
        or (relation == "above" and found.value == "on")
        or (relation == "below" and found.value == "under")
    )


def _between(thing: MapObject, first: Entity | F64, second: Entity | F64) -> bool:
    """Whether a thing lies along the middle part of the line between two, no farther aside than a third of it."""
    a, b = measures.middle(first)[:2], measures.middle(second)[:2]
    step, line = np.array(thing.box.center_m[:2]) - a, b - a
    length = float(np.linalg.norm(line))
    if length < 1e-6:
        return False
    along, aside = float(step @ line) / length**2, abs(float(line[0] * step[1] - line[1] * step[0])) / length
    return 0.1 < along < 0.9 and aside <= BETWEEN_ASIDE * length


def _picked(fits: list[MapObject], said: _Said, text: str, frame: str) -> Answer:
    """The one that is meant, or all candidates."""
    if said.superlative is not None or (said.ordinal is not None and said.relation not in ("nearest", "farthest")):
        measure = _measure(said.superlative)
        fits = sorted(fits, key=lambda o: (-measure(o), o.number))
        place = said.ordinal or 0
        if not -len(fits) <= place < len(fits):
            return unknown("refer", f"there are only {len(fits)} of them")
        tied = [o for o in fits if abs(measure(o) - measure(fits[place])) <= TIE * abs(measure(fits[place]))]
        fits = tied if said.superlative is not None and len(tied) > 1 else [fits[place]]
    elif said.ordinal is not None:
        if not -len(fits) <= said.ordinal < len(fits):
            return unknown("refer", f"there are only {len(fits)} of them")
        fits = [fits[said.ordinal]]
    ids = tuple(o.id for o in fits)
    if len(fits) > 1:
        words = f"{text!r} may mean any of {', '.join(ids[:8])}"
        return Answer("refer", None, None, f"{words}.", "ambiguous", frame=frame, ids=ids, candidates=ids, reason=words)
    box = fits[0].box
    names = ("x", "y", "z", "length", "width", "height", "yaw_deg")
    numbers = (*box.center_m, *box.size_m, float(np.degrees(box.yaw)))
    return Answer("refer", ids[0], None, f"{text!r} is {ids[0]}.", frame=frame, ids=ids, candidates=ids,
                  frames=tuple(f for f, _ in fits[0].seen), details=dict(zip(names, numbers)))  # fmt: skip


def _measure(superlative: str | None) -> Callable[[MapObject], float]:
    """What a superlative orders by, the wanted end first; without one, from left to right."""
    sign = LARGEST.get(superlative or "", 1)
    axis = {"tallest": "z", "highest": "top", "shortest": "z", "lowest": "top", "longest": "l", "widest": "w",
            "leftmost": "x", "rightmost": "x", None: "-x"}.get(superlative, "volume")  # fmt: skip

    def value(o: MapObject) -> float:
        size = o.box.size_m
        return sign * {"z": size[2], "top": o.box.top, "l": size[0], "w": size[1], "x": o.box.center_m[0],
                       "-x": -o.box.center_m[0], "volume": float(np.prod(size))}[axis]  # fmt: skip

    return value


STEPS: tuple[tuple[str, str], ...] = (
    ("distance", r"(?:the )?distance (?:from it )?to (?P<b>.+)"),
    ("size", r"(?:its |the )?(?P<edge>size|length|width|height|longest side)(?: of it)?"),
    ("color", r"(?:its |the )?colou?r(?: of it)?"),
    ("count", r"(?:count|number) of (?P<b>.+)"),
    ("relation", r"(?:its )?(?:relation|direction) to (?P<b>.+)"),
    ("within", r"(?:everything|all|objects) within (?P<r>\d+(?:\.\d+)?) ?m(?: of it)?"),
    ("route", r"(?:the )?route to (?P<b>.+)"),
)


def step(scene: SceneMap, text: str, it: str | None) -> Answer:
    """One step of a chain; `it` is the id that the steps before ended at."""
    words = bare(text).lower()
    for name, pattern in STEPS:
        match = re.fullmatch(pattern, words)
        if match is None:
            continue
        if name == "count":
            return measures.count(scene, match["b"])
        if it is None:
            return unknown("solve", "nothing was named before")
        return _measured(scene, name, match, it)
    if re.search(r"\bit\b", words):
        if it is None:
            return unknown("solve", "nothing was named before")
        words = re.sub(r"\bit\b", it, words)
    return refer(scene, words)


def _measured(scene: SceneMap, name: str, match: re.Match[str], it: str) -> Answer:
    if name == "distance":
        return measures.distance(scene, it, match["b"])
    if name == "size":
        edge = {"size": "longest", "longest side": "longest"}.get(match["edge"], match["edge"])
        return measures.size(scene, it, edge)
    if name == "color":
        color = scene.thing(it).color_name
        return Answer("color", color, None, f"{it} is {color}.", ids=(it,)) if color else unknown("color", "no colour")
    if name == "relation":
        return sides.relation(scene, it, match["b"])
    if name == "within":
        return nearest.within(scene, it, float(match["r"]))
    from .routes import route

    return route(scene, it, match["b"])


def solve(scene: SceneMap, steps: Sequence[str]) -> tuple[Answer, tuple[Answer, ...]]:
    """The answer to a chain of steps and the answers of all of them; "it" is what the step before found.

    The chain ends at the first step that is not answered, which the last answer names.
    """
    done: list[Answer] = []
    it: str | None = None
    for n, text in enumerate(steps, 1):
        found = step(scene, text, it)
        done.append(found)
        if found.value is None:
            reason = f"step {n}, {text!r}: {found.reason or found.sentence}"
            return Answer("solve", None, None, f"The chain ends at {reason}", found.status, reason=reason,
                          candidates=found.candidates), tuple(done)  # fmt: skip
        it = str(found.value) if found.query == "refer" else it
    return done[-1] if done else unknown("solve", "there are no steps"), tuple(done)
