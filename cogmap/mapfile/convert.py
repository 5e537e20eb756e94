"""Between scene maps and the parts of `map.json`; everything is rounded here, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from pydantic import ValidationError

from .._checks import Array
from ..data.issues import Issue
from ..data.reconstruction import Scale
from ..data.scene import (
    FREE,
    OCCUPIED,
    UNKNOWN,
    Box,
    CameraPose,
    EditRecord,
    FreeSpace,
    Layout,
    MapObject,
    Obb,
    Opening,
    Quality,
    Room,
    SceneMap,
    Wall,
)
from ..errors import InputError
from .schema import BoxPart, LayoutPart, MapFile

CELLS = {UNKNOWN: "?", FREE: ".", OCCUPIED: "#"}


def _length(value: Any) -> Any:
    return np.round(np.asarray(value, np.float64), 4).tolist()


def _degrees(value: float) -> float:
    return round(float(np.degrees(value)), 3)


def _pose(T: Any) -> Any:
    return np.round(np.asarray(T, np.float64), 6).tolist()


def frame_name(frame: int) -> str:
    """`f000`: the position among kept frames."""
    return f"f{frame:03d}"


def to_file(scene: SceneMap) -> MapFile:
    """The parts of `map.json` of a scene map, rounded."""
    data = {
        "units": "m" if scene.scale.kind == "metric" else "relative",
        "scale": {
            "kind": scene.scale.kind,
            "source": scene.scale.source,
            "rel_sigma": round(scene.scale.rel_sigma, 4),
        },
        "T_map_input": _pose(scene.T_map_input),
        "objects": [_object(o) for o in scene.objects],
        "layout": _layout(scene.layout),
        "freespace": None if scene.freespace is None else _freespace(scene.freespace),
        "camera_path": [_camera(c) for c in scene.camera_path],
        "keyframes": [frame_name(f) for f in scene.keyframes],
        "parts": list(scene.parts),
        "tracks": list(scene.tracks),
        "quality": {
            "status": scene.quality.status,
            "warnings": [vars(w) for w in scene.quality.warnings],
        },
        "edits": [vars(e) for e in scene.edits],
        "provenance": dict(scene.provenance),
    }
    return MapFile.model_validate(data)


def scene_hash(scene: SceneMap) -> str:
    """SHA-256 of what `map.json` says of a map, without its edits and files."""
    data = to_file(scene).model_dump(mode="json", exclude={"edits", "files"})
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _box(box: Box) -> dict[str, Any]:
    yaw = _degrees(box.yaw)
    size = [max(float(s), 1e-4) for s in _length(box.size_m)]
    out: dict[str, Any] = {"center_m": _length(box.center_m), "size_m": size, "yaw_deg": yaw if yaw > -90 else 90.0}
    if box.obb is not None:
        o = box.obb
        out["obb"] = {"center_m": _length(o.center_m), "size_m": _length(o.size_m), "rotation": _pose(o.rotation)}
    return out


def _object(o: MapObject) -> dict[str, Any]:
    return {
        "number": o.number,
        "id": o.id,
        "label": o.label,
        "labels": [[text, round(score, 4), source] for text, score, source in o.labels],
        "box": _box(o.box),
        "footprint_m": _length(o.footprint_map),
        "facing_deg": None if o.facing is None else _degrees(o.facing),
        "color_name": o.color_name,
        "n_points": o.n_points,
        "seen": [{"frame": frame_name(f), "share": round(s, 4)} for f, s in o.seen],
        "first_seen_s": None if o.first_seen_s is None else round(o.first_seen_s, 4),
        "sigma_m": round(o.sigma_m, 4),
        "confidence": round(o.confidence, 4),
        "partial": o.partial,
        "completed": o.completed,
    }


def _layout(layout: Layout) -> dict[str, Any]:
    return {
        "floor_area_m2": None if layout.floor_area_m2 is None else round(layout.floor_area_m2, 4),
        "floor_area_range_m2": None if layout.floor_area_range_m2 is None else _length(layout.floor_area_range_m2),
        "ceiling_height_m": None if layout.ceiling_height_m is None else round(layout.ceiling_height_m, 4),
        "walls": [
            {
                "id": w.id,
                "from_m": _length(w.from_m),
                "to_m": _length(w.to_m),
                "height_m": round(w.height_m, 4),
                "seen_share": round(w.seen_share, 4),
            }
            for w in layout.walls
        ],
        "openings": [
            {"number": o.number, "id": o.id, "kind": o.kind, "wall": o.wall, **_box(o.box)} for o in layout.openings
        ],
        "rooms": [
            {
                "id": r.id,
                "polygon_m": _length(r.polygon_m),
                "area_m2": round(r.area_m2, 4),
                "coverage": round(r.coverage, 4),
            }
            for r in layout.rooms
        ],
    }


def _freespace(free: FreeSpace) -> dict[str, Any]:
    rows = ["".join(CELLS[int(c)] for c in row) for row in free.cells]
    return {"cell_m": round(free.cell_m, 4), "origin_m": _length(free.origin_map), "rows": rows}


def _camera(c: CameraPose) -> dict[str, Any]:
    return {
        "frame": frame_name(c.frame),
        "index": c.index,
        "time_s": round(c.time_s, 4),
        "K": _length(c.K),
        "T_map_cam": _pose(c.T_map_cam),
        "size_px": c.size_px,
    }


def from_file(parts: MapFile) -> SceneMap:
    """The scene map of checked parts, without voxels and frames."""
    free = parts.freespace
    return SceneMap(
        objects=tuple(_read_object(o) for o in parts.objects),
        layout=_read_layout(parts.layout),
        freespace=None if free is None else FreeSpace(free.cell_m, free.origin_m, _read_cells(free.rows)),
        voxels=None,
        object_of_voxel=None,
        camera_path=tuple(
            CameraPose(int(c.frame[1:]), c.index, c.time_s, np.array(c.K), np.array(c.T_map_cam), c.size_px)
            for c in parts.camera_path
        ),
        keyframes=tuple(int(f[1:]) for f in parts.keyframes),
        frames=None,
        scale=Scale(parts.scale.kind, parts.scale.source, parts.scale.rel_sigma),
        T_map_input=np.array(parts.T_map_input),
        quality=Quality(
            parts.quality.status,
            tuple(Issue(*(getattr(w, f.name) for f in fields(Issue))) for w in parts.quality.warnings),
        ),
        edits=tuple(EditRecord(e.what, e.at, e.from_sha256) for e in parts.edits),
        provenance=dict(parts.provenance),
        parts=tuple(parts.parts),
        tracks=tuple(parts.tracks),
    )


def _read_box(box: BoxPart) -> Box:
    obb = None if box.obb is None else Obb(box.obb.center_m, box.obb.size_m, box.obb.rotation)
    return Box(box.center_m, box.size_m, float(np.radians(box.yaw_deg)), obb)


def _read_object(o: Any) -> MapObject:
    return MapObject(
        number=o.number,
        id=o.id,
        label=o.label,
        labels=tuple(o.labels),
        box=_read_box(o.box),
        footprint_map=np.array(o.footprint_m, np.float64).reshape(-1, 2),
        facing=None if o.facing_deg is None else float(np.radians(o.facing_deg)),
        color_name=o.color_name,
        n_points=o.n_points,
        seen=tuple((int(s.frame[1:]), s.share) for s in o.seen),
        first_seen_s=o.first_seen_s,
        sigma_m=o.sigma_m,
        confidence=o.confidence,
        partial=o.partial,
        completed=o.completed,
    )


def layout_from(data: dict[str, Any]) -> Layout:
    """A layout in the form of `map.json`; an empty dictionary is an empty layout.

    Raises:
        InputError: E-BOXES with the field's path.
    """
    try:
        return _read_layout(LayoutPart.model_validate(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["layout", *(str(p) for p in first["loc"])])
        raise InputError("E-BOXES", f"{where}: {first['msg']}.", "Mend that field.") from error


def _read_layout(a: LayoutPart) -> Layout:
    return Layout(
        floor_area_m2=a.floor_area_m2,
        floor_area_range_m2=a.floor_area_range_m2,
        ceiling_height_m=a.ceiling_height_m,
        walls=tuple(Wall(w.id, w.from_m, w.to_m, w.height_m, w.seen_share) for w in a.walls),
        openings=tuple(
            Opening(o.number, o.id, o.kind, o.wall, Box(o.center_m, o.size_m, float(np.radians(o.yaw_deg))))
            for o in a.openings
        ),
        rooms=tuple(Room(r.id, np.array(r.polygon_m), r.area_m2, r.coverage) for r in a.rooms),
    )


def _read_cells(rows: Sequence[str]) -> Array:
    code = {text: value for value, text in CELLS.items()}
    width = max((len(r) for r in rows), default=0)
    return np.array([[code[c] for c in r.ljust(width, "?")] for r in rows], np.uint8).reshape(len(rows), width)
