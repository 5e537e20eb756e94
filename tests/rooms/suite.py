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
    room = make_room(seed, width=4.4 * n_rooms, depth=4.6, plain=0.5)
    screens = []
    for k in range(1, n_rooms):
        x = room.width * k / n_rooms
        gap = door_y(room.depth, k)
        for lo, hi in ((0.0, gap - DOOR_M / 2), (gap + DOOR_M / 2, room.depth)):
            center = np.array([x, (lo + hi) / 2, room.height / 2])
            screens.append((center, np.array([THICK_M, hi - lo, room.height])))
    solid = [box(c[0] - 0.1, 0, c[0] + 0.1, room.depth) for c, _ in screens]
    kept = [
        t for t in room.things if not any(Polygon(corners_xy(t.center, t.size, t.yaw)).intersects(s) for s in solid)
    ]
    return replace(room, things=kept, screens=screens)


def door_y(depth: float, k: int) -> float:
    """Where the middle of the k-th door lies along its wall."""
    return depth / 2 + (0.6 if k % 2 else -0.6)


def suite_path(room: Room, n_frames: int, *, n_rooms: int = 3, height: float = 1.5) -> np.ndarray:
    """Poses (N, 4, 4): twice round every room, through the doors, and back to the first."""
    cell = room.width / n_rooms
    stops: list[np.ndarray] = []
    visits = [*range(n_rooms), *range(n_rooms - 2, -1, -1)]
    for k, after in zip(visits, [*visits[1:], visits[-1]]):
        middle = np.array([cell * (k + 0.5), room.depth / 2])
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        stops += [middle + [0.28 * cell * np.cos(a), 0.24 * room.depth * np.sin(a)] for a in turn]
        door = max(k, after)
        way_through = [(door * cell + (after - k) * d, door_y(room.depth, door)) for d in (-0.6, 0.0, 0.6)]
        stops += [np.array(p) for p in way_through] if after != k else []
    way = np.array(stops)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    s = np.linspace(0, along[-1], n_frames)
    xy = np.stack([np.interp(s, along, way[:, k]) for k in (0, 1)], axis=1)
    smooth = _smoothed(xy, 15)
    middle = np.stack(
        [cell * (np.clip(smooth[:, 0] // cell, 0, n_rooms - 1) + 0.5), np.full(n_frames, room.depth / 2)], 1
    )
    ahead = smooth[np.minimum(np.arange(n_frames) + 12, n_frames - 1)] - smooth
    look = 0.6 * (middle - smooth) + 2.0 * ahead + 1e-3
    heading = _smoothed(np.unwrap(np.arctan2(look[:, 1], look[:, 0]))[:, None], 15)[:, 0]
    poses = []
    for i, (at, a) in enumerate(zip(smooth, heading)):
        eye = np.array([*at, height + 0.04 * np.sin(i / 7)])
        poses.append(look_at(eye, np.array([at[0] + 2 * np.cos(a), at[1] + 2 * np.sin(a), height - 0.7])))
    return np.array(poses)


def _smoothed(rows: np.ndarray, reach: int) -> np.ndarray:
    """Running mean of (N, C) rows over 2 * reach + 1 of them."""
    window = np.ones(2 * reach + 1) / (2 * reach + 1)
    return np.stack([np.convolve(np.pad(c, reach, mode="edge"), window, "valid") for c in rows.T], axis=1)
