"""The floor plan as SVG: rooms with areas, walls with lengths, doors, windows, and the outlines of large things."""

from __future__ import annotations

from xml.sax.saxutils import escape

import numpy as np
from shapely.geometry import Polygon

from .._checks import F64
from ..data.scene import SceneMap, Wall
from ..errors import InputError
from .bev import opening_ends
from .text_metric import clean_label

PX_PER_M = 100
MARGIN_M = 0.8
UNSEEN = 0.5
STYLE = (
    "text{font:13px sans-serif;text-anchor:middle;dominant-baseline:middle;fill:#222}"
    ".room{fill:#fafafa;stroke:#999}.wall{stroke:#222;stroke-width:6;stroke-linecap:round}"
    ".unseen{stroke-dasharray:10 8;stroke:#777}.door{stroke:#965a1e;stroke-width:6}"
    ".window{stroke:#3c8cdc;stroke-width:6}.opening{stroke:#bbb;stroke-width:6}.object{fill:#e8eef4;stroke:#557}"
    ".size{font-size:11px;fill:#555}"
)


def render_plan(scene: SceneMap) -> str:
    """SVG text, a pixel a centimetre, y up; groups carry the ids of the map. Walls less than half seen are dashed.

    Raises:
        InputError: E-NO-ROOM when the map has neither rooms nor walls.
    """
    points = [r.polygon_m for r in scene.layout.rooms] + [np.array([w.from_m, w.to_m]) for w in scene.layout.walls]
    if not points:
        raise InputError("E-NO-ROOM", "the map has no room to draw.", "Film the walls too.")
    xy = np.concatenate(points)
    low, high = xy.min(0) - MARGIN_M, xy.max(0) + MARGIN_M
    width, height = (high - low) * PX_PER_M
    unit = "m" if scene.scale.kind == "metric" else "units"

    def at(p: F64) -> F64:
        q = (np.asarray(p, np.float64) - low) * PX_PER_M
        return np.stack([q[..., 0], height - q[..., 1]], axis=-1)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<style>{STYLE}</style><title>Floor plan, lengths in {unit}</title>",
    ]
    for room in scene.layout.rooms:
        out.append(f'<polygon id="{room.id}" class="room" points="{_points(at(room.polygon_m))}"/>')
    for thing in scene.objects:
        u, v = at(np.array(Polygon(thing.outline).representative_point().coords[0]))
        label = escape(clean_label(thing.label or thing.id))
        out.append(f'<g id="{thing.id}"><polygon class="object" points="{_points(at(thing.outline))}"/>')
        out.append(f'<text class="size" x="{u:.1f}" y="{v:.1f}">{thing.number} {label}</text></g>')
    for wall in scene.layout.walls:
        out += _wall(wall, at(np.array([wall.from_m, wall.to_m])), unit)
    for opening in scene.layout.openings:
        kind = opening.kind if opening.kind in ("door", "window") else "opening"
        out.append(_line(opening.id, kind, at(opening_ends(opening))))
    for room in scene.layout.rooms:
        u, v = at(np.array(Polygon(room.polygon_m).representative_point().coords[0]))
        square = f"{room.area_m2:.1f} {unit}²" + ("" if room.coverage > 0.9 else f", {room.coverage:.0%} seen")
        out.append(f'<text x="{u:.1f}" y="{v:.1f}">{room.id}: {square}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _wall(wall: Wall, ends: F64, unit: str) -> list[str]:
    """The line of a wall and its length beside it."""
    length = float(np.hypot(wall.to_m[0] - wall.from_m[0], wall.to_m[1] - wall.from_m[1]))
    step = ends[1] - ends[0]
    side = np.array([-step[1], step[0]]) / max(float(np.linalg.norm(step)), 1e-9) * 16
    u, v = ends.mean(0) + side
    turn = (float(np.degrees(np.arctan2(step[1], step[0]))) + 90) % 180 - 90
    kind = "wall" if wall.seen_share >= UNSEEN else "wall unseen"
    text = f'<text class="size" x="{u:.1f}" y="{v:.1f}" transform="rotate({turn:.1f} {u:.1f} {v:.1f})">'
    return [_line(wall.id, kind, ends), f"{text}{length:.2f} {unit}</text>"]


def _line(name: str, kind: str, ends: F64) -> str:
    (a, b), (c, d) = ends
    return f'<line id="{name}" class="{kind}" x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}"/>'


def _points(uv: F64) -> str:
    return " ".join(f"{u:.1f},{v:.1f}" for u, v in uv)
