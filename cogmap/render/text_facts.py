"""`facts` text: what a model would else have to work out: gaps, bearings, areas, coverage, order of appearance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import shapely
from scipy.spatial import cKDTree

from .._checks import F64
from ..data.scene import MapObject, Opening, SceneMap
from ..errors import InputError
from ..geometry.solids import Solids, gap_error, solids
from .text_metric import numbered_lines
from .text_relations import gap_text

NEAREST = 2
Thing = MapObject | Opening
SLACK_M = 1e-6
KINDS = {
    "gap": r"gap (\w+) (\w+) (\d+)±(\d+) bearing (-?\d+)",
    "room": r"room (\w+) area (\d+\.\d) seen (\d+)%",
    "floor": r"floor area (\d+\.\d) at least (\d+\.\d) at most (\d+\.\d)",
    "ceiling": r"ceiling height (\d+)",
    "first": r"first (\w+) f(\d+) (-?\d+\.\d)",
}


@dataclass(frozen=True)
class Fact:
    """One line: its kind, the ids that it names, and its numbers in metres, square metres, degrees, seconds."""

    kind: str
    ids: tuple[str, ...]
    values: tuple[float, ...]


def render_facts(scene: SceneMap, about: str | Sequence[str] | None = None) -> str:
    """Gaps between nearest surfaces with bearings, room areas and coverage, and what was seen first.

    Args:
        about: ids of objects or openings: the gaps between each two of them, and of each to its two nearest others.
            None tells every object's two nearest.

    Raises:
        InputError: E-UNKNOWN-ID.
    """
    things: dict[str, Thing] = {o.id: o for o in scene.objects} | {o.id: o for o in scene.layout.openings}
    asked = [about] if isinstance(about, str) else list(about or ())
    for name in asked:
        if name not in things:
            scene.thing(name)
    unit = scene.scale.hundredth
    lines = [
        f"# facts; gaps between nearest surfaces ± their standard error and heights in {unit}, areas in "
        f"{scene.scale.unit}^2",
        "# bearing: degrees counter-clockwise from +x of the second's middle seen from the first's",
    ]
    lines += [_gap(*row) for row in _gaps(things, asked, scene.scale.rel_sigma)]
    lines += [f"room {r.id} area {r.area_m2:.1f} seen {round(100 * r.coverage)}%" for r in scene.layout.rooms]
    if scene.layout.floor_area_m2 is not None and scene.layout.floor_area_range_m2 is not None:
        least, most = scene.layout.floor_area_range_m2
        lines.append(f"floor area {scene.layout.floor_area_m2:.1f} at least {least:.1f} at most {most:.1f}")
    if scene.layout.ceiling_height_m is not None:
        lines.append(f"ceiling height {round(100 * scene.layout.ceiling_height_m)}")
    seen = [o for o in scene.objects if o.seen and (not asked or o.id in asked)]
    for o in sorted(seen, key=lambda o: (o.seen[0][0], o.number)):
        lines.append(f"first {o.id} f{o.seen[0][0]:03d} {o.first_seen_s or 0.0:.1f}")
    return "\n".join(lines) + "\n"


def _gap(first: str, second: str, gap: float, sigma: float, bearing: float) -> str:
    return f"gap {first} {second} {gap_text(gap, sigma)} bearing {round(bearing)}"


def _gaps(things: dict[str, Thing], asked: list[str], rel_sigma: float) -> list[tuple[str, str, float, float, float]]:
    """Ids, gap, its error and bearing of the pairs to tell, in the order of the map."""
    ids = list(things)
    if len(ids) < 2:
        return []
    center = np.array([t.box.center_m for t in things.values()])
    own = np.array([t.sigma_m if isinstance(t, MapObject) else 0.0 for t in things.values()])
    prisms = solids(list(things.values()))
    at = [ids.index(name) for name in asked] or range(len(ids))
    near = _nearest(prisms, center, at)
    chosen = {tuple(sorted((k, j))) for k in at for j in near[k]}
    chosen |= {tuple(sorted(pair)) for pair in combinations(at, 2)} if asked else set()
    a, b = np.array(sorted(chosen)).reshape(-1, 2).T
    gap = prisms.gap(a, b)
    sigma = gap_error(own[a], own[b], gap, rel_sigma)
    step = center[b] - center[a]
    bearing = np.degrees(np.arctan2(step[:, 1], step[:, 0]))
    return [(ids[i], ids[j], float(g), float(s), float(d)) for i, j, g, s, d in zip(a, b, gap, sigma, bearing)]


def _nearest(prisms: Solids, center: F64, at: Sequence[int]) -> dict[int, list[int]]:
    """For each thing asked about the two whose surfaces are nearest, first in the map where gaps are equal.

    Looked for among those whose outlines are nearest from above: the two nearest of them bound how far to look.
    """
    tree, out = shapely.STRtree(prisms.outline), {}
    first = np.asarray(cKDTree(center).query(center[list(at)], min(NEAREST + 1, len(center)))[1]).reshape(len(at), -1)
    for k, guess in zip(at, first):
        others = np.array([j for j in guess if j != k])
        bound = float(np.sort(prisms.gap(np.full(len(others), k), others))[:NEAREST].max())
        found = np.setdiff1d(tree.query(prisms.outline[k], predicate="dwithin", distance=bound + SLACK_M), [k])
        gaps = prisms.gap(np.full(len(found), k), found)
        out[k] = [int(j) for j in found[np.lexsort((found, gaps))[:NEAREST]]]
    return out


def parse_facts(text: str) -> list[Fact]:
    """The facts of a text. Raises InputError E-TEXT-LINE with the number of the first line that is none."""
    return [_parsed(n, line) for n, line in numbered_lines(text)]


def _parsed(n: int, line: str) -> Fact:
    kind = line.partition(" ")[0]
    match = re.fullmatch(KINDS.get(kind, "(?!)"), line)
    if match is None:
        raise InputError("E-TEXT-LINE", f"line {n} is no fact: {line[:60]!r}.", f"Kinds: {', '.join(KINDS)}.")
    names = {"gap": 2, "room": 1, "first": 1}.get(kind, 0)
    share = {"gap": (100, 100, 1), "room": (1, 100), "ceiling": (100,), "first": (1, 1)}.get(kind, (1, 1, 1))
    numbers = match.groups()[names:]
    return Fact(kind, match.groups()[:names], tuple(float(v) / s for v, s in zip(numbers, share)))
