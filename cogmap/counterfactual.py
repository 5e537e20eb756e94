"""Copies of a map in which things were moved, removed, joined or renamed, and what differs between two maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

import numpy as np
from shapely import contains_xy
from shapely.geometry import Polygon

from ._checks import Array, triple
from .data.issues import Issue
from .data.scene import OCCUPIED, UNKNOWN, Box, EditRecord, FreeSpace, MapObject, Obb, SceneMap
from .data.voxels import PER_VOXEL, take
from .errors import ConfigError, InputError
from .geometry.box import canonical_yaw, fit_rectangle, turn_xy
from .geometry.rigid import about_z
from .mapfile.convert import scene_hash
from .stages.boxes import slug

Made = TypeVar("Made")
MOVED_M = 0.005
TURNED = np.radians(0.5)


class Edit(Generic[Made]):
    """Changes to a copy of a map, one after the other; the map itself stays as it is.

    >>> n = m.edit().move("chair_2", dx=1.0).remove("lamp_1").done()  # doctest: +SKIP
    """

    def __init__(self, scene: SceneMap, finish: Callable[[SceneMap], Made]) -> None:
        self._scenes = [scene]
        self._finish = finish
        self.log: list[str] = []

    def move(self, id: str, dx: float = 0.0, dy: float = 0.0, dz: float = 0.0, turn_deg: float = 0.0) -> Edit[Made]:
        """Move a thing by metres, turn it about its middle, counter-clockwise. Raises InputError E-UNKNOWN-ID."""
        step = f"move {id} by {dx:g}, {dy:g}, {dz:g}" + (f", turn {turn_deg:g}" if turn_deg else "")
        return self._do(step, moved(self._scenes[-1], id, np.array([dx, dy, dz]), float(np.radians(turn_deg))))

    def remove(self, id: str) -> Edit[Made]:
        """Take a thing away; where it stood is unknown then. Raises InputError E-UNKNOWN-ID."""
        return self._do(f"remove {id}", removed(self._scenes[-1], id))

    def relabel(self, id: str, label: str) -> Edit[Made]:
        """Give a thing another label; its id stays. Raises InputError E-UNKNOWN-ID."""
        thing = self._scenes[-1].thing(id)
        new = replace(thing, label=label, labels=((label, 1.0, "user"), *thing.labels))
        return self._do(f"relabel {id} to {label}", _with(self._scenes[-1], id, new))

    def rename(self, id: str, new_id: str) -> Edit[Made]:
        """Give a thing another id of [a-z0-9_]. Raises InputError E-UNKNOWN-ID, ConfigError E-OPTION."""
        scene = self._scenes[-1]
        taken = {o.id for o in scene.objects} | {o.id for o in scene.layout.openings}
        if new_id in taken or slug(new_id) != new_id:
            raise ConfigError("E-OPTION", f"{new_id!r} is no new id.", "Use [a-z0-9_] and a name that is not taken.")
        return self._do(f"rename {id} to {new_id}", _with(scene, id, replace(scene.thing(id), id=new_id)))

    def merge(self, id: str, other: str) -> Edit[Made]:
        """Make one thing of two; it keeps the first one's id and label. Raises InputError E-UNKNOWN-ID."""
        return self._do(f"merge {other} into {id}", merged(self._scenes[-1], id, other))

    def undo(self) -> Edit[Made]:
        """Take the last change back, if there is one."""
        if self.log:
            self.log.pop()
            self._scenes.pop()
        return self

    def done(self) -> Made:
        """The changed map; it says what was changed, and of which map it is a copy."""
        first, scene = self._scenes[0], self._scenes[-1]
        if not self.log:
            return self._finish(scene)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        source = scene_hash(first)
        changes = tuple(EditRecord(step, at, source) for step in self.log)
        edited = Issue("W-EDITED", len(changes), "edit", "; ".join(self.log)[:200])
        return self._finish(replace(scene, edits=(*first.edits, *changes), quality=first.quality.with_issues(edited)))

    def _do(self, step: str, scene: SceneMap) -> Edit[Made]:
        self.log.append(step)
        self._scenes.append(scene)
        return self


def _with(scene: SceneMap, id: str, new: MapObject) -> SceneMap:
    return replace(scene, objects=tuple(new if o.id == id else o for o in scene.objects))


