"""Scans as points: PLY and NPZ, with colour and instances where the file has them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from .._checks import Array
from ..data.points import PointCloud
from ..errors import InputError

TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
ORDER = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
LONGEST_HEADER = 65536


def read_ply(path: Path) -> PointCloud:
    """Vertices of a PLY: `x y z`, optional `red green blue` and `instance_id` (0 = none).

    Raises:
        InputError: E-PLY-HEADER, E-PLY-SHORT (fewer vertices than declared), E-PLY-FIELDS.
    """
    data = path.read_bytes()
    end = data[:LONGEST_HEADER].find(b"end_header")
    if not data.startswith(b"ply") or end < 0:
        raise InputError("E-PLY-HEADER", "the header has no end.", "Export it again.", path)
    lines = data[:end].decode("ascii", "replace").splitlines()
    body = data[data.index(b"\n", end) + 1 :]
    order, count, fields = _header(lines, path)
    rows = _rows(body, order, count, fields, path)
    names = rows.dtype.names or ()
    if not {"x", "y", "z"} <= set(names):
        raise InputError("E-PLY-FIELDS", f"vertices have {', '.join(names)}, not x y z.", "Export positions.", path)
    rgb = np.stack([_byte(rows[n]) for n in ("red", "green", "blue")], 1) if "red" in names else None
    ids = next((rows[n] for n in ("instance_id", "object_id") if n in names), None)
    xyz = np.stack([rows[n].astype(np.float64) for n in "xyz"], axis=1)
    return PointCloud(xyz, rgb, None if ids is None else np.maximum(ids, 0).astype(np.int32))


def _byte(column: Array) -> Array:
    return column if column.dtype == np.uint8 else np.clip(np.round(column * 255.0), 0, 255).astype(np.uint8)


def _header(lines: list[str], path: Path) -> tuple[str, int, list[tuple[str, str]]]:
    order, element, count = "", "", 0
    fields: list[tuple[str, str]] = []
    for words in (line.split() for line in lines):
        if words[:1] == ["format"] and len(words) > 1:
            order = words[1]
        elif words[:1] == ["element"] and len(words) == 3:
            element = words[1]
            if element != "vertex" and count == 0:
                raise InputError("E-PLY-HEADER", f"element {element} stands before vertex.", "Export points.", path)
            count = int(words[2]) if element == "vertex" and words[2].isdigit() else count
        elif words[:1] == ["property"] and element == "vertex":
            if len(words) != 3 or words[1] not in TYPES:
                raise InputError(
                    "E-PLY-FIELDS", f"vertex property {' '.join(words[1:])!r}.", "Export plain columns.", path
                )
            fields.append((words[2], TYPES[words[1]]))
    if order not in ORDER or not fields:
        raise InputError("E-PLY-HEADER", f"format {order!r} or vertex list missing.", "Export it again.", path)
    return order, count, fields


def _rows(body: bytes, order: str, count: int, fields: list[tuple[str, str]], path: Path) -> Array:
    dtype = np.dtype([(name, ORDER[order] + kind) for name, kind in fields])
    try:
        if order == "ascii":
            table = np.array(body.split(None, count * len(fields))[: count * len(fields)], np.float64)
            table = table.reshape(count, len(fields))
            out = np.zeros(count, dtype)
            for k, (name, _) in enumerate(fields):
                out[name] = table[:, k]
            return out
        return np.frombuffer(body, dtype, count)
    except ValueError as error:
        problem = f"{count} vertices are declared, fewer are there."
        raise InputError("E-PLY-SHORT", problem, "Copy it again.", path) from error


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
    if "xyz" not in arrays:
        raise InputError("E-NPZ-FIELDS", f"it holds {', '.join(sorted(arrays))}, not xyz.", "Add xyz (P, 3).", path)
    rgb = arrays.get("rgb")
    if rgb is not None and rgb.dtype.kind == "f":
        rgb = _byte(rgb)
    ids, labels = arrays.get("instance_id"), arrays.get("instance_label")
    return PointCloud(
        np.asarray(arrays["xyz"], np.float64),
        None if rgb is None else rgb.astype(np.uint8),
        None if ids is None else np.maximum(ids, 0).astype(np.int32),
        () if labels is None else tuple(str(x) for x in np.atleast_1d(labels)),
    )
