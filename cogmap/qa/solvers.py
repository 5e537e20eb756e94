"""What answers each wording: from the match of its pattern to a function of the map."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ..data.answers import Answer, unknown
from ..data.scene import SceneMap
from ..query import cameras, measures, nearest, sides
from ..query.names import boxes_of
from . import truth

Solver = Callable[[SceneMap], Answer]
Builder = Callable[[re.Match[str]], Solver]


def names_of(text: str) -> list[str]:
    """The names of a list: "a, b, and c"."""
    return [measures_name(p) for p in re.split(r",\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+", text) if p.strip()]


def measures_name(text: str) -> str:
    """A name without article and the (s) of templates."""
    return re.sub(r"^(?:the|a|an) ", "", re.sub(r"\(s\)$", "", text.strip())).strip()


def count_of(m: re.Match[str]) -> Solver:
    """How many of a label."""
    return lambda scene: measures.count(scene, measures_name(m["a"]))


def size_of(m: re.Match[str]) -> Solver:
    """The longest side of a thing."""
    return lambda scene: measures.size(scene, m["a"])


def edge_of(m: re.Match[str]) -> Solver:
    """The side that a word for size means."""
    edge = {"long": "length", "wide": "width", "tall": "height", "high": "height", "big": "longest", "large": "longest"}
    return lambda scene: measures.size(scene, m["a"], edge[m["edge"]])


def room_of(m: re.Match[str]) -> Solver:
    """The area of the floor."""
    return lambda scene: measures.area(scene)


def gap_of(m: re.Match[str]) -> Solver:
    """The benchmark's gap between two things."""
    return lambda scene: truth.distance(scene, m["a"], m["b"])


def plain_gap_of(m: re.Match[str]) -> Solver:
    """The gap between two surfaces."""
    return lambda scene: measures.distance(scene, m["a"], m["b"])


def apart_of(m: re.Match[str]) -> Solver:
    """The gap between two surfaces, in either wording."""
    a, b = (m["a"], m["b"]) if m["a"] else (m["c"], m["d"])
    return lambda scene: measures.distance(scene, a, b)


def nearest_of_some(m: re.Match[str]) -> Solver:
    """Which of some names is nearest or farthest, by the benchmark's gap."""
    farthest = m["how"] in ("farthest", "furthest")
    return lambda scene: truth.nearest_of(scene, names_of(m["list"]), m["a"], farthest=farthest)


def direction_of(among: str) -> Builder:
    """Where a thing lies for one who stands by another and faces a third, as one of some words."""

    def build(m: re.Match[str]) -> Solver:
        def solve(scene: SceneMap) -> Answer:
            view = sides.view_from(scene, m["at"], m["facing"])
            return view if isinstance(view, Answer) else view.direction(m["target"], among)

        return solve

    return build


def in_space_of(m: re.Match[str]) -> Solver:
    """The eighth in which a thing lies for one who looks at another."""
    return lambda scene: truth.view_in_space(scene, m["at"], m["facing"], m["target"])


def order_of(m: re.Match[str]) -> Solver:
    """The order in which things came into view."""
    return lambda scene: cameras.appearance_order(scene, names_of(m["list"]))


def kept_frame(scene: SceneMap, n: str, of: str | None) -> str:
    """The kept frame of "frame 5 of 32", counted from 1 over the whole film; without a total its position."""
    if of is None:
        return n
    last = len(scene.camera_path) - 1
    return str(round((int(n) - 1) / max(int(of) - 1, 1) * last)) if 1 <= int(n) <= int(of) else "none"


def camera_gap_of(m: re.Match[str]) -> Solver:
    """From a camera to the nearest point of a thing."""
    return lambda scene: measures.distance(scene, f"camera:{kept_frame(scene, m['f'], m['n'])}", m["a"])


def moved_of(m: re.Match[str]) -> Solver:
    """How far, or which way, the camera went between two frames."""

    def solve(scene: SceneMap) -> Answer:
        found = cameras.camera_motion(scene, kept_frame(scene, m["f"], m["n"]), kept_frame(scene, m["g"], m["k"]))
        if found.value is None or m["how"].startswith("how far"):
            return found if found.value is None else measures.with_value(found, found.details["distance"])
        step = max(("right", "up", "ahead"), key=lambda k: abs(found.details[k]))
        words = {"right": ("right", "left"), "up": ("up", "down"), "ahead": ("forward", "backward")}
        return measures.with_value(found, words[step][0 if found.details[step] > 0 else 1])

    return solve


