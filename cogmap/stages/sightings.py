"""What the masks and boxes of single frames say about the voxels that the frames see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cogmap_kernels
import numpy as np

from .._checks import F32, F64, I32, Array
from ..data.detections import FrameDetections, Labeler
from ..data.frames import FrameStore, StoredFrame
from ..data.voxels import Voxels
from ..geometry.camera import unproject
from ..geometry.rigid import apply

STUFF = ("wall", "floor", "ceiling", "background")
CORE = 0.25
DEEPER = 0.6


@dataclass(frozen=True)
class Sighting:
    """What the masks of one frame say: the voxels (S,) seen in it and the mask (S,) on each, 0 = none."""

    voxel: I32
    mask: I32
    labels: tuple[str, ...]
    scores: tuple[float, ...]


def sight_all(voxels: Voxels, store: FrameStore, labeler: Labeler) -> Iterator[Sighting]:
    """The sightings of all frames that the labeler says something about; see `answers`."""
    keys = packed(voxels.key.astype(np.int64))
    for stored, found in answers(store, labeler):
        if found is not None:
            yield sight(voxels, keys, replace(stored, depth=store.filled_depth(stored)), found)


def answers(store: FrameStore, labeler: Labeler) -> Iterator[tuple[StoredFrame, FrameDetections | None]]:
    """Every frame and what the labeler says about it; as many pictures at once as it takes.

    Raises:
        InputError: E-DETECTIONS when it answers for another number of pictures.
    """
    for first in range(0, len(store), labeler.batch):
        frames = [store[f] for f in range(first, min(first + labeler.batch, len(store)))]
        pictures = [store.picture(f.frame)[0] for f in frames]
        yield from zip(frames, labeler.ask(pictures, [f.index for f in frames]))


def sight(voxels: Voxels, keys: Array, stored: StoredFrame, found: FrameDetections) -> Sighting:
    """The voxels that a frame's depth falls in and the mask on most of each.

    Args:
        keys: (V,) `packed` keys of the voxels.
    """
    known = stored.depth > 0
    xyz = apply(stored.T_map_cam, unproject(stored.depth, stored.K)[known])
    key = packed(np.floor((xyz - voxels.origin_map) / voxels.voxel_m).astype(np.int64))
    at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    cell = np.full(stored.depth.shape, -1, np.int32)
    cell[known] = np.where(keys[at] == key, at, -1)
    stuff = np.array([0, *(0 if text.lower() in STUFF else k for k, text in enumerate(found.labels, 1))])
    image = image_of(found, stored.depth, stored.K)
    votes = cogmap_kernels.mask_votes(cell, (stuff[image] + 1).astype(np.int32))
    order = np.lexsort((-votes.mask, votes.n_pixels, votes.cell))
    best = order[np.flatnonzero(np.diff(votes.cell[order], append=-1))]
    return Sighting(votes.cell[best], votes.mask[best] - 1, found.labels, found.scores)


def image_of(found: FrameDetections, depth: F32, K: F64) -> Array:
    """The masks of a frame, or what its boxes hold, as an id image (H, W) on the pixels of its depth."""
    if found.mask is not None:
        return sampled(found.mask, depth.shape)
    assert found.boxes is not None
    return masks_of_boxes(found.boxes, depth, K)


def masks_of_boxes(boxes: F64, depth: F32, K: F64) -> Array:
    """(H, W) id image of things of which a frame gives boxes (M, 4) in shares: what lies as deep as a box's middle.

    A thing is taken to be about as deep as it is large: pixels of its box within 60 % of its larger side of the median
    depth of the box's core are its own. Smaller boxes lie over larger ones.
    """
    height, width = depth.shape
    image = np.zeros(depth.shape, np.int32)
    edges = np.round(boxes * [width, height, width, height]).astype(int)
    for k in np.argsort(-np.prod(edges[:, 2:] - edges[:, :2], axis=1), kind="stable").tolist():
        x0, y0, x1, y1 = edges[k]
        dx, dy = int(CORE * (x1 - x0)), int(CORE * (y1 - y0))
        core = depth[y0 + dy : y1 - dy, x0 + dx : x1 - dx]
        if not (core > 0).any():
            continue
        middle = float(np.median(core[core > 0]))
        reach = DEEPER * middle * max((x1 - x0) / K[0, 0], (y1 - y0) / K[1, 1])
        part = depth[y0:y1, x0:x1]
        image[y0:y1, x0:x1][(part > 0) & (np.abs(part - middle) <= reach)] = k + 1
    return image


def sampled(image: I32, size: tuple[int, ...]) -> Array:
    """The pixels of an image (H, W) nearest to those of one of another size and the same field of view."""
    rows = ((np.arange(size[0]) + 0.5) * image.shape[0] / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * image.shape[1] / size[1]).astype(int)
    return np.asarray(image[rows[:, None], columns[None]])


def packed(key: Array) -> Array:
    """Cells (V, 3) int64 as one sorted-in-the-same-order number each, (V,) int64."""
    return np.asarray((key[:, 2] + (1 << 20)) << 42 | (key[:, 1] + (1 << 20)) << 21 | (key[:, 0] + (1 << 20)))
