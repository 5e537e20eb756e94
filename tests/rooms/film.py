"""A hand-held film of a room: rendered frame by frame, with motion blur; truth kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .camera import walk_path
from .raycast import render
from .scene import Room

K480 = np.array([[390.0, 0, 240], [0, 390, 180], [0, 0, 1]])
SIZE = (360, 480)
SHUTTER = 0.25


@dataclass(frozen=True)
class Film:
    """A room and the true poses (N, 4, 4) of its frames."""

    room: Room
    poses: np.ndarray
    K: np.ndarray
    size: tuple[int, int]

    def room_at(self, i: int) -> Room:
        """What is filmed at frame i; the judge always asks for `room`."""
        return self.room

    def pictures(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 frames; each is the mean of two moments of an open shutter."""
        for i, T in enumerate(self.poses):
            later = self.poses[min(i + 1, len(self.poses) - 1)]
            moments, room = [T, between(T, later, SHUTTER)], self.room_at(i)
            seen = [render(room, m, self.K, self.size).rgb.astype(np.float32) for m in moments]
            yield np.round(np.mean(seen, axis=0)).astype(np.uint8)

    def shots(self, step: int = 6) -> list[tuple[np.ndarray, np.ndarray]]:
        """(thing image at a quarter of the size, pose) of every step-th frame, for the judge."""
        small = np.diag([0.25, 0.25, 1.0]) @ self.K
        size = (self.size[0] // 4, self.size[1] // 4)
        return [(np.repeat(render(self.room, T, small, size).thing, 16), T) for T in self.poses[::step]]


def between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """A pose between two near ones: centres and axes mixed, axes made orthonormal again."""
    out = (1 - share) * a + share * b
    U, _, Vt = np.linalg.svd(out[:3, :3])
    out[:3, :3] = U @ Vt
    return out


def film(room: Room, n_frames: int, *, height: float = 1.5, turns: float = 1.0) -> Film:
    """A walk of `n_frames` round the middle of a room."""
    return Film(room, walk_path(room, n_frames, height=height, turns=turns), K480, SIZE)
