"""`scene.ply`: voxel means with colour and object number, binary little endian."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.scene import SceneMap
from ..errors import InputError

DTYPE = np.dtype(
    [(n, "<f4") for n in ("x", "y", "z")] + [(n, "u1") for n in ("red", "green", "blue")] + [("object_id", "<i4")]
)


def export_ply(scene: SceneMap, path: Path) -> None:
    """Write the voxels in the map frame, z up; `object_id` is the object's number, 0 = the room.

    Raises:
        InputError: E-NO-VOXELS when the map holds none.
    """
    v, of = scene.voxels, scene.object_of_voxel
    if v is None or of is None:
        raise InputError("E-NO-VOXELS", "the map holds no voxels.", "Build it from a capture.")
    rows = np.zeros(len(v), DTYPE)
    for k, name in enumerate("xyz"):
        rows[name] = v.mean_map[:, k]
    for k, name in enumerate(("red", "green", "blue")):
        rows[name] = v.rgb[:, k]
    numbers = np.array([o.number for o in scene.objects] + [0], np.int32)
    rows["object_id"] = numbers[of]
    unit = "metres" if scene.scale.kind == "metric" else "map units"
    kinds = {"f4": "float", "u1": "uchar", "i4": "int"}
    fields = "".join(f"property {kinds[DTYPE[n].str[1:]]} {n}\n" for n in DTYPE.names or ())
    head = f"ply\nformat binary_little_endian 1.0\ncomment cogmap: {unit}, z up, x right, y forward\n"
    head += f"comment unit: {'m' if scene.scale.kind == 'metric' else 'relative'}\n"
    head += f"element vertex {len(rows)}\n{fields}end_header\n"
    path.write_bytes(head.encode("ascii") + rows.tobytes())
