"""`video2layout` text: named axis-aligned boxes seen from above in a `<map>` block, as Video2Layout writes them."""

from __future__ import annotations

import json
import re

from ..data.scene import SceneMap
from ..errors import InputError
from .text_metric import clean_label

UNNAMED = "object"
BLOCK = re.compile(r"<map>(.*?)</map>", re.DOTALL)


def render_video2layout(scene: SceneMap) -> str:
    """`<map>[{"object_name": "lamp", "bbox": [-1.4, 0.2, -1.1, 0.5]}, ...]</map>`: smallest x and y, largest x and y,
    with one decimal, in metres (map units if relative)."""
    rows = []
    for o in scene.objects:
        lo, hi = o.box.floor_corners.min(0), o.box.floor_corners.max(0)
        box = [round(float(v), 1) + 0.0 for v in (*lo, *hi)]
        rows.append({"object_name": clean_label(o.label or UNNAMED), "bbox": box})
    return f"<map>{json.dumps(rows)}</map>\n"


def parse_video2layout(text: str) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Names and boxes (smallest x, y, largest x, y) of such a block. Raises InputError E-TEXT."""
    found = BLOCK.search(text)
    try:
        rows = json.loads(found[1] if found else text)
        out = []
        for row in rows:
            a, b, c, d = (float(v) for v in row["bbox"])
            out.append((str(row["object_name"]), (a, b, c, d)))
        return out
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError("E-TEXT", "this is no <map> block of named boxes.", "See docs/forms.md.") from error
