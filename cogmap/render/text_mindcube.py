"""`mindcube` text: objects and views on a 10 x 10 grid with facings, as MindCube writes maps (Yin et al., 2025)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import triple
from ..data.scene import Box, SceneMap
from ..errors import InputError
from .text_grid import cells_of

SIZE = 10
FACINGS = ("right", "up", "left", "down")
CAMERA_M = (0.1, 0.1, 0.1)


@dataclass(frozen=True)
class CubeMap:
    """A parsed map: cell (column, row from the top) and facing, or None, of every object and view by name."""

    objects: dict[str, tuple[tuple[int, int], str | None]]
    views: dict[str, tuple[tuple[int, int], str | None]]


def render_mindcube(scene: SceneMap) -> str:
    """JSON of objects, by id, and of keyframes as views: `position` is [column, row], [0, 0] at the top left, x right,
    y DOWN; `facing` is right, up, left or down on that page."""
    seen_from = [scene.camera(f) for f in scene.keyframes]
    eyes = [Box(triple(c.T_map_cam[:3, 3]), CAMERA_M, 0.0) for c in seen_from]
    cells = cells_of(scene, [*(o.box for o in scene.objects), *eyes], SIZE)
    objects = [
        {"name": o.id, "position": _page(cell), **({} if o.facing is None else {"facing": facing(o.facing)})}
        for o, cell in zip(scene.objects, cells)
    ]
    ahead = [float(np.arctan2(c.T_map_cam[1, 2], c.T_map_cam[0, 2])) for c in seen_from]
    views = [
        {"name": f"View {k}", "position": _page(cell), "facing": facing(angle)}
        for k, (cell, angle) in enumerate(zip(cells[len(objects) :], ahead), 1)
    ]
    return json.dumps({"objects": objects, "views": views}) + "\n"


def facing(angle: float) -> str:
    """The nearest of the four directions of the page to an angle from +x, counter-clockwise in radians."""
    return FACINGS[round(angle / (np.pi / 2)) % 4]


def _page(cell: tuple[int, int]) -> list[int]:
    return [cell[0], SIZE - 1 - cell[1]]


def parse_mindcube(text: str) -> CubeMap:
    """Objects and views of such a JSON; words before and after it are let be. Raises InputError E-TEXT."""
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
        rows = {kind: {str(r["name"]): _read(r) for r in found.get(kind, ())} for kind in ("objects", "views")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = "this is no JSON of objects with name and position."
        raise InputError("E-TEXT", problem, "See docs/forms.md.") from error
    return CubeMap(rows["objects"], rows["views"])


def _read(row: dict[str, Any]) -> tuple[tuple[int, int], str | None]:
    x, y = row["position"]
    said = row.get("facing")
    return (int(x), int(y)), None if said is None else str(said)
