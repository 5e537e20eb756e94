"""Question texts of benchmarks, and a few plain ones, parsed to queries; what fits none is unknown, never guessed.

Every row of `TEMPLATES` is one wording: its question type, a pattern over the text in one line, and what it asks.
Patterns match whole questions only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..data.answers import Answer, unknown
from ..data.scene import SceneMap
from ..query import cameras, measures, nearest, sides
from . import truth

Solver = Callable[[SceneMap], Answer]
Builder = Callable[[re.Match[str]], Solver]
CENTIMETRES = 100.0


@dataclass(frozen=True)
class Parsed:
    """A question that was understood: its type, what answers it, and how many of its units are in an SI unit."""

    kind: str
    solve: Solver
    per_si: float = 1.0


def parse(question: str) -> Parsed | None:
    """The query that a question asks, or None where no template fits the whole of it."""
    text = cleaned(question)
    for kind, pattern, build in TEMPLATES:
        match = pattern.fullmatch(text)
        if match is not None:
            per_si = CENTIMETRES if "unit" in pattern.groupindex and is_centimetres(match["unit"]) else 1.0
            return Parsed(kind, build(match), per_si)
    return None


def ask(scene: SceneMap, question: str) -> Answer:
    """The answer to a question in words."""
    parsed = parse(question)
    if parsed is None:
        return unknown("ask", "no template fits this question; a model may read it with the map's text")
    return parsed.solve(scene)


def cleaned(question: str) -> str:
    """One line in lower case without what evaluators add before and after, and without listed options."""
    text = re.sub(r"(?i)^\s*these are frames of a video\.?\s*", "", question)
    text = re.split(r"(?i)\n?\s*(?:options\s*:|\n\s*a\s*[.)]\s)", text)[0]
    text = re.sub(r"(?i)\s*(?:please )?answer (?:the question )?(?:with|using|briefly)[^?]*$", "", text)
    text = re.sub(r"\s+", " ", text).strip().strip("\"'").replace("\u2019", "'")
    return text.lower().rstrip(" .?!") if text else ""


def is_centimetres(unit: str | None) -> bool:
    """Whether a unit is the centimetre, in any spelling."""
    return bool(unit) and re.fullmatch(r"c(?:m|entimet(?:er|re)s?)", unit or "") is not None


def names_of(text: str) -> list[str]:
    """The names of a list: "a, b, and c"."""
    return [measures_name(p) for p in re.split(r",\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+", text) if p.strip()]


def measures_name(text: str) -> str:
    """A name without article and the (s) of templates."""
    return re.sub(r"^(?:the|a|an) ", "", re.sub(r"\(s\)$", "", text.strip())).strip()


THING = r"(?:the |an? )?(?P<{}>[^,?()]+?)"
METRES = r"(?: ?\(?in met(?:er|re)s?\)?| ?\(?in m\)?)?"
UNIT = r"(?P<unit>centimet(?:er|re)s?|cm|met(?:er|re)s?|m)"
SEVERAL = r"(?:[.?] if there are multiple instances of an object category, measure to the closest)?"
STANDING = r'(?:[.?] assume "standing by" means i am positioned at the center of (?:the )?[^,?]+?)?'
QUADRANTS = r"(?:[.?] the directions refer to the quadrants of a cartesian plane.*)?"
BACK = r"(?:[.?] an object is to my back if i would have to turn at least 135 degrees in order to face it)?"
VIEWER = (r"if i am standing (?:by|at|next to) " + THING.format("at") + " and (?:am )?facing " + THING.format("facing")
          + ", is " + THING.format("target") + " to ")  # fmt: skip
FRAME = r"frame (?P<{}>\d+)(?: of (?P<{}>\d+))?"


def _count(m: re.Match[str]) -> Solver:
    return lambda scene: measures.count(scene, measures_name(m["a"]))


def _size(m: re.Match[str]) -> Solver:
    return lambda scene: measures.size(scene, m["a"])


def _edge(m: re.Match[str]) -> Solver:
    edge = {"long": "length", "wide": "width", "tall": "height", "high": "height", "big": "longest", "large": "longest"}
    return lambda scene: measures.size(scene, m["a"], edge[m["edge"]])


def _room(m: re.Match[str]) -> Solver:
    return lambda scene: measures.area(scene)


def _gap(m: re.Match[str]) -> Solver:
    return lambda scene: truth.distance(scene, m["a"], m["b"])


def _plain_gap(m: re.Match[str]) -> Solver:
    return lambda scene: measures.distance(scene, m["a"], m["b"])


def _apart(m: re.Match[str]) -> Solver:
    a, b = (m["a"], m["b"]) if m["a"] else (m["c"], m["d"])
    return lambda scene: measures.distance(scene, a, b)


def _nearest_of(m: re.Match[str]) -> Solver:
    farthest = m["how"] in ("farthest", "furthest")
    return lambda scene: truth.nearest_of(scene, names_of(m["list"]), m["a"], farthest=farthest)


def _direction(among: str) -> Builder:
    def build(m: re.Match[str]) -> Solver:
        def solve(scene: SceneMap) -> Answer:
            view = sides.view_from(scene, m["at"], m["facing"])
            return view if isinstance(view, Answer) else view.direction(m["target"], among)

        return solve

    return build


def _in_space(m: re.Match[str]) -> Solver:
    return lambda scene: truth.view_in_space(scene, m["at"], m["facing"], m["target"])


def _order(m: re.Match[str]) -> Solver:
    return lambda scene: cameras.appearance_order(scene, names_of(m["list"]))


def _frame(scene: SceneMap, n: str, of: str | None) -> str:
    """The kept frame of "frame 5 of 32", counted from 1 over the whole film; without a total its position."""
    if of is None:
        return n
    last = len(scene.camera_path) - 1
    return str(round((int(n) - 1) / max(int(of) - 1, 1) * last)) if 1 <= int(n) <= int(of) else "none"


def _camera_gap(m: re.Match[str]) -> Solver:
    return lambda scene: measures.distance(scene, f"camera:{_frame(scene, m['f'], m['n'])}", m["a"])


def _moved(m: re.Match[str]) -> Solver:
    def solve(scene: SceneMap) -> Answer:
        found = cameras.camera_motion(scene, _frame(scene, m["f"], m["n"]), _frame(scene, m["g"], m["k"]))
        if found.value is None or m["how"].startswith("how far"):
            return found if found.value is None else measures.with_value(found, found.details["distance"])
        step = max(("right", "up", "ahead"), key=lambda k: abs(found.details[k]))
        words = {"right": ("right", "left"), "up": ("up", "down"), "ahead": ("forward", "backward")}
        return measures.with_value(found, words[step][0 if found.details[step] > 0 else 1])

    return solve


def _camera_nearest(m: re.Match[str]) -> Solver:
    def solve(scene: SceneMap) -> Answer:
        camera = f"camera:{_frame(scene, m['f'], m['n'])}"
        found = {n: measures.distance(scene, camera, n) for n in names_of(m["list"])}
        bad = next((a for a in found.values() if a.value is None), None)
        best = min(found, key=lambda n: float(found[n].value or 0.0)) if bad is None else ""  # type: ignore[arg-type]
        return bad or Answer("nearest", best, None, f"{best} is nearest to the camera.", ids=found[best].ids)

    return solve


def _in_view(m: re.Match[str]) -> Solver:
    """Near or far, left or right, up or down of two things as a camera sees them."""

    def solve(scene: SceneMap) -> Answer:
        frame = f"camera:{_frame(scene, m['f'], m['n'])}"
        found = sides.seen_from(scene, m["a"], m["b"], frame)
        if found.value is None:
            return found
        word = m["which"].replace(" ", "")
        axis, names = {"near/far": ("ahead", ("far", "near")), "left/right": ("right", ("right", "left")),
                       "up/down": ("up", ("up", "down"))}[word]  # fmt: skip
        return measures.with_value(found, names[0 if found.details[axis] > 0 else 1])

    return solve


def _nearest_kind(m: re.Match[str]) -> Solver:
    farthest = m["how"] in ("farthest", "furthest")
    return lambda scene: nearest.nearest(scene, m["b"], measures_name(m["a"]), farthest=farthest)


def _exists(m: re.Match[str]) -> Solver:
    return lambda scene: measures.exists(scene, measures_name(m["a"]))


def _relation(m: re.Match[str]) -> Solver:
    return lambda scene: sides.relation(scene, m["a"], m["b"])


A, B = THING.format("a"), THING.format("b")
CLOSEST = "(?P<how>closest|nearest|farthest|furthest)"
ROWS: tuple[tuple[str, str, Builder], ...] = (
    (
        "object_counting",
        rf"how many {A}(?:\(s\))? (?:are|is)(?: there)?(?: (?:in|inside) (?:this|the) "
        r"(?:room|scene|place|map))?",
        _count,
    ),
    (
        "object_counting",
        rf"please count the number of {A}(?:\(s\))? in (?:this|the) room(?:[.?] give a number as the "
        r"answer)?",
        _count,
    ),
    (
        "object_size_estimation",
        r"what is the (?:length of the )?longest (?:dimension|side)(?: \(length, width,? or height\))? of "
        rf"{A},? (?:measured )?in {UNIT}",
        _size,
    ),
    ("object_size_estimation", rf"how (?P<edge>long|wide|tall|high|big|large) is {A}(?:,? in {UNIT})?", _edge),
    (
        "room_size_estimation",
        r"what is the (?:size|area) of (?:this|the) room(?: ?\(?in square met(?:er|re)s\)?)?(?:[.?] if "
        r"multiple rooms are shown, estimate the size of the combined space)?",
        _room,
    ),
    (
        "object_abs_distance",
        rf"measuring from the closest points? of each object, what is the (?:direct )?distance between {A} "
        rf"and {B}{METRES}",
        _gap,
    ),
    (
        "object_abs_distance",
        rf"(?:how far (?:apart )?is {A} from {B}|how far apart are {THING.format('c')} and "
        rf"{THING.format('d')})",
        _apart,
    ),
    (
        "object_abs_distance",
        rf"what is the (?:direct )?distance (?:between|from) {A} (?:and|to) {B}{METRES}",
        _plain_gap,
    ),
    (
        "object_rel_distance",
        r"measuring from the closest points? of each object, which of these (?:two )?objects "
        rf"\((?P<list>[^)]+)\) is (?:the )?{CLOSEST} (?:to|from) {A}(?: in this room)?{SEVERAL}",
        _nearest_of,
    ),
    (
        "camera_obj_rel_dist",
        r"measuring from the closest points? of each object, which of these objects \((?P<list>[^)]+)\) "
        rf"is the {CLOSEST} to the camera in {FRAME.format('f', 'n')}",
        _camera_nearest,
    ),
    (
        "object_rel_direction_hard",
        rf"{VIEWER}my front-left, front-right, back-left,? or back-right{STANDING}{QUADRANTS}",
        _direction("quadrants"),
    ),
    ("object_rel_direction_medium", rf"{VIEWER}my left, right,? or back{STANDING}{BACK}", _direction("three")),
    (
        "object_rel_direction_easy",
        rf"{VIEWER}the left or (?:the )?right of (?:the )?(?P=facing){STANDING}",
        _direction("sides"),
    ),
    (
        "scene_simulation",
        rf"if you stand at {THING.format('at')} facing {THING.format('facing')}, where is "
        rf"{THING.format('target')}",
        _in_space,
    ),
    (
        "scene_simulation",
        rf"imagine standing at {THING.format('at')} looking towards {THING.format('facing')}, where is "
        rf"{THING.format('target')}",
        _in_space,
    ),
    (
        "scene_simulation",
        rf"when positioned at {THING.format('at')} facing {THING.format('facing')}, where can you find "
        rf"{THING.format('target')}",
        _in_space,
    ),
    (
        "scene_simulation",
        rf"standing at {THING.format('at')}, gazing at {THING.format('facing')}, where should "
        rf"{THING.format('target')} be",
        _in_space,
    ),
    (
        "obj_appearance_order",
        r"what will be the first-time appearance order of the following categories in the video: "
        r"(?P<list>.+)",
        _order,
    ),
    (
        "camera_obj_abs_dist",
        rf"what is the approximate distance{METRES} between the camera(?: \(or the person filming\))? and "
        rf"the nearest point of {A} in {FRAME.format('f', 'n')}",
        _camera_gap,
    ),
    (
        "camera_displacement",
        rf"approximately (?P<how>how far){METRES} did the camera move between {FRAME.format('f', 'n')} and "
        rf"{FRAME.format('g', 'k')}",
        _moved,
    ),
    (
        "camera_movement_direction",
        rf"during the sequence between {FRAME.format('f', 'n')} and {FRAME.format('g', 'k')}, (?P<how>what "
        r"was) the primary consistent direction of the camera's movement relative to its orientation at "
        r"the start(?:[?.] the options are .+)?",
        _moved,
    ),
    (
        "obj_obj_relative_pos",
        rf"in {FRAME.format('f', 'n')}, relative to the camera, is {A} \[?(?P<which>near ?/ ?far)\]? "
        rf"compared to {B}",
        _in_view,
    ),
    (
        "obj_obj_relative_pos",
        rf"in {FRAME.format('f', 'n')}, relative to {B}, is {A} to the \[?(?P<which>left ?/ ?right|up ?/ "
        r"?down)\]?",
        _in_view,
    ),
    ("nearest", rf"(?:which|what) {A} is (?:the )?{CLOSEST} (?:to|from) {B}", _nearest_kind),
    (
        "exists",
        rf"(?:is|are) there (?:any |at least one )?{A}(?: in (?:this|the) (?:room|scene|place|map))?",
        _exists,
    ),
    ("relation", rf"where is {A} (?:relative to|compared to|as seen from) {B}", _relation),
)
TEMPLATES = tuple((kind, re.compile(pattern), build) for kind, pattern, build in ROWS)
