"""The colour of an object's number: the same in every picture, recording and export."""

from __future__ import annotations

# Okabe and Ito, "Color universal design", 2008, without black.
OKABE_ITO = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))


def color_of(number: int) -> tuple[int, int, int]:
    """Red, green and blue of 0 to 255 that all eyes can tell apart; numbers repeat after seven."""
    return OKABE_ITO[(number - 1) % len(OKABE_ITO)]
