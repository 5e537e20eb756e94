"""Boxes per frame as Omni3D and the COCO tools read them: images, annotations, categories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F64
from ..data.scene import CameraPose, MapObject, SceneMap
from ..errors import InputError
from ..geometry.camera import project
from ..geometry.rigid import about_z, apply, inverse
from .convert import frame_name

# A cuboid of Omni3D runs along (length, down, width); a box of cogmap along (length, width, up).
FROM_OMNI3D = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float64)
UNIT_CORNERS = np.array([[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]) / 2


def export_coco3d(scene: SceneMap, path: Path) -> None:
    """Write one image for every kept frame and one annotation for every object that it shows.

    In the camera's OpenCV axes and the map's unit: `center_cam`, `dimensions` (width, height, length), `R_cam`, the
    corners `bbox3D_cam`, and `visibility`; in pixels `bbox` (x, y, width, height) round the projected corners, cut to
    the picture. Corners behind the camera are flagged by `behind_camera`, and such boxes have the whole picture.

    Raises:
        InputError: E-NO-FRAMES when the map has no cameras.
    """
    if scene.frames is None or not scene.camera_path:
        raise InputError("E-NO-FRAMES", "the map holds no pictures.", "Build it from a capture.")
    names = sorted({o.label or "object" for o in scene.objects})
    images = [_image(scene, camera) for camera in scene.camera_path]
    rows: list[dict[str, Any]] = []
    for thing in scene.objects:
        name = thing.label or "object"
        for frame, share in thing.seen:
            seen = _seen(thing, scene.camera_path[frame].T_map_cam, images[frame])
            told = {"id": len(rows) + 1, "image_id": frame, "category_id": names.index(name), "category_name": name}
            rows.append({**told, "object": thing.id, "visibility": round(share, 4), "score": thing.confidence, **seen})
    info = {"description": "cogmap", "unit": scene.scale.unit, "axes": "x right, y down, z forward, of the camera"}
    categories = [{"id": k, "name": name} for k, name in enumerate(names)]
    data = {"info": info, "images": images, "categories": categories, "annotations": rows}
    path.write_text(json.dumps(data) + "\n", encoding="utf-8")


def _image(scene: SceneMap, camera: CameraPose) -> dict[str, Any]:
    assert scene.frames is not None
    rgb, K = scene.frames.picture(camera.frame)
    name = f"depth/{frame_name(camera.frame)}.jpg"  # in the map's folder
    size = {"width": rgb.shape[1], "height": rgb.shape[0]}
    return {"id": camera.frame, "file_path": name, "file_name": name, **size, "K": np.round(K, 4).tolist(),
            "T_map_cam": np.round(camera.T_map_cam, 6).tolist()}  # fmt: skip


def _seen(thing: MapObject, T_map_cam: F64, image: dict[str, Any]) -> dict[str, Any]:
    """The box of an object as the camera of an image sees it."""
    T_cam_map = inverse(T_map_cam)
    R = T_cam_map[:3, :3] @ about_z(thing.box.yaw) @ FROM_OMNI3D
    center = apply(T_cam_map, np.array(thing.box.center_m))
    length, width, height = thing.box.size_m
    corners = center + (UNIT_CORNERS * [length, height, width]) @ R.T
    behind = bool((corners[:, 2] <= 0).any())
    bbox = [0.0, 0.0, float(image["width"]), float(image["height"])] if behind else _around(corners, image)
    return {
        "center_cam": np.round(center, 4).tolist(),
        "dimensions": [width, height, length],
        "R_cam": np.round(R, 6).tolist(),
        "bbox3D_cam": np.round(corners, 4).tolist(),
        "bbox": bbox,
        "area": round(bbox[2] * bbox[3], 1),
        "iscrowd": 0,
        "valid3D": True,
        "behind_camera": behind,
    }


def _around(corners: F64, image: dict[str, Any]) -> list[float]:
    uv = np.clip(project(corners, np.array(image["K"]))[0], 0, [image["width"], image["height"]])
    low, high = uv.min(0), uv.max(0)
    return np.round([*low, *(high - low)], 1).tolist()
