"""Questions made from a map: one right answer each, near ties left out, options that give nothing away, and how each
answer follows.

A type is one row of `TYPES`: a function that draws one item, or none where the draw is too close to call. Every item is
in wording that `templates.parse` reads, so that the map answers what it asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import numpy as np

from ..data.nouns import same_thing
from ..data.scene import MapObject, SceneMap
from ..errors import ConfigError
from ..query.measures import full_box, middle
from . import truth
from .items import LETTERS, Item, answer_item

Draw = tuple[str, list[str] | None, Any, str, dict[str, Any]]
Drawer = Callable[[SceneMap, np.random.Generator], Draw | None]
TRIES = 40
BORDER_DEG, NEAR_M, NEAR_SHARE, SIGMAS = 12.0, 0.15, 0.10, 3.0
GAP_M = (0.3, 8.0)
NOT_THERE = (
    "piano", "bathtub", "bicycle", "fireplace", "aquarium", "treadmill", "crib", "chandelier", "sewing machine", "bed",
    "pool table", "surfboard", "wheelchair", "toilet", "stove", "sofa", "tv", "plant", "lamp",
)  # fmt: skip
QUADRANTS = ("front-left", "front-right", "back-left", "back-right")
CARTESIAN = (
    "The directions refer to the quadrants of a Cartesian plane (if I am standing at the origin and facing along the "
    "positive y-axis)."
)
LONGEST = "What is the length of the longest dimension (length, width, or height) of the {}, measured in centimeters?"
WHOLE_ROOM = (
    "What is the size of this room (in square meters)? If multiple rooms are shown, estimate the size of the combined "
    "space."
)
MOVED = (
    "If the {} were moved {:g} meters {} on the map, how far would its middle be from the middle of the {} (in meters)?"
)
WENT = "Approximately how far (in meters) did the camera move between frame {} of {} and frame {} of {}?"
TURN_BACK = "An object is to my back if I would have to turn at least 135 degrees in order to face it."
CLOSEST = "Measuring from the closest point of each object, "


def generate(
    scene: SceneMap, types: Sequence[str] | str = "all", per_type: int = 5, seed: int = 0, name: str = "map"
) -> list[dict[str, Any]]:
    """Items of a map, the same for the same map and seed.

    Args:
        types: names of `TYPES`, or "all". per_type: at most so many of each. name: of the scene, for ids.

    Returns:
        Rows with `id`, `scene`, `question_type`, `question`, `options`, `answer`, `value`, `rationale`, `provenance`.

    Raises:
        ConfigError: E-OPTION for a type that there is not.
    """
    chosen = list(TYPES) if types == "all" else [types] if isinstance(types, str) else list(types)
    for kind in chosen:
        if kind not in TYPES:
            raise ConfigError("E-OPTION", f"there is no question type {kind!r}.", f"Choose {', '.join(TYPES)}.")
    out: list[dict[str, Any]] = []
    for kind in chosen:
        key = int.from_bytes(hashlib.sha256(f"{seed} {name} {kind}".encode()).digest()[:8], "big")
        rng = np.random.default_rng(key)
        rows: dict[str, dict[str, Any]] = {}
        for _ in range(TRIES * per_type):
            drawn = TYPES[kind](scene, rng)
            if drawn is None or drawn[0] in rows:
                continue
            row = _row(scene, f"{name}-{kind}-{len(rows)}", name, kind, drawn)
            if row is not None:
                rows[drawn[0]] = row
            if len(rows) == per_type:
                break
        out += rows.values()
    return out


def _row(scene: SceneMap, id: str, name: str, kind: str, drawn: Draw) -> dict[str, Any] | None:
    """An item, where the map's own answer to its words is the drawn one."""
    question, options, value, rationale, evidence = drawn
    lettered = None if options is None else [f"{letter}. {o}" for letter, o in zip(LETTERS, options)]
    found = answer_item(scene, Item(id=id, question=question, options=lettered))
    wanted = value if options is None else LETTERS[options.index(value)]
    same = found["answer"] == wanted or (
        isinstance(wanted, float) and isinstance(found["answer"], (int, float)) and abs(found["answer"] - wanted) < 1e-3
    )
    if not same or found["status"] != "ok":
        return None
    return {
        "id": id,
        "scene": name,
        "question_type": kind,
        "question": question,
        "options": lettered,
        "answer": found["answer"],
        "value": value,
        "rationale": rationale,
        "provenance": {**evidence, "ids": found["evidence"], "scale": scene.scale.source},
    }


