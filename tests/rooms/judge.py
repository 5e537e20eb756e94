"""A map against the answer key of its room, in metres, degrees and shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cogmap.data.scene import SceneMap
from cogmap.geometry.box import iou
from cogmap.geometry.rigid import apply
from cogmap.geometry.similarity import fit_similarity, scale_of

from .scene import Room, Thing


@dataclass(frozen=True)
class Score:
    """Figures of one map.

    Attributes:
        path_error: RMSE of the camera centres after a similarity fit, as a share of the path's length.
        iou: per thing the best overlap of its box with an object's. scale: map lengths over true lengths.
        distance_error: median relative error of the distances between found things.
    """

    path_error: float
    iou: np.ndarray
    scale: float
    distance_error: float
    match: tuple[int, ...]


def judge(scene: SceneMap, room: Room, poses: np.ndarray, *, T_map_room: np.ndarray | None = None) -> Score:
    """Score a map whose frames have the true poses (N, 4, 4) by their index in the source.

    `T_map_room` is fitted to the camera centres where it is not known.
    """
    found = np.array([c.T_map_cam[:3, 3] for c in scene.camera_path])
    true = poses[[c.index for c in scene.camera_path], :3, 3]
    T = fit_similarity(true, found) if T_map_room is None else T_map_room
    error = np.sqrt(((apply(T, true) - found) ** 2).sum(1).mean()) / scale_of(T)
    length = float(np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).sum())
    best, match = boxes_against(scene, room, T)
    return Score(float(error) / length, best, scale_of(T), _distance_error(scene, room, best, match), match)


def boxes_against(scene: SceneMap, room: Room, T: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Per thing the best overlap of its box with an object's, and which object that is."""
    overlap = np.array([_overlaps(scene, thing, T) for thing in room.things]).reshape(len(room.things), -1)
    best = overlap.max(1) if overlap.shape[1] else np.zeros(len(room.things))
    return best, tuple(int(k) for k in overlap.argmax(1)) if overlap.shape[1] else ()


def _overlaps(scene: SceneMap, thing: Thing, T: np.ndarray) -> list[float]:
    s = scale_of(T)
    yaw = float(np.arctan2(T[1, 0], T[0, 0]))
    center = apply(T, thing.center)
    return [
        iou(center, thing.size * s, thing.yaw + yaw, np.array(o.box.center_m), np.array(o.box.size_m), o.box.yaw)
        for o in scene.objects
    ]


def _distance_error(scene: SceneMap, room: Room, best: np.ndarray, match: tuple[int, ...]) -> float:
    """Median relative error of centre distances over pairs of things found at IoU 0.25, at least 1 m apart."""
    rows = [k for k in range(len(best)) if best[k] >= 0.25]
    errors = []
    for a in rows:
        for b in rows:
            true = float(np.linalg.norm(room.things[a].center - room.things[b].center))
            if a < b and true >= 1.0:
                p, q = (np.array(scene.objects[match[k]].box.center_m) for k in (a, b))
                errors.append(abs(float(np.linalg.norm(p - q)) / true - 1))
    return float(np.median(errors)) if errors else float("nan")


def seen_directions_deg(shots: list[tuple[np.ndarray, np.ndarray]], room: Room, least_px: int = 400) -> np.ndarray:
    """Per thing the widest angle, seen from above, between directions from which it was seen.

    Args:
        shots: (thing index image, camera-to-world) of the frames. least_px: pixels that count as seen.
    """
    views: list[list[float]] = [[] for _ in room.things]
    for image, T in shots:
        count = np.bincount(image[image >= 0].ravel(), minlength=len(room.things))
        for k in np.flatnonzero(count >= least_px):
            d = T[:2, 3] - room.things[k].center[:2]
            views[k].append(float(np.arctan2(d[1], d[0])))
    return np.array([_widest(v) for v in views])


def surface_error(scene: SceneMap, room: Room, T_map_room: np.ndarray) -> np.ndarray:
    """Distance (V,) in metres from every voxel's mean to the nearest true surface."""
    assert scene.voxels is not None
    p = apply(np.linalg.inv(T_map_room), scene.voxels.mean_map.astype(np.float64))
    best = np.abs(p - np.array([room.width, room.depth, room.height])).min(1)
    best = np.minimum(best, np.abs(p).min(1))
    for t in room.things:
        c, s = np.cos(t.yaw), np.sin(t.yaw)
        local = (p - [*t.center[:2], 0.0]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        for center, size in t.parts:
            out = np.abs(local - center) - size / 2
            outside = np.linalg.norm(np.maximum(out, 0), axis=1)
            best = np.minimum(best, np.where((out < 0).all(1), -out.max(1), outside))
    return np.asarray(best)


def _widest(angles: list[float]) -> float:
    if len(angles) < 2:
        return 0.0
    a = np.array(angles)
    gap = np.abs((a[:, None] - a[None, :] + np.pi) % (2 * np.pi) - np.pi)
    return float(np.degrees(gap.max()))
