"""Objects of scans: surfaces cut where they bend inwards, the creases along which one thing stands against another.

Scans show seats, drawers and cushions that touch one another and the walls; what is connected is half the room there.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree

from .._checks import F64, I32, Array, Bool
from ..data.voxels import Voxels
from ..geometry.box import fit_rectangle
from .colour import lab
from .forest import root, roots
from .instances import InstanceOptions, connected, members, numbered, split_at_supports

NEIGHBOURS = 10
REACH = 2.4
COLOUR = 0.1
CUT = 0.4
LEAST_PATCH, LEAST_PIECE, LEAST_VOXELS = 30, 100, 60
TOUCH_SHARE = 0.2
WHOLE_M, WHOLE_SECOND_M = 1.5, 1.0
COVERED = 0.8
MERGES = 6
LEVEL, LEVEL_FIRST = 0.7, 0.1
BENT, OUT_SHARE, LEAST_TOUCH = 0.7, 0.95, 12


def convex_instances(voxels: Voxels, candidates: Bool, options: InstanceOptions | None = None) -> I32:
    """Number the objects among the candidate voxels: convex patches of what is connected.

    Sets up to 1.5 m long and 1 m wide stay whole but for what stands on them. Larger ones are cut into patches by
    `cut_at_creases`; pieces below 60 voxels are too thinly sampled to be told from clutter.

    Args:
        voxels: in the map frame. candidates: (V,) voxels that are neither room nor outside.

    Returns:
        (V,) int32: 0, 1, ... for objects, -1 for everything else.
    """
    opts = options or InstanceOptions()
    found, spacing, radius = connected(voxels, candidates, opts)
    parts = []
    for part in found:
        edge = np.sort(np.ptp(voxels.mean_map[part], axis=0))
        whole = edge[2] <= WHOLE_M and edge[1] <= WHOLE_SECOND_M
        for piece in [part] if whole else cut_at_creases(voxels, part):
            parts += split_at_supports(voxels, piece, radius, opts)
    return numbered(voxels, [p for p in parts if _is_solid(voxels, p, spacing)], opts, spacing)


def _is_solid(voxels: Voxels, part: Array, spacing: int) -> bool:
    """Whether a piece covers the largest face of its box but for a fifth: scraps between the scanner's views do not."""
    if len(part) < LEAST_VOXELS:
        return False
    p = voxels.mean_map[part].astype(np.float64)
    edges = np.sort(np.append(fit_rectangle(p[:, :2])[1], np.ptp(p[:, 2])))
    return bool(len(part) * (spacing * voxels.voxel_m) ** 2 >= COVERED * edges[1] * edges[2])


def one_sided(xyz: F64, normal: Array, a: Array, b: Array) -> F64:
    """Normals (V, 3) turned so that neighbours agree, along a minimum spanning tree of how far they are from it (Hoppe
    et al., 1992). Two agree when one is the other mirrored at the plane halfway between them, which holds across sharp
    edges too. Of the two sides of each connected surface the one where level normals are as given, or that looks away
    from its middle.

    Args:
        xyz: (V, 3) points. a, b: (E,) pairs of `neighbours`.
    """
    unit = _units(normal)
    off = 1.0 - np.abs(_mirrored_cosine(xyz, unit, a, b)) + 1e-4
    N = len(xyz)
    tree = minimum_spanning_tree(coo_matrix((off, (a, b)), shape=(N, N)).tocsr())
    n, surface = connected_components(tree, directed=False)
    first = np.unique(surface, return_index=True)[1]
    links = tree.tocoo()
    ends = np.append(links.row, np.full(n, N)).astype(np.int64), np.append(links.col, first).astype(np.int64)
    order, before = breadth_first_order(coo_matrix((np.ones(len(ends[0])), ends), (N + 1, N + 1)).tocsr(), N, False)
    order = order[before[order] < N][1:]  # without the root that was added and its links
    flips = _mirrored_cosine(xyz, unit, before[order], order) < 0
    sign = np.ones(N)
    for k, parent, flip in zip(order.tolist(), before[order].tolist(), flips.tolist()):
        sign[k] = -sign[parent] if flip else sign[parent]
    middle = _sums(surface, xyz) / np.bincount(surface)[:, None]
    level = np.abs(unit[:, 2]) > LEVEL
    trust = np.where(level, (unit * normal).sum(1), LEVEL_FIRST * (unit * (xyz - middle[surface])).sum(1))
    out = np.where(np.bincount(surface, sign * trust, n) < 0, -1.0, 1.0)
    return np.asarray(unit * (sign * out[surface])[:, None])


def _units(v: Array) -> F64:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-9))


def _sums(label: I32, v: F64) -> F64:
    """Sums (N, 3) of the vectors (V, 3) of every label."""
    return np.stack([np.bincount(label, v[:, k]) for k in range(3)], axis=1)


