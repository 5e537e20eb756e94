"""A furnished room from a seed: what stands where, and the answer key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from shapely.geometry import Polygon, box

from cogmap.geometry.box import corners_xy

from .furniture import SHAPES, SIZES


@dataclass(frozen=True)
class Thing:
    """One object of the answer key: label, box in metres in the room's frame (z up, floor 0), its parts.

    `look` is the thing whose texture it shares, or None for one of its own.
    """

    label: str
    center: np.ndarray
    size: np.ndarray
    yaw: float
    parts: list[tuple[np.ndarray, np.ndarray]]
    free_m: float = 0.0
    look: int | None = None


@dataclass(frozen=True)
class Room:
    """Walls at x in [0, width], y in [0, depth], floor z = 0, ceiling at height; and the things in it.

    `plain` is the share of each wall without texture. `screens` are extra boxes that are walls, not things.
    Patterns of floor and walls repeat along x every `tile` metres where that is not 0.
    """

    width: float
    depth: float
    height: float
    things: list[Thing]
    seed: int
    plain: float = 0.6
    screens: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    tile: float = 0.0

    @property
    def area_m2(self) -> float:
        """Floor area between the walls."""
        return self.width * self.depth


AGAINST_WALL = ("shelf", "bed", "cabinet", "desk", "sofa", "shelf", "cabinet")
FREE = ("chair", "box", "stool", "bin", "lamp", "chair", "box", "stool")
ON_TOP = ("monitor", "books", "pot", "books", "lamp")
TOUCHING = ("chair", "stool", "box", "chair", "bin", "stool", "chair", "box")


def make_room(seed: int, *, width: float = 6.0, depth: float = 5.0, plain: float = 0.6, clutter: str = "light") -> Room:
    """A room with things against walls, a table with chairs that touch it, things on tops, free things.

    In `middle` clutter most free things are pushed against others instead, as in rooms that people live in, and the
    tops carry twice as much. In `heavy` clutter half as many things again touch others, and the tops carry three times
    as much.
    """
    rng = np.random.default_rng(seed)
    w, d = width + rng.uniform(-0.3, 0.5), depth + rng.uniform(-0.3, 0.4)
    things: list[Thing] = []
    for label in AGAINST_WALL:
        _place_at_wall(things, label, w, d, rng)
    _place_table_group(things, w, d, rng)
    level = ("light", "middle", "heavy").index(clutter)
    for label in (TOUCHING * 2)[: (0, 8, 12)[level]]:
        _place_touching(things, label, w, d, rng)
    for label in FREE[: (8, 3, 2)[level]]:
        _place_free(things, label, w, d, rng)
    for label in ON_TOP * (level + 1):
        _place_on_top(things, label, rng)
    return Room(w, d, 2.6 + rng.uniform(-0.1, 0.2), [_with_free(t, things, w, d) for t in things], seed, plain)


def _thing(label: str, x: float, y: float, yaw: float, rng: np.random.Generator, z: float = 0.0) -> Thing:
    size = np.array(SIZES[label]) * rng.uniform(0.88, 1.12, 3)
    if label == "lamp" and z > 0:
        size = np.array([0.2, 0.2, 0.45])
    parts = [(np.array(c) + [0, 0, z], np.array(s)) for c, s in SHAPES[label](*size)]
    lo = np.min([c - s / 2 for c, s in parts], axis=0)
    hi = np.max([c + s / 2 for c, s in parts], axis=0)
    middle = (lo + hi) / 2
    c, s = np.cos(yaw), np.sin(yaw)
    center = np.array([x + c * middle[0] - s * middle[1], y + s * middle[0] + c * middle[1], middle[2]])
    return Thing(label, center, hi - lo, yaw, [(p - [middle[0], middle[1], 0], q) for p, q in parts])


def _outline(thing: Thing) -> Polygon:
    return Polygon(corners_xy(thing.center, thing.size, thing.yaw))


def _clear(thing: Thing, things: list[Thing], w: float, d: float, gap: float) -> bool:
    outline = _outline(thing)
    if not box(0, 0, w, d).buffer(1e-6).contains(outline):
        return False
    return all(outline.distance(_outline(t)) >= gap for t in things)


def _place_at_wall(things: list[Thing], label: str, w: float, d: float, rng: np.random.Generator) -> None:
    for _ in range(200):
        side = int(rng.integers(4))
        size = SIZES[label]
        yaw = [0.0, -np.pi / 2, np.pi, np.pi / 2][side]  # the back looks at the wall
        along = rng.uniform(size[0] * 0.6, (w if side % 2 == 0 else d) - size[0] * 0.6)
        probe = _thing(label, 0, 0, yaw, np.random.default_rng(int(rng.integers(1 << 30))))
        half = probe.size[1] / 2 + 0.004
        x, y = [(along, d - half), (w - half, along), (along, half), (half, along)][side]
        thing = Thing(label, np.array([x, y, probe.center[2]]), probe.size, yaw, probe.parts)
        if _clear(thing, things, w, d, 0.05):
            things.append(thing)
            return


def _place_table_group(things: list[Thing], w: float, d: float, rng: np.random.Generator) -> None:
    """A table in the middle with two chairs pushed against it."""
    yaw = rng.uniform(-0.5, 0.5)
    for _ in range(100):
        table = _thing("table", w / 2 + rng.uniform(-0.7, 0.7), d / 2 + rng.uniform(-0.5, 0.5), yaw, rng)
        if _clear(table, things, w, d, 0.3):
            break
    group = [table]
    for side in (-1, 1):
        reach = table.size[1] / 2 + 0.25
        off = rng.uniform(-0.3, 0.3)
        c, s = np.cos(yaw), np.sin(yaw)
        x = table.center[0] + c * off - s * side * reach
        y = table.center[1] + s * off + c * side * reach
        chair = _thing("chair", x, y, yaw + (0 if side > 0 else np.pi), rng)
        if _clear(chair, things, w, d, 0.05):
            group.append(chair)
    things.extend(group)


def _place_touching(things: list[Thing], label: str, w: float, d: float, rng: np.random.Generator) -> None:
    """A thing pushed flat against a side of another one that stands on the floor."""
    hosts = [t for t in things if t.center[2] - t.size[2] / 2 < 0.02]
    for _ in range(300):
        host = hosts[int(rng.integers(len(hosts)))]
        side = int(rng.integers(4))
        probe = _thing(label, 0, 0, 0, np.random.default_rng(int(rng.integers(1 << 30))))
        reach = host.size[side % 2] / 2 + probe.size[1] / 2 + rng.uniform(0.001, 0.008)
        off = rng.uniform(-0.4, 0.4) * host.size[1 - side % 2]
        turn = side * np.pi / 2
        c, s = np.cos(turn), np.sin(turn)
        local = np.array([c * reach - s * off, s * reach + c * off])
        c, s = np.cos(host.yaw), np.sin(host.yaw)
        x, y = host.center[:2] + [c * local[0] - s * local[1], s * local[0] + c * local[1]]
        thing = Thing(label, np.array([x, y, probe.center[2]]), probe.size, host.yaw + turn + np.pi / 2, probe.parts)
        if _clear(thing, things, w, d, 0.0005):
            things.append(thing)
            return


def _place_free(things: list[Thing], label: str, w: float, d: float, rng: np.random.Generator) -> None:
    for _ in range(300):
        thing = _thing(label, rng.uniform(0.6, w - 0.6), rng.uniform(0.6, d - 0.6), rng.uniform(-1.5, 1.5), rng)
        margin = box(0.2, 0.2, w - 0.2, d - 0.2)
        if margin.contains(_outline(thing)) and _clear(thing, things, w, d, 0.2):
            things.append(thing)
            return


def _place_on_top(things: list[Thing], label: str, rng: np.random.Generator) -> None:
    tops = [t for t in things if t.label in ("table", "desk", "cabinet") and t.center[2] < 0.8]
    taken = [t for t in things if t.center[2] - t.size[2] / 2 > 0.3]
    for _ in range(100):
        base = tops[int(rng.integers(len(tops)))]
        c, s = np.cos(base.yaw), np.sin(base.yaw)
        px, py = rng.uniform(-0.4, 0.4, 2) * base.size[:2]
        x, y = base.center[0] + c * px - s * py, base.center[1] + s * px + c * py
        thing = _thing(label, x, y, base.yaw + rng.uniform(-0.4, 0.4), rng, base.center[2] + base.size[2] / 2)
        inside = _outline(base).buffer(0.02).contains(_outline(thing))
        if inside and all(_outline(thing).distance(_outline(t)) >= 0.08 for t in taken):
            things.append(thing)
            return


def _with_free(thing: Thing, things: list[Thing], w: float, d: float) -> Thing:
    """Fill in the free space round a thing: gap to walls and to every other thing, 0 when it stands on one."""
    outline = _outline(thing)
    gaps = [outline.distance(_outline(t)) for t in things if t is not thing]
    walls = min(outline.bounds[0], outline.bounds[1], w - outline.bounds[2], d - outline.bounds[3])
    return replace(thing, free_m=max(0.0, min([walls, *gaps])))
