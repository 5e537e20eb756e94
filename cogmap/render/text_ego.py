"""`ego` text: what lies where as seen from one viewpoint, nearest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import F64
from ..data.scene import SceneMap
from .text_metric import matched_lines

CLOCK = 12


def render_ego(
    scene: SceneMap, at: tuple[float, float], heading: float, *, eye_m: float = 0.0, who: str = "viewer"
) -> str:
    """One line per object: steps to the right and ahead in centimetres, distance, clock direction.

    Args:
        at: where the viewer stands on the floor, in metres. heading: direction it looks in, radians from +x.
        eye_m: height that "up" is told from. who: what the header calls the viewer.
    """
    unit = scene.scale.hundredth
    lines = [
        f"# {who} at x {round(100 * at[0])}, y {round(100 * at[1])}, looking {round(float(np.degrees(heading)))} "
        f"degrees counter-clockwise from +x; units {unit}",
        "# right and ahead are steps from the viewer (negative: left, behind), up from "
        + ("the floor" if eye_m == 0 else "its eyes")
        + "; 12 o'clock is straight ahead",
        "# number id right ahead up distance clock",
    ]
    rows = []
    for o in scene.objects:
        right, ahead = ego(np.array(o.box.center_m[:2]), np.array(at), heading)
        rows.append((float(np.hypot(right, ahead)), o, right, ahead))
    for distance, o, right, ahead in sorted(rows, key=lambda r: (r[0], r[1].number)):
        up = o.box.center_m[2] - eye_m
        numbers = " ".join(str(round(100 * v)) for v in (right, ahead, up, distance))
        lines.append(f"{o.number} {o.id} {numbers} {clock(right, ahead)}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class EgoRow:
    """One parsed line: steps right, ahead and up, distance, in metres or map units; the hour of the clock."""

    number: int
    id: str
    right_m: float
    ahead_m: float
    up_m: float
    distance_m: float
    hour: int


def parse_ego(text: str) -> list[EgoRow]:
    """Read `ego` text back. Raises InputError E-TEXT-LINE with the number of the first bad line."""
    out = []
    for row in matched_lines(text, r"(\d+) (\w+)((?: -?\d+){4}) (\d+)", "sight"):
        right, ahead, up, distance = (int(v) / 100 for v in row[3].split())
        out.append(EgoRow(int(row[1]), row[2], right, ahead, up, distance, int(row[4])))
    return out


def ego(xy: F64, at: F64, heading: float) -> tuple[float, float]:
    """Steps to the right and ahead that lead from a viewer at a place (2,) with a heading to a point (2,)."""
    dx, dy = xy - at
    ahead = np.cos(heading) * dx + np.sin(heading) * dy
    right = np.sin(heading) * dx - np.cos(heading) * dy
    return float(right), float(ahead)


def clock(right: float, ahead: float) -> int:
    """The hour on a clock face that lies with 12 ahead: 3 is right, 6 behind."""
    hour = round(np.degrees(np.arctan2(right, ahead)) / 30) % CLOCK
    return int(hour) or CLOCK
