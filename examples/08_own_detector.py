"""Your own detector names the objects: a labeler is a name and a function of a picture.

python 08_own_detector.py

It returns masks (an image of ids, 1 for the first label, 0 for nothing) with labels and scores, or boxes. Frames may
disagree, miss things, or be wrong: what most views say stands.
"""

from pathlib import Path

import numpy as np

import cogmap
from cogmap.data.detections import FrameDetections, Labeler

place = Path("cogmap-sample")
if not place.exists():
    cogmap.write_sample(place)


def detect(rgb: np.ndarray, index: int) -> FrameDetections:
    """Pixels of strong blue are one thing, those of strong green another: a detector as simple as can be."""
    red, green, blue = (rgb[..., k].astype(int) for k in range(3))
    mask = np.zeros(rgb.shape[:2], np.int32)
    mask[(green > red + 25) & (green > blue + 25)] = 1
    mask[(blue > red + 25) & (blue > green + 10)] = 2
    return FrameDetections(mask, ("green thing", "blue thing"), (0.9, 0.9))


m = cogmap.build(place / "scan", labeler=Labeler("by colour", detect))
for thing in m.objects:
    if thing.label:
        print(thing.id, thing.color_name, [round(v, 2) for v in thing.box.size_m], thing.labels)
