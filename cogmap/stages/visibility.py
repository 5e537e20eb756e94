"""Which object is seen in which frame, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

import cogmap_kernels
import numpy as np

from .._checks import F64, I32, Array
from ..data.frames import FrameStore
from ..data.voxels import Voxels
from ..geometry.camera import scaled_K
from ..geometry.rigid import apply, inverse

LEAST_SHARE = 0.05
WIDTH_PX = 240
OWN_PX = 3
FAR_PX = 1 << 20


@dataclass(frozen=True)
class VisibleShares:
    """share (K, N) float64: visible share of every instance in every kept frame.

    Of what an instance shows to a camera when it stands alone and the picture has no edges, the part that is inside
    the picture and that nothing else hides.
    """

    share: F64

    def seen(self) -> list[tuple[tuple[int, float], ...]]:
        """Per instance the (frame, share) pairs of at least 5 %, in the order of frames."""
        return [tuple((int(f), float(row[f])) for f in np.flatnonzero(row >= LEAST_SHARE)) for row in self.share]


def find_visibility(voxels: Voxels, object_of_voxel: I32, store: FrameStore) -> VisibleShares:
    """Draw the voxels of the map into every kept frame and count what each instance keeps.

    Args:
        object_of_voxel: (V,) instance, -1 = room. All voxels occlude; only instances are counted.
    """
    n = int(object_of_voxel.max(initial=-1)) + 1
    share = np.zeros((n, len(store)))
    index = np.arange(len(voxels), dtype=np.int32)
    for f in range(len(store)):
        _, _, K, T = store.header(f)
        height, width = store.size(f)
        s = WIDTH_PX / width
        size = (round(height * s), WIDTH_PX)
        xyz_cam = apply(inverse(T), voxels.mean_map)
        depth, owner = cogmap_kernels.zbuffer(xyz_cam, index, scaled_K(K, s, s), size, voxels.voxel_m)
        share[:, f] = _shares(xyz_cam, depth, object_of_voxel, scaled_K(K, s, s), n, voxels.voxel_m)
    return VisibleShares(share)


def _shares(xyz_cam: F64, depth: Array, instance: I32, K: F64, n: int, edge: float) -> F64:
    """Of each instance's voxels that none of its own hide, the share that is in the picture and that nothing hides."""
    mine = instance >= 0
    xyz, of = xyz_cam[mine], instance[mine]
    z = np.maximum(xyz[:, 2], 1e-6)
    u = np.floor(xyz[:, 0] / z * K[0, 0] + K[0, 2]).clip(-FAR_PX, FAR_PX).astype(np.int64)
    v = np.floor(xyz[:, 1] / z * K[1, 1] + K[1, 2]).clip(-FAR_PX, FAR_PX).astype(np.int64)
    slack = 3 * edge + 0.02 * z
    facing = z <= _nearest_own(of, u // OWN_PX, v // OWN_PX, z) + slack
    inside = (xyz[:, 2] > edge) & (u >= 0) & (v >= 0) & (u < depth.shape[1]) & (v < depth.shape[0]) & facing
    front = np.zeros(len(xyz), bool)
    nearest = depth[v[inside], u[inside]]
    front[inside] = (nearest == 0) | (z[inside] <= nearest + slack[inside])
    total = np.maximum(np.bincount(of, facing, minlength=n), 1)
    return np.asarray(np.bincount(of, front, minlength=n) / total)


def _nearest_own(of: I32, u: Array, v: Array, z: F64) -> F64:
    """(P,) depth of the nearest point of the same instance in the same cell (u, v) of the picture or beyond it."""
    if len(z) == 0:
        return z
    cell = ((v - v.min()) * (int(np.ptp(u)) + 1) + u - u.min()) * (int(of.max()) + 1) + of
    order = np.argsort(cell, kind="stable")
    new = np.append(True, np.diff(cell[order]) != 0)
    nearest = np.minimum.reduceat(z[order], np.flatnonzero(new))
    out = np.empty(len(z))
    out[order] = nearest[np.cumsum(new) - 1]
    return out


def choose_keyframes(visibility: VisibleShares, store: FrameStore, count: int) -> tuple[int, ...]:
    """Frames for prompts: greedily those that add most object share not yet shown well; at most `count`.

    Ties go to the earlier frame; when nothing is added any more, frames are spread over the walk.
    """
    best = np.zeros(len(visibility.share))
    chosen: list[int] = []
    while len(chosen) < min(count, len(store)):
        gain = np.maximum(visibility.share - best[:, None], 0).sum(0) if len(best) else np.zeros(len(store))
        gain[chosen] = -1
        pick = int(np.argmax(gain))
        if gain[pick] < 0.15:
            spread = np.linspace(0, len(store) - 1, count).round().astype(int)
            left = [int(f) for f in spread if int(f) not in chosen]
            chosen += left[: count - len(chosen)]
            break
        chosen.append(pick)
        best = np.maximum(best, visibility.share[:, pick])
    return tuple(sorted(chosen))