def _mirrored_cosine(xyz: F64, unit: F64, a: Array, b: Array) -> F64:
    """Cosine (E,) between the normals at b and those at a mirrored at the plane halfway."""
    d = _units(xyz[b] - xyz[a])
    mirrored = unit[a] - 2 * (unit[a] * d).sum(1, keepdims=True) * d
    return np.asarray((mirrored * unit[b]).sum(1))


def cut_at_creases(voxels: Voxels, part: Array) -> list[Array]:
    """Patches of a set of voxels by the graph-based segmentation of Felzenszwalb and Huttenlocher (2004).

    The step between neighbours is one less the cosine of their normals, squared where the surface bends outwards, and
    a tenth of their distance in CIELAB over 100. Patches below 30 voxels join the nearest in likeness; those below
    100 the neighbour they touch most.
    """
    xyz, shade = voxels.mean_map[part].astype(np.float64), lab(voxels.rgb[part].astype(np.float64))
    a, b = neighbours(xyz, REACH * voxels.voxel_m)
    normal = one_sided(xyz, voxels.normal[part], a, b)
    step = 1.0 - np.clip((normal[a] * normal[b]).sum(1), -1.0, 1.0)
    outwards = ((normal[b] - normal[a]) * (xyz[b] - xyz[a])).sum(1) > 0
    step = np.where(outwards, step**2, step)
    step += COLOUR / 100 * np.linalg.norm((shade[a] - shade[b]) * [0.5, 1.0, 1.0], axis=1)
    patch = _round_edges(_joined(_patches(len(part), a, b, step), a, b), a, b, normal, outwards)
    return [part[m] for m in members(patch)]


def neighbours(xyz: F64, reach: float) -> tuple[Array, Array]:
    """Pairs (E,), (E,) of points and their ten nearest within reach, each pair once."""
    n = len(xyz)
    near = np.asarray(cKDTree(xyz).query(xyz, k=min(NEIGHBOURS + 1, n), distance_upper_bound=reach)[1]).reshape(n, -1)
    a, b = np.repeat(np.arange(n), near.shape[1] - 1), near[:, 1:].ravel()
    a, b = a[b < n], b[b < n]
    pair = np.unique(np.minimum(a, b) * n + np.maximum(a, b))
    return pair // n, pair % n


def _patches(n: int, a: Array, b: Array, step: F64) -> I32:
    order = np.argsort(step, kind="stable")
    edges = list(zip(a[order].tolist(), b[order].tolist(), step[order].tolist()))
    parent, size, bar = list(range(n)), [1] * n, [CUT] * n
    for least in (0, LEAST_PATCH):
        for i, j, cost in edges:
            p, q = root(parent, i), root(parent, j)
            if p == q or not (cost <= min(bar[p], bar[q]) if least == 0 else min(size[p], size[q]) < least):
                continue
            p, q = (p, q) if size[p] >= size[q] else (q, p)
            parent[q] = p
            size[p] += size[q]
            bar[p] = cost + CUT / size[p]
    return np.unique([root(parent, k) for k in range(n)], return_inverse=True)[1].astype(np.int32)


def _round_edges(patch: I32, a: Array, b: Array, normal: F64, outwards: Bool) -> I32:
    """Patches that meet at an edge which bends outwards become one: faces of one box."""
    mean = _units(_sums(patch, normal))
    n = len(mean)
    p, q = np.minimum(patch[a], patch[b]), np.maximum(patch[a], patch[b])
    pair, of = np.unique((p.astype(np.int64) * n + q)[p != q], return_inverse=True)
    touch, out = np.bincount(of), np.bincount(of, outwards[p != q])
    p, q = pair // n, pair % n
    bent = (mean[p] * mean[q]).sum(1) < BENT
    convex = (out >= OUT_SHARE * touch) & bent & (touch >= LEAST_TOUCH)
    graph = coo_matrix((np.ones(int(convex.sum())), (p[convex], q[convex])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1][patch], np.int32)


def _joined(patch: I32, a: Array, b: Array) -> I32:
    """Patches after small ones joined the larger neighbour that they touch most, by at least a fifth of their size."""
    for _ in range(MERGES):
        size = np.bincount(patch)
        n = len(size)
        p, q = np.concatenate([patch[a], patch[b]]), np.concatenate([patch[b], patch[a]])
        pair, touch = np.unique((p * n + q)[(p != q) & (size[p] < LEAST_PIECE)].astype(np.int64), return_counts=True)
        p, q = pair // n, pair % n
        larger = (size[q] > size[p]) | ((size[q] == size[p]) & (q < p))
        p, q, touch = (x[larger & (touch >= TOUCH_SHARE * size[p])] for x in (p, q, touch))
        if len(p) == 0:
            break
        best = np.lexsort((q, touch, p))
        last = np.append(np.flatnonzero(np.diff(p[best])), len(p) - 1)
        head = np.arange(n)
        head[p[best[last]]] = q[best[last]]
        patch = np.unique(roots(head)[patch], return_inverse=True)[1].astype(np.int32)
    return patch
