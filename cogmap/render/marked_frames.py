"""Keyframes with the numbers of the objects on their visible pixels."""

from __future__ import annotations

import cogmap_kernels
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .._checks import F64, I32, U8, Bool
from ..data.palette import color_of
from ..data.scene import SceneMap
from ..errors import InputError
from ..geometry.rigid import apply, inverse
from .palette import badge

LEAST_SHARE = 0.2
LEAST_PX = 40


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
        InputError: E-NO-FRAMES when the map holds no pictures, E-FRAME for an unknown frame, E-NO-VOXELS.
    """
    marks, rgb = _marks(scene, frame)
    out = rgb.copy()
    for number, visible in marks:
        edge = visible & ~ndimage.binary_erosion(visible, iterations=2)
        out[edge] = (0.3 * out[edge] + 0.7 * np.array(color_of(number))).astype(np.uint8)
    picture = Image.fromarray(out)
    draw = ImageDraw.Draw(picture)
    size = max(11.0, rgb.shape[1] / 45)
    for number, visible in marks:
        badge(draw, _deepest(visible), number, size)
    return np.asarray(picture)


def mark_spots(scene: SceneMap, frame: int) -> dict[int, tuple[float, float]]:
    """Where the numbers of `mark_frame` stand: pixel (column, row) of the stored picture by number. Raises the same."""
    return {number: _deepest(visible) for number, visible in _marks(scene, frame)[0]}


def _marks(scene: SceneMap, frame: int) -> tuple[list[tuple[int, Bool]], U8]:
    """Numbers to draw, each with the pixels (H, W) that show its object, and the picture."""
    if scene.frames is None:
        raise InputError("E-NO-FRAMES", "the map holds no frames.", "Build it from a capture.")
    scene.camera(frame)
    rgb, K = scene.frames.picture(frame)
    ids = id_image(scene, frame, rgb.shape[:2], K)
    shares = [(k, thing.number, dict(thing.seen).get(frame, 0.0)) for k, thing in enumerate(scene.objects)]
    shown = [(number, ids == k) for k, number, share in shares if share > LEAST_SHARE]
    return [(number, visible) for number, visible in shown if visible.sum() >= LEAST_PX], rgb


def _deepest(visible: Bool) -> tuple[float, float]:
    """The visible pixel farthest from the outline, so that a number never lies on an occluder."""
    depth = ndimage.distance_transform_edt(np.pad(visible, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(column) + 0.5, float(row) + 0.5
