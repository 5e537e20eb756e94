"""`aabb` text: named axis-aligned boxes, for models that read nothing else; they lose the yaw."""

from __future__ import annotations

import re

import numpy as np

from .._checks import F64
from ..data.scene import Box, SceneMap
from ..errors import InputError
from ..geometry.box import corners_xy


def render_aabb(scene: SceneMap) -> str:
    """One line per object and opening: id and the least and most x, y and z in centimetres."""
    unit = "cm" if scene.scale.kind == "metric" else "hundredths of a map unit"
    lines = [
        f"# axis-aligned boxes, units {unit}; x right, y forward, z up, floor z=0; turned things look larger",
        "# id x_min y_min z_min x_max y_max z_max",
    ]
    rows = [(o.id, o.box) for o in scene.objects] + [(o.id, o.box) for o in scene.layout.openings]
    lines += [f"{name} " + " ".join(str(round(100 * v)) for v in bounds(box)) for name, box in rows]
    return "\n".join(lines) + "\n"


def bounds(box: Box) -> F64:
    """Least x, y, z and most x, y, z (6,) of an upright box."""
    corners = corners_xy(np.array(box.center_m), np.array(box.size_m), box.yaw)
    z = box.center_m[2] + np.array([-0.5, 0.5]) * box.size_m[2]
    return np.array([*corners.min(0), z[0], *corners.max(0), z[1]])


def parse_aabb(text: str) -> dict[str, tuple[float, ...]]:
    """Least x, y, z and most x, y, z in metres by id. Raises InputError E-TEXT-LINE with the number of a bad line."""
    out = {}
    for n, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r"([a-z0-9_]+)((?: -?\d+){6})", line)
        if match is None:
            raise InputError("E-TEXT-LINE", f"line {n} is no box: {line[:60]!r}.", "Expected an id and six numbers.")
        out[match[1]] = tuple(int(v) / 100 for v in match[2].split())
    return out
