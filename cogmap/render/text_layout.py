"""`layout` text: walls, doors, windows and boxes as the lines that users of SpatialLM read, and the parser."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .._checks import triple
from ..data.points import GivenBox, GivenBoxes
from ..data.scene import SceneMap
from ..errors import InputError
from .text_metric import clean_label, numbered_lines

NUMBER = r"-?\d+(?:\.\d+)?"
LINE = re.compile(r"(\w+)_(\d+)=(Wall|Door|Window|Bbox)\((.*)\)")
THICK_M = 0.0
NO_LABEL = "object"
THINNEST = 0.01
UNSCALED = "# lengths are map units, not metres"
COUNT = {"Wall": 8, "Door": 6, "Window": 6, "Bbox": 8}


def render_layout(scene: SceneMap) -> str:
    """One line per wall, door, window and box, lengths with two decimals in metres (map units if relative).

    `wall_0=Wall(ax,ay,az,bx,by,bz,height,thickness)`, `door_0=Door(wall,x,y,z,width,height)`,
    `bbox_0=Bbox(class,x,y,z,angle,sx,sy,sz)` with the angle in radians; x, y, z are middles.
    """
    lines = [] if scene.scale.kind == "metric" else [UNSCALED]
    number = {}
    for k, w in enumerate(scene.layout.walls):
        number[w.id] = k
        lines.append(f"wall_{k}=Wall({_joined(*w.from_m, 0, *w.to_m, 0, w.height_m, THICK_M)})")
    for kind in ("door", "window", "opening"):
        for k, o in enumerate(o for o in scene.layout.openings if o.kind == kind):
            wall = f"wall_{number[o.wall]}" if o.wall in number else "none"
            name = "Window" if kind == "window" else "Door"
            values = _joined(*o.box.center_m, o.box.size_m[0], o.box.size_m[2])
            lines.append(f"{kind}_{k}={name}({wall},{values})")
    for k, thing in enumerate(scene.objects):
        label = re.sub(r"[(),=]", " ", clean_label(thing.label or NO_LABEL)).strip() or NO_LABEL
        size = (max(v, THINNEST) for v in thing.box.size_m)
        lines.append(f"bbox_{k}=Bbox({label},{_joined(*thing.box.center_m, thing.box.yaw, *size)})")
    return "\n".join(lines) + "\n" if lines else ""


def _joined(*values: float) -> str:
    return ",".join(f"{v:z.2f}" for v in values)


def parse_layout(text: str) -> GivenBoxes:
    """Boxes and a layout (in the form of `map.json`) of such lines.

    Raises:
        InputError: E-TEXT-LINE with the number of the first line that is none of them; E-NO-SCALE for lines of a map
            without metres.
    """
    if UNSCALED in text:
        raise InputError("E-NO-SCALE", "these lengths are no metres.", "Set the scale of the map, then write it again.")
    walls: dict[str, dict[str, Any]] = {}
    found: list[tuple[str, str, list[float]]] = []
    boxes: list[GivenBox] = []
    for n, line in numbered_lines(text):
        match = LINE.fullmatch(line.strip())
        parts = match[4].split(",") if match else []
        if match is None or len(parts) != COUNT[match[3]]:
            raise _bad(n, line)
        name, values = _split(match[3], parts, n, line)
        if match[3] == "Wall":
            walls[match[2]] = _wall(len(walls), values)
        elif match[3] == "Bbox":
            if min(values[4:7]) <= 0:
                raise _bad(n, line)
            boxes.append(
                GivenBox(
                    None if name == NO_LABEL else name, triple(values), triple(values[4:]), float(np.degrees(values[3]))
                )
            )
        else:
            found.append((match[1], name, values))
    openings = [_opening(kind, wall, values, walls) for kind, wall, values in found]
    counted: dict[str, int] = {}
    for o in openings:
        counted[o["kind"]] = counted.get(o["kind"], 0) + 1
        o["id"] = f"{o['kind']}_{counted[o['kind']]}"
    for k, o in enumerate(openings):
        o["number"] = len(boxes) + 1 + k
    return GivenBoxes(tuple(boxes), {"walls": list(walls.values()), "openings": openings} if walls or openings else {})


def _split(kind: str, parts: list[str], n: int, line: str) -> tuple[str, list[float]]:
    name, numbers = ("", parts) if kind == "Wall" else (parts[0].strip(), parts[1:])
    if not all(re.fullmatch(NUMBER, p.strip()) for p in numbers):
        raise _bad(n, line)
    return name, [float(p) for p in numbers]


def _wall(k: int, v: list[float]) -> dict[str, Any]:
    return {"id": f"wall_{k + 1}", "from_m": v[0:2], "to_m": v[3:5], "height_m": v[6], "seen_share": 1.0}


def _opening(kind: str, wall: str, v: list[float], walls: dict[str, dict[str, Any]]) -> dict[str, Any]:
    position = re.fullmatch(r"wall_(\d+)", wall)
    of = walls.get(position[1]) if position else None
    yaw = 0.0
    if of is not None:
        step = np.subtract(of["to_m"], of["from_m"])
        yaw = float(np.degrees(np.arctan2(step[1], step[0])))
        yaw = (yaw + 90) % 180 - 90 if yaw % 180 != 90 else 90.0
    size = [max(v[3], 0.01), 0.1, max(v[4], 0.01)]
    return {
        "kind": kind,
        "wall": None if of is None else of["id"],
        "center_m": v[:3],
        "size_m": size,
        "yaw_deg": yaw,
    }


def _bad(n: int, line: str) -> InputError:
    remedy = "Expected e.g. bbox_0=Bbox(chair,x,y,z,angle,sx,sy,sz)."
    return InputError("E-TEXT-LINE", f"line {n} is no wall, door, window or box: {line[:60]!r}.", remedy)
