"""Question texts of benchmarks, and a few plain ones, parsed to queries; what fits none is unknown, never guessed.

Every row of `TEMPLATES` is one wording: its question type, a pattern over the text in one line, and what it asks.
Patterns match whole questions only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..data.answers import Answer, unknown
from ..data.scene import SceneMap
from . import solvers
from .solvers import Builder, Solver

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


A, B = THING.format("a"), THING.format("b")
CLOSEST = "(?P<how>closest|nearest|farthest|furthest)"
ROWS: tuple[tuple[str, str, Builder], ...] = (
    (
        "multi_step",
        rf"measuring from the closest points? of each object, what is the distance between {A} and the object closest "
        rf"to {B}{METRES}",
        solvers.from_the_closest_of,
    ),
    (
        "ordering",
        r"what is the order of the following objects from (?P<from>shortest|tallest) to (?:shortest|tallest): "
        r"(?P<list>.+)",
        solvers.by_height_of,
    ),
    (
        "counterfactual",
        rf"if {A} were moved (?P<d>\d+(?:\.\d+)?) met(?:er|re)s? (?P<way>right|left|ahead|back) on the map, how far "
        rf"would its middle be from the middle of {B}{METRES}",
        solvers.after_a_move_of,
    ),
    (
        "object_counting",
        rf"how many {A}(?:\(s\))? (?:are|is)(?: there)?(?: (?:in|inside) (?:this|the) "
        r"(?:room|scene|place|map))?",
        solvers.count_of,
    ),
    (
        "object_counting",
        rf"please count the number of {A}(?:\(s\))? in (?:this|the) room(?:[.?] give a number as the "
        r"answer)?",
        solvers.count_of,
    ),
    (
        "object_size_estimation",
        r"what is the (?:length of the )?longest (?:dimension|side)(?: \(length, width,? or height\))? of "
        rf"{A},? (?:measured )?in {UNIT}",
        solvers.size_of,
    ),
    (
        "object_size_estimation",
        rf"how (?P<edge>long|wide|tall|high|big|large) is {A}(?:,? in {UNIT})?",
        solvers.edge_of,
    ),
    (
        "room_size_estimation",
        r"what is the (?:size|area) of (?:this|the) room(?: ?\(?in square met(?:er|re)s\)?)?(?:[.?] if "
        r"multiple rooms are shown, estimate the size of the combined space)?",
        solvers.room_of,
    ),
    (
        "object_abs_distance",
        rf"measuring from the closest points? of each object, what is the (?:direct )?distance between {A} "
        rf"and {B}{METRES}",
        solvers.gap_of,
    ),
    (
        "object_abs_distance",
        rf"(?:how far (?:apart )?is {A} from {B}|how far apart are {THING.format('c')} and "
        rf"{THING.format('d')})",
        solvers.apart_of,
    ),
    (
        "object_abs_distance",
        rf"what is the (?:direct )?distance (?:between|from) {A} (?:and|to) {B}{METRES}",
        solvers.plain_gap_of,
    ),
    (
        "object_rel_distance",
        r"measuring from the closest points? of each object, which of these (?:two )?objects "
        rf"\((?P<list>[^)]+)\) is (?:the )?{CLOSEST} (?:to|from) {A}(?: in this room)?{SEVERAL}",
        solvers.nearest_of_some,
    ),
    (
        "camera_obj_rel_dist",
        r"measuring from the closest points? of each object, which of these objects \((?P<list>[^)]+)\) "
        rf"is the {CLOSEST} to the camera in {FRAME.format('f', 'n')}",
        solvers.camera_nearest_of,
    ),
    (
        "object_rel_direction_hard",
        rf"{VIEWER}my front-left, front-right, back-left,? or back-right{STANDING}{QUADRANTS}",
        solvers.direction_of("quadrants"),
    ),
    (
        "object_rel_direction_medium",
        rf"{VIEWER}my left, right,? or back{STANDING}{BACK}",
        solvers.direction_of("three"),
    ),
    (
        "object_rel_direction_easy",
        rf"{VIEWER}the left or (?:the )?right of (?:the )?(?P=facing){STANDING}",
        solvers.direction_of("sides"),
    ),
    (
        "scene_simulation",
        rf"if you stand at {THING.format('at')} facing {THING.format('facing')}, where is "
        rf"{THING.format('target')}",
        solvers.in_space_of,
    ),
    (
        "scene_simulation",
        rf"imagine standing at {THING.format('at')} looking towards {THING.format('facing')}, where is "
        rf"{THING.format('target')}",
        solvers.in_space_of,
    ),
    (
        "scene_simulation",
        rf"when positioned at {THING.format('at')} facing {THING.format('facing')}, where can you find "
        rf"{THING.format('target')}",
        solvers.in_space_of,
    ),
    (
        "scene_simulation",
        rf"standing at {THING.format('at')}, gazing at {THING.format('facing')}, where should "
        rf"{THING.format('target')} be",
        solvers.in_space_of,
    ),
    (
        "obj_appearance_order",
        r"what will be the first-time appearance order of the following categories in the video: "
        r"(?P<list>.+)",
        solvers.order_of,
    ),
    (
        "camera_obj_abs_dist",
        rf"what is the approximate distance{METRES} between the camera(?: \(or the person filming\))? and "
        rf"the nearest point of {A} in {FRAME.format('f', 'n')}",
        solvers.camera_gap_of,
    ),
    (
        "camera_displacement",
        rf"approximately (?P<how>how far){METRES} did the camera move between {FRAME.format('f', 'n')} and "
        rf"{FRAME.format('g', 'k')}",
        solvers.moved_of,
    ),
    (
        "camera_movement_direction",
        rf"during the sequence between {FRAME.format('f', 'n')} and {FRAME.format('g', 'k')}, (?P<how>what "
        r"was) the primary consistent direction of the camera's movement relative to its orientation at "
        r"the start(?:[?.] the options are .+)?",
        solvers.moved_of,
    ),
    (
        "obj_obj_relative_pos",
        rf"in {FRAME.format('f', 'n')}, relative to the camera, is {A} \[?(?P<which>near ?/ ?far)\]? "
        rf"compared to {B}",
        solvers.in_view_of,
    ),
    (
        "obj_obj_relative_pos",
        rf"in {FRAME.format('f', 'n')}, relative to {B}, is {A} to the \[?(?P<which>left ?/ ?right|up ?/ "
        r"?down)\]?",
        solvers.in_view_of,
    ),
    ("nearest", rf"(?:which|what) {A} is (?:the )?{CLOSEST} (?:to|from) {B}", solvers.nearest_kind_of),
    (
        "exists",
        rf"(?:is|are) there (?:any |at least one )?{A}(?: in (?:this|the) (?:room|scene|place|map))?",
        solvers.exists_of,
    ),
    ("relation", rf"where is {A} (?:relative to|compared to|as seen from) {B}", solvers.relation_of),
)
TEMPLATES = tuple((kind, re.compile(pattern), build) for kind, pattern, build in ROWS)
