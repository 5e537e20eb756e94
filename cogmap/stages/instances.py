"""What objects from geometry alone have in common: components, support planes, and what is too small to be a thing."""

from __future__ import annotations

from dataclasses import dataclass

import cogmap_kernels
import numpy as np
from scipy import ndimage

from .._checks import I32, Array, Bool
from ..data.voxels import Voxels
from .forest import roots

LEVEL = 0.85
SPAN_SHARE = 0.7
LEAST_FILL = 0.3
SMALL = 0.05
LEAST_VOXELS = 8
SHEET_M = 0.06
LEAST_CLUSTER = 20
MOST_CLUSTERED = 20_000


@dataclass(frozen=True)
class InstanceOptions:
    """Sizes in metres below which things are not told apart; see `options_for` for noisy surfaces.

    Attributes:
        min_edge_m: an object's longest edge is at least this. min_second_m: its second longest.
        min_support_m2: a level patch of this area can carry things.
        min_support_height_m: lower patches are feet and rugs, not tables.
        min_carried_m: what stands on a patch rises at least this much.
        min_cut_by_colour_m: sets of this width are also cut where colour changes.
        face_m: what is no farther from a face of a box lies on it.
        least_radius, max_radius: cells bridged at least, and at most where the sampling is thin.
    """

    min_edge_m: float = 0.12
    min_second_m: float = 0.05
    min_support_m2: float = 0.08
    min_support_height_m: float = 0.25
    min_carried_m: float = 0.06
    min_cut_by_colour_m: float = 0.8
    face_m: float = 0.1
    least_radius: int = 1
    max_radius: int = 3


def options_for(noise_m: float, voxel_m: float) -> InstanceOptions:
    """Options that follow the noise of the surfaces: what is thinner than the noise is no thing."""
    plain = InstanceOptions()
    reach = round(0.5 * noise_m / voxel_m)
    return InstanceOptions(
        min_edge_m=max(plain.min_edge_m, 6 * noise_m),
        min_second_m=max(plain.min_second_m, 4 * noise_m),
        min_carried_m=max(plain.min_carried_m, 3 * noise_m),
        face_m=max(plain.face_m, 6 * noise_m),
        least_radius=max(plain.least_radius, min(reach, plain.max_radius)),
    )


def given_instances(voxels: Voxels) -> I32:
    """Objects as the input numbers them: 0, 1, ... by id, -1 for voxels without one."""
    out = np.full(len(voxels), -1, np.int32)
    known = voxels.instance_id > 0
    _, out[known] = np.unique(voxels.instance_id[known], return_inverse=True)
    return out


def given_labels(voxels: Voxels, labels: tuple[str, ...]) -> dict[int, tuple[tuple[str, float, str], ...]]:
    """Labels of every instance of `given_instances`: `labels[id - 1]` where there is one."""
    ids = np.unique(voxels.instance_id[voxels.instance_id > 0])
    known = [(k, labels[i - 1]) for k, i in enumerate(ids.tolist()) if i <= len(labels) and labels[i - 1]]
    return {k: ((text, 1.0, "given"),) for k, text in known}


def beside(first: I32, more: I32) -> I32:
    """Two sets of objects (V,) that share no voxel as one, the second numbered after the first."""
    return np.where(more >= 0, more + int(first.max(initial=-1)) + 1, first).astype(np.int32)


def adopted(voxels: Voxels, things: I32, rest: I32, margin_m: float) -> tuple[I32, I32]:
    """Two sets of objects (V,) after small ones of the second that lie under or inside one of the first joined it.

    Legs and rims that masks missed: smaller than 5 % of the thing, and inside its outline on the floor, widened by
    `margin_m`, and its height.
    """
    n = int(things.max(initial=-1)) + 1
    both = absorbed(voxels, beside(things, rest), margin_m, first=n)
    rest = np.where(both >= n, both - n, -1).astype(np.int32)
    known = rest >= 0
    rest[known] = np.unique(rest[known], return_inverse=True)[1]
    return np.where(both < n, both, -1).astype(np.int32), rest


