"""Counts, sizes, distances, depths, areas and heights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import shapely

from .._checks import F64
from ..data.answers import Answer, AnswerStatus, unknown
from ..data.nouns import plural, singular
from ..data.scene import Box, MapObject, Opening, Room, SceneMap, Wall
from ..geometry.rigid import about_z, apply, inverse
from ..geometry.solids import prism_gap
from .names import Entity, boxes_of, called, closest, ids, resolve

Place = tuple[str, Entity | F64]


def missing(scene: SceneMap, query: str, name: str) -> Answer:
    """The answer where a name means nothing."""
    close = closest(scene, name)
    hint = f"; there is {', '.join(close)}" if close else ""
    return unknown(query, f"nothing is called {name!r}{hint}", candidates=close)


def length_of(scene: SceneMap, power: int = 1) -> tuple[str, AnswerStatus]:
    """Unit and status of a length, or of an area with power 2."""
    metric = scene.scale.kind == "metric"
    unit = ("m" if metric else "map units") + ("" if power == 1 else "2")
    return unit, "ok" if metric else "scale_unknown"


def said(value: float, unit: str) -> str:
    """A length or area in words."""
    return f"{value:.2f} {unit.replace('2', '²')}"


def count(scene: SceneMap, label: str) -> Answer:
    """How many objects or openings have a label. A list of annotations may count more than it boxes."""
    things = resolve(scene, label)
    kinds = {o.label for o in things if isinstance(o, MapObject)}
    told = [scene.provenance.get(f"counted {kind}") for kind in kinds]
    counted = told[0] if len(told) == 1 else None
    n = counted if isinstance(counted, int) else len(things)
    return Answer("count", n, None, f"There {'is' if n == 1 else 'are'} {_how_many(n, label)}.", ids=ids(things))


def exists(scene: SceneMap, label: str) -> Answer:
    """Whether anything is called so."""
    things = resolve(scene, label)
    words = f"{'Yes' if things else 'No'}, {_how_many(len(things), label)}."
    return Answer("exists", bool(things), None, words, ids=ids(things))


def _how_many(n: int, label: str) -> str:
    """A number of things: "1 chair", "2 chairs", "0 boxes"."""
    return f"{n} {singular(label) if n == 1 else plural(label)}"


def size(scene: SceneMap, name: str, edge: str = "longest") -> Answer:
    """An edge of a box: "longest", "length", "width" (of its floor) or "height".

    The longest edge of a box with a full rotation is one of its own, not of the upright box round it.
    """
    things = boxes_of(scene, name)
    if len(things) != 1:
        return not_one(scene, "size", name, things)
    thing = things[0]
    own = thing.box.obb.size_m if thing.box.obb is not None else thing.box.size_m
    value = max(own) if edge == "longest" else thing.box.size_m[("length", "width", "height").index(edge)]
    unit, status = length_of(scene)
    sigma = error_of(scene, value, thing)
    words = "longest side" if edge == "longest" else edge
    return Answer("size", value, unit, f"The {words} of {called(thing)} is {said(value, unit)}.", status, sigma,
                  ids=(thing.id,))  # fmt: skip


def ambiguous(scene: SceneMap, query: str, name: str, things: Sequence[Entity]) -> Answer:
    """The answer where a name means several."""
    found = ids(things)
    words = f"{name!r} may be any of {', '.join(found[:8])}"
    return Answer(query, None, None, f"{words}.", "ambiguous", ids=found, candidates=found, reason=words)


def not_one(scene: SceneMap, query: str, name: str | Sequence[float], things: Sequence[Entity]) -> Answer:
    """The answer where a name does not mean one thing: `missing` for none, `ambiguous` for several."""
    return ambiguous(scene, query, str(name), things) if things else missing(scene, query, str(name))


def entities_of(found: Sequence[Place]) -> list[Entity]:
    """The entities among places."""
    return [e for _, e in found if not isinstance(e, np.ndarray)]


def error_of(scene: SceneMap, length: float, *things: Entity) -> float:
    """Standard error of a length between or of boxes: that of every face and of the scale."""
    own = sum(2 * t.sigma_m**2 if len(things) == 1 else t.sigma_m**2 for t in things if isinstance(t, MapObject))
    return float(np.sqrt(own + (scene.scale.rel_sigma * length) ** 2))


def distance(scene: SceneMap, a: str | Sequence[float], b: str | Sequence[float], mode: str = "surface") -> Answer:
    """Between two things: smallest between their surfaces, or between their middles ("center").

    A name that means several things means the one that is nearest; `camera:f003` is where a frame was taken.
    """
    first, second = places(scene, a), places(scene, b)
    for name, found in ((a, first), (b, second)):
        if not found:
            return missing(scene, "distance", str(name))
    pairs = [(p, q) for p, q in product(first, second) if p[0] != q[0]]
    if not pairs:
        return unknown("distance", f"{a!r} and {b!r} are one thing")
    value, p, q = min(((between(p[1], q[1], mode), p, q) for p, q in pairs), key=lambda row: row[0])
    unit, status = length_of(scene)
    names = [called(e) if not isinstance(e, np.ndarray) else n for n, e in (p, q)]
    sentence = f"{names[0][0].upper()}{names[0][1:]} and {names[1]} are {said(value, unit)} apart"
    sentence += "." if mode == "surface" else ", middle to middle."
    return Answer("distance", value, unit, sentence, status, error_of(scene, value, *entities_of((p, q))),
                  ids=(p[0], q[0]))  # fmt: skip


def places(scene: SceneMap, name: str | Sequence[float]) -> list[Place]:
    """What a name means, or a point (3,) by its coordinates "x,y,z" or `camera:f003`: (id, entity or point)."""
    if not isinstance(name, str):
        return [("point", np.asarray([*name, *([0.0] * (3 - len(name)))], np.float64))]
    if name.startswith("camera"):
        frame = frame_of(scene, name.partition(":")[2] or name[6:])
        return [] if frame is None else [(f"camera:f{frame:03d}", scene.camera_path[frame].T_map_cam[:3, 3])]
    return [(e.id, e) for e in resolve(scene, name)]


def frame_of(scene: SceneMap, name: str) -> int | None:
    """The position of a kept frame from "f003" or "3", or None."""
    digits = name.strip().lower().removeprefix("f")
    at = int(digits) if digits.isdecimal() else -1
    return at if 0 <= at < len(scene.camera_path) else None


def between(a: Entity | F64, b: Entity | F64, mode: str) -> float:
    """Distance between two places; full rotations count where one has one."""
    if mode == "center":
        return float(np.linalg.norm(middle(a) - middle(b)))
    if isinstance(a, (MapObject, Opening)) and isinstance(b, (MapObject, Opening)) and (a.box.obb or b.box.obb):
        from ..geometry.obb import gap

        return gap(*full_box(a.box), *full_box(b.box))
    return float(prism_gap(solid(a), solid(b)))


def full_box(box: Box) -> tuple[F64, F64, F64]:
    """Centre (3,), size (3,) and axes (3, 3) of a box: its full rotation where it has one."""
    if box.obb is None:
        return np.array(box.center_m), np.array(box.size_m), about_z(box.yaw)
    return np.array(box.obb.center_m), np.array(box.obb.size_m), np.array(box.obb.rotation)


def middle(place: Entity | F64) -> F64:
    """The middle (3,) of a thing, of a room at half the height of a person, of a wall."""
    if isinstance(place, (MapObject, Opening)):
        obb = place.box.obb
        return np.array(obb.center_m if obb is not None else place.box.center_m, np.float64)
    if isinstance(place, Room):
        x, y = shapely.Polygon(place.polygon_m).centroid.coords[0]
        return np.array([x, y, 0.0])
    if isinstance(place, Wall):
        return np.array([*np.mean([place.from_m, place.to_m], axis=0), place.height_m / 2])
    return np.asarray(place, np.float64)


def solid(place: Entity | F64) -> tuple[shapely.Geometry, float, float]:
    """Outline and the heights between which it stands."""
    if isinstance(place, (MapObject, Opening)):
        return place.polygon, place.low, place.top
    if isinstance(place, Room):
        return shapely.Polygon(place.polygon_m), 0.0, 0.0
    if isinstance(place, Wall):
        return shapely.LineString([place.from_m, place.to_m]), 0.0, place.height_m
    return shapely.Point(place[0], place[1]), float(place[2]), float(place[2])


def depth(scene: SceneMap, frame: str | int, name: str) -> Answer:
    """How far along a frame's view the middle of a thing's box lies; `details` has the straight distance."""
    at = frame_of(scene, str(frame).removeprefix("camera:"))
    if at is None:
        return unknown("depth", f"there is no frame {frame!r}")
    things = boxes_of(scene, name)
    if not things:
        return missing(scene, "depth", name)
    T = scene.camera_path[at].T_map_cam
    seen = [e for e in things if isinstance(e, MapObject) and dict(e.seen).get(at, 0.0) > 0]
    if len(things) > 1 and len(seen) != 1:
        return ambiguous(scene, "depth", name, seen or things)
    thing = seen[0] if len(seen) == 1 else things[0]
    p = apply(inverse(T), middle(thing))
    value = float(p[2])
    unit, status = length_of(scene)
    if value <= 0:
        return unknown("depth", f"{thing.id} lies behind the camera of f{at:03d}")
    sentence = f"{called(thing)[0].upper()}{called(thing)[1:]} is {said(value, unit)} ahead of the camera of f{at:03d}."
    return Answer("depth", value, unit, sentence, status, error_of(scene, value, thing), f"camera:f{at:03d}",
                  (thing.id,), (at,), details={"straight": float(np.linalg.norm(p))})  # fmt: skip


def area(scene: SceneMap, name: str | None = None) -> Answer:
    """The floor of the whole place or of a room, or of what a thing covers."""
    if name is None or name.strip().lower() in ("floor", "map", "place", ""):
        value, sigma = scene.layout.floor_area_m2, None
        if value is None:
            return unknown("area", "no room was found")
        if scene.layout.floor_area_range_m2 is not None:
            sigma = (scene.layout.floor_area_range_m2[1] - scene.layout.floor_area_range_m2[0]) / 4
        found: tuple[str, ...] = tuple(r.id for r in scene.layout.rooms)
        words = "The floor"
    else:
        entities = [e for e in resolve(scene, name) if not isinstance(e, Wall)]
        if len(entities) != 1:
            return not_one(scene, "area", name, entities)
        entity = entities[0]
        value = entity.area_m2 if isinstance(entity, Room) else float(solid(entity)[0].area)
        sigma, found, words = 2 * scene.scale.rel_sigma * value, (entity.id,), called(entity)
    unit, status = length_of(scene, 2)
    return Answer("area", value, unit, f"{words[0].upper()}{words[1:]} has {said(value, unit)}.", status, sigma,
                  ids=found)  # fmt: skip


def height(scene: SceneMap, name: str | None = None) -> Answer:
    """The height of the ceiling, or of a thing's top over the floor; `details` has its bottom and own height."""
    if name is None or name.strip().lower() in ("ceiling", "room", ""):
        if scene.layout.ceiling_height_m is None:
            return unknown("height", "no ceiling was seen")
        unit, status = length_of(scene)
        value = scene.layout.ceiling_height_m
        return Answer("height", value, unit, f"The ceiling is {said(value, unit)} high.", status,
                      scene.scale.rel_sigma * value)  # fmt: skip
    things = boxes_of(scene, name)
    if len(things) != 1:
        return not_one(scene, "height", name, things)
    box = things[0].box
    unit, status = length_of(scene)
    sentence = f"The top of {called(things[0])} is {said(box.top, unit)} over the floor."
    return Answer("height", box.top, unit, sentence, status, error_of(scene, box.top, things[0]), ids=(things[0].id,),
                  details={"bottom": box.low, "own": box.size_m[2]})  # fmt: skip


def with_value(answer: Answer, value: float | str) -> Answer:
    """The same record with another of its numbers, or a word, as its value."""
    return replace(answer, value=value, unit=answer.unit if isinstance(value, float) else None)
