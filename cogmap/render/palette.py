"""Colours and numbers' placement shared by the pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import ImageDraw, ImageFont

# Okabe and Ito, "Color universal design", 2008, without black.
OKABE_ITO = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
INK = (30, 30, 30)
PAPER = (255, 255, 255)
MUTED = (120, 120, 120)


def color_of(number: int) -> tuple[int, int, int]:
    """The colour of an object's number, the same in every picture."""
    return OKABE_ITO[(number - 1) % len(OKABE_ITO)]


def font(size_px: float) -> Any:
    """The font that ships with Pillow, so that pictures do not depend on the system."""
    return ImageFont.load_default(size=size_px)


def badge(draw: ImageDraw.ImageDraw, at: tuple[float, float], number: int, size_px: float) -> None:
    """A number on a disc of its colour."""
    x, y = at
    radius = size_px * 0.75
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color_of(number), outline=INK, width=2)
    draw.text((x, y), str(number), fill=INK, font=font(size_px), anchor="mm")


def free_spots(anchors: list[tuple[float, float]], gap_px: float, size_px: int) -> list[tuple[float, float]]:
    """Places for labels near their anchors that keep `gap_px` from one another, in order; the first fit wins."""
    placed: list[tuple[float, float]] = []
    for x, y in anchors:
        options = [(x, y)]
        for ring in range(1, 8):
            turns = np.arange(8 * ring) * (2 * np.pi / (8 * ring))
            options += [(x + ring * gap_px * float(np.cos(t)), y + ring * gap_px * float(np.sin(t))) for t in turns]
        inside = [o for o in options if gap_px / 2 <= min(o) and max(o) <= size_px - gap_px / 2] or options
        clear = [o for o in inside if all((o[0] - p) ** 2 + (o[1] - q) ** 2 >= gap_px**2 for p, q in placed)]
        placed.append((clear or inside)[0])
    return placed
