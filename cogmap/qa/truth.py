"""The rules by which benchmarks made their truth, where they differ from the plain query.

VSI-Bench and VSTI-Bench sample boxes every 5 cm and take the nearest samples; ViewSpatial looks along the line between
two middles in space and parts the circle into eight.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from scipy.spatial import cKDTree

from .._checks import F64
from ..data.answers import Answer, unknown
from ..data.scene import Box, MapObject, Opening, SceneMap
from ..query.measures import full_box, length_of, middle, missing, not_one, said
from ..query.names import boxes_of, called

SAMPLE_M = 0.05
KEPT = 512
EIGHT = ("front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left")


@lru_cache(maxsize=KEPT)
def _samples(box: Box) -> tuple[F64, cKDTree]:
    """Samples (P, 3) of the outer half of a box, ceil(side / 5 cm) along each side, ends included, and their tree."""
    center, size, R = full_box(box)
    lines = [np.linspace(-s / 2, s / 2, max(int(np.ceil(s / SAMPLE_M)), 1)) for s in size]
    grid = np.stack(np.meshgrid(*lines), -1).reshape(-1, 3)
    outer = grid[(np.abs(grid) > size / 4).any(1)]
    points = np.asarray((outer if len(outer) else grid) @ R.T + center, np.float64)
    return points, cKDTree(points)


def sampled_gap(a: MapObject | Opening, b: MapObject | Opening) -> float:
    """Distance between the nearest samples of two boxes, the same either way round."""
    first, second = sorted((a.box, b.box), key=lambda box: (len(_samples(box)[0]), box.center_m))
    return _gap(first, second)


@lru_cache(maxsize=64 * KEPT)
def _gap(fewer: Box, more: Box) -> float:
    return float(np.min(_samples(more)[1].query(_samples(fewer)[0])[0]))


def distance(scene: SceneMap, a: str, b: str) -> Answer:
    """The smallest sampled gap over all pairs of what two names mean."""
    first, second = boxes_of(scene, a), boxes_of(scene, b)
    for name, found in ((a, first), (b, second)):
        if not found:
            return missing(scene, "distance", name)
    pairs = [(p, q) for p, q in product(first, second) if p.id != q.id]
    if not pairs:
        return unknown("distance", f"{a!r} and {b!r} are one thing")
    value, p, q = min(((sampled_gap(p, q), p, q) for p, q in pairs), key=lambda row: row[0])
    unit, status = length_of(scene)
    sentence = f"{called(p)[0].upper()}{called(p)[1:]} and {called(q)} are {said(value, unit)} apart."
    return Answer("distance", value, unit, sentence, status, ids=(p.id, q.id))


def nearest_of(scene: SceneMap, names: list[str], to: str, *, farthest: bool = False) -> Answer:
    """Which of some names is nearest to a thing by `distance`, or farthest."""
    found = {}
    for name in names:
        answer = distance(scene, name, to)
        if answer.value is None:
            return answer
        found[name] = answer
    best = (max if farthest else min)(names, key=lambda n: float(found[n].value))  # type: ignore[arg-type]
    word = "farthest from" if farthest else "nearest to"
    numbers = {n: float(a.value) for n, a in found.items()}  # type: ignore[arg-type]
    listed = ", ".join(f"{n} {v:.2f}" for n, v in sorted(numbers.items(), key=lambda r: r[1]))
    return Answer("nearest", best, None, f"{best} is {word} {to} ({listed}).", ids=found[best].ids, details=numbers)


def view_in_space(scene: SceneMap, at: str, facing: str, target: str) -> Answer:
    """The eighth of the circle in which a target lies for a viewer in the middle of one thing who looks at another."""
    middles = []
    for name in (at, facing, target):
        found = boxes_of(scene, name)
        if len(found) != 1:
            return not_one(scene, "direction", name, found)
        middles.append((found[0], middle(found[0])))
    (a, A), (b, B), (c, C) = middles
    ahead = B - A
    if np.linalg.norm(ahead[:2]) < 1e-6:
        return unknown("direction", f"{a.id} and {b.id} lie over one another")
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    bearing = float(np.degrees(np.arctan2((C - A) @ right, (C - A) @ ahead)))
    value = EIGHT[int(np.floor((bearing % 360 + 22.5) / 45)) % 8]
    sentence = f"At {called(a)}, looking at {called(b)}: {called(c)} is {value}."
    return Answer("direction", value, None, sentence, frame=f"{a.id} facing {b.id}", ids=(a.id, b.id, c.id),
                  details={"bearing_deg": bearing})  # fmt: skip
