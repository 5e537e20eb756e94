"""`ego3d` text: a line for each thing with its place seen from the first camera, the shape of Ego3D-VLM (2025)."""

from __future__ import annotations

import re

import numpy as np

from ..data.scene import SceneMap
from ..errors import InputError
from ..geometry.rigid import apply, inverse
from .text_metric import clean_label

UNNAMED = "object"
LINE = re.compile(r"(\w+): (.+?) at \[(-?\d+\.?\d*), (-?\d+\.?\d*), (-?\d+\.?\d*)\]")


def render_ego3d(scene: SceneMap) -> str:
    """`f003: chair at [1, 0, 4]`: the frame that shows most of a thing, its label, and its middle in whole metres.

    The viewer, the first camera, is at 0, 0, 0; x right, y down, z forward.

    Raises:
        InputError: E-NO-FRAMES for a map without cameras.
    """
    if not scene.camera_path:
        raise InputError("E-NO-FRAMES", "the map holds no cameras.", "Use another text form.")
    T = inverse(scene.camera_path[0].T_map_cam)
    lines = []
    for o in scene.objects:
        best = max(o.seen, key=lambda s: (s[1], -s[0]))[0] if o.seen else None
        x, y, z = (int(v) for v in np.rint(apply(T, np.array([o.box.center_m]))[0]))
        view = "unseen" if best is None else f"f{best:03d}"
        lines.append(f"{view}: {clean_label(o.label or UNNAMED)} at [{x}, {y}, {z}]")
    return "\n".join(lines) + "\n" if lines else ""


def parse_ego3d(text: str) -> list[tuple[str, str, tuple[float, float, float]]]:
    """Frame, label and place of every line. Raises InputError E-TEXT-LINE with the number of the first bad one."""
    out = []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = LINE.fullmatch(line.strip())
        if found is None:
            raise InputError("E-TEXT-LINE", f"line {n} is none of such a text: {line[:60]!r}.", "See docs/forms.md.")
        out.append((found[1], found[2], (float(found[3]), float(found[4]), float(found[5]))))
    return out
