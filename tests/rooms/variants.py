"""What goes wrong in real films, each as a variant of a room or of its film."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .film import Film, between
from .raycast import render
from .scene import Room, Thing
from .suite import make_suite

BANDS = 8
CROP = 0.88
PERSON = np.array([0.45, 0.3, 1.75])


def blank(room: Room) -> Room:
    """The room with nothing on its walls."""
    return replace(room, plain=1.0)


def twins(seed: int) -> Room:
    """Two rooms side by side with the same furniture in the same places: only the door tells them apart."""
    suite = make_suite(seed, n_rooms=2)
    half = suite.width / 2
    first = [t for t in suite.things if t.center[0] + t.size.max() / 2 < half - 0.1]
    second = [replace(t, center=t.center + [half, 0, 0], look=k) for k, t in enumerate(first)]
    return replace(suite, things=first + second, tile=half)


@dataclass(frozen=True)
class RollingFilm(Film):
    """Rows are read one band after the other while the camera moves, over most of a frame's time."""

    readout: float = 0.7

    def pictures(self) -> Iterator[np.ndarray]:
        for i, T in enumerate(self.poses):
            later = self.poses[min(i + 1, len(self.poses) - 1)]
            rows = np.array_split(np.arange(self.size[0]), BANDS)
            out = np.empty((*self.size, 3), np.uint8)
            for k, band in enumerate(rows):
                moment = between(T, later, self.readout * (k + 0.5) / BANDS)
                shift = self.K - np.array([[0, 0, 0], [0, 0, band[0]], [0, 0, 0]])
                out[band] = render(self.room, moment, shift, (len(band), self.size[1])).rgb
            yield out


@dataclass(frozen=True)
class StabilisedFilm(Film):
    """Electronic stabilisation: a window that follows the picture's drift is cut out, so the centre wanders."""

    def pictures(self) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(self.room.seed)
        height, width = (int(n * CROP) // 2 * 2 for n in self.size)
        room_y, room_x = self.size[0] - height, self.size[1] - width
        at = np.array([room_y / 2, room_x / 2])
        for picture in super().pictures():
            at = np.clip(at + rng.normal(0, 2.0, 2), 0, [room_y, room_x])
            y, x = np.round(at).astype(int)
            yield np.ascontiguousarray(picture[y : y + height, x : x + width])


@dataclass(frozen=True)
class PeopledFilm(Film):
    """A person walks to and fro across the room while it is filmed."""

    def room_at(self, i: int) -> Room:
        """The room with the person where it is at frame i."""
        t = 0.5 + 0.5 * np.sin(i / 9)
        x, y = self.room.width * (0.2 + 0.6 * t), self.room.depth * (0.45 + 0.1 * np.cos(i / 5))
        center = np.array([x, y, PERSON[2] / 2])
        offset = np.array([0, 0, PERSON[2] / 2])
        person = Thing("person", center, PERSON, i / 11, [(offset, PERSON)])
        return replace(self.room, things=[*self.room.things, person])
