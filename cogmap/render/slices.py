"""Voxel slices: the occupied cells of the map as pictures, and back without a loss."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin

from .._checks import I32, Array
from ..data.scene import SceneMap
from ..errors import InputError

AXES = "xyz"
BITS = 24


@dataclass(frozen=True)
class Slice:
    """One picture: PNG bytes, and the range (metres, map units if relative) along the axis that it shows."""

    png: bytes
    low_m: float
    high_m: float


def render_slices(scene: SceneMap, axis: str = "z", n: int = 8) -> list[Slice]:
    """The occupied voxels cut into n slabs along an axis, one picture each, a pixel a cell.

    The 24 bits of a pixel are the layers of its slab, so that nothing is lost; a slab of more layers is drawn as panels
    of 24 layers one above the other. Origin, cell, axis and first layer are in the PNG text of every picture.

    Raises:
        InputError: E-NO-VOXELS without voxels; E-OPTION for another axis or no slices.
    """
    if scene.voxels is None:
        raise InputError("E-NO-VOXELS", "the map holds no voxels.", "Build it from a capture or a scan.")
    if axis not in AXES or n < 1:
        raise InputError("E-OPTION", f"no {n} slices along {axis!r}.", "Axes are x, y, z.")
    v, k = scene.voxels, AXES.index(axis)
    low, high = v.key.min(0), v.key.max(0)
    depth = -(-(int(high[k] - low[k]) + 1) // n)
    p, q = (j for j in range(3) if j != k)
    shape = (-(-depth // BITS), int(high[q] - low[q]) + 1, int(high[p] - low[p]) + 1)
    out = []
    for first in range(int(low[k]), int(low[k]) + n * depth, depth):
        inside = v.key[(v.key[:, k] >= first) & (v.key[:, k] < first + depth)]
        panel, bit = np.divmod(inside[:, k] - first, BITS)
        grid = np.zeros(shape, np.uint32)
        np.bitwise_or.at(grid, (panel, inside[:, q] - low[q], inside[:, p] - low[p]), (1 << bit).astype(np.uint32))
        said = {"axis": axis, "first": first, "panels": shape[0], "low": low.tolist(), "voxel_m": v.voxel_m}
        said["origin_m"] = v.origin_map.tolist()
        start = float(v.origin_map[k]) + first * v.voxel_m
        out.append(Slice(_png(grid[:, ::-1].reshape(-1, shape[2]), said), start, start + depth * v.voxel_m))
    return out


def _png(grid: Array, said: dict[str, object]) -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("cogmap", json.dumps(said))
    out = io.BytesIO()
    rgb = np.stack([grid >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(np.uint8)
    Image.fromarray(rgb).save(out, "PNG", pnginfo=text)
    return out.getvalue()


def from_slices(pngs: list[bytes]) -> I32:
    """The occupied cells (V, 3) int32 of such pictures, sorted by (iz, iy, ix).

    Raises:
        InputError: E-SLICES for a picture that is none of `render_slices`.
    """
    cells = [np.zeros((0, 3), np.int32)]
    for data in pngs:
        try:
            with Image.open(io.BytesIO(data)) as picture:
                said, rgb = json.loads(picture.info["cogmap"]), np.asarray(picture.convert("RGB")).astype(np.int64)
        except (OSError, KeyError, ValueError) as error:
            raise InputError("E-SLICES", f"not a slice of a map: {error!r}.", "Give pictures of m.slices().") from error
        grid = rgb @ np.array([1 << 16, 1 << 8, 1])
        grid = grid.reshape(said["panels"], -1, grid.shape[1])[:, ::-1]
        k = AXES.index(said["axis"])
        p, q = (j for j in range(3) if j != k)
        for bit in range(BITS):
            panel, row, column = np.nonzero(grid >> bit & 1)
            key = np.zeros((len(row), 3), np.int32)
            key[:, p], key[:, q] = column + said["low"][p], row + said["low"][q]
            key[:, k] = said["first"] + panel * BITS + bit
            cells.append(key)
    key = np.concatenate(cells)
    return np.asarray(key[np.lexsort((key[:, 0], key[:, 1], key[:, 2]))])
