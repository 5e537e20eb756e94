"""Holes of the depth inside masks: a plane fills them where the depth round them lies on one."""

from __future__ import annotations

import cogmap_kernels
import numpy as np
from scipy import ndimage

from .._checks import F32, F64, I32, Array, Bool
from ..data.detections import Labeler
from ..data.frames import FrameStore
from ..data.voxels import Voxels, joined
from ..geometry.camera import unproject
from ..geometry.rigid import apply
from .sightings import STUFF, answers, packed, sampled

LEAST_KNOWN_PX = 60
LEAST_SHARE = 0.15
LEAST_HOLE = 0.1
ON_PLANE = 0.9
REACH = 4.0
COMPLETED = 0.25
LEAST_VIEWS = 2
MOST_PLANES = 3
TRIPLES = 96


def fill_holes(store: FrameStore, labeler: Labeler) -> int:
    """Fill the holes of the depth inside masks, in the store beside the measured depth; how many masks were filled.

    Over a plane 1 / z is linear in the pixel. A mask is filled where at least 15 % of it is known, and 90 % of that
    lies within four standard errors of the depth on one such plane, or on the two or three sides of a convex thing. The
    room itself is not filled.
    """
    filled = 0
    for stored, found in answers(store, labeler):
        if found is None or found.mask is None:
            continue
        stuff = [k for k, text in enumerate(found.labels, 1) if text.lower() in STUFF]
        image = sampled(found.mask, stored.depth.shape)
        image[np.isin(image, stuff)] = 0
        depth = stored.depth.copy()
        for k, box in enumerate(ndimage.find_objects(image), 1):
            if box is not None:
                filled += _fill(depth[box], image[box] == k, max(store.rel_noise, 0.005))
        if (depth != stored.depth).any():
            store.fill(stored.frame, depth)
    return filled


def _fill(z: F32, inside: Bool, rel_noise: float) -> bool:
    """Fill the hole of a mask (H, W) of a part of the depth in place, where a plane fits."""
    known = inside & (z > 0)
    n, whole = int(known.sum()), int(inside.sum())
    if n < max(LEAST_KNOWN_PX, LEAST_SHARE * whole) or whole - n < LEAST_HOLE * whole:
        return False
    v, u = np.nonzero(inside)
    design = np.stack([np.ones(whole), u, v], axis=1) / max(inside.shape)
    seen = known[inside]
    inverse = 1 / z[known].astype(np.float64)
    near = REACH * rel_noise
    guess = _over_planes(design, seen, inverse, near)
    low, high = np.quantile(inverse, [0.02, 0.98])
    if guess is None or guess.min() < 0.7 * low or guess.max() > 1.4 * high:
        return False
    z[v[~seen], u[~seen]] = (1 / guess[~seen]).astype(np.float32)
    return True


def _over_planes(design: F64, seen: Bool, inverse: F64, near: float) -> F64 | None:
    """1 / z (P,) of a convex thing of at most three planes that fit 90 % of the seen pixels, or None.

    A ray meets a convex thing at the farthest of the planes that face it.
    """
    rng = np.random.default_rng(0)
    known, left = design[seen], np.ones(len(inverse), bool)
    out = np.full(len(design), np.inf)
    for _ in range(MOST_PLANES):
        plane = _best_plane(known[left], inverse[left], near, rng)
        if plane is None:
            return None
        out = np.minimum(out, np.maximum(design @ plane, 1e-9))
        left &= np.abs(known @ plane / inverse - 1) > near
        if (np.abs(out[seen] / inverse - 1) <= near).mean() >= ON_PLANE:
            return out
    return None


def _best_plane(known: F64, inverse: F64, near: float, rng: np.random.Generator) -> F64 | None:
    """The plane (3,) through most of some pixels, found from triples and fitted to all near it; None without one."""
    if len(inverse) < LEAST_KNOWN_PX // 2:
        return None
    triples = rng.integers(0, len(inverse), (TRIPLES, 3))
    sound = np.abs(np.linalg.det(known[triples])) > 1e-9
    planes = np.linalg.solve(known[triples[sound]], inverse[triples[sound]][..., None])[..., 0]
    if not len(planes):
        return None
    hits = (np.abs(known @ planes.T / inverse[:, None] - 1) <= near).sum(0)
    plane = planes[int(np.argmax(hits))]
    for _ in range(2):
        used = np.abs(known @ plane / inverse - 1) <= near
        if used.sum() < LEAST_KNOWN_PX // 4:
            return None
        plane = np.linalg.lstsq(known[used], inverse[used], rcond=None)[0]
    return np.asarray(plane)


def with_filled(voxels: Voxels, store: FrameStore) -> Voxels:
    """The voxels and, where no surface was measured, those of filled holes that at least two views agree on.

    Their confidence is 0.25, below that of anything measured.
    """
    table = cogmap_kernels.VoxelTable(voxels.voxel_m, voxels.origin_map, extents=True, views=True)
    for stored in store:
        filled = store.filled_depth(stored)
        made = (filled > 0) & (stored.depth <= 0)
        if made.any():
            xyz = apply(stored.T_map_cam, unproject(filled, stored.K)[made])
            table.add(xyz, rgb=stored.rgb[made], view=stored.frame)
    sums = table.result()
    assert sums.lo is not None and sums.hi is not None and sums.n_views is not None
    new = (sums.n_views >= LEAST_VIEWS) & ~_among(sums.key, voxels.key)
    more = Voxels(
        voxel_m=voxels.voxel_m,
        origin_map=voxels.origin_map,
        key=sums.key[new],
        mean_map=sums.mean[new],
        lo_map=sums.lo[new],
        hi_map=sums.hi[new],
        rgb=sums.rgb[new],
        n_points=sums.n_points[new],
        n_views=sums.n_views[new],
        confidence=np.full(int(new.sum()), COMPLETED, np.float32),
        normal=np.zeros((int(new.sum()), 3), np.float32),
        instance_id=np.zeros(int(new.sum()), np.int32),
    )
    return joined(voxels, more)


def _among(key: I32, others: I32) -> Array:
    """Which cells (K, 3) are among others."""
    return np.isin(packed(key.astype(np.int64)), packed(others.astype(np.int64)))
