"""`vsibench` text: cells of a 10 x 10 grid by category, as VSI-Bench asks models for (Yang et al., 2024)."""

from __future__ import annotations

import ast

from ..data.scene import SceneMap
from ..errors import InputError
from .text_grid import cells_of
from .text_metric import clean_label

SIZE = 10
UNNAMED = "object"


def render_vsibench(scene: SceneMap) -> str:
    """One dictionary, category to cells: `{"lamp": [(2, 7)], "chair": [(4, 4), (5, 1)]}`.

    Cell (0, 0) is at the smallest x and y; the first number goes along x, right, the second along y, ahead.
    """
    cells: dict[str, list[tuple[int, int]]] = {}
    for o, cell in zip(scene.objects, cells_of(scene, [o.box for o in scene.objects], SIZE)):
        cells.setdefault(clean_label(o.label or UNNAMED), []).append(cell)
    rows = [f'"{name}": [{", ".join(map(str, sorted(cells[name])))}]' for name in sorted(cells)]
    return "{" + ", ".join(rows) + "}\n"


def parse_vsibench(text: str) -> dict[str, list[tuple[int, int]]]:
    """Cells by category of such a dictionary, round or square brackets alike. Raises InputError E-TEXT."""
    start, end = text.find("{"), text.rfind("}")
    try:
        found = ast.literal_eval(text[start : end + 1])
        return {str(k): [(int(x), int(y)) for x, y in cells] for k, cells in found.items()}
    except (ValueError, SyntaxError, TypeError, AttributeError, MemoryError, RecursionError) as error:
        problem = 'this is no dictionary of cells such as {"lamp": [(2, 7)]}.'
        raise InputError("E-TEXT", problem, "See docs/forms.md.") from error