def camera_nearest_of(m: re.Match[str]) -> Solver:
    """Which of some names is nearest to a camera."""

    def solve(scene: SceneMap) -> Answer:
        camera = f"camera:{kept_frame(scene, m['f'], m['n'])}"
        found = {n: measures.distance(scene, camera, n) for n in names_of(m["list"])}
        bad = next((a for a in found.values() if a.value is None), None)
        best = min(found, key=lambda n: float(found[n].value or 0.0)) if bad is None else ""  # type: ignore[arg-type]
        return bad or Answer("nearest", best, None, f"{best} is nearest to the camera.", ids=found[best].ids)

    return solve


def in_view_of(m: re.Match[str]) -> Solver:
    """Near or far, left or right, up or down of two things as a camera sees them."""

    def solve(scene: SceneMap) -> Answer:
        frame = f"camera:{kept_frame(scene, m['f'], m['n'])}"
        found = sides.seen_from(scene, m["a"], m["b"], frame)
        if found.value is None:
            return found
        word = m["which"].replace(" ", "")
        axis, names = {"near/far": ("ahead", ("far", "near")), "left/right": ("right", ("right", "left")),
                       "up/down": ("up", ("up", "down"))}[word]  # fmt: skip
        return measures.with_value(found, names[0 if found.details[axis] > 0 else 1])

    return solve


def nearest_kind_of(m: re.Match[str]) -> Solver:
    """Which thing of a kind is nearest or farthest."""
    farthest = m["how"] in ("farthest", "furthest")
    return lambda scene: nearest.nearest(scene, m["b"], measures_name(m["a"]), farthest=farthest)


def exists_of(m: re.Match[str]) -> Solver:
    """Whether there is one."""
    return lambda scene: measures.exists(scene, measures_name(m["a"]))


def relation_of(m: re.Match[str]) -> Solver:
    """How one thing lies to another on the map."""
    return lambda scene: sides.relation(scene, m["a"], m["b"])


def by_height_of(m: re.Match[str]) -> Solver:
    """Names by their heights."""

    def solve(scene: SceneMap) -> Answer:
        found = {n: measures.size(scene, n, "height") for n in names_of(m["list"])}
        bad = next((a for a in found.values() if a.value is None), None)
        if bad is not None:
            return bad
        order = tuple(sorted(found, key=lambda n: float(found[n]), reverse=m["from"] == "tallest"))
        numbers = {n: float(a) for n, a in found.items()}
        return Answer("order", order, None, f"In order: {', '.join(order)}.", details=numbers,
                      ids=tuple(found[n].ids[0] for n in order))  # fmt: skip

    return solve


def after_a_move_of(m: re.Match[str]) -> Solver:
    """The distance of two middles after one has moved."""

    def solve(scene: SceneMap) -> Answer:
        ends = []
        for name in (m["a"], m["b"]):
            found = boxes_of(scene, name)
            if len(found) != 1:
                return measures.not_one(scene, "counterfactual", name, found)
            ends.append(found[0])
        x, y = {"right": (1, 0), "left": (-1, 0), "ahead": (0, 1), "back": (0, -1)}[m["way"]]
        there = measures.middle(ends[0]) + float(m["d"]) * np.array([x, y, 0.0])
        value = float(np.linalg.norm(there - measures.middle(ends[1])))
        unit, status = measures.length_of(scene)
        sentence = f"Then the middles of {ends[0].id} and {ends[1].id} were {measures.said(value, unit)} apart."
        return Answer("counterfactual", value, unit, sentence, status, ids=(ends[0].id, ends[1].id))

    return solve


def from_the_closest_of(m: re.Match[str]) -> Solver:
    """The gap from a thing to what is closest to another."""

    def solve(scene: SceneMap) -> Answer:
        base = boxes_of(scene, m["b"])
        if len(base) != 1:
            return measures.missing(scene, "multi_step", m["b"])
        others = [o for o in scene.objects if o.id != base[0].id]
        if not others:
            return unknown("multi_step", "nothing else is there")
        first = min(others, key=lambda o: truth.sampled_gap(base[0], o))
        return truth.distance(scene, m["a"], first.id)

    return solve
