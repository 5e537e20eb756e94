"""Where a pixel of one frame is in another: through its depth, the cameras, and what stands in between."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._checks import F32, F64
from ..data.frames import StoredFrame
from ..errors import InputError
from ..geometry.camera import project
from ..geometry.rigid import apply, inverse

ALIKE = 0.03
HIDDEN_SHARE, HIDDEN_MIDDLE = 0.03, 0.015


class PixelMatch(NamedTuple):
    """The pixel (column, row) that shows the same surface, or None and why: "occluded", "out of view", "no depth".

    `confirmed` says whether the other frame's own depth is there; where it knows none, the pixel follows from cameras.
    """

    uv: tuple[float, float] | None
    reason: str | None
    xyz_map: F64 | None
    confirmed: bool = False


def match_pixel(first: StoredFrame, uv: tuple[float, float], second: StoredFrame) -> PixelMatch:
    """Follow a pixel of a frame into another; pixels are those of `frame.rgb`, the first one's centre at (0.5, 0.5).

    A surface is occluded when the other frame's depth there is nearer by more than 3 % of it and 1.5 % of the middle
    depth of that frame; it is confirmed when that depth is no farther either.

    Raises:
        InputError: E-PIXEL for one outside the picture.
    """
    height, width = first.depth.shape
    if not (0 <= uv[0] < width and 0 <= uv[1] < height):
        raise InputError("E-PIXEL", f"pixel {uv} is outside {width} x {height}.", "Give (column, row) in the picture.")
    z = depth_at(first.depth, uv)
    if z is None:
        return PixelMatch(None, "no depth", None)
    ray = np.array([(uv[0] - first.K[0, 2]) / first.K[0, 0], (uv[1] - first.K[1, 2]) / first.K[1, 1], 1.0])
    xyz = apply(first.T_map_cam, ray * z)
    seen, far = project(apply(inverse(second.T_map_cam), xyz), second.K)
    height, width = second.depth.shape
    if not far > 0 or not (0 <= seen[0] < width and 0 <= seen[1] < height):
        return PixelMatch(None, "out of view", xyz)
    there = float(second.depth[int(seen[1]), int(seen[0])])
    known = second.depth[second.depth > 0]
    near = HIDDEN_SHARE * float(far) + HIDDEN_MIDDLE * (float(np.median(known)) if len(known) else 0.0)
    if 0 < there < float(far) - near:
        return PixelMatch(None, "occluded", xyz)
    return PixelMatch((float(seen[0]), float(seen[1])), None, xyz, 0 < there <= float(far) + near)


def depth_at(depth: F32, uv: tuple[float, float]) -> float | None:
    """Depth between pixels: of the plane through the four nearest where they agree within 3 %, else the pixel's own.

    Inverse depth is linear on a plane. None where nothing is known.
    """
    own = float(depth[int(uv[1]), int(uv[0])])
    row, column = uv[1] - 0.5, uv[0] - 0.5
    top, left = int(np.floor(row)), int(np.floor(column))
    if 0 <= top < depth.shape[0] - 1 and 0 <= left < depth.shape[1] - 1:
        four = depth[top : top + 2, left : left + 2].astype(np.float64)
        if four.min() > 0 and four.max() <= (1 + ALIKE) * four.min():
            v, u = row - top, column - left
            weight = np.outer([1 - v, v], [1 - u, u])
            return float(1 / (weight / four).sum())
    return own if own > 0 else None