def absorbed(voxels: Voxels, objects: I32, margin_m: float, *, first: int = 0, thin_m: float = np.inf) -> I32:
    """Objects (V,) after those from number `first` on joined the smallest thing twenty times as large they are inside.

    Args:
        thin_m: only those join whose second longest edge is at most this.
    """
    out = objects.copy()
    index = np.flatnonzero(objects >= 0)
    groups = [index[g] for g in members(objects[index])]
    lo = np.array([voxels.mean_map[g].min(0) for g in groups]).reshape(-1, 3)
    hi = np.array([voxels.mean_map[g].max(0) for g in groups]).reshape(-1, 3)
    size = np.array([len(g) for g in groups])
    head = np.arange(len(groups))
    floor = np.where(np.arange(3) == 2, -np.inf, lo - margin_m)
    for k in range(first, len(groups)):
        if np.sort(hi[k] - lo[k])[1] > thin_m:
            continue
        inside = ((lo[k] >= floor) & (hi[k] <= hi + margin_m)).all(1) & (size[k] < SMALL * size)
        if inside.any():
            head[k] = int(np.argmin(np.where(inside, size, np.inf)))
    out[index] = roots(head)[objects[index]]
    return out


def connected(voxels: Voxels, candidates: Bool, opts: InstanceOptions) -> tuple[list[Array], int, int]:
    """Connected sets of the candidate voxels, the cells between sampled neighbours, and the cells that were bridged."""
    index = np.flatnonzero(candidates)
    spacing = link_radius(voxels.key, opts.max_radius)
    radius = max(opts.least_radius, spacing)
    label = cogmap_kernels.components(voxels.key[index], steps=radius)
    return [index[m] for m in members(label)], spacing, radius


def clustered_instances(voxels: Voxels, candidates: Bool, options: InstanceOptions | None = None) -> I32:
    """The objects among the candidate voxels by density alone: HDBSCAN (Campello, Moulavi and Sander, 2013).

    It knows no support planes and no colours: a choice for outdoor scans and for clouds whose sampling changes with
    distance. At most 20,000 voxels are clustered, the others join the nearest.
    """
    from sklearn.cluster import HDBSCAN

    opts = options or InstanceOptions()
    index = np.flatnonzero(candidates)
    if len(index) < LEAST_CLUSTER:
        return np.full(len(voxels), -1, np.int32)
    xyz = voxels.mean_map[index].astype(np.float64)
    some = np.linspace(0, len(xyz) - 1, min(len(xyz), MOST_CLUSTERED)).astype(np.int64)
    label = HDBSCAN(min_cluster_size=LEAST_CLUSTER, copy=True).fit(xyz[some]).labels_
    label = label[cogmap_kernels.nearest(xyz, xyz[some])[1]]
    parts = [index[m] for m in members(label) if label[m[0]] >= 0]
    return numbered(voxels, parts, opts, link_radius(voxels.key[index], opts.max_radius))


def numbered(voxels: Voxels, parts: list[Array], opts: InstanceOptions, spacing: int) -> I32:
    """(V,) the parts that are objects as 0, 1, ..., -1 for everything else."""
    out = np.full(len(voxels), -1, np.int32)
    for n, part in enumerate(p for p in parts if is_object(voxels, p, opts, spacing)):
        out[part] = n
    return out


