"""On which side of what something lies, in a frame of reference that has a name, and as an imagined viewer sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._checks import F64
from ..data.answers import Answer, unknown
from ..data.scene import MapObject, SceneMap
from ..geometry.rigid import apply, inverse
from ..geometry.solids import Upright, solids
from .measures import entities_of, frame_of, middle, not_one, places
from .names import called, resolve

BACK_DEG = 135.0
OVER, TOUCH_M = 0.5, 0.12
WORDS = {
    "left": "is left of",
    "right": "is right of",
    "front": "is in front of",
    "behind": "is behind",
    "above": "is above",
    "below": "is below",
    "on": "is on",
    "under": "is under",
    "inside": "is inside",
}


@dataclass(frozen=True)
class Viewpoint:
    """Where an imagined viewer stands and looks: (2,) in the map and degrees counter-clockwise from +x."""

    scene: SceneMap
    xy: tuple[float, float]
    heading_deg: float
    name: str = "viewer"
    ids: tuple[str, ...] = ()

    def bearing_deg(self, target: str | Sequence[float]) -> float | None:
        """How far to turn right (clockwise) to face a thing's middle, -180 to 180; None where it is not one place."""
        found = places(self.scene, target)
        if len(found) != 1:
            return None
        step = middle(found[0][1])[:2] - self.xy
        turn = self.heading_deg - float(np.degrees(np.arctan2(step[1], step[0])))
        return (turn + 180) % 360 - 180

    def direction(self, target: str | Sequence[float], among: str = "quadrants") -> Answer:
        """Which way a thing lies.

        Args:
            among: "sides" (left or right), "three" (left, right, or back: over 135 degrees to turn), "quadrants"
                (front-left ...), "four" (front, right, back, left), "clock" (hours), "degrees".
        """
        found = places(self.scene, target)
        if len(found) != 1:
            return not_one(self.scene, "direction", target, entities_of(found))
        bearing = self.bearing_deg(target)
        assert bearing is not None
        if np.allclose(middle(found[0][1])[:2], self.xy):
            return unknown("direction", f"the viewer stands where {found[0][0]} is")
        value = sector(bearing, among)
        name = found[0][0] if isinstance(found[0][1], np.ndarray) else called(found[0][1])
        turn = f"{abs(bearing):.0f} degrees to the {'right' if bearing >= 0 else 'left'}"
        words = f"{value} o'clock" if among == "clock" else str(value)
        sentence = f"Seen from {self.name}, {name} is {turn}" + ("." if among == "degrees" else f": {words}.")
        return Answer("direction", value, "deg" if among == "degrees" else None, sentence, frame=self.name,
                      ids=(*self.ids, found[0][0]), details={"bearing_deg": bearing})  # fmt: skip


def sector(bearing_deg: float, among: str) -> str | int | float:
    """The word for a bearing, clockwise from ahead in degrees; see `Viewpoint.direction`."""
    side = "right" if bearing_deg > 0 else "left"
    if among == "degrees":
        return bearing_deg
    if among == "sides":
        return side
    if among == "three":
        return "back" if abs(bearing_deg) > BACK_DEG else side
    if among == "quadrants":
        return f"{'front' if abs(bearing_deg) < 90 else 'back'}-{side}"
    if among == "clock":
        return int(round(bearing_deg / 30) % 12) or 12
    return ("front", "right", "back", "left")[int(round(bearing_deg / 90)) % 4]


def view_from(
    scene: SceneMap,
    at: str | Sequence[float],
    facing: str | Sequence[float] | None = None,
    heading_deg: float | None = None,
) -> Viewpoint | Answer:
    """A viewer at a thing's middle or at coordinates, facing another place or along a heading; an `Answer` that says
    why where it is not one place. A thing with a front faces its own way where nothing else is said."""
    stands = places(scene, at)
    if len(stands) != 1:
        return not_one(scene, "view_from", at, entities_of(stands))
    name, place = stands[0]
    xy = middle(place)[:2]
    ids = () if isinstance(place, np.ndarray) else (name,)
    if facing is not None:
        looks = places(scene, facing)
        if len(looks) != 1:
            return not_one(scene, "view_from", facing, entities_of(looks))
        step = middle(looks[0][1])[:2] - xy
        if np.allclose(step, 0):
            return unknown("view_from", f"{name} and what it faces are at one place")
        heading_deg = float(np.degrees(np.arctan2(step[1], step[0])))
        ids = (*ids, looks[0][0])
        name = f"{name} facing {looks[0][0]}"
    elif heading_deg is None and name.startswith("camera:"):
        ahead = scene.camera_path[int(name[8:])].T_map_cam[:2, 2]
        heading_deg = float(np.degrees(np.arctan2(ahead[1], ahead[0])))
    elif heading_deg is None:
        front = place.facing if isinstance(place, MapObject) else None
        if front is None:
            return unknown("view_from", f"{name} has no front: say what the viewer faces")
        heading_deg = float(np.degrees(front))
    return Viewpoint(scene, (float(xy[0]), float(xy[1])), heading_deg, name, ids)


