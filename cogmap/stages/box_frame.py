"""The frame and unit of a list of boxes from outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.issues import Issue
from ..data.points import GivenBox
from ..data.scene import MapObject
from ..errors import InputError
from .scan_frame import UNITS, Unit

THING_M = (0.03, 12.0)
USUAL_M = (0.2, 4.0)
AT_ZERO_M = 0.1


def unit_of_boxes(given: Sequence[GivenBox], place: str | None) -> Unit:
    """The unit in which boxes are things: metres where the middle one is 3 cm to 12 m long.

    Raises:
        InputError: E-UNIT where no unit, or more than one, makes things of them.
    """
    longest = float(np.median([max(g.size_m) for g in given]))
    if THING_M[0] <= longest <= THING_M[1] or place in ("object", "building", "street"):
        return Unit(1.0)
    fitting = {name: m for name, m in UNITS.items() if USUAL_M[0] <= longest * m <= USUAL_M[1]}
    if len(fitting) == 1:
        (name, metres), *_ = fitting.items()
        effect = f"boxes of {longest:.3g} units are no things in metres and things in {name}: lengths are converted"
        return Unit(metres, (Issue("W-UNIT-GUESSED", 1, "capture", effect, measured=longest, expected=name),))
    remedy = f"Give --unit: {', '.join(f'{name} ({longest * m:.3g} m)' for name, m in UNITS.items())}."
    raise InputError("E-UNIT", f"half of the boxes are longer than {longest:.3g} m: another unit?", remedy)


def frame_issues(objects: Sequence[MapObject]) -> list[Issue]:
    """A note where no box stands at height 0: the zero of the file may not be the floor."""
    if not objects:
        return []
    lowest = min(o.box.low for o in objects)
    if abs(lowest) <= AT_ZERO_M:
        return []
    effect = f"the lowest box ends at {lowest:.2f}: boxes keep the frame of their file, its zero may not be the floor"
    return [Issue("W-FRAME-KEPT", 1, "boxes", effect, measured=round(lowest, 3), expected=0.0)]
