"""Boxes as other tools read them: a COCO-like 3D list, and the nine numbers of EmbodiedScan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..data.scene import SceneMap
from ..geometry.rigid import about_z


def export_boxes(scene: SceneMap, path: Path) -> None:
    """Write `{"categories": [...], "annotations": [...]}`: centre, size (x, y, z), rotation, yaw, of every object.

    `bbox_9dof` holds centre, size and the Euler angles (z, x, y) in radians that EmbodiedScan uses; the columns of `R`
    are the box's axes. Axes and units are said under `info`.
    """
    labels = sorted({o.label or "object" for o in scene.objects})
    number = {label: k for k, label in enumerate(labels)}
    rows = []
    for o in scene.objects:
        center, size = list(o.box.center_m), list(o.box.size_m)
        rows.append(
            {
                "id": o.number,
                "name": o.id,
                "category_id": number[o.label or "object"],
                "category_name": o.label or "object",
                "center_m": center,
                "size_m": size,
                "yaw_rad": round(o.box.yaw, 6),
                "R": np.round(about_z(o.box.yaw), 6).tolist(),
                "bbox_9dof": [*center, *size, round(o.box.yaw, 6), 0.0, 0.0],
                "score": round(o.confidence, 4),
            }
        )
    unit = scene.scale.unit
    info = {"axes": "x right, y forward, z up", "unit": unit, "center": "middle of the box", "yaw": "about +z from +x"}
    data = {"info": info, "categories": [{"id": k, "name": n} for n, k in number.items()], "annotations": rows}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
