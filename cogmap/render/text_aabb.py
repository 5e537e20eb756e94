"""`aabb` text: named axis-aligned boxes, for models that read nothing else; they lose the yaw."""

from __future__ import annotations

import numpy as np

from .._checks import F64
from ..data.scene import Box, SceneMap
from .text_metric import matched_lines, zero_text


def render_aabb(scene: SceneMap) -> str:
    """One line per object and opening: id and the least and most x, y and z in centimetres."""
    lines = [
        f"# axis-aligned boxes, units {scene.scale.hundredth}; x right, y forward, z up, {zero_text(scene)}; "
        "turned things look larger",
        "# id x_min y_min z_min x_max y_max z_max",
    ]
    rows = [(o.id, o.box) for o in scene.objects] + [(o.id, o.box) for o in scene.layout.openings]
    lines += [f"{name} " + " ".join(str(round(100 * v)) for v in bounds(box)) for name, box in rows]
    return "\n".join(lines) + "\n"


def bounds(box: Box) -> F64:
    """Least x, y, z and most x, y, z (6,) of an upright box."""
    corners = box.floor_corners
    return np.array([*corners.min(0), box.low, *corners.max(0), box.top])


def parse_aabb(text: str) -> dict[str, tuple[float, ...]]:
    """Least x, y, z and most x, y, z in metres by id. Raises InputError E-TEXT-LINE with the number of a bad line."""
    rows = matched_lines(text, r"([a-z0-9_]+)((?: -?\d+){6})", "box")
    return {row[1]: tuple(int(v) / 100 for v in row[2].split()) for row in rows}
