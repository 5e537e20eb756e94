"""A nerfstudio folder: `transforms.json` with one camera a frame, and the pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from ..data.scene import SceneMap
from ..errors import InputError
from ..geometry.camera import scaled_K
from .convert import frame_name

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def export_nerfstudio(scene: SceneMap, folder: Path) -> None:
    """Write `transforms.json` (camera-to-world, OpenGL axes, z up, pixel centres at halves) and `images/`.

    Raises:
        InputError: E-NO-FRAMES when the map holds no pictures.
    """
    store = scene.frames
    if store is None:
        raise InputError("E-NO-FRAMES", "the map holds no frames.", "Build it from a capture.")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    frames = []
    for camera in scene.camera_path:
        name = f"images/{frame_name(camera.frame)}.jpg"
        shutil.copyfile(store.picture_path(camera.frame), folder / name)
        rgb, K = store.picture(camera.frame)
        _, _, stored, _ = store.header(camera.frame)
        known = camera.K if camera.K is not None else stored
        height, width = store.size(camera.frame)
        K = scaled_K(known, rgb.shape[1] / width, rgb.shape[0] / height)
        frames.append(
            {
                "file_path": name,
                "w": rgb.shape[1],
                "h": rgb.shape[0],
                "fl_x": K[0, 0],
                "fl_y": K[1, 1],
                "cx": K[0, 2],
                "cy": K[1, 2],
                "transform_matrix": (camera.T_map_cam @ OPENGL).tolist(),
            }
        )
    text = json.dumps({"camera_model": "OPENCV", "orientation_override": "none", "frames": frames}, indent=1)
    (folder / "transforms.json").write_text(text + "\n", encoding="utf-8")
