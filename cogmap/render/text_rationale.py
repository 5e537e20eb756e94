"""`rationale` text: what one frame shows, from near to far, and how its camera is held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.scene import SceneMap
from ..geometry.rigid import apply, inverse
from .text_metric import header_of, matched_lines

LEAST_SHARE = 0.1


def render_rationale(scene: SceneMap, frame: int) -> str:
    """Camera height, pitch, roll and field of view, then the visible objects by depth, in metres and degrees.

    Pitch is up from level, roll is clockwise as the picture sees it. The depth of an object is that of the middle of
    its box along the camera's axis; left and right are shares of the picture's width from its middle, -50 to 50 %.

    Raises:
        InputError: E-NO-FRAMES, E-FRAME for a frame that the map does not hold.
    """
    camera = scene.camera(frame)
    pitch, roll = angles(camera.T_map_cam)
    width, height = camera.size_px or (2 * camera.K[0, 2], 2 * camera.K[1, 2])  # maps before 1.2 have no sizes
    across, down = (_view_deg(n, camera.K[k, k], camera.K[k, 2]) for k, n in enumerate((width, height)))
    unit = "m" if scene.scale.kind == "metric" else "units"
    zero = "the floor" if scene.floor_seen else "z=0"
    lines = [
        f"# frame f{frame:03d} at {camera.time_s:.1f} s: camera {camera.T_map_cam[2, 3]:z.2f} {unit} above {zero}, "
        f"pitch {pitch:z.0f}, roll {roll:z.0f} degrees, field of view {across:.0f} x {down:.0f} degrees",
        "# near to far: number id depth, place across the picture in % of its width from the middle, visible share",
    ]
    rows = []
    for o in scene.objects:
        share = dict(o.seen).get(frame, 0.0)
        p = apply(inverse(camera.T_map_cam), np.array(o.box.center_m))
        if share >= LEAST_SHARE and p[2] > 0:
            side = float(np.clip((p[0] / p[2] * camera.K[0, 0] + camera.K[0, 2]) / width - 0.5, -0.5, 0.5))
            rows.append((float(p[2]), o, side, share))
    for depth, o, side, share in sorted(rows, key=lambda r: (r[0], r[1].number)):
        lines.append(f"{o.number} {o.id} {depth:.2f} {unit} {side:+z.0%} visible {share:.0%}")
    return "\n".join(lines) + "\n"


def _view_deg(size: float, focal: float, middle: float) -> float:
    """Angle in degrees between the first and the last edge of a picture along one axis, all in pixels."""
    return float(np.degrees(np.arctan(middle / focal) + np.arctan((size - middle) / focal)))


@dataclass(frozen=True)
class Rationale:
    """A parsed frame: its camera's height, pitch and roll, fields of view in degrees, and depth, side, share by id."""

    frame: int
    height_m: float
    pitch_deg: float
    roll_deg: float
    view_deg: tuple[float, float]
    seen: dict[str, tuple[float, float, float]]


def parse_rationale(text: str) -> Rationale:
    """Read `rationale` text back. Raises InputError E-TEXT-LINE with the number of the first bad line."""
    number = r"(-?\d+(?:\.\d+)?)"
    head = rf"# frame f(\d+) at .*: camera {number} \w+ above (?:the floor|z=0), pitch {number}, roll {number} "
    found = header_of(text, head + rf"degrees, field of view {number} x {number} degrees", "rationale")
    rows = matched_lines(text, rf"\d+ (\w+) {number} \w+ ([+-]\d+)% visible (\d+)%", "sight")
    seen = {row[1]: (float(row[2]), int(row[3]) / 100, int(row[4]) / 100) for row in rows}
    height, pitch, roll, across, down = (float(v) for v in found.groups()[1:])
    return Rationale(int(found[1]), height, pitch, roll, (across, down), seen)


def angles(T_map_cam: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """Pitch (up from level) and roll (clockwise) of a camera in degrees."""
    right, down, ahead = T_map_cam[:3, 0], T_map_cam[:3, 1], T_map_cam[:3, 2]
    pitch = float(np.degrees(np.arcsin(np.clip(ahead[2], -1, 1))))
    roll = float(np.degrees(np.arctan2(-right[2], -down[2])))
    return pitch, roll
