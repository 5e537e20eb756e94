"""A bare JSON of boxes: a map that somebody else made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError
from scipy.spatial.transform import Rotation

from ..data.issues import Issue
from ..data.points import GivenBox, GivenBoxes
from ..errors import InputError
from .pointcloud import unit_of

Vec3 = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Positive = Annotated[FiniteFloat, Field(gt=0)]


# other names that boxes are written with; angles without a unit are radians unless one goes beyond a full turn
NAMES = {
    "label": ("label", "class", "category", "category_name", "class_name", "name", "type"),
    "center_m": ("center_m", "center", "centroid", "position", "location", "translation"),
    "size_m": ("size_m", "size", "dimensions", "extent", "extents", "axesLengths", "lwh", "scale"),
    "rotation": ("rotation", "R", "rotation_matrix"),
    "facing_deg": ("facing_deg",),
}
DEGREES = ("yaw_deg", "heading_deg", "angle_deg", "rotation_deg", "yaw_degrees")
RADIANS = ("yaw_rad", "heading_rad", "yaw_radians")
EITHER = ("yaw", "heading", "rotation_y", "rotation_z", "angle", "rot_y", "ry", "rz", "theta")
QUATERNIONS = ("quaternion", "rotation_xyzw", "orientation", "quat")
KEPT_IDS = ("id", "number", "uid")
METADATA = ("confidence", "score", "color_name", "n_points", "footprint_m", "labels", "partial", "completed", "seen",
            "first_seen_s", "sigma_m", "box")  # fmt: skip


class _Object(BaseModel):
    model_config = ConfigDict(extra="ignore")
    label: str | None = None
    center_m: Vec3
    size_m: tuple[Positive, Positive, Positive]
    yaw_deg: FiniteFloat | None = None
    rotation: tuple[Vec3, Vec3, Vec3] | None = None
    facing_deg: FiniteFloat | None = None
    id: str | None = None


class _Boxes(BaseModel):
    model_config = ConfigDict(extra="ignore")
    objects: list[_Object]
    layout: dict[str, Any] = {}


def accepts(path: Path) -> bool:
    """A JSON file with a list of objects that have centres, a `map.json`, or what `export --to boxes` writes."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    head = path.read_text(encoding="utf-8", errors="replace")
    return '"objects"' in head or ('"annotations"' in head and '"size_m"' in head)


def read_boxes(path: Path) -> GivenBoxes:
    """Boxes of `{"objects": [{"label", "center_m", "size_m", "yaw_deg" | "rotation", "facing_deg"}], "layout": {...}}`.

    Other common names of these fields are read too (`center`, `dimensions`, `yaw`, `heading`, `quaternion` x y z w);
    what is not read is told. Own ids stay.

    Raises:
        InputError: E-BOXES-JSON (not readable), E-BOXES (a field is wrong; the message names its path).
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("E-BOXES-JSON", f"not readable JSON: {error}.", "Export it again.", path) from error
    data = _flat(data)
    try:
        rows, unknown = _renamed(data)
        parsed = _Boxes.model_validate({**data, "objects": rows})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise InputError("E-BOXES", f"{where}: {first['msg']}.", "Mend that field.", path) from error
    boxes = tuple(
        GivenBox(o.label, o.center_m, o.size_m, o.yaw_deg, o.rotation, o.facing_deg, o.id) for o in parsed.objects
    )
    issues = []
    if unknown:
        issues.append(Issue("W-FIELDS-UNKNOWN", len(unknown), "capture", f"not read: {', '.join(sorted(unknown)[:8])}"))
    unit = data.get("units", data.get("unit"))
    return GivenBoxes(boxes, parsed.layout, unit_of(str(unit).lower()) if unit is not None else None, tuple(issues))


def _flat(data: Any) -> Any:
    """The objects of a `map.json` or of `export --to boxes` as a plain list of boxes; anything else as it is."""
    if not isinstance(data, dict):
        return data
    listed, unit = data.get("objects"), data.get("units")
    if isinstance(data.get("annotations"), list):
        info = data.get("info")
        unit = info.get("unit") if isinstance(info, dict) else None
        listed = [
            {"center_m": a.get("center_m"), "size_m": a.get("size_m"), "label": a.get("category_name"),
             "yaw_rad": a.get("yaw_rad"), "id": a.get("name")}
            for a in data["annotations"] if isinstance(a, dict)
        ]  # fmt: skip
        return {"objects": listed, "units": unit}
    if "schema_version" in data and isinstance(listed, list):
        flat = [
            {**{k: v for k, v in o.items() if k != "box"}, **{k: v for k, v in o["box"].items() if k != "obb"}}
            for o in listed
            if isinstance(o, dict) and isinstance(o.get("box"), dict)
        ]
        return {"objects": flat, "layout": data.get("layout") or {}, "units": unit, "schema_version": ""}
    return data


def _renamed(data: Any) -> tuple[list[Any], set[str]]:
    """Objects under our names, and the names that mean nothing to us."""
    listed = data.get("objects") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not all(isinstance(o, dict) for o in listed):
        return listed, set()  # type: ignore[return-value]  # the check that follows says what is wrong
    plain = [o[k] for o in listed for k in EITHER if isinstance(o.get(k), (int, float))]
    in_degrees = any(abs(v) > 2 * np.pi + 1e-6 for v in plain)
    unknown = set(data) - {"objects", "layout", "units", "unit", "schema_version", "frame"}
    rows = []
    for o in listed:
        row, used = dict[str, Any](), set[str]()
        for ours, names in NAMES.items():
            found = next((n for n in names if n in o), None)
            if found is not None:
                row[ours] = o[found]
                used.add(found)
        used |= _angle(o, row, in_degrees)
        used |= _own_id(o, row)
        unknown |= {str(k) for k in o if k not in used and k not in METADATA and k not in KEPT_IDS}
        rows.append(row)
    return rows, unknown


def _angle(o: dict[str, Any], row: dict[str, Any], in_degrees: bool) -> set[str]:
    """Read the turn of a box, whatever it is called; the names that were used."""
    for names, factor in ((DEGREES, 1.0), (RADIANS, 180 / np.pi), (EITHER, 1.0 if in_degrees else 180 / np.pi)):
        for name in names:
            if isinstance(o.get(name), (int, float)):
                row["yaw_deg"] = float(o[name]) * factor
                return {name}
    quaternion = next((n for n in QUATERNIONS if _length(o.get(n)) == 4), None)
    if _length(row.get("rotation")) == 4:
        quaternion = next(n for n in NAMES["rotation"] if n in o)
    if quaternion is not None:
        row["rotation"] = Rotation.from_quat(np.asarray(o[quaternion], float)).as_matrix().tolist()
        return {quaternion}
    if _length(row.get("rotation")) == 9:
        row["rotation"] = np.reshape(row["rotation"], (3, 3)).tolist()
    return set()


def _length(value: Any) -> int:
    """Entries of a flat list of numbers, 0 for anything else."""
    flat = isinstance(value, list) and all(isinstance(v, (int, float)) for v in value)
    return len(value) if flat else 0


def _own_id(o: dict[str, Any], row: dict[str, Any]) -> set[str]:
    text = o.get("id", o.get("uid"))
    if isinstance(text, str) and text:
        row["id"] = text
        return {"id", "uid"}
    return set()
