"""Inks, letters and the placing of numbers, shared by the pictures."""

from __future__ import annotations

from typing import Any

from PIL import ImageDraw, ImageFont

from ..data.palette import color_of

INK = (30, 30, 30)
PAPER = (255, 255, 255)
MUTED = (120, 120, 120)
RADIUS = 0.75


def font(size_px: float) -> Any:
    """The font that ships with Pillow, so that pictures do not depend on the system."""
    return ImageFont.load_default(size=size_px)


def badge(draw: ImageDraw.ImageDraw, at: tuple[float, float], number: int, size_px: float) -> None:
    """A number on a disc of its colour."""
    x, y = at
    radius = size_px * RADIUS
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color_of(number), outline=INK, width=2)
    draw.text((x, y), str(number), fill=ink_on(color_of(number)), font=font(size_px), anchor="mm")


def ink_on(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Dark or light letters, whichever is farther from a colour's brightness (ITU-R BT.601)."""
    brightness = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    return INK if brightness > 110 else PAPER