def relation(scene: SceneMap, a: str, b: str, frame: str = "world") -> Answer:
    """How a lies to b: "left", "right", "front", "behind", "above", "below", "on", "under" or "inside".

    Args:
        frame: "world" (x right, y ahead: front is farther along y), "camera:f003" (front is nearer to the camera),
            "object:ID" (as it sees: front is where it faces) or "viewer:x,y,heading" in metres and degrees.
    """
    named = []
    for name in (a, b):
        found = [e for e in resolve(scene, name) if isinstance(e, Upright)]
        if len(found) != 1:
            return not_one(scene, "relation", name, found)
        named.append(found[0])
    axes = axes_of(scene, frame)
    if isinstance(axes, Answer):
        return axes
    right, front = axes
    first, second = named
    step = middle(first) - middle(second)
    details = {"right": float(step[:2] @ right), "front": float(step[:2] @ front), "up": float(step[2])}
    value = stacked(first, second) or beside(details)
    sentence = f"{called(first)[0].upper()}{called(first)[1:]} {WORDS[value]} {called(second)}"
    sentence += "." if value in ("above", "below", "on", "under", "inside") else f"{_as_seen(frame)}."
    return Answer("relation", value, None, sentence, frame=frame, ids=(first.id, second.id), details=details)


def _as_seen(frame: str) -> str:
    """Who sees it so, as the end of a sentence; nothing for the world."""
    kind, _, who = frame.partition(":")
    if kind == "viewer":
        x, y, heading = who.split(",")
        return f" as seen from {x}, {y} facing {heading}"
    return {"camera": f" as frame {who} sees it", "object": f" as {who} sees it"}.get(kind, "")


def seen_from(scene: SceneMap, a: str, b: str, frame: str) -> Answer:
    """How much farther right, up and ahead a lies than b for a camera: `details` in its own axes, middles of boxes."""
    at = frame_of(scene, frame.partition(":")[2])
    if at is None:
        return unknown("relation", f"there is no frame {frame!r}")
    T, points, ids = scene.camera_path[at].T_map_cam, [], []
    for name in (a, b):
        found = [e for e in resolve(scene, name) if isinstance(e, Upright)]
        seen = [e for e in found if isinstance(e, MapObject) and dict(e.seen).get(at, 0.0) > 0]
        chosen = seen if len(seen) == 1 else found
        if len(chosen) != 1:
            return not_one(scene, "relation", name, found)
        points.append(apply(inverse(T), middle(chosen[0])))
        ids.append(chosen[0].id)
    right, down, ahead = points[0] - points[1]
    numbers = {"right": float(right), "up": float(-down), "ahead": float(ahead)}
    word = beside({"right": right, "front": -ahead, "up": 0.0})
    sentence = f"{ids[0]} {WORDS[word]} {ids[1]}{_as_seen(frame)}."
    return Answer("relation", word, None, sentence, frame=frame, ids=tuple(ids), frames=(at,), details=numbers)


def axes_of(scene: SceneMap, frame: str) -> tuple[F64, F64] | Answer:
    """Right and front (2,) of a frame of reference on the floor, or an `Answer` that says why there is none."""
    kind, _, name = frame.partition(":")
    if kind == "world":
        return np.array([1.0, 0.0]), np.array([0.0, 1.0])
    if kind == "camera":
        at = frame_of(scene, name)
        if at is None:
            return unknown("relation", f"there is no frame {name!r}")
        ahead = scene.camera_path[at].T_map_cam[:2, 2]
        if np.linalg.norm(ahead) < 0.2:
            return unknown("relation", f"the camera of f{at:03d} looks down or up")
        ahead = ahead / np.linalg.norm(ahead)
        return np.array([ahead[1], -ahead[0]]), -ahead  # in front: towards the camera
    if kind == "viewer":
        _, _, heading = (float(v) for v in name.split(","))
        along = np.array([np.cos(np.radians(heading)), np.sin(np.radians(heading))])
        return np.array([along[1], -along[0]]), -along
    things = [o for o in resolve(scene, name) if isinstance(o, MapObject)] if kind == "object" else []
    if len(things) != 1:
        return unknown("relation", f"there is no frame of reference {frame!r}")
    if things[0].facing is None:
        return unknown("relation", f"{things[0].id} has no front")
    along = np.array([np.cos(things[0].facing), np.sin(things[0].facing)])
    return np.array([along[1], -along[0]]), along


def stacked(a: Upright, b: Upright) -> str | None:
    """How a lies over or under b where their outlines share floor, or None."""
    both = solids([a, b])
    one, other = np.array([0]), np.array([1])
    over, under = float(both.over(one, other)[0]), float(both.over(other, one)[0])
    if max(over, under) < OVER:
        return None
    if abs(a.low - b.top) <= TOUCH_M and over >= OVER:
        return "on"
    if a.low >= b.top - TOUCH_M:
        return "above"
    if b.low >= a.top - TOUCH_M:
        return "under" if b.low - a.top <= TOUCH_M else "below"
    inside = over >= 0.8 and a.low >= b.low - TOUCH_M and a.top <= b.top
    table = isinstance(b, MapObject) and b.noun in ("table", "desk", "bench", "bed", "counter")
    return ("under" if table else "inside") if inside else None


def beside(details: dict[str, float]) -> str:
    """The side on which something mostly lies."""
    right, front, up = details["right"], details["front"], details["up"]
    if abs(up) > 2 * max(abs(right), abs(front)):
        return "above" if up > 0 else "below"
    if abs(right) >= abs(front):
        return "right" if right > 0 else "left"
    return "front" if front > 0 else "behind"
