"""The map from the side as SVG: every outline by its width and height, the far ones first, with a ruler of heights."""

from __future__ import annotations

from xml.sax.saxutils import escape

import numpy as np

from .._checks import F64
from ..data.palette import color_of
from ..data.scene import MapObject, SceneMap
from ..errors import InputError
from .plan_svg import MARGIN_M, PX_PER_M, STYLE
from .text_metric import clean_label

LOOKS = {"y": 0, "x": 1}
TICK_M = 0.5


def render_elevation(scene: SceneMap, along: str = "y") -> str:
    """SVG text, a pixel a centimetre, up is up; groups carry the ids of the map.

    Args:
        along: the axis that is looked along: "y" (x runs to the right) or "x" (y runs to the left).

    Raises:
        InputError: E-NO-OBJECTS when nothing is there, E-AXIS for another axis.
    """
    if along not in LOOKS:
        raise InputError("E-AXIS", f"there is no view along {along!r}.", "Choose y or x.")
    if not scene.objects:
        raise InputError("E-NO-OBJECTS", "the map has no objects to draw.", "Choose the plan.")
    spans = {o.id: _span(o, along) for o in scene.objects}
    low = min(s[0] for s in spans.values()) - MARGIN_M
    high = max(s[1] for s in spans.values()) + MARGIN_M
    floor = min(0.0, *(o.box.low for o in scene.objects))
    top = max(scene.layout.ceiling_height_m or 0.0, *(o.box.top for o in scene.objects)) + 0.2
    width, height = (high - low) * PX_PER_M, (top - floor) * PX_PER_M + 20
    unit = "m" if scene.scale.kind == "metric" else "units"

    def at(across: float, z: float) -> tuple[float, float]:
        return (across - low) * PX_PER_M, (top - z) * PX_PER_M

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<style>{STYLE}</style><title>From the side, heights in {unit}</title>",
        f'<line id="floor" class="wall" x1="0" y1="{at(0, 0)[1]:.1f}" x2="{width:.0f}" y2="{at(0, 0)[1]:.1f}"/>',
    ]
    for z in np.arange(0.0, top, TICK_M):
        v = at(0, float(z))[1]
        out.append(f'<line x1="0" y1="{v:.1f}" x2="8" y2="{v:.1f}" stroke="#555"/>')
        out.append(f'<text class="size" x="24" y="{v - 6:.1f}">{z:.1f} {unit}</text>')
    for thing in sorted(scene.objects, key=lambda o: (-_depth(o, along), o.number)):
        start, end = spans[thing.id]
        (u, v), (right, bottom) = at(start, thing.box.top), at(end, thing.box.low)
        out += _thing(thing, (u, v, right - u, bottom - v), unit)
    return "\n".join([*out, "</svg>"]) + "\n"


def _span(thing: MapObject, along: str) -> F64:
    """Where an outline starts and ends from left to right."""
    across = thing.outline[:, LOOKS[along]] * (1 if along == "y" else -1)
    return np.array([across.min(), across.max()])


def _depth(thing: MapObject, along: str) -> float:
    """How far along the view the near side of an outline lies."""
    return float(thing.outline[:, 1 - LOOKS[along]].min())


def _thing(thing: MapObject, frame: tuple[float, float, float, float], unit: str) -> list[str]:
    u, v, width, height = frame
    color = "#{:02x}{:02x}{:02x}".format(*color_of(thing.number))
    label = escape(clean_label(thing.label or thing.id))
    size = f'x="{u:.1f}" y="{v:.1f}" width="{width:.1f}" height="{height:.1f}"'
    middle = f'x="{u + width / 2:.1f}" y="{v + height / 2:.1f}"'
    return [
        f'<g id="{thing.id}"><title>{thing.number} {label}, top at {thing.box.top:.2f} {unit}</title>',
        f'<rect {size} fill="{color}" fill-opacity="0.8" stroke="#222"/>',
        f'<text class="size" {middle}>{thing.number}</text></g>',
    ]