def moved(scene: SceneMap, id: str, step: Array, turn: float) -> SceneMap:
    """The map with a thing moved by (3,) metres and turned by radians; its voxels go along, its sightings are gone."""
    thing = scene.thing(id)
    center = np.array(thing.box.center_m) + step
    R = turn_xy(turn)
    outline = (thing.footprint_map - thing.box.center_m[:2]) @ R.T + center[:2]
    yaw = canonical_yaw(thing.box.yaw + turn)
    box = Box(triple(center), thing.box.size_m, yaw, _moved_obb(thing.box, step, turn))
    facing = None if thing.facing is None else float((thing.facing + turn + np.pi) % (2 * np.pi) - np.pi)
    new = replace(thing, box=box, footprint_map=np.asarray(outline), facing=facing, seen=(), first_seen_s=None)
    cleared = _freed(scene, thing)
    grid = cleared.freespace
    if grid is not None and new.box.low < 0.3:
        grid = _filled(grid, new, OCCUPIED)
    return _with(replace(_shifted(cleared, scene, id, step, turn), freespace=grid), id, new)


def _moved_obb(box: Box, step: Array, turn: float) -> Obb | None:
    """The full rotation of a box that moves and turns about its middle."""
    if box.obb is None:
        return None
    R = about_z(turn)
    center = R @ np.subtract(box.obb.center_m, box.center_m) + box.center_m + step
    rotation = R @ np.array(box.obb.rotation)
    return Obb(triple(center), box.obb.size_m, tuple(triple(row) for row in rotation))


def _shifted(cleared: SceneMap, scene: SceneMap, id: str, step: Array, turn: float) -> SceneMap:
    """The voxels of a thing moved by whole cells; those of a turned thing are dropped."""
    v, of = scene.voxels, scene.object_of_voxel
    if v is None or of is None:
        return cleared
    k = next(n for n, o in enumerate(scene.objects) if o.id == id)
    mine = of == k
    if turn:
        return replace(cleared, voxels=take(v, ~mine), object_of_voxel=of[~mine])
    cells = np.round(step / v.voxel_m).astype(np.int32)
    arrays = {name: getattr(v, name).copy() for name in PER_VOXEL}
    arrays["key"][mine] += cells
    for name in ("mean_map", "lo_map", "hi_map"):
        arrays[name][mine] += (cells * v.voxel_m).astype(np.float32)
    key = arrays["key"]
    order = np.lexsort((~mine, key[:, 0], key[:, 1], key[:, 2]))
    first = np.append(True, (np.diff(key[order], axis=0) != 0).any(1))
    kept = order[first]
    voxels = replace(v, **{name: array[kept] for name, array in arrays.items()})
    return replace(cleared, voxels=voxels, object_of_voxel=of[kept])


def removed(scene: SceneMap, id: str) -> SceneMap:
    """The map without a thing and its voxels."""
    thing = scene.thing(id)
    k = scene.objects.index(thing)
    cleared = _freed(scene, thing)
    objects = scene.objects[:k] + scene.objects[k + 1 :]
    v, of = scene.voxels, scene.object_of_voxel
    if v is None or of is None:
        return replace(cleared, objects=objects)
    kept = of != k
    left = of[kept]
    return replace(
        cleared,
        objects=objects,
        voxels=take(v, kept),
        object_of_voxel=np.where(left > k, left - 1, left).astype(np.int32),
    )


