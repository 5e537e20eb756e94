"""Masks as labelers give them: true ones, and ones with the faults of real detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cogmap.data.detections import FrameDetections, Labeler

from .raycast import Shot
from .scene import Room


@dataclass(frozen=True)
class Faults:
    """Shares of masks that are missing, merged with a neighbour, false, wrongly labelled; pixels that edges are off."""

    missing: float = 0.15
    merged: float = 0.10
    edge_px: int = 6
    false: float = 0.05
    mislabelled: float = 0.10


def detector(
    room: Room, shots: Sequence[Shot], faults: Faults | None = None, seed: int = 0, least_px: int = 40
) -> Labeler:
    """A labeler that knows the truth, by the position of a frame in the source, spoilt by faults."""

    def detect(rgb: np.ndarray, index: int) -> FrameDetections:
        rng = np.random.default_rng((seed, index))
        true = shots[index].thing
        things = [k for k in np.unique(true).tolist() if k >= 0 and (true == k).sum() >= least_px]
        names = sorted({t.label for t in room.things})
        mask, labels = np.zeros(true.shape, np.int32), []
        spoilt = faults or Faults(0, 0, 0, 0, 0)
        for k in sorted(things, key=lambda k: -int((true == k).sum())):
            if rng.random() < spoilt.missing:
                continue
            area = true == k
            if rng.random() < spoilt.merged:
                ring = ndimage.binary_dilation(area, iterations=3) & ~area
                beside = true[ring & (true >= 0)]
                if len(beside):
                    area = area | (true == np.bincount(beside).argmax())
            off = int(rng.integers(-spoilt.edge_px, spoilt.edge_px + 1))
            if off:
                change = ndimage.binary_dilation if off > 0 else ndimage.binary_erosion
                area = change(area, iterations=abs(off))
            label = room.things[k].label if rng.random() >= spoilt.mislabelled else str(rng.choice(names))
            labels.append(label)
            mask[area] = len(labels)
        for _ in range(rng.binomial(max(len(things), 1), spoilt.false)):
            h, w = mask.shape
            y, x = int(rng.integers(0, h - 30)), int(rng.integers(0, w - 30))
            labels.append(str(rng.choice(names)))
            mask[y : y + int(rng.integers(15, h // 3)), x : x + int(rng.integers(15, w // 3))] = len(labels)
        return FrameDetections(mask, tuple(labels), (0.9,) * len(labels))

    return Labeler("truth", detect)
