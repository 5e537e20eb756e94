"""Colours: their names, and splitting what touches but differs in colour."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .._checks import F64, I32, Array
from ..data.voxels import Voxels
from .forest import root

COLORS: dict[str, tuple[int, int, int]] = {
    "black": (25, 25, 25),
    "dark gray": (80, 80, 80),
    "gray": (135, 135, 135),
    "light gray": (195, 195, 195),
    "white": (240, 240, 240),
    "red": (190, 40, 40),
    "orange": (225, 130, 40),
    "brown": (115, 75, 45),
    "beige": (210, 190, 155),
    "yellow": (225, 205, 60),
    "olive": (120, 120, 45),
    "green": (60, 150, 70),
    "teal": (45, 150, 145),
    "blue": (50, 85, 180),
    "light blue": (125, 175, 225),
    "purple": (115, 65, 165),
    "pink": (225, 130, 165),
}
BLOCK = 3
MOST_STEP = 10.0
MOST_MIXED = 9.0
LEAST_PIECE_SHARE = 0.06


def color_name(rgb: Array) -> str:
    """The nearest of 17 colour names to the median of (P, 3) uint8 colours, by distance in CIELAB (CIE 1976)."""
    middle = np.median(rgb.astype(np.float64), axis=0)
    names = list(COLORS)
    palette = lab(np.array([COLORS[n] for n in names], np.float64))
    return names[int(np.argmin(((palette - lab(middle[None])) ** 2).sum(1)))]


def lab(rgb: F64) -> F64:
    """CIELAB (P, 3) of sRGB colours (P, 3) in 0..255 under D65 (CIE 1976)."""
    c = rgb / 255
    linear = np.where(c > 0.04045, ((c + 0.055) / 1.055) ** 2.4, c / 12.92)
    M = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ M.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def split_by_colour(voxels: Voxels, part: Array, least_edge_m: float) -> list[Array]:
    """Cut a set of voxels where its hue and chroma change from block to block.

    Blocks of three voxels a side link when their mean a*, b* differ by less than 10; blocks that mix colours link
    nothing and join the nearest piece. A piece counts when it holds 6 % of the voxels and is longer than
    `least_edge_m`; what is smaller joins the nearest piece.
    """
    ab = lab(voxels.rgb[part].astype(np.float64))[:, 1:]
    cell, block = np.unique(voxels.key[part] // BLOCK, axis=0, return_inverse=True)
    block = block.ravel()
    count = np.bincount(block)
    mean = np.stack([np.bincount(block, ab[:, k]) / count for k in (0, 1)], axis=1)
    spread = np.sqrt(np.bincount(block, ((ab - mean[block]) ** 2).sum(1)) / count)
    label = _linked_blocks(cell, mean, spread <= MOST_MIXED, count)[block]
    sizes = np.bincount(label[label >= 0], minlength=1) if (label >= 0).any() else np.zeros(1, int)
    pieces = [
        k
        for k in np.flatnonzero(sizes >= LEAST_PIECE_SHARE * len(part))
        if _long(voxels, part[label == k], least_edge_m)
    ]
    if len(pieces) < 2:
        return [part]
    known = np.isin(label, pieces)
    nearest = cKDTree(voxels.mean_map[part[known]]).query(voxels.mean_map[part[~known]])[1]
    label[~known] = label[known][nearest]
    return [part[label == k] for k in pieces]


def _long(voxels: Voxels, part: Array, least_edge_m: float) -> bool:
    return bool(np.ptp(voxels.mean_map[part], axis=0).max() >= least_edge_m)


def _linked_blocks(cell: Array, mean: F64, pure: Array, weight: Array) -> I32:
    """Region of every pure block, -1 for mixed ones: neighbours join in order of likeness.

    Two regions join while the means of both differ by less than `MOST_STEP`, so a chain of slow steps links nothing.
    """
    pairs = cKDTree(cell.astype(np.float64)).query_pairs(1.8, output_type="ndarray")
    pairs = pairs[pure[pairs].all(1)]
    step = np.linalg.norm(mean[pairs[:, 0]] - mean[pairs[:, 1]], axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], step))
    parent, total, mass = list(range(len(cell))), (mean * weight[:, None]).tolist(), weight.tolist()
    for a, b in pairs[order[step[order] < MOST_STEP]].tolist():
        p, q = sorted((root(parent, a), root(parent, b)))
        gap = np.hypot(*(total[p][k] / mass[p] - total[q][k] / mass[q] for k in (0, 1)))
        if p != q and gap < MOST_STEP:
            parent[q], mass[p] = p, mass[p] + mass[q]
            total[p] = [total[p][k] + total[q][k] for k in (0, 1)]
    return np.array([root(parent, k) if alone else -1 for k, alone in enumerate(pure)], np.int32)
