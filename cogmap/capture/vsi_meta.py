"""Released annotations in the form of VSI-Bench's metadata: scenes with boxes, counts and areas, as boxes to import."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from .._checks import F64
from ..data.issues import Issue
from ..data.points import GivenBox, GivenBoxes
from ..errors import InputError

LEAST_SIDE_M = 1e-3
MOST_SKEW = 1e-2


class _Box(BaseModel):
    model_config = ConfigDict(extra="allow")
    centroid: tuple[FiniteFloat, FiniteFloat, FiniteFloat]
    axesLengths: tuple[FiniteFloat, FiniteFloat, FiniteFloat]  # noqa: N815
    normalizedAxes: list[FiniteFloat] = Field(min_length=9, max_length=9)  # noqa: N815


class _Scene(BaseModel):
    model_config = ConfigDict(extra="allow")
    object_bbox: dict[str, list[_Box]]
    object_counts: dict[str, int] = Field(default_factory=dict)
    room_size: FiniteFloat | None = None


def read_scenes(path: Path) -> dict[str, GivenBoxes]:
    """The scenes of a file by name, or `{"": scene}` where the file is one scene.

    Boxes are metres, z up, in the frame of their source; `normalizedAxes` holds the axes as rows. `layout` has the
    area of the floor; counts that differ from the number of boxes are told in `issues`, one each.

    Raises:
        InputError: E-BOXES-JSON (not readable), E-BOXES (a field is wrong, or axes that are no rotation).
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("E-BOXES-JSON", f"not readable JSON: {error}.", "Fetch it again.", path) from error
    if not isinstance(data, dict):
        raise InputError("E-BOXES", "this is no file of scenes.", "Give a JSON object of scenes.", path)
    scenes = {"": data} if "object_bbox" in data else data
    try:
        return {str(name): _given(_Scene.model_validate(scene), path, str(name)) for name, scene in scenes.items()}
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise InputError("E-BOXES", f"{where}: {first['msg']}.", "Mend that field.", path) from error


def _given(scene: _Scene, path: Path, name: str) -> GivenBoxes:
    boxes = []
    for label, found in scene.object_bbox.items():
        for k, box in enumerate(found):
            R = _rotation(box.normalizedAxes)
            if R is None:
                problem = f"{name}.object_bbox.{label}.{k}.normalizedAxes is no rotation."
                raise InputError("E-BOXES", problem, "Give nine numbers, an axis a row.", path)
            x, y, z = (max(abs(v), LEAST_SIDE_M) for v in box.axesLengths)
            rows = tuple((float(r[0]), float(r[1]), float(r[2])) for r in R)
            boxes.append(GivenBox(label, box.centroid, (x, y, z), rotation=rows))
    layout = {} if scene.room_size is None else {"floor_area_m2": scene.room_size}
    counts = {label: n for label, n in scene.object_counts.items() if n != len(scene.object_bbox.get(label, []))}
    issues = tuple(
        Issue("W-COUNTS-DIFFER", n, "capture", f"{n} {label} are counted, {have} have a box", measured=have, expected=n)
        for label, n in counts.items()
        for have in (len(scene.object_bbox.get(label, [])),)
    )
    return GivenBoxes(tuple(boxes), layout, "m", issues, counts)


def _rotation(nine: list[float]) -> F64 | None:
    """Axes as rows to a rotation (3, 3) with axes as columns, right-handed; None where they are not square."""
    R = np.reshape(nine, (3, 3)).T.astype(np.float64)
    if np.abs(R.T @ R - np.eye(3)).max() > MOST_SKEW:
        return None
    U, _, Vt = np.linalg.svd(R)
    R = U @ Vt
    return R * [1, 1, -1] if np.linalg.det(R) < 0 else R
