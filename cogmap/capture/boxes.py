"""A bare JSON of boxes: a map that somebody else made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ..data.points import GivenBox, GivenBoxes
from ..errors import InputError

Vec3 = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class _Object(BaseModel):
    model_config = ConfigDict(extra="ignore")
    label: str | None = None
    center_m: Vec3
    size_m: tuple[Positive, Positive, Positive]
    yaw_deg: FiniteFloat | None = None
    rotation: tuple[Vec3, Vec3, Vec3] | None = None
    facing_deg: FiniteFloat | None = None


class _Boxes(BaseModel):
    model_config = ConfigDict(extra="ignore")
    objects: list[_Object]
    layout: dict[str, Any] = {}


def accepts(path: Path) -> bool:
    """A JSON file with a list of objects that have centres."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    head = path.read_text(encoding="utf-8", errors="replace")
    return '"objects"' in head and '"schema_version"' not in head[:4000]


def read_boxes(path: Path) -> GivenBoxes:
    """Boxes of `{"objects": [{"label", "center_m", "size_m", "yaw_deg" | "rotation", "facing_deg"}], "layout": {...}}`.

    Raises:
        InputError: E-BOXES-JSON (not readable), E-BOXES (a field is wrong; the message names its path).
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("E-BOXES-JSON", f"not readable JSON: {error}.", "Export it again.", path) from error
    try:
        parsed = _Boxes.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise InputError("E-BOXES", f"{where}: {first['msg']}.", "Mend that field.", path) from error
    boxes = tuple(GivenBox(o.label, o.center_m, o.size_m, o.yaw_deg, o.rotation, o.facing_deg) for o in parsed.objects)
    return GivenBoxes(boxes, parsed.layout)
