"""GLB 2.0: boxes of objects, walls and openings as named meshes, metres, y up as the format asks."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F32
from ..data.palette import color_of
from ..data.scene import Box, SceneMap

FACES = np.array(
    [[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6]]
    + [[3, 0, 4], [3, 4, 7]],
    np.uint16,
)
UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)
WALL_THICK_M = 0.05
WALL_COLOR = (0.8, 0.8, 0.8, 0.4)
OPENING_COLOR = (0.4, 0.6, 0.9, 0.6)


def export_glb(scene: SceneMap, path: Path) -> None:
    """Write the boxes; nodes are named by id, and their `extras` hold number, label and size. Map z is the file's y."""
    parts = [
        (o.id, o.box, (*(c / 255 for c in color_of(o.number)), 1.0), {"number": o.number, "label": o.label})
        for o in scene.objects
    ]
    parts += [(o.id, o.box, OPENING_COLOR, {"number": o.number, "kind": o.kind}) for o in scene.layout.openings]
    parts += [(w.id, _wall_box(w.from_m, w.to_m, w.height_m), WALL_COLOR, {}) for w in scene.layout.walls]
    buffer = bytearray(FACES.tobytes())
    views: list[dict[str, Any]] = [{"buffer": 0, "byteOffset": 0, "byteLength": FACES.nbytes, "target": 34963}]
    accessors: list[dict[str, Any]] = [{"bufferView": 0, "componentType": 5123, "count": FACES.size, "type": "SCALAR"}]
    nodes, meshes, materials = [], [], []
    for k, (name, box, color, extras) in enumerate(parts):
        points = corners(box)
        views.append({"buffer": 0, "byteOffset": len(buffer), "byteLength": points.nbytes, "target": 34962})
        buffer += points.tobytes()
        span = {"min": points.min(0).tolist(), "max": points.max(0).tolist()}
        accessors.append({"bufferView": k + 1, "componentType": 5126, "count": 8, "type": "VEC3", **span})
        look: dict[str, Any] = {"pbrMetallicRoughness": {"baseColorFactor": list(color), "metallicFactor": 0.0}}
        materials.append(look | ({"alphaMode": "BLEND"} if color[3] < 1 else {}) | {"doubleSided": True})
        meshes.append({"primitives": [{"attributes": {"POSITION": k + 1}, "indices": 0, "material": k}]})
        nodes.append({"name": name, "mesh": k, "extras": {**extras, "size_m": list(box.size_m)}})
    head = {
        "asset": {"version": "2.0", "generator": "cogmap", "extras": {"unit": scene.scale.unit}},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes)))} if nodes else {}],
        "buffers": [{"byteLength": len(buffer)}],
        "bufferViews": views,
        "accessors": accessors,
    }
    head |= {"nodes": nodes, "meshes": meshes, "materials": materials} if nodes else {}
    path.write_bytes(_glb(head, bytes(buffer)))


def _wall_box(a: tuple[float, float], b: tuple[float, float], height: float) -> Box:
    step = np.subtract(b, a)
    length = max(float(np.linalg.norm(step)), 1e-3)
    middle = (float(a[0] + b[0]) / 2, float(a[1] + b[1]) / 2, height / 2)
    return Box(middle, (length, WALL_THICK_M, max(height, 1e-3)), float(np.arctan2(step[1], step[0])))


def corners(box: Box) -> F32:
    """The eight corners (8, 3) float32 of an upright box in the file's axes: x right, y up, z towards the viewer."""
    return (box.corners @ UP.T).astype(np.float32)


def _glb(head: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks
