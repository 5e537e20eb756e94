"""What a map of a room answers: what is seen where, what is free, where something fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from cogmap import CognitiveMap
from cogmap.data.scene import FREE, OCCUPIED, Layout
from cogmap.errors import ConfigError, InputError
from cogmap.geometry.rigid import apply
from cogmap.query.placement import footprint

from .references import K, Reference
from .rooms import Room, render
from .rooms.judge import boxes_against

Made = tuple[CognitiveMap, Room, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def made(masked: Reference) -> Made:
    assert masked.room is not None and masked.poses is not None
    return masked.map, masked.room, masked.T_map_room, masked.poses, np.array(masked.shots, object)


def test_visible_shares_and_first_frames_are_those_of_the_rays(made: Made) -> None:
    m, room, T, poses, shots = made
    overlap, match = boxes_against(m.scene, room, T)
    seen = m.visibility()
    assert seen.ids == tuple(o.id for o in m.objects) and seen.share.shape == (len(m.objects), 60)
    wide = K.copy()
    wide[:2, 2] *= 3
    errors, firsts = [], []
    for k in np.flatnonzero(overlap >= 0.5):
        alone = replace(room, things=[replace(room.things[k], look=0)])
        for f in range(0, 60, 15):
            whole = int((render(alone, poses[f], wide, (720, 960)).thing == 0).sum())
            true = (shots[f][2] if isinstance(shots[f], tuple) else shots[f].thing) == k
            errors.append(abs(seen.share[match[k], f] - (true.sum() / whole if whole else 0.0)))
        shown = [f for f in range(60) if (shots[f].thing == k).sum() > 60]
        firsts.append(abs((m.objects[match[k]].first_seen or 0) - shown[0]) <= 2)
    assert np.mean(errors) < 0.1
    assert np.mean(firsts) >= 0.8


def test_space_is_occupied_free_or_unknown_and_free_only_where_rays_went(made: Made) -> None:
    m, room, T, poses, shots = made
    space = m.occupancy(0.1)
    surface = np.concatenate([_surface(s) for s in shots[::2]])
    cell = np.floor((apply(T, surface) - space.origin_map) / space.cell_m).astype(int)
    cell = cell[((cell >= 0) & (cell < space.cells.shape)).all(1)]
    true = np.zeros(space.cells.shape, np.int32)
    np.add.at(true, tuple(cell.T), 1)
    sure, ours = true >= 8, space.cells == OCCUPIED
    assert (sure & ours).sum() >= 0.99 * sure.sum()
    near = ndimage.maximum_filter(true, 3) > 0  # noise of 1.5 cm puts a surface into the cell beside its own
    assert (ours & near).sum() >= 0.99 * ours.sum()
    assert (sure & ours).sum() / (sure | (ours & (true == 0))).sum() >= 0.8
    middle = (np.argwhere(space.cells == FREE) + 0.5) * space.cell_m + space.origin_map
    inside = apply(np.linalg.inv(T), middle)
    assert ((inside > -0.1) & (inside < [room.width + 0.1, room.depth + 0.1, room.height + 0.1])).all()
    assert (space.cells == FREE).sum() > 5000 and (space.cells == 0).any()
    assert set(np.unique(space.number)) - {0} <= {o.number for o in m.objects}
    assert (space.number[space.cells != OCCUPIED] == 0).all()
    with pytest.raises(InputError, match="finer"):
        m.occupancy(0.001)


def _surface(shot) -> np.ndarray:  # type: ignore[no-untyped-def]
    from cogmap.geometry.camera import unproject

    return apply(shot.T_world_cam, unproject(shot.depth, shot.K).reshape(-1, 3))


def test_spots_lie_on_the_top_hit_nothing_and_run_out(made: Made) -> None:
    m = made[0]
    table = next(o for o in m.objects if o.label == "table")
    spots = m.free_spots(table.id, (0.2, 0.2))
    assert spots and all(a.clearance_m >= 0 for a in spots)
    from shapely.geometry import Polygon

    top = Polygon(footprint(replace(spots[0], size_m=table.box.size_m[:2], center_m=table.box.center_m)))
    standing = [
        Polygon(footprint(replace(spots[0], size_m=o.box.size_m[:2], center_m=o.box.center_m, yaw=o.box.yaw)))
        for o in m.objects
        if o is not table and o.box.center_m[2] > spots[0].center_m[2]
    ]
    shapes = [Polygon(footprint(s)) for s in spots]
    for k, shape in enumerate(shapes):
        assert top.buffer(0.02).contains(shape)
        assert all(shape.intersection(o).area < 1e-3 for o in standing + shapes[:k])
        assert spots[k].center_m[2] == pytest.approx(table.box.center_m[2] + table.box.size_m[2] / 2, abs=0.04)
    assert m.free_spots(table.id, (3.0, 3.0)) == ()
    assert m.free_spots("floor", (0.5, 0.5))
    with pytest.raises(InputError, match="E-UNKNOWN-ID"):
        m.free_spots("nothing_1", (0.1, 0.1))
    full = replace(m.scene, objects=(table, replace(table, id="cloth", number=2, box=_raised(table.box))), voxels=None)
    assert CognitiveMap(full).free_spots(table.id, (0.2, 0.2)) == ()


def _raised(box):  # type: ignore[no-untyped-def]
    return replace(box, center_m=(box.center_m[0], box.center_m[1], box.center_m[2] + 0.1))


def test_a_grid_text_puts_every_object_into_the_cell_of_its_centre(made: Made) -> None:
    m = made[0]
    (room,) = m.layout.rooms
    lo, hi = room.polygon_m.min(0), room.polygon_m.max(0)
    for size in (10, 20):
        cell = float((hi - lo).max()) / size
        origin = (lo + hi - cell * size) / 2
        rows = [line for line in m.to_text("grid", size=size).splitlines() if not line.startswith("#")]
        assert len(rows) == len(m.objects)
        for line, thing in zip(rows, m.objects):
            want = np.clip((np.array(thing.box.center_m[:2]) - origin) // cell, 0, size - 1).astype(int)
            assert line == f"{thing.number} {thing.id} ({want[0]}, {want[1]})"
    assert CognitiveMap(replace(m.scene, objects=(), layout=Layout())).to_text("grid").count("\n") == 2
    with pytest.raises(ConfigError, match="cells"):
        m.to_text("grid", size=1)
