"""Every query by name: its function, the model of its arguments, and what it answers.

Methods of `CognitiveMap` and the `ask` verb call the same functions; tools and servers read their schemas from here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..data.answers import Answer, unknown
from ..data.scene import SceneMap
from ..errors import InputError
from . import cameras, measures, nearest, referring, routes, sides

Place = str | tuple[float, ...]
THING = "thing: id, #number or label"
PLACE = "thing, or [x, y, z] in metres"
FRAME = "frame: f003 or 3"
ARGUMENTS = {
    "a": PLACE,
    "b": PLACE,
    "to": PLACE,
    "of": PLACE,
    "at": "where one stands",
    "target": PLACE,
    "facing": "what one looks at",
    "heading_deg": "instead of facing: degrees counter-clockwise from +x",
    "among": "quadrants, four, eight, hard, clock or degrees",
    "name": THING,
    "names": "things or labels",
    "label": "a label; synonyms and plurals count",
    "edge": "longest, length, width or height",
    "mode": "surface, center or floor",
    "k": "how many",
    "radius_m": "metres",
    "radius": "metres of the body that walks",
    "point": "[x, y] or [x, y, z]",
    "size_m": "[length, width] in metres",
    "on": "floor, or a thing",
    "height_m": "metres to keep clear above",
    "text": "a description: the chair left of the desk",
    "steps": "each refers to the last: nearest chair to door_1; distance from it to tv_1",
    "first": FRAME,
    "second": FRAME,
    "door_m": "metres of wall to pass beside a door",
}
FRAMES = {"relation": "frame of reference: world, camera:f003 or object:ID", "refer": "world, camera:f003 or object:ID"}
FRAMES |= dict.fromkeys(("depth", "in_frame", "visible"), FRAME)


@dataclass(frozen=True)
class Query:
    """A question that a map answers: `call(scene, **arguments)`."""

    name: str
    about: str
    function: Callable[..., Answer]

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The model of the arguments: names, types and defaults of the function, and what each means."""
        fields: dict[str, Any] = {}
        for name, p in list(inspect.signature(self.function, eval_str=True).parameters.items())[1:]:
            default = ... if p.default is inspect.Parameter.empty else p.default
            fields[name] = (p.annotation, Field(default, description=ARGUMENTS.get(name, FRAMES.get(self.name))))
        return create_model(f"{self.name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)

    def call(self, scene: SceneMap, **arguments: Any) -> Answer:
        """The answer. Raises InputError E-ARGUMENT with the name of a wrong argument."""
        return self.function(scene, **validated(self.name, self.arguments, arguments))


def validated(name: str, model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name once a model has checked them. Raises InputError E-ARGUMENT with the name of a wrong one."""
    try:
        checked = model.model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p)[:40] for p in first["loc"]) or "arguments"
        known = ", ".join(model.model_fields) or "none"
        raise InputError("E-ARGUMENT", f"{name}: {where}: {first['msg']}.", f"Arguments: {known}.") from error
    return {k: getattr(checked, k) for k in model.model_fields}


def distance(scene: SceneMap, a: Place, b: Place, mode: str = "surface") -> Answer:
    """Distance by surfaces, by middles ("center") or along the free floor ("floor")."""
    if mode == "floor":
        return routes.route(scene, a, b)
    if mode not in ("surface", "center"):
        raise InputError("E-ARGUMENT", f"there is no distance {mode!r}.", "Choose surface, center or floor.")
    return measures.distance(scene, a, b, mode)


def direction(
    scene: SceneMap,
    at: Place,
    target: Place,
    facing: Place | None = None,
    heading_deg: float | None = None,
    among: str = "quadrants",
) -> Answer:
    """Which way a target lies for someone who stands at a place and faces another."""
    view = sides.view_from(scene, at, facing, heading_deg)
    return view if isinstance(view, Answer) else view.direction(target, among)


def nearest_to(scene: SceneMap, to: Place, label: str | None = None, k: int = 1) -> Answer:
    """The k nearest things."""
    return nearest.nearest(scene, to, label, k)


def farthest_from(scene: SceneMap, to: Place, label: str | None = None, k: int = 1) -> Answer:
    """The k farthest things."""
    return nearest.nearest(scene, to, label, k, farthest=True)


def solve(scene: SceneMap, steps: list[str]) -> Answer:
    """The answer to a chain of steps."""
    return referring.solve(scene, steps)[0]


def free_spots(scene: SceneMap, size_m: tuple[float, float], on: str = "floor", height_m: float = 0.3) -> Answer:
    """Free rectangles of a size on the floor or on a thing, the roomiest first."""
    from .placement import free_spots as find

    try:
        found = find(scene, None if on == "floor" else scene.thing(on), size_m, height_m)
    except InputError as error:
        return unknown("free_spots", str(error))
    places = tuple(tuple(round(float(v), 3) for v in s.center_m) for s in found)
    text = f"{len(found)} places of {size_m[0]:.2f} x {size_m[1]:.2f} m on {on}"
    return Answer("free_spots", places, "m", text + (f", first at {places[0]}." if places else "."), points=places)


ROWS: tuple[tuple[str, Callable[..., Answer], str], ...] = (
    ("count", measures.count, "How many objects or openings have a label."),
    ("exists", measures.exists, "Whether anything is called so."),
    ("size", measures.size, 'An edge of a box: "longest", "length", "width" or "height".'),
    ("distance", distance, 'Distance of two places: "surface" gap, "center" to center, along the "floor".'),
    ("depth", measures.depth, "How far ahead of a frame's camera the middle of a thing lies."),
    ("area", measures.area, "Area of the floor, of a room, or of what a thing covers."),
    ("height", measures.height, "Height of the ceiling, or of the top of a thing."),
    ("relation", sides.relation, 'How a lies to b in a frame: "world", "camera:f003", "object:ID".'),
    ("direction", direction, "Which way a target lies for a viewer at a place who faces another or a heading."),
    ("nearest", nearest_to, "The k things nearest to a place, by surfaces; of a label if one is given."),
    ("farthest", farthest_from, "The k things farthest from a place."),
    ("within", nearest.within, "The things within a radius of a place."),
    ("what_is_at", nearest.what_is_at, "What stands at a point (x, y) or (x, y, z) of the map."),
    ("in_frame", nearest.in_frame, "What a frame shows, the most visible first."),
    ("visible", cameras.visible, "Whether a frame shows a thing, or which frames do."),
    ("appearance_order", cameras.appearance_order, "The order in which things came into view."),
    ("camera_motion", cameras.camera_motion, "The camera's step and turn between two frames."),
    ("path_length", cameras.path_length, "How far the camera went, and how far apart the ends are."),
    ("route", routes.route, "The shortest way over the free floor for a body of a radius, in words and points."),
    ("free_spots", free_spots, "Where a rectangle of a size could be put down."),
    ("refer", referring.refer, "The object that a description means: its id, box, and all candidates."),
    ("solve", solve, 'A chain of steps: ["nearest chair to door_1", "distance from it to tv_1"].'),
)
QUERIES: dict[str, Query] = {name: Query(name, about, function) for name, function, about in ROWS}
