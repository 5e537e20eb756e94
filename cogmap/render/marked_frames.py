"""Keyframes with the numbers of the objects on their visible pixels."""

from __future__ import annotations

import cogmap_kernels
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .._checks import F64, I32, U8
from ..data.scene import SceneMap
from ..errors import InputError
from ..geometry.rigid import apply, inverse
from .palette import badge, color_of

LEAST_SHARE = 0.2


def id_image(scene: SceneMap, frame: int, size: tuple[int, int], K: F64) -> I32:
    """(H, W) int32: index of the object visible at each pixel of a frame, -1 = none."""
    if scene.voxels is None or scene.object_of_voxel is None:
        raise InputError("E-NO-VOXELS", "the map holds no voxels.", "Build it from a capture.")
    T = scene.camera_path[frame].T_map_cam
    xyz_cam = apply(inverse(T), scene.voxels.mean_map)
    index = np.arange(len(scene.voxels), dtype=np.int32)
    _, owner = cogmap_kernels.zbuffer(xyz_cam, index, K, size, 1.2 * scene.voxels.voxel_m)
    return np.where(owner >= 0, scene.object_of_voxel[np.maximum(owner, 0)], -1).astype(np.int32)


def mark_frame(scene: SceneMap, frame: int) -> U8:
    """The picture of a kept frame with outlines and numbers of every object visible by more than a fifth.

    Raises:
        InputError: E-NO-FRAMES when the map holds no pictures, E-FRAME for an unknown frame.
    """
    if scene.frames is None:
        raise InputError("E-NO-FRAMES", "the map holds no frames.", "Build it from a capture.")
    if not 0 <= frame < len(scene.camera_path):
        raise InputError("E-FRAME", f"there is no frame {frame}.", f"Frames are 0 to {len(scene.camera_path) - 1}.")
    rgb, K = scene.frames.picture(frame)
    ids = id_image(scene, frame, rgb.shape[:2], K)
    out = rgb.copy()
    spots = []
    for k, thing in enumerate(scene.objects):
        visible = ids == k
        if dict(thing.seen).get(frame, 0.0) <= LEAST_SHARE or visible.sum() < 40:
            continue
        edge = visible & ~ndimage.binary_erosion(visible, iterations=2)
        out[edge] = (0.3 * out[edge] + 0.7 * np.array(color_of(thing.number))).astype(np.uint8)
        spots.append((thing.number, _deepest(visible)))
    picture = Image.fromarray(out)
    draw = ImageDraw.Draw(picture)
    size = max(11.0, rgb.shape[1] / 45)
    for number, at in spots:
        badge(draw, at, number, size)
    return np.asarray(picture)


def _deepest(visible: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[float, float]:
    """The visible pixel farthest from the outline, so that a number never lies on an occluder."""
    depth = ndimage.distance_transform_edt(np.pad(visible, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(column) + 0.5, float(row) + 0.5
