"""Maps without a capture: made by hand, and random ones with hostile labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cogmap.config import Config
from cogmap.data.diary import Diary
from cogmap.data.issues import Issue
from cogmap.data.points import GivenBox, GivenBoxes
from cogmap.data.reconstruction import Scale
from cogmap.data.scene import Quality, SceneMap
from cogmap.pipeline import map_boxes

HOSTILE = ("chair", "", "a\nb", 'quo"te', "tab\there", "\u202eright", "椅子", "x" * 300, "no", "1e9", "a (b), c=d")


def map_of(*rows: tuple[str | None, tuple[float, float, float], tuple[float, float, float], float]) -> SceneMap:
    """A map of boxes: label, centre, size, yaw in degrees."""
    boxes = tuple(GivenBox(label, center, size, yaw) for label, center, size, yaw in rows)
    return map_boxes(GivenBoxes(boxes), Config(), Diary())


def random_map(seed: int, n: int) -> SceneMap:
    """n boxes anywhere, labels of all kinds."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        label = str(rng.choice(np.array(HOSTILE, object))) or None
        size = tuple(rng.uniform(0.02, 3, 3).tolist())
        rows.append((label, tuple(rng.uniform(-20, 20, 3).tolist()), size, float(rng.uniform(-180, 180))))
    return map_of(*rows)


def without_metres(scene: SceneMap) -> SceneMap:
    """The map as if no floor had been seen and nothing told the metre."""
    lost = (Issue("W-FLOOR-NOT-SEEN", 1, "align", "no floor"), Issue("W-SCALE-UNKNOWN", 1, "scale", "no metres"))
    return replace(scene, scale=Scale("relative", "none", 0.0), quality=Quality("ok").with_issues(*lost))


def living_room() -> SceneMap:
    """A hand-made room: the key to its relations is in the tests."""
    return map_of(
        ("table", (0.0, 2.0, 0.36), (1.2, 0.8, 0.72), 0),
        ("lamp", (0.3, 2.0, 0.92), (0.2, 0.2, 0.4), 0),
        ("box", (0.0, 2.0, 0.15), (0.3, 0.3, 0.3), 0),
        ("chair", (-1.0, 2.0, 0.45), (0.45, 0.45, 0.9), 0),
        ("chair", (1.0, 2.0, 0.45), (0.45, 0.45, 0.9), 0),
        ("sofa", (0.0, 4.0, 0.4), (1.8, 0.9, 0.8), 0),
        ("shelf", (3.0, 2.0, 0.9), (0.8, 0.3, 1.8), 90),
        ("books", (3.0, 2.0, 1.0), (0.2, 0.2, 0.2), 90),
        ("picture", (0.0, 4.4, 1.6), (0.8, 0.05, 0.5), 0),
    )
