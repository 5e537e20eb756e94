"""Ray casting of boxes with procedural textures: exact depth, instance ids and colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from .scene import Room

WALL, FLOOR, CEILING = -1, -2, -3


@dataclass(frozen=True)
class Shot:
    """One rendered frame: rgb uint8, z-depth in metres, thing index (or -1 wall, -2 floor, -3 ceiling)."""

    rgb: np.ndarray
    depth: np.ndarray
    thing: np.ndarray
    K: np.ndarray
    T_world_cam: np.ndarray


def render(room: Room, T_world_cam: np.ndarray, K: np.ndarray, size: tuple[int, int]) -> Shot:
    """Render (height, width) from a camera-to-world pose."""
    boxes, owner = _boxes(room)
    rgb, depth, thing = _cast(
        boxes,
        owner,
        np.array([room.width, room.depth, room.height]),
        room.plain,
        room.tile,
        room.seed,
        T_world_cam,
        K,
        *size,
    )
    return Shot(rgb, depth, thing, K, T_world_cam)


def _boxes(room: Room) -> tuple[np.ndarray, np.ndarray]:
    """Rows of (centre xyz, half size xyz, cos, sin, which texture) and the thing behind each."""
    rows, owner = [], []
    for number, t in enumerate(room.things):
        c, s = np.cos(t.yaw), np.sin(t.yaw)
        for p, q in t.parts:
            x, y = t.center[0] + c * p[0] - s * p[1], t.center[1] + s * p[0] + c * p[1]
            rows.append([x, y, p[2], *(q / 2), c, s, number if t.look is None else t.look])
            owner.append(number)
    for k, (p, q) in enumerate(room.screens):
        rows.append([*p, *(q / 2), 1.0, 0.0, WALL if room.tile else -10 - k])
        owner.append(WALL)
    return np.array(rows, np.float64).reshape(-1, 9), np.array(owner, np.int32)


@njit(cache=True)
def _hash(a, b, c):
    h = (a * 374761393 + b * 668265263 + c * 2147483647) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 65535.0


@njit(cache=True)
def _noise(u, v, seed):
    iu, iv = int(np.floor(u)), int(np.floor(v))
    a, b = u - iu, v - iv
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    low = _hash(iu, iv, seed) * (1 - a) + _hash(iu + 1, iv, seed) * a
    top = _hash(iu, iv + 1, seed) * (1 - a) + _hash(iu + 1, iv + 1, seed) * a
    return low * (1 - b) + top * b


@njit(cache=True)
def _pattern(u, v, seed):
    """Four octaves of value noise, from 25 cm down to 1.5 cm, about 1."""
    total = 0.0
    for k in range(4):
        f = 4.0 * 2.5**k
        total += (_noise(u * f, v * f, seed + k) - 0.5) * (0.5 if k < 2 else 0.35)
    return 1.0 + total


@njit(cache=True, parallel=True)
def _cast(boxes, owner, room, plain, tile, seed, T, K, height, width):
    rgb = np.zeros((height, width, 3), np.uint8)
    depth = np.zeros((height, width), np.float32)
    thing = np.zeros((height, width), np.int32)
    o = T[:3, 3].copy()
    for y in prange(height):
        d = np.zeros(3)
        for x in range(width):
            a, b = (x + 0.5 - K[0, 2]) / K[0, 0], (y + 0.5 - K[1, 2]) / K[1, 1]
            for k in range(3):
                d[k] = T[k, 0] * a + T[k, 1] * b + T[k, 2]
            best, axis, hit = 1e9, 0, -1
            for k in range(3):
                if d[k] > 1e-12 and (room[k] - o[k]) / d[k] < best:
                    best, axis = (room[k] - o[k]) / d[k], 2 * k
                elif d[k] < -1e-12 and -o[k] / d[k] < best:
                    best, axis = -o[k] / d[k], 2 * k + 1
            for i in range(len(boxes)):
                t, side = _hit_box(boxes[i], o, d, best)
                if t < best:
                    best, axis, hit = t, side, i
            depth[y, x] = best
            px, py, pz = o[0] + best * d[0], o[1] + best * d[1], o[2] + best * d[2]
            if hit >= 0:
                thing[y, x] = owner[hit]
            else:
                thing[y, x] = -2 if axis == 5 else (-3 if axis == 4 else -1)
            _paint(rgb[y, x], hit, axis, px, py, pz, boxes, plain, tile, seed)
    return rgb, depth, thing


@njit(cache=True)
def _hit_box(box, o, d, best):
    c, s = box[6], box[7]
    rx, ry, rz = o[0] - box[0], o[1] - box[1], o[2] - box[2]
    ox, oy, oz = c * rx + s * ry, -s * rx + c * ry, rz
    dx, dy, dz = c * d[0] + s * d[1], -s * d[0] + c * d[1], d[2]
    near, far, side = -1e9, 1e9, 0
    for k, ok, dk in ((0, ox, dx), (1, oy, dy), (2, oz, dz)):
        h = box[3 + k]
        if abs(dk) < 1e-12:
            if abs(ok) > h:
                return 1e9, 0
            continue
        t0, t1 = (-h - ok) / dk, (h - ok) / dk
        if t0 > t1:
            t0, t1 = t1, t0
        if t0 > near:
            near, side = t0, 2 * k + (0 if dk < 0 else 1)
        far = min(far, t1)
    if near > far or near < 0.02 or near >= best:
        return 1e9, 0
    return near, side


@njit(cache=True)
def _paint(out, hit, axis, px, py, pz, boxes, plain, tile, seed):
    light = (0.95, 0.85, 0.9, 0.8, 1.0, 0.7)[axis]
    if hit >= 0:
        b = boxes[hit]
        what = int(b[8])
        rx, ry = px - b[0], py - b[1]
        lx, ly, lz = b[6] * rx + b[7] * ry, -b[7] * rx + b[6] * ry, pz - b[2]
        u, v = (ly, lz) if axis < 2 else ((lx, lz) if axis < 4 else (lx, ly))
        tone = _pattern(u + 7.3 * axis, v, seed * 1000 + 17 * what + 5 * axis)
        base = (_hash(what, 1, seed), _hash(what, 2, seed), _hash(what, 3, seed))
        for k in range(3):
            out[k] = min(255.0, max(0.0, (60 + 150 * base[k]) * tone * light))
        return
    px = px % tile if tile > 0 else px
    u, v = (py, pz) if axis < 2 else ((px, pz) if axis < 4 else (px, py))
    tone = 1.0 + 0.01 * (_noise(u * 30, v * 30, seed) - 0.5)
    poster = _hash(int(np.floor(u / 0.7)), int(np.floor(v / 0.7)), seed + axis) > plain
    if axis == 5 or (axis < 4 and poster):
        tone = _pattern(u, v, seed + 31 * axis)
    base = (200.0, 195.0, 185.0) if axis < 4 else ((150.0, 120.0, 95.0) if axis == 5 else (225.0, 225.0, 225.0))
    for k in range(3):
        out[k] = min(255.0, max(0.0, base[k] * tone * light))
