"""Objects of frames by geometry alone: components cut by colour, at supports, and where they bend inwards."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from .._checks import F64, I32, Array, Bool
from ..data.voxels import Voxels
from ..geometry.box import fit_rectangle, turn_xy
from .colour import split_by_colour
from .convexity import cut_at_creases
from .instances import InstanceOptions, absorbed, connected, numbered, split_at_supports
from .overlaps import one_thing_a_place

LEG_M = 0.1
ONE_THING_M = 1.5
ON_FACES = 0.4
LEAST_PIECE_M2 = 0.24
OF_ONE_BOX, OUTWARD, LONGEST_M, TOUCH_CELLS = 0.8, 0.5, 3.0, 2.0
SHEET_LOW_M, SHEET_M2 = 0.16, 0.5


def find_regions(voxels: Voxels, candidates: Bool, options: InstanceOptions | None = None) -> I32:
    """Number the objects among the candidate voxels.

    What is connected is cut where its colour changes and where something stands on it. A piece over 1.5 m long whose
    surface lies for the most part inside its own box, not on the faces of it, is several things that touch: it is cut
    where it bends inwards (`convexity.cut_at_creases`), and of those cuts what has under a quarter of a square metre
    of surface is nobody's. Sheets on the floor are the floor, and what lies in one place is one thing.

    Args:
        voxels: in the map frame. candidates: (V,) voxels that are neither room nor outside.

    Returns:
        (V,) int32: 0, 1, ... for objects, -1 for everything else.
    """
    opts = options or InstanceOptions()
    found, spacing, radius = connected(voxels, candidates, opts)
    coloured = [piece for part in found for piece in _coloured_pieces(voxels, part, opts)]
    pieces = [p for piece in coloured for p in split_at_supports(voxels, piece, radius, opts)]
    parts = [p for piece in pieces for p in _things(voxels, piece, radius, opts) if not is_floor_sheet(voxels, p)]
    out = numbered(voxels, parts, opts, spacing)
    return one_thing_a_place(voxels, absorbed(voxels, out, 2 * voxels.voxel_m, thin_m=LEG_M), opts.min_second_m)


def _coloured_pieces(voxels: Voxels, part: Array, opts: InstanceOptions) -> list[Array]:
    """Large sets cut by colour: things that touch are rarely of one colour, and small things need no cut."""
    wide = np.ptp(voxels.mean_map[part, :2], axis=0).max() >= opts.min_cut_by_colour_m
    return split_by_colour(voxels, part, 2 * opts.min_edge_m) if wide else [part]


def _things(voxels: Voxels, part: Array, radius: int, opts: InstanceOptions) -> list[Array]:
    """A piece, or what it is made of where it cannot be one thing."""
    least = LEAST_PIECE_M2 / voxels.voxel_m**2
    if len(part) < 2 * least or is_one_thing(voxels.mean_map[part].astype(np.float64), opts.face_m):
        return [part]
    large = [p for p in boxed(voxels, cut_at_creases(voxels, part), opts.face_m) if len(p) >= least]
    return [q for p in large for q in split_at_supports(voxels, p, radius, opts)]


def boxed(voxels: Voxels, parts: list[Array], face_m: float) -> list[Array]:
    """Patches joined, the best pair first, while two that touch are faces of one box: a counter's front and its top.

    Two are when four fifths of both lie on the faces of the box round them and look out of it; so the corner of a room,
    or a cup and the table under it, stay apart.
    """
    parts = list(parts)
    of = np.full(len(voxels), -1, np.int64)
    for k, part in enumerate(parts):
        of[part] = k
    index = np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
    key = voxels.key[index].astype(np.float64)
    touching = (
        of[index[cKDTree(key).query_pairs(TOUCH_CELLS, output_type="ndarray")]] if len(index) else np.zeros((0, 2), int)
    )
    near = {(int(a), int(b)) for a, b in np.unique(np.sort(touching, axis=1), axis=0) if a != b}
    scores = {pair: on_faces(voxels, np.concatenate([parts[k] for k in pair]), face_m) for pair in sorted(near)}
    while scores:
        (a, b), best = max(scores.items(), key=lambda item: (item[1], -item[0][0], -item[0][1]))
        if best < OF_ONE_BOX:
            break
        parts[a], parts[b] = np.concatenate([parts[a], parts[b]]), parts[a][:0]
        others = sorted({k for pair in scores if {a, b} & set(pair) for k in pair} - {a, b})
        scores = {pair: score for pair, score in scores.items() if not {a, b} & set(pair)}
        for k in others:
            scores[min(a, k), max(a, k)] = on_faces(voxels, np.concatenate([parts[a], parts[k]]), face_m)
    return [np.sort(p) for p in parts if len(p)]


def on_faces(voxels: Voxels, part: Array, face_m: float) -> float:
    """Share of some voxels that lie on a face of their own box, the lower one aside, and look out of it; 0 when the box
    is longer than any piece of furniture."""
    xyz, normal = voxels.mean_map[part].astype(np.float64), voxels.normal[part].astype(np.float64)
    center, size, yaw = fit_rectangle(xyz[:, :2])
    if max(size.max(), float(np.ptp(xyz[:, 2]))) > LONGEST_M:
        return 0.0
    R = turn_xy(yaw)
    along, out = (xyz[:, :2] - center) @ R, normal[:, :2] @ R
    off = np.column_stack([size / 2 - along, size / 2 + along, xyz[:, 2].max() - xyz[:, 2]])
    looks = np.column_stack([out, -out, normal[:, 2]])
    return float(((off < face_m) & (looks > OUTWARD)).any(1).mean())


def is_one_thing(xyz: F64, face_m: float) -> bool:
    """Whether points (P, 3) are no longer than 1.5 m, or lie on the faces of their own box: a bed does, a corner full
    of furniture does not."""
    center, size, yaw = fit_rectangle(xyz[:, :2])
    top = float(xyz[:, 2].max())
    if max(size.max(), top - float(xyz[:, 2].min())) <= ONE_THING_M:
        return True
    inside = (size / 2 - np.abs((xyz[:, :2] - center) @ turn_xy(yaw))).min(1)
    return float((np.minimum(inside, top - xyz[:, 2]) < face_m).mean()) >= ON_FACES


def is_floor_sheet(voxels: Voxels, part: Array) -> bool:
    """Whether some voxels are a wide flat patch of the floor that lies a little too high: half a square metre, and
    no thicker than what scans and worn carpets rise."""
    high = float(np.quantile(voxels.mean_map[part, 2], 0.98)) if len(part) else np.inf
    area = len(np.unique(voxels.key[part, :2], axis=0)) * voxels.voxel_m**2
    return high < SHEET_LOW_M and area >= SHEET_M2
