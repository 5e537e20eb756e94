"""The bird's-eye view: PNG and SVG from one list of shapes, x to the right and y up."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw

from .._checks import F64, Array
from ..data.palette import color_of
from ..data.scene import MapObject, Opening, SceneMap
from ..errors import ConfigError
from .anchors import anchors_of, drawing_order, free_spots
from .backdrops import STYLES
from .palette import INK, MUTED, RADIUS, badge, font

MARGIN = 0.07
OVERSAMPLE = 2
OPENINGS = {"door": (150, 90, 30), "window": (60, 140, 220)}
GAP = (190, 190, 190)


@dataclass(frozen=True)
class BevView:
    """How the map lies in the picture: pixel = (x - x0) * px_per_m, size - (y - y0) * px_per_m."""

    x0: float
    y0: float
    px_per_m: float
    size_px: int

    def pixel(self, xy: F64) -> F64:
        """Pixels (P, 2) (column, row) of map points (P, 2)."""
        p = np.asarray(xy, np.float64)
        u, v = (p[..., 0] - self.x0) * self.px_per_m, self.size_px - (p[..., 1] - self.y0) * self.px_per_m
        return np.stack([u, v], axis=-1)


def bev_view(scene: SceneMap, size_px: int = 896) -> BevView:
    """A square view that holds objects, rooms and walls with a margin."""
    parts = [o.footprint_map for o in scene.objects] + [r.polygon_m for r in scene.layout.rooms]
    parts += [np.array([w.from_m, w.to_m]) for w in scene.layout.walls]
    parts += [np.array([c.T_map_cam[:2, 3] for c in scene.camera_path])] if scene.camera_path else []
    xy = np.concatenate([*parts, np.zeros((0, 2))]) if parts else np.array([[-1.0, -1.0], [1.0, 1.0]])
    lo, hi = xy.min(0), xy.max(0)
    span = max(float((hi - lo).max()), 0.5) * (1 + 2 * MARGIN)
    middle = (lo + hi) / 2
    return BevView(float(middle[0] - span / 2), float(middle[1] - span / 2), size_px / span, size_px)


def render_bev(scene: SceneMap, size_px: int = 896, style: str = "schematic") -> bytes:
    """PNG bytes with a palette, `size_px` square (a multiple of 224 suits models); the same map, the same bytes.

    Args:
        style: what lies under outlines and numbers: "schematic", "photo", "height" or "occupancy"; "ids" is a picture
            for programs: 16-bit grey, at every pixel the number of the topmost footprint, 0 = none.

    Raises:
        ConfigError: E-OPTION for another style. InputError: E-NO-VOXELS for photo and height without surfaces.
    """
    if style == "ids":
        return _png(Image.fromarray(bev_ids(scene, size_px)))
    if style not in STYLES:
        raise ConfigError("E-OPTION", f"there is no style {style!r}.", f"Styles: {', '.join(STYLES)}, ids.")
    view = bev_view(scene, size_px * OVERSAMPLE)
    along = (np.arange(view.size_px) + 0.5) / view.px_per_m
    picture = Image.fromarray(STYLES[style](scene, view.x0 + along, view.y0 + along[::-1]))
    draw = ImageDraw.Draw(picture)
    _draw_room(draw, scene, view)
    for thing in drawing_order(scene.objects):
        _draw_object(draw, thing, view, filled=style == "schematic")
    _draw_path(draw, scene, view)
    _draw_numbers(draw, scene, view)
    _draw_legend(draw, scene, view)
    _draw_heading(draw, scene, view)
    return _png(picture.reduce(OVERSAMPLE).quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))


def _png(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def bev_ids(scene: SceneMap, size_px: int = 896) -> Array:
    """(size_px, size_px) uint16: the number of the topmost footprint at every pixel of a view from above, 0 = none."""
    view = bev_view(scene, size_px)
    picture = Image.new("I", (size_px, size_px))
    draw = ImageDraw.Draw(picture)
    for thing in drawing_order(scene.objects):
        if len(thing.footprint_map) >= 3:
            draw.polygon(_line(view, thing.footprint_map), fill=thing.number)
    return np.asarray(picture).astype(np.uint16)


def _line(view: BevView, xy: F64) -> list[tuple[float, float]]:
    return [(float(u), float(v)) for u, v in view.pixel(xy)]


def _draw_room(draw: ImageDraw.ImageDraw, scene: SceneMap, view: BevView) -> None:
    for room in scene.layout.rooms:
        outline = _line(view, np.vstack([room.polygon_m, room.polygon_m[:1]]))
        draw.line(outline, fill=MUTED, width=2 * OVERSAMPLE)
    for wall in scene.layout.walls:
        draw.line(_line(view, np.array([wall.from_m, wall.to_m])), fill=INK, width=5 * OVERSAMPLE)
    for opening in scene.layout.openings:
        draw.line(_line(view, opening_ends(opening)), fill=OPENINGS.get(opening.kind, GAP), width=5 * OVERSAMPLE)


def opening_ends(opening: Opening) -> F64:
    """Both ends (2, 2) of a door or window along its wall."""
    c, s = np.cos(opening.box.yaw), np.sin(opening.box.yaw)
    half = np.array([c, s]) * opening.box.size_m[0] / 2
    return np.array([opening.box.center_m[:2] - half, opening.box.center_m[:2] + half])


def _draw_object(draw: ImageDraw.ImageDraw, thing: MapObject, view: BevView, *, filled: bool) -> None:
    r, g, b = color_of(thing.number)
    fill = (int(0.45 * r + 140), int(0.45 * g + 140), int(0.45 * b + 140))
    outline = _line(view, thing.footprint_map)
    if len(outline) >= 3:
        draw.polygon(
            outline,
            fill=fill if filled else None,
            outline=INK if filled else (r, g, b),
            width=(1 + (not filled)) * OVERSAMPLE,
        )
    if thing.facing is not None:
        _draw_front(draw, thing, view)


def _draw_front(draw: ImageDraw.ImageDraw, thing: MapObject, view: BevView) -> None:
    """A short stroke from the middle of a thing to where it looks."""
    assert thing.facing is not None
    ahead = np.array([np.cos(thing.facing), np.sin(thing.facing)]) * max(thing.box.size_m[1] / 2, 0.1)
    middle = np.array(thing.box.center_m[:2])
    draw.line(_line(view, np.array([middle, middle + ahead])), fill=INK, width=2 * OVERSAMPLE)


def _draw_path(draw: ImageDraw.ImageDraw, scene: SceneMap, view: BevView) -> None:
    if len(scene.camera_path) < 2:
        return
    xy = np.array([c.T_map_cam[:2, 3] for c in scene.camera_path])
    draw.line(_line(view, xy), fill=(0, 90, 160), width=OVERSAMPLE)
    for c in scene.camera_path[:: max(1, len(xy) // 8)]:
        ahead = c.T_map_cam[:2, 2] / max(float(np.linalg.norm(c.T_map_cam[:2, 2])), 1e-6)
        side = np.array([-ahead[1], ahead[0]])
        at, s = c.T_map_cam[:2, 3], 12 * OVERSAMPLE / view.px_per_m / 2
        arrow = np.array([at + s * ahead, at - 0.5 * s * ahead + 0.5 * s * side, at - 0.5 * s * ahead - 0.5 * s * side])
        draw.polygon(_line(view, arrow), fill=(0, 90, 160))


def _draw_numbers(draw: ImageDraw.ImageDraw, scene: SceneMap, view: BevView) -> None:
    """A dot inside every footprint; its number on it, or beside it on a leader line where it is crowded."""
    size = max(6.0, min(13.0, 13 * (40 / max(len(scene.objects), 1)) ** 0.5)) * OVERSAMPLE
    openings = scene.layout.openings
    numbers = [o.number for o in scene.objects] + [o.number for o in openings]
    middles = np.array([o.box.center_m[:2] for o in openings]).reshape(-1, 2)
    dots = view.pixel(np.concatenate([anchors_of(scene.objects), middles]))
    spots = free_spots(dots, 2 * RADIUS * size + 4, view.size_px)
    for (u, v), spot in zip(dots, spots):
        if (u, v) != tuple(spot):
            draw.line([(u, v), tuple(spot)], fill=INK, width=OVERSAMPLE)
        draw.ellipse([u - 5, v - 5, u + 5, v + 5], fill=INK)
    for number, spot in zip(numbers, spots):
        badge(draw, tuple(spot), number, size)


def _draw_heading(draw: ImageDraw.ImageDraw, scene: SceneMap, view: BevView) -> None:
    """The north arrow: where the first camera looked."""
    if not scene.camera_path:
        return
    ahead = scene.camera_path[0].T_map_cam[:2, 2] * [1, -1]
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
    side = np.array([-ahead[1], ahead[0]])
    s = OVERSAMPLE
    middle, letters = np.array([30.0 * s, 30.0 * s]), font(11 * s)
    corners = [middle + 16 * s * ahead, middle - 10 * s * ahead + 9 * s * side]
    corners += [middle - 5 * s * ahead, middle - 10 * s * ahead - 9 * s * side]
    draw.rectangle([8 * s, 8 * s, 110 * s, 52 * s], fill=(255, 255, 255))
    draw.polygon([tuple(c) for c in corners], fill=INK)
    draw.text((54 * s, 30 * s), "first view", fill=INK, font=letters, anchor="lm")


def _legend(scene: SceneMap, px_per_m: float, size_px: int) -> tuple[float, str]:
    """Length of the scale bar in map units, and its text."""
    target = 0.2 * size_px / px_per_m
    length = max(v for v in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0) if v <= max(target, 0.1))
    unit = "m" if scene.scale.kind == "metric" else "map units (not metres)"
    about = f"≈ {length:g} {unit} ±{scene.scale.rel_sigma:.0%}"
    return length, about if scene.scale.rough else f"{length:g} {unit}"


def _draw_legend(draw: ImageDraw.ImageDraw, scene: SceneMap, view: BevView) -> None:
    length, text = _legend(scene, view.px_per_m, view.size_px)
    s = OVERSAMPLE
    x, y = 16 * s, view.size_px - 16 * s
    bar = length * view.px_per_m
    letters = font(13 * s)
    text = f"{text}   x right, y up"
    wide = max(bar, float(draw.textlength(text.replace("≈", "~"), font=letters)))
    draw.rectangle([x - 8 * s, y - 26 * s, x + wide + 8 * s, y + 10 * s], fill=(255, 255, 255))
    draw.line([(x, y), (x + bar, y)], fill=INK, width=3 * s)
    if text.startswith("≈"):  # the bundled font lacks the sign: two tildes
        draw.text((x, y - 10 * s), "~", fill=INK, font=letters, anchor="ls")
    draw.text((x, y - 6 * s), text.replace("≈", "~"), fill=INK, font=letters, anchor="ls")


def render_bev_svg(scene: SceneMap, size_px: int = 896) -> str:
    """The same view as SVG text, objects as groups with their ids."""
    view = bev_view(scene, size_px)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size_px} {size_px}" font-family="sans-serif">']
    out.append(f'<rect width="{size_px}" height="{size_px}" fill="#f4f4f4"/>')
    for room in scene.layout.rooms:
        out.append(f'<polygon id="{room.id}" points="{_points(view, room.polygon_m)}" fill="#fff" stroke="#777"/>')
    for wall in scene.layout.walls:
        ends = _points(view, np.array([wall.from_m, wall.to_m]))
        out.append(f'<polyline id="{wall.id}" points="{ends}" stroke="#222" stroke-width="5" fill="none"/>')
    for opening in scene.layout.openings:
        color = "#{:02x}{:02x}{:02x}".format(*OPENINGS.get(opening.kind, GAP))
        ends = _points(view, opening_ends(opening))
        out.append(f'<polyline id="{opening.id}" points="{ends}" stroke="{color}" stroke-width="5" fill="none"/>')
    anchors = {o.id: at for o, at in zip(scene.objects, anchors_of(scene.objects))}
    for thing in drawing_order(scene.objects):
        out += _svg_object(thing, view, anchors[thing.id])
    if scene.camera_path:
        path = _points(view, np.array([c.T_map_cam[:2, 3] for c in scene.camera_path]))
        out.append(f'<polyline points="{path}" stroke="#005aa0" fill="none"/>')
    length, text = _legend(scene, view.px_per_m, size_px)
    y = size_px - 16
    out.append(
        f'<line x1="16" y1="{y}" x2="{16 + length * view.px_per_m:.1f}" y2="{y}" stroke="#222" stroke-width="3"/>'
    )
    out.append(f'<text x="16" y="{y - 6}" font-size="13">{escape(text)}; x right, y up</text></svg>')
    return "\n".join(out) + "\n"


def _points(view: BevView, xy: F64) -> str:
    return " ".join(f"{u:.1f},{v:.1f}" for u, v in view.pixel(xy))


def _svg_object(thing: MapObject, view: BevView, anchor: F64) -> list[str]:
    u, v = view.pixel(anchor)
    color = "#{:02x}{:02x}{:02x}".format(*color_of(thing.number))
    title = escape(thing.label or thing.id)
    return [
        f'<g id="{thing.id}"><title>{title}</title>',
        f'<polygon points="{_points(view, thing.footprint_map)}" fill="{color}" fill-opacity="0.5" stroke="#222"/>',
        f'<text x="{u:.1f}" y="{v:.1f}" font-size="13" text-anchor="middle" dominant-baseline="middle">',
        f"{thing.number}</text></g>",
    ]