def named(scene: SceneMap) -> list[tuple[str, MapObject]]:
    """Whole objects that a name picks out: a label of one object under any word for it; ids of unlabelled ones."""
    kinds: dict[str, int] = {}
    for o in scene.objects:
        for text in {same_thing(t) for t, _, _ in o.labels} | ({same_thing(o.label)} if o.label else set()):
            kinds[text] = kinds.get(text, 0) + 1
    out = []
    for o in scene.objects:
        if o.partial:
            continue
        if o.label is None:
            out.append((o.id, o))
        elif kinds[same_thing(o.label)] == 1 and o.label.replace(" ", "").isalpha():
            out.append((o.label, o))
    return out


def some(scene: SceneMap, rng: np.random.Generator, n: int) -> list[tuple[str, MapObject]] | None:
    """n different named objects in random order, or None."""
    have = named(scene)
    return None if len(have) < n else [have[k] for k in rng.permutation(len(have))[:n]]


def sigma(*things: MapObject) -> float:
    """Standard error of what lies between things."""
    return float(np.sqrt(sum(o.sigma_m**2 for o in things)))


def _count(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    labels = sorted({o.label for o in scene.objects if o.label and o.label.replace(" ", "").isalpha()})
    if not labels:
        return None
    label = labels[int(rng.integers(len(labels)))]
    ids = [o.id for o in scene.objects if o.label and same_thing(o.label) == same_thing(label)]
    n = scene.provenance.get(f"counted {label}", len(ids))
    return f"How many {label}(s) are in this room?", None, n, f"{', '.join(ids)} are called {label}.", {"count": n}


def _exists(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    have = sorted({o.label for o in scene.objects if o.label and o.label.replace(" ", "").isalpha()})
    other = {same_thing(t) for o in scene.objects for t, _, _ in o.labels}
    absent = [w for w in NOT_THERE if same_thing(w) not in other]
    there = bool(rng.random() < 0.5)
    pool = have if there else absent
    if not pool:
        return None
    word = pool[int(rng.integers(len(pool)))]
    article = "an" if word[0] in "aeiou" else "a"
    why = f"{'At least one object is' if there else 'No object is'} called {word}."
    return f"Is there {article} {word} in this room?", None, "yes" if there else "no", why, {"absent": not there}


def _size(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    drawn = some(scene, rng, 1)
    if drawn is None:
        return None
    ((name, o),) = drawn
    size = full_box(o.box)[1]
    value = round(100 * float(size.max()), 4)
    why = f"The box of {o.id} is {' x '.join(f'{v:.2f}' for v in size)} m."
    return LONGEST.format(name), None, value, why, {"sigma_m": o.sigma_m}


def _room(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    area = scene.layout.floor_area_m2
    if area is None:
        return None
    return WHOLE_ROOM, None, round(area, 4), f"The floor inside the walls has {area:.2f} square metres.", {}


def _distance(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    drawn = some(scene, rng, 2)
    if drawn is None:
        return None
    (a, p), (b, q) = drawn
    gap = truth.sampled_gap(p, q)
    if not GAP_M[0] <= gap <= GAP_M[1]:
        return None
    text = f"{CLOSEST}what is the distance between the {a} and the {b} (in meters)?"
    why = f"The nearest points of {p.id} and {q.id} are {gap:.2f} m apart."
    return text, None, round(gap, 4), why, {"sigma_m": sigma(p, q)}


def _nearest(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    drawn = some(scene, rng, 5) or some(scene, rng, 4)
    if drawn is None:
        return None
    (to, o), *others = drawn
    gaps = [truth.sampled_gap(o, q) for _, q in others]
    first, second = np.sort(gaps)[:2]
    if second - first < max(NEAR_M, NEAR_SHARE * second, SIGMAS * 2 * sigma(o, *(q for _, q in others))):
        return None
    names = [n for n, _ in others]
    text = f"{CLOSEST}which of these objects ({', '.join(names)}) is the closest to the {to}?"
    best = names[int(np.argmin(gaps))]
    why = "Gaps: " + ", ".join(f"{n} {g:.2f} m" for n, g in zip(names, gaps)) + "."
    return text, names, best, why, {"margin_m": float(second - first)}


def _turn(A: MapObject, B: MapObject, C: MapObject) -> float:
    """Turn to the right in degrees."""
    a, b, c = (middle(o)[:2] for o in (A, B, C))
    u, v = b - a, c - a
    return -float(np.degrees(np.arctan2(u[0] * v[1] - u[1] * v[0], u @ v)))


def _standing(scene: SceneMap, rng: np.random.Generator) -> tuple[list[str], tuple[MapObject, ...], float] | None:
    """Three named objects far enough from one another to stand, face and look, and the turn."""
    drawn = some(scene, rng, 3)
    if drawn is None:
        return None
    things = tuple(o for _, o in drawn)
    places = [middle(o)[:2] for o in things]
    apart = min(float(np.linalg.norm(places[0] - p)) for p in places[1:])
    if apart < max(0.4, 8 * sigma(*things)) or np.linalg.norm(places[1] - places[2]) < 0.2:
        return None
    return [n for n, _ in drawn], things, _turn(*things)


def _direction(level: str) -> Drawer:
    def draw(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
        found = _standing(scene, rng)
        if found is None:
            return None
        (a, b, c), things, turn = found
        borders = {"easy": (0, 180), "medium": (0, 135, 180), "hard": (0, 90, 180)}[level]
        margin = min(abs(abs(turn) - x) for x in borders)
        least = BORDER_DEG + np.degrees(SIGMAS * sigma(*things) / 0.5)
        if margin < least:
            return None
        side = "right" if turn > 0 else "left"
        stand = f"If I am standing by the {a} and facing the {b}, is the {c} to "
        if level == "easy":
            text, options, value = stand + f"the left or the right of the {b}?", ["left", "right"], side
        elif level == "medium":
            text, options = stand + f"my left, right, or back?\n{TURN_BACK}", ["left", "right", "back"]
            value = "back" if abs(turn) > 135 else side
        else:
            text = stand + f"my front-left, front-right, back-left, or back-right?\n{CARTESIAN}"
            options, value = list(QUADRANTS), f"{'front' if abs(turn) < 90 else 'back'}-{side}"
        options = [options[k] for k in rng.permutation(len(options))]
        why = f"From {things[0].id}, facing {things[1].id}, {things[2].id} is {abs(turn):.0f} degrees to the {side}."
        return text, options, value, why, {"turn_deg": turn, "margin_deg": float(margin)}

    return draw


def _simulation(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    found = _standing(scene, rng)
    if found is None:
        return None
    (a, b, c), things, _ = found
    answer = truth.view_in_space(scene, things[0].id, things[1].id, things[2].id)
    if answer.value is None:
        return None
    bearing = answer.details["bearing_deg"] % 45
    if abs(bearing - 22.5) < BORDER_DEG * 2 / 3 or abs(bearing - 22.5) < np.degrees(SIGMAS * sigma(*things) / 0.5):
        return None
    words = truth.EIGHT[0::2] if answer.value in truth.EIGHT[0::2] else truth.EIGHT[1::2]
    options = [words[k] for k in rng.permutation(4)]  # any of the set that is offered may be the right one
    stand = f"If you stand at {a} facing {b}" if rng.random() < 0.5 else f"Imagine standing at {a} looking towards {b}"
    return f"{stand}, where is {c}?", options, answer.value, answer.sentence, dict(answer.details)


def _order(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    drawn = some(scene, rng, 3)
    if drawn is None:
        return None
    heights = [o.box.size_m[2] for _, o in drawn]
    steps = np.diff(np.sort(heights))
    if steps.min() < max(NEAR_M, SIGMAS * 1.5 * max(o.sigma_m for _, o in drawn)):
        return None
    names = [n for n, _ in drawn]
    right = ", ".join(names[k] for k in np.argsort(heights))
    orders = [", ".join(p) for p in permutations(names)]
    options = [orders[k] for k in rng.permutation(6)]
    text = f"What is the order of the following objects from shortest to tallest: {', '.join(names)}?"
    why = "Heights: " + ", ".join(f"{n} {h:.2f} m" for n, h in zip(names, heights)) + "."
    return text, options, right, why, {"margin_m": float(steps.min())}


def _appearance(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    drawn = some(scene, rng, 4)
    if drawn is None or any(not o.seen for _, o in drawn):
        return None
    first = [o.seen[0][0] for _, o in drawn]
    if len(set(first)) < 4 or np.diff(np.sort(first)).min() < 2:
        return None
    names = [n for n, _ in drawn]
    right = ", ".join(names[k] for k in np.argsort(first))
    orders = {right}
    while len(orders) < 4:
        orders.add(", ".join(names[k] for k in rng.permutation(4)))
    listed = sorted(orders)
    options = [listed[k] for k in rng.permutation(4)]
    text = f"What will be the first-time appearance order of the following categories in the video: {', '.join(names)}?"
    why = "First seen in frames " + ", ".join(f"{n} f{f:03d}" for n, f in zip(names, first)) + "."
    return text, options, right, why, {"frames": first}


def _moved(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    drawn = some(scene, rng, 2)
    if drawn is None:
        return None
    (a, p), (b, q) = drawn
    step, word = [((1, 0), "right"), ((-1, 0), "left"), ((0, 1), "ahead"), ((0, -1), "back")][int(rng.integers(4))]
    metres = float(rng.choice([0.5, 1.0, 1.5, 2.0]))
    value = float(np.linalg.norm(middle(p) + [step[0] * metres, step[1] * metres, 0] - middle(q)))
    if not GAP_M[0] <= value <= GAP_M[1]:
        return None
    why = f"{p.id} moved {metres:g} m {word}: {value:.2f} m to {q.id}."
    return MOVED.format(a, metres, word, b), None, round(value, 4), why, {"sigma_m": sigma(p, q)}


def _two_steps(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    drawn = some(scene, rng, 2)
    if drawn is None:
        return None
    (a, p), (b, q) = drawn
    rest = [o for o in scene.objects if o.id != q.id]
    gaps = sorted((truth.sampled_gap(q, o), o.id) for o in rest)
    if len(gaps) < 2 or gaps[1][0] - gaps[0][0] < NEAR_M or gaps[0][1] == p.id:
        return None
    value = truth.sampled_gap(p, scene.thing(gaps[0][1]))
    if not GAP_M[0] <= value <= GAP_M[1]:
        return None
    text = f"{CLOSEST}what is the distance between the {a} and the object closest to the {b} (in meters)?"
    why = f"Closest to {q.id} is {gaps[0][1]}; from there to {p.id} it is {value:.2f} m."
    return text, None, round(value, 4), why, {"steps": [gaps[0][1], value]}


def _displacement(scene: SceneMap, rng: np.random.Generator) -> Draw | None:
    n = len(scene.camera_path)
    if n < 4:
        return None
    f, g = sorted(int(k) for k in rng.choice(n, 2, replace=False))
    step = scene.camera_path[g].T_map_cam[:3, 3] - scene.camera_path[f].T_map_cam[:3, 3]
    value = float(np.linalg.norm(step))
    if value < GAP_M[0]:
        return None
    why = f"The centres of f{f:03d} and f{g:03d} are {value:.2f} m apart."
    return WENT.format(f + 1, n, g + 1, n), None, round(value, 4), why, {"frames": [f, g]}


TYPES: dict[str, Drawer] = {
    "object_counting": _count,
    "exists": _exists,
    "object_size_estimation": _size,
    "room_size_estimation": _room,
    "object_abs_distance": _distance,
    "object_rel_distance": _nearest,
    "object_rel_direction_easy": _direction("easy"),
    "object_rel_direction_medium": _direction("medium"),
    "object_rel_direction_hard": _direction("hard"),
    "scene_simulation": _simulation,
    "ordering": _order,
    "obj_appearance_order": _appearance,
    "counterfactual": _moved,
    "multi_step": _two_steps,
    "camera_displacement": _displacement,
}
