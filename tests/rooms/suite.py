"""Three rooms in a row, joined by doors, and a long walk through all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from shapely.geometry import Polygon, box

from cogmap.geometry.box import corners_xy

from .camera import look_at
from .scene import Room, make_room

DOOR_M = 1.0
THICK_M = 0.1


def make_suite(seed: int, *, n_rooms: int = 3) -> Room:
    """A long room cut by walls with door gaps; things that the walls would cut are left out."""
    room = make_room(seed, width=4.4 * n_rooms, depth=4.6, plain=0.5, n_free=8)
    screens = []
    for k in range(1, n_rooms):
        x = room.width * k / n_rooms
        gap = room.depth / 2 + (0.6 if k % 2 else -0.6)
        for lo, hi in ((0.0, gap - DOOR_M / 2), (gap + DOOR_M / 2, room.depth)):
            center = np.array([x, (lo + hi) / 2, room.height / 2])
            screens.append((center, np.array([THICK_M, hi - lo, room.height])))
    solid = [box(c[0] - 0.1, 0, c[0] + 0.1, room.depth) for c, _ in screens]
    kept = [
        t for t in room.things if not any(Polygon(corners_xy(t.center, t.size, t.yaw)).intersects(s) for s in solid)
    ]
    return replace(room, things=kept, screens=screens)


def suite_path(room: Room, n_frames: int, *, n_rooms: int = 3, height: float = 1.5) -> np.ndarray:
    """Poses (N, 4, 4): twice round every room, through the doors, and back to the first."""
    cell = room.width / n_rooms
    stops: list[np.ndarray] = []
    for k in [*range(n_rooms), *range(n_rooms - 2, -1, -1)]:
        middle = np.array([cell * (k + 0.5), room.depth / 2])
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        stops += [middle + [0.28 * cell * np.cos(a), 0.24 * room.depth * np.sin(a)] for a in turn]
        if k < n_rooms - 1:
            stops.append(np.array([cell * (k + 1), room.depth / 2 + (0.6 if (k + 1) % 2 else -0.6)]))
    way = np.array(stops)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    s = np.linspace(0, along[-1], n_frames)
    xy = np.stack([np.interp(s, along, way[:, k]) for k in (0, 1)], axis=1)
    smooth = np.stack([np.convolve(np.pad(xy[:, k], 15, mode="edge"), np.ones(31) / 31, "valid") for k in (0, 1)], 1)
    poses = []
    for i, at in enumerate(smooth):
        room_of = int(np.clip(at[0] // cell, 0, n_rooms - 1))
        middle = np.array([cell * (room_of + 0.5), room.depth / 2])
        ahead = smooth[min(i + 12, n_frames - 1)] - at
        look = 0.6 * (middle - at) + 2.0 * ahead + 1e-3
        look = look / np.linalg.norm(look) * 2.0
        poses.append(look_at(np.array([*at, height + 0.04 * np.sin(i / 7)]), np.array([*(at + look), height - 0.7])))
    return np.array(poses)