def link_radius(key: Array, most: int) -> int:
    """Cells to bridge: 1 where surfaces are densely sampled, more where neighbours are missing."""
    if len(key) < 50:
        return 1
    from scipy.spatial import cKDTree

    step = max(1, len(key) // 5000)
    near = np.asarray(cKDTree(key).query(key[::step], k=7)[0])
    return int(np.clip(round(float(np.median(near[:, 6])) / 2.0), 1, most))


def members(label: Array) -> list[Array]:
    """Indices of every label's elements, smallest label first."""
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if len(label) else []


def is_object(voxels: Voxels, part: Array, opts: InstanceOptions, spacing: int = 1) -> bool:
    """Whether some voxels are a thing: seen from more than one view where views overlap, and large enough.

    What only one view shows there is what flew off an edge.
    """
    if not len(part) or np.median(voxels.n_views[part]) < min(2.0, voxels.usual_views):
        return False
    return is_large(voxels, part, opts, spacing)


def is_large(voxels: Voxels, part: Array, opts: InstanceOptions, spacing: int = 1) -> bool:
    """Whether some voxels are large enough, and fill enough of their largest face, to be a thing.

    What noise leaves beside walls fills a fifth of its extent; thinly sampled scans are bridged over `spacing` cells.
    So few points as what flew off an edge has, where each frame adds its own, fill nothing.
    """
    if len(part) < LEAST_VOXELS:
        return False
    size = np.ptp(voxels.mean_map[part], axis=0) + voxels.voxel_m
    faces = np.sort(size)[1:]
    cells = LEAST_FILL * faces[0] * faces[1] / voxels.voxel_m**2
    filled = len(part) * spacing**2 >= cells and (voxels.usual_views <= 1 or voxels.n_points[part].sum() >= cells)
    return bool(filled and size.max() >= opts.min_edge_m and np.sort(size)[1] >= opts.min_second_m)


def split_at_supports(voxels: Voxels, part: Array, radius: int, opts: InstanceOptions) -> list[Array]:
    """Cut what stands on level patches (table tops, counters, beds) off what carries it.

    A piece that reaches across the patch along one of its edges, a chair's back or a sofa's arm, is part of the
    carrier, and so is a sheet that stands along an edge: a back wall of a shelf with holes in it. Lower patches are
    tried first, and every piece is cut again.
    """
    for patch in _level_patches(voxels, part, opts):
        on_top = _standing_on(voxels, part, patch, opts)
        pieces = [on_top[m] for m in members(cogmap_kernels.components(voxels.key[on_top], steps=radius))]
        carried = [p for p in pieces if _is_carried(voxels, p, patch, opts)]
        if carried:
            rest = np.setdiff1d(part, np.concatenate(carried))
            out = split_at_supports(voxels, rest, radius, opts)
            for piece in carried:
                out += split_at_supports(voxels, piece, radius, opts)
            return out
    return [part]


def _level_patches(voxels: Voxels, part: Array, opts: InstanceOptions) -> list[Array]:
    """Connected sets of voxels whose surface looks up, large enough to carry things, lowest first."""
    level = part[voxels.normal[part, 2] > LEVEL]
    if len(level) == 0:
        return []
    groups = [level[m] for m in members(cogmap_kernels.components(voxels.key[level], steps=2))]
    need = opts.min_support_m2 / voxels.voxel_m**2
    patches = []
    for group in groups:
        columns = np.unique(voxels.key[group, :2], axis=0)
        spread = float(np.ptp(voxels.mean_map[group, 2]))
        high = float(np.median(voxels.mean_map[group, 2])) >= opts.min_support_height_m
        if high and len(columns) >= 0.6 * need and spread < 0.12:
            patches.append(group)
    return sorted(patches, key=lambda g: float(np.median(voxels.mean_map[g, 2])))


def _standing_on(voxels: Voxels, part: Array, patch: Array, opts: InstanceOptions) -> Array:
    """Voxels of the part over the filled outline of the patch and above its surface."""
    lo = voxels.key[patch, :2].min(0) - 2
    shape = voxels.key[patch, :2].max(0) + 3 - lo
    grid = np.zeros(tuple(shape), bool)
    grid[tuple((voxels.key[patch, :2] - lo).T)] = True
    grid = ndimage.binary_fill_holes(ndimage.binary_closing(grid, iterations=2))
    height = float(np.median(voxels.mean_map[patch, 2]))
    above = part[voxels.mean_map[part, 2] > height + 1.2 * voxels.voxel_m]
    at = voxels.key[above, :2] - lo
    inside = ((at >= 0) & (at < shape)).all(1)
    inside[inside] = grid[tuple(at[inside].T)]
    return np.asarray(np.setdiff1d(above[inside], patch))


def _is_carried(voxels: Voxels, piece: Array, patch: Array, opts: InstanceOptions) -> bool:
    """Whether a piece over a patch is a thing of its own: it rests on it, rises, and is no edge of it."""
    p, q = voxels.mean_map[piece], voxels.mean_map[patch]
    height = float(np.median(q[:, 2]))
    rises = float(p[:, 2].max()) - height >= opts.min_carried_m
    rests = float(p[:, 2].min()) - height < 0.06 + 2 * voxels.voxel_m
    if not (rises and rests and len(piece) >= 6):
        return False
    axes = np.linalg.svd(q[:, :2] - q[:, :2].mean(0), full_matrices=False)[2]
    a, b = (p[:, :2] - q[:, :2].mean(0)) @ axes.T, (q[:, :2] - q[:, :2].mean(0)) @ axes.T
    share = np.ptp(a, axis=0) / np.maximum(np.ptp(b, axis=0), 1e-6)
    lo, hi = b.min(0), b.max(0)
    margin = 3 * voxels.voxel_m
    at_edge = (a.min(0) < lo + margin) | (a.max(0) > hi - margin)
    sheet = np.ptp(a, axis=0) < SHEET_M
    is_side = any((share[k] > SPAN_SHARE or sheet[1 - k]) and at_edge[1 - k] for k in (0, 1))
    return not is_side and float(np.prod(np.minimum(share, 1.0))) < 0.6
