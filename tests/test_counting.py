"""Counting: what is seen, and what a pattern implies behind a screen."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import CognitiveMap, pipeline
from cogmap.config import Config
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.geometry.rigid import apply

from .references import K, windows
from .rooms import Room, Thing, render
from .rooms.camera import look_at
from .rooms.detector import detector

SIZE = np.array([0.3, 0.3, 0.3])
SCREEN = (np.array([4.1, 3.45, 0.9]), np.array([2.9, 0.05, 1.8]))
EYES = [np.array([x, 0.5, 1.7]) for x in np.linspace(2.4, 5.0, 24)]
POSES = np.array([look_at(e, np.array([3.0, 3.6, 0.2])) for e in EYES])


def box_at(x: float, y: float) -> Thing:
    return Thing("box", np.array([x, y, 0.15]), SIZE, 0.0, [(np.array([0, 0, 0.15]), SIZE)])


def counted(places: list[tuple[float, float]], screens: list[tuple[np.ndarray, np.ndarray]]) -> CognitiveMap:
    """The map of boxes at some places, filmed from one side of the room."""
    room = Room(6.0, 6.0, 2.6, [box_at(*p) for p in places], 5, screens=screens)
    shots = [render(room, T, K, (240, 320)) for T in POSES]
    reconstruction = Reconstruction(windows(room, POSES), Scale("metric", "sensor", 0.01))
    labeler = detector(room, shots, least_px=20)
    return CognitiveMap(pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary(), labeler=labeler))


GRID = [(1.4 + 0.8 * i, 2.3 + 0.8 * j) for j in range(4) for i in range(5)]


def test_six_boxes_behind_a_screen_are_inferred_from_the_pattern_of_the_others() -> None:
    m = counted(GRID, [SCREEN])
    assert m.count("box") == m.count("boxes") == 14
    found = m.count("box", amodal=True)
    assert (found.seen, found.inferred) == (14, 6)
    hidden = [p for p in GRID if p[0] > 2.8 and p[1] > 3.5]
    T = m.scene.T_map_input @ np.linalg.inv(POSES[3])
    true = apply(T, np.array([[*p, 0.15] for p in hidden]))
    gap = np.linalg.norm(true[:, None] - found.places[None], axis=2)
    assert gap.min(1).max() < 0.1


def test_a_gap_that_the_camera_saw_is_a_gap() -> None:
    found = counted([p for k, p in enumerate(GRID) if k not in (7, 8)], []).count("box", amodal=True)
    assert (found.seen, found.inferred) == (18, 0)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_without_a_pattern_nothing_is_inferred(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places: list[tuple[float, float]] = []
    while len(places) < 14:
        p = (float(rng.uniform(1, 5)), float(rng.uniform(2, 5.4)))
        hidden = p[0] > 2.8 and p[1] > 3.3
        if not hidden and all(np.hypot(p[0] - q[0], p[1] - q[1]) > 0.5 for q in places):
            places.append(p)
    found = counted(places, [SCREEN]).count("box", amodal=True)
    assert found.inferred == 0 and found.seen >= 10
