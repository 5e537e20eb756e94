"""Scans as points: PLY (meshes too) and NPZ, with colour and instances where the file has them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np

from .._checks import F64, I32, U8, Array
from ..data.issues import Issue
from ..data.points import PointCloud
from ..errors import InputError
from .ply import read_ply_file

COLOURS = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
IDS = ("instance_id", "object_id", "instance", "objectId", "object", "segment_id")
USED = {"x", "y", "z", "nx", "ny", "nz", "alpha", "a", *IDS, *(n for row in COLOURS for n in row)}
MESH_POINTS_PER_M2 = 2500.0
MOST_MESH_POINTS = 2_000_000
UNIT = re.compile(
    r"\bunits?\s*[:=]?\s*(relative|map[ _]units?|m|metres|meters|mm|millimet\w+|cm|centimet\w+|ft|feet)\b", re.I
)


def read_ply(path: Path) -> PointCloud:
    """Vertices of a PLY: `x y z`, colours in bytes, 16 bits or floats, instance ids; faces become points spread evenly.

    Ids: 0 means none, unless ids below 0 do; then they count from 0. A comment `unit: relative` (or mm, cm, ft) is
    believed.

    Raises:
        InputError: E-PLY-HEADER, E-PLY-SHORT (fewer rows than declared), E-PLY-FIELDS.
    """
    ply = read_ply_file(path)
    columns = ply.vertices
    if not {"x", "y", "z"} <= columns.keys():
        raise InputError("E-PLY-FIELDS", f"vertices have {', '.join(columns)}, not x y z.", "Export positions.", path)
    xyz = np.stack([columns[n].astype(np.float64) for n in "xyz"], axis=1)
    names = next((row for row in COLOURS if set(row) <= columns.keys()), None)
    rgb = None if names is None else colour_bytes(np.stack([columns[n] for n in names], 1))
    raw = next((columns[n] for n in IDS if n in columns), None)
    issues = _passed_over([*ply.passed_over, *(n for n in columns if n not in USED)])
    if ply.faces is not None and len(ply.faces):
        corner, share = _spread(xyz, ply.faces, path)
        issues.append(Issue("W-FACES-SAMPLED", len(ply.faces), "capture", f"{len(corner)} points stand for the faces"))
        rgb = None if rgb is None else np.asarray((rgb[corner] * share[..., None]).sum(1).round(), np.uint8)
        raw = None if raw is None else raw[corner[:, 0]]
        xyz = np.asarray((xyz[corner] * share[..., None]).sum(1))
    ids, more = (None, []) if raw is None else instance_ids(raw)
    unit = next((m[1].lower() for c in ply.comments if (m := UNIT.search(c))), None)
    return PointCloud(xyz, rgb, ids, unit=unit_of(unit), issues=(*issues, *more))


def unit_of(text: str | None) -> str | None:
    """ "m", "cm", "mm", "ft" or "relative" of a word for a unit."""
    if text is None or text in ("m", "cm", "mm", "ft", "relative"):
        return text
    heads = {"map": "relative", "milli": "mm", "centi": "cm", "feet": "ft", "met": "m"}
    return next((unit for head, unit in heads.items() if text.startswith(head)), None)


def colour_bytes(values: Array) -> U8:
    """Colours (P, 3) as bytes: floats of 0 to 1 or 0 to 255, whole numbers of 8 or 16 bits."""
    if values.dtype == np.uint8:
        return values
    plain = np.nan_to_num(values.astype(np.float64))
    top = float(plain.max(initial=0.0))
    is_float = values.dtype.kind == "f"
    factor = 255.0 if is_float and top <= 1.0 else (255.0 / 65535.0 if top > 255 else 1.0)
    return np.clip(np.round(plain * factor), 0, 255).astype(np.uint8)


def instance_ids(raw: Array, n_labels: int = 0) -> tuple[I32, list[Issue]]:
    """Ids (P,) int32 from 1, 0 = none, and what was made of them.

    Where ids below 0 stand for none and 0 is used, ids count from 0 and move up by one. Ids beyond what int32 or the
    list of labels holds are numbered anew in their order.
    """
    ids = np.nan_to_num(np.asarray(raw, np.float64), nan=-1).astype(np.int64) if raw.dtype.kind == "f" else raw
    ids = ids.astype(np.int64) if ids.dtype != np.uint64 else np.minimum(ids, 2**63 - 1).astype(np.int64)
    issues = []
    if (ids < 0).any() and (ids == 0).any():
        ids = np.where(ids < 0, 0, ids + 1)
        issues.append(Issue("W-IDS-SHIFTED", 1, "capture", "instance ids count from 0, below 0 is none"))
    ids = np.maximum(ids, 0)
    if ids.max(initial=0) > max(10 * len(ids), n_labels, 1 << 20):
        known, place = np.unique(ids, return_inverse=True)
        ids = place.reshape(ids.shape) + (0 if known[0] == 0 else 1)
    return ids.astype(np.int32), issues


def _passed_over(names: list[str]) -> list[Issue]:
    if not names:
        return []
    return [Issue("W-FIELDS-UNKNOWN", len(names), "capture", f"not read: {', '.join(names[:8])}")]


def _spread(xyz: F64, faces: Array, path: Path) -> tuple[Array, F64]:
    """Points spread evenly over triangles: corners (P, 3) and the share (P, 3) of each, always the same ones."""
    if faces.min() < 0 or faces.max() >= len(xyz):
        raise InputError("E-PLY-FIELDS", "a face names a vertex that is not there.", "Export it again.", path)
    a, b, c = (xyz[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    area = np.where(np.isfinite(area), area, 0.0)
    if area.sum() <= 0:
        raise InputError("E-PLY-FIELDS", "the faces have no area.", "Export the mesh again.", path)
    span = float(np.ptp(xyz[np.isfinite(xyz).all(1)], axis=0).max())
    wanted = area.sum() * MESH_POINTS_PER_M2 * (min(1.0, 30.0 / max(span, 1e-9)) ** 2 if span > 30 else 1.0)
    n = int(np.clip(wanted, 20_000, MOST_MESH_POINTS))
    rng = np.random.default_rng(0)
    face = np.searchsorted(np.cumsum(area), (np.arange(n) + 0.5) / n * area.sum()).clip(0, len(faces) - 1)
    u, v = np.sqrt(rng.random(n)), rng.random(n)
    share = np.stack([1 - u, u * (1 - v), u * v], axis=1)
    return faces[face], np.asarray(share, np.float64)


def read_npz(path: Path) -> PointCloud:
    """Arrays `xyz` (P, 3), optional `rgb` (P, 3), `instance_id` (P,) with 0 = none, `instance_label` from id 1.

    Raises:
        InputError: E-NPZ (not readable, or pickled), E-NPZ-FIELDS, E-SHAPE.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError("E-NPZ", f"cannot be read: {error}.", "Save plain arrays with numpy.savez.", path) from error
    held = [n for n in ("xyz", "points", "xyz_input") if n in arrays and (n == "xyz" or arrays[n].shape[1:] == (3,))]
    xyz = arrays.pop(held[0]) if held else None
    if xyz is None:
        raise InputError("E-NPZ-FIELDS", f"it holds {', '.join(sorted(arrays))}, not xyz.", "Add xyz (P, 3).", path)
    rgb = next((arrays.pop(n) for n in ("rgb", "colors") if n in arrays), None)
    raw, labels = arrays.pop("instance_id", None), arrays.pop("instance_label", None)
    texts = () if labels is None else tuple(str(x) for x in np.atleast_1d(labels))
    unit = arrays.pop("unit", None)
    issues = _passed_over(sorted(arrays))
    ids, more = (None, []) if raw is None else instance_ids(raw, len(texts))
    return PointCloud(
        np.asarray(xyz, np.float64),
        None if rgb is None else colour_bytes(rgb),
        ids,
        texts,
        unit=None if unit is None else unit_of(str(unit)),
        issues=(*issues, *more),
    )