def merged(scene: SceneMap, id: str, other: str) -> SceneMap:
    """The map with two things as one, boxed round both."""
    a, b = scene.thing(id), scene.thing(other)
    if a is b:
        raise InputError("E-UNKNOWN-ID", f"{id!r} cannot be joined with itself.", "Name two objects.")
    corners = np.concatenate([o.box.floor_corners for o in (a, b)])
    center, size, yaw = fit_rectangle(corners)
    low = min(o.box.low for o in (a, b))
    top = max(o.box.top for o in (a, b))
    box = Box((float(center[0]), float(center[1]), (low + top) / 2), (float(size[0]), float(size[1]), top - low), yaw)
    share = {f: max(dict(a.seen).get(f, 0.0), dict(b.seen).get(f, 0.0)) for f, _ in (*a.seen, *b.seen)}
    new = replace(a, box=box, footprint_map=np.asarray(Polygon(corners).convex_hull.exterior.coords)[:-1])
    new = replace(new, n_points=a.n_points + b.n_points, seen=tuple(sorted(share.items())))
    times = [t for t in (a.first_seen_s, b.first_seen_s) if t is not None]
    new = replace(new, first_seen_s=min(times, default=None), partial=a.partial or b.partial)
    new = replace(new, completed=a.completed or b.completed)
    k, j = scene.objects.index(a), scene.objects.index(b)
    objects = tuple(new if o is a else o for o in scene.objects if o is not b)
    of = scene.object_of_voxel
    if of is not None:
        joined = np.where(of == j, k, of)
        of = np.where(joined > j, joined - 1, joined).astype(np.int32)
    return replace(scene, objects=objects, object_of_voxel=of)


def _freed(scene: SceneMap, thing: MapObject) -> SceneMap:
    """The map whose floor under a thing is unknown."""
    if scene.freespace is None or thing.box.low >= 0.3:
        return scene
    return replace(scene, freespace=_filled(scene.freespace, thing, UNKNOWN))


def _filled(grid: FreeSpace, thing: MapObject, value: int) -> FreeSpace:
    """The grid with the cells under a footprint set."""
    rows, columns = grid.cells.shape
    x = grid.origin_map[0] + (np.arange(columns) + 0.5) * grid.cell_m
    y = grid.origin_map[1] + (np.arange(rows) + 0.5) * grid.cell_m
    inside = contains_xy(Polygon(thing.footprint_map), *np.meshgrid(x, y))
    return replace(grid, cells=np.where(inside, value, grid.cells).astype(grid.cells.dtype))


@dataclass(frozen=True)
class Change:
    """One difference: `kind` is "added", "removed", "moved", "turned", "resized" or "relabelled"; `text` says it."""

    id: str
    kind: str
    text: str


def difference(before: SceneMap, after: SceneMap) -> tuple[Change, ...]:
    """What changed from one map to another, by id: objects, and openings that came, went or moved.

    Moves of 5 mm, turns of half a degree and sizes of 5 mm count; turns of things without a front modulo 180 degrees.
    """
    old = {o.id: o for o in before.objects}
    new = {o.id: o for o in after.objects}
    out = [Change(k, "removed", f"{k} is gone") for k in old.keys() - new.keys()]
    out += [Change(k, "added", f"{k} is new") for k in new.keys() - old.keys()]
    for k in old.keys() & new.keys():
        a, b = old[k], new[k]
        step = np.subtract(b.box.center_m, a.box.center_m)
        if np.abs(step).max() > MOVED_M:
            said = ", ".join(f"{v:+.2f}" for v in step)
            out.append(Change(k, "moved", f"{k} moved by {said}"))
        turn = (b.box.yaw - a.box.yaw + np.pi / 2) % np.pi - np.pi / 2
        if a.facing is not None and b.facing is not None:
            turn = (b.facing - a.facing + np.pi) % (2 * np.pi) - np.pi
        if abs(turn) > TURNED:
            out.append(Change(k, "turned", f"{k} turned by {np.degrees(turn):+.1f} degrees"))
        if np.abs(np.subtract(b.box.size_m, a.box.size_m)).max() > MOVED_M:
            sizes = " -> ".join(" x ".join(f"{v:.2f}" for v in o.box.size_m) for o in (a, b))
            out.append(Change(k, "resized", f"{k} {sizes}"))
        if a.label != b.label:
            out.append(Change(k, "relabelled", f"{k}: {a.label} -> {b.label}"))
    gone = {o.id: o.box for o in before.layout.openings}
    come = {o.id: o.box for o in after.layout.openings}
    out += [Change(k, "removed", f"{k} is gone") for k in gone.keys() - come.keys()]
    out += [Change(k, "added", f"{k} is new") for k in come.keys() - gone.keys()]
    for k in gone.keys() & come.keys():
        if np.abs(np.subtract(come[k].center_m, gone[k].center_m)).max() > MOVED_M:
            out.append(Change(k, "moved", f"{k} moved"))
    return tuple(sorted(out, key=lambda c: (c.id, c.kind)))
