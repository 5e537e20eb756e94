"""Which object is seen in which frame, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

import cogmap_kernels
import numpy as np

from .._checks import F64, I32
from ..data.frames import FrameStore
from ..data.voxels import Voxels
from ..geometry.camera import scaled_K
from ..geometry.rigid import apply, inverse

LEAST_SHARE = 0.05
WIDTH_PX = 240


@dataclass(frozen=True)
class Visibility:
    """share (K, N) float64: visible share of every instance in every kept frame.

    The share is drawn pixels that survive the z-buffer over the pixels the instance would fill alone,
    times the part of it that lies inside the picture.
    """

    share: F64

    def seen(self) -> list[tuple[tuple[int, float], ...]]:
        """Per instance the (frame, share) pairs of at least 5 %, in the order of frames."""
        return [tuple((int(f), float(row[f])) for f in np.flatnonzero(row >= LEAST_SHARE)) for row in self.share]


def find_visibility(voxels: Voxels, object_of_voxel: I32, store: FrameStore) -> Visibility:
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
    return Visibility(share)


def _shares(
    xyz_cam: F64,
    depth: F64 | np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    instance: I32,
    K: F64,
    n: int,
    edge: float,
) -> F64:
    """Share of each instance's voxels that project into the picture and are not behind the z-buffer."""
    mine = instance >= 0
    xyz, of = xyz_cam[mine], instance[mine]
    z = np.maximum(xyz[:, 2], 1e-6)
    u = np.floor(xyz[:, 0] / z * K[0, 0] + K[0, 2]).astype(int)
    v = np.floor(xyz[:, 1] / z * K[1, 1] + K[1, 2]).astype(int)
    inside = (xyz[:, 2] > edge) & (u >= 0) & (v >= 0) & (u < depth.shape[1]) & (v < depth.shape[0])
    front = np.zeros(len(xyz), bool)
    nearest = depth[v[inside], u[inside]]
    front[inside] = (nearest == 0) | (xyz[inside, 2] <= nearest + 3 * edge + 0.02 * nearest)
    total = np.maximum(np.bincount(of, minlength=n), 1)
    return np.asarray(np.bincount(of, front, minlength=n) / total)


def choose_keyframes(visibility: Visibility, store: FrameStore, count: int) -> tuple[int, ...]:
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
