"""What is near, far, at a place, in a picture or in a direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from ..data.answers import Answer, unknown
from ..data.scene import MapObject, Opening, SceneMap
from .measures import between, frame_of, length_of, missing, places, said, solid
from .names import boxes_of
from .sides import Viewpoint, sector

LEAST_SHARE = 0.05


def nearest(
    scene: SceneMap, to: str | Sequence[float], label: str | None = None, k: int = 1, *, farthest: bool = False
) -> Answer:
    """The k things nearest to a place, or farthest from it, by the gap between surfaces; of a label where one is given.

    The value is an id, or a tuple of ids where k is not 1; `details` has the distances.
    """
    query = "farthest" if farthest else "nearest"
    base = places(scene, to)
    if not base:
        return missing(scene, query, str(to))
    own = {id for id, _ in base}
    if label is None:
        others: list[MapObject | Opening] = [*scene.objects, *scene.layout.openings]
    else:
        others = boxes_of(scene, label)
        if not others:
            return missing(scene, query, label)
    rows = [(min(between(e, p, "surface") for _, p in base), e) for e in others if e.id not in own]
    rows.sort(key=lambda row: (-row[0] if farthest else row[0], row[1].number))
    rows = rows[:k]
    if not rows:
        return unknown(query, "nothing else is there")
    unit, status = length_of(scene)
    ids = tuple(e.id for _, e in rows)
    listed = ", ".join(f"{e.id} at {said(d, unit)}" for d, e in rows)
    value = ids[0] if k == 1 else ids
    verb = "Farthest from" if farthest else "Nearest to"
    return Answer(query, value, None, f"{verb} {base[0][0]}: {listed}.", status, ids=(*ids, *sorted(own)),
                  details={e.id: d for d, e in rows})  # fmt: skip


def within(scene: SceneMap, of: str | Sequence[float], radius_m: float, label: str | None = None) -> Answer:
    """The things whose surface is at most so far from a place, the nearest first."""
    found = nearest(scene, of, label, k=len(scene.objects) + len(scene.layout.openings) + 1)
    if found.status == "unknown":
        return found
    near = {id: d for id, d in found.details.items() if d <= radius_m}
    unit, status = length_of(scene)
    text = ", ".join(f"{id} at {said(d, unit)}" for id, d in near.items()) or "nothing"
    return Answer("within", tuple(near), None, f"Within {said(radius_m, unit)}: {text}.", status, ids=tuple(near),
                  details=near)  # fmt: skip


def what_is_at(scene: SceneMap, point: Sequence[float]) -> Answer:
    """What stands at a place (x, y) or (x, y, z): the things whose outline, and height, hold it, the highest first."""
    at = shapely.Point(point[0], point[1])
    things: list[MapObject | Opening] = [*scene.objects, *scene.layout.openings]
    found = [t for t in things if solid(t)[0].covers(at) and (len(point) < 3 or t.low <= point[2] <= t.top)]
    found.sort(key=lambda t: -t.top)
    rooms = [r.id for r in scene.layout.rooms if shapely.Polygon(r.polygon_m).covers(at)]
    ids = tuple(t.id for t in found)
    place = f"At {', '.join(f'{v:.2f}' for v in point)}"
    text = ", ".join(ids) if ids else "nothing" + (f", in {rooms[0]}" if rooms else "")
    return Answer("what_is_at", ids, None, f"{place}: {text}.", ids=(*ids, *rooms), points=(tuple(map(float, point)),))


def in_frame(scene: SceneMap, frame: str | int) -> Answer:
    """What a frame shows, the most visible first; `details` has the visible shares."""
    at = frame_of(scene, str(frame))
    if at is None:
        return unknown("in_frame", f"there is no frame {frame!r}")
    seen = {o.id: s for o in scene.objects if (s := dict(o.seen).get(at, 0.0)) >= LEAST_SHARE}
    ids = tuple(sorted(seen, key=lambda id: (-seen[id], id)))
    return Answer("in_frame", ids, None, f"f{at:03d} shows {', '.join(ids) or 'nothing'}.", ids=ids, frames=(at,),
                  details=seen)  # fmt: skip


def in_direction(view: Viewpoint, word: str, among: str = "four") -> Answer:
    """The things that lie in a direction of a viewer, the nearest first."""
    found = []
    for thing in view.scene.objects:
        bearing = view.bearing_deg(thing.id)
        if bearing is not None and sector(bearing, among) == word and thing.id not in view.ids[:1]:
            found.append((float(np.hypot(*(np.array(thing.box.center_m[:2]) - view.xy))), thing.id))
    ids = tuple(id for _, id in sorted(found))
    text = ", ".join(ids) or "nothing"
    return Answer("in_direction", ids, None, f"To the {word} of {view.name}: {text}.", frame=view.name, ids=ids)
