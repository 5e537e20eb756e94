"""What real rooms showed: things that hang, counters against walls, worn floors, small masks on large things."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from cogmap.data.detections import FrameDetections, Labeler
from cogmap.data.points import PointCloud
from cogmap.data.scene import MapObject, SceneMap
from cogmap.data.voxels import Voxels
from cogmap.geometry.rigid import apply
from cogmap.stages.completion import carriers
from cogmap.stages.fuse import fuse_points
from cogmap.stages.overlaps import one_thing_a_place
from cogmap.stages.regions import boxed, is_floor_sheet, is_one_thing

from .references import K, mapped
from .rooms import Room, Thing, render
from .rooms.camera import look_at
from .rooms.detector import detector
from .rooms.scans import box_surface


def box(label: str, center: tuple[float, float, float], size: tuple[float, float, float]) -> Thing:
    return Thing(label, np.array(center), np.array(size), 0.0, [(np.array([0, 0, center[2]]), np.array(size))])


WINDOW = box("window", (3.0, 5.96, 1.6), (1.2, 0.08, 0.8))
CUPBOARD = box("cupboard", (1.2, 5.8, 1.7), (0.8, 0.36, 0.6))
COUNTER = box("counter", (4.6, 5.65, 0.88), (1.6, 0.6, 0.06))
TOASTER = box("toaster", (4.6, 5.75, 1.02), (0.3, 0.2, 0.22))
RACK = box("rack", (4.6, 5.5, 0.96), (0.7, 0.1, 0.1))
CABINET = box("cabinet", (1.0, 2.2, 0.6), (0.6, 0.5, 1.2))
SCREEN = (np.array([1.0, 1.55, 0.35]), np.array([1.6, 0.06, 0.7]))
THINGS = [WINDOW, CUPBOARD, COUNTER, TOASTER, RACK, CABINET]


@pytest.fixture(scope="module")
def hung() -> tuple[SceneMap, np.ndarray]:
    """True masks of a room in which things hang, and one whose foot is behind a screen; filmed from one side."""
    room = Room(6.0, 6.0, 2.6, THINGS, 5, screens=[SCREEN])
    near = [look_at(np.array([1.0 + 0.6 * x, 3.2, 1.5]), np.array([x, 5.8, 1.1])) for x in np.linspace(0.8, 5.2, 18)]
    far = [look_at(np.array([x, 0.4, 1.5]), CABINET.center) for x in np.linspace(0.5, 2.0, 8)]
    poses = np.array(near + far)
    scene = mapped(room, poses, detector(room, [render(room, T, K, (240, 320)) for T in poses], least_px=20))
    return scene, scene.T_map_input @ np.linalg.inv(poses[3])


def found(hung: tuple[SceneMap, np.ndarray], label: str) -> MapObject:
    (thing,) = [o for o in hung[0].objects if o.label == label]
    return thing


@pytest.mark.parametrize("thing", [WINDOW, CUPBOARD, COUNTER, TOASTER, RACK], ids=lambda t: t.label)
def test_what_hangs_or_stands_on_something_is_not_stretched_to_the_floor(
    hung: tuple[SceneMap, np.ndarray], thing: Thing
) -> None:
    true = apply(hung[1], thing.center)[2] - thing.size[2] / 2
    assert found(hung, thing.label).box.low == pytest.approx(true, abs=0.06)


def test_a_foot_behind_a_screen_goes_down_to_the_floor_and_is_said_to_be_unseen(
    hung: tuple[SceneMap, np.ndarray],
) -> None:
    cabinet = found(hung, "cabinet")
    assert cabinet.box.low == 0 and cabinet.partial and cabinet.box.size_m[2] == pytest.approx(1.2, abs=0.05)


def test_a_small_mask_on_a_large_thing_is_no_word_about_it(hung: tuple[SceneMap, np.ndarray]) -> None:
    """A detector that names a corner of the cabinet "cup" in every frame, surer than the cabinet."""
    room = Room(6.0, 6.0, 2.6, [CABINET], 5)
    poses = np.array([look_at(np.array([x, 0.4, 1.5]), CABINET.center) for x in np.linspace(0.5, 2.0, 12)])
    shots = [render(room, T, K, (240, 320)) for T in poses]

    def named(rgb: np.ndarray, index: int) -> FrameDetections:
        whole = shots[index].thing == 0
        mask = whole.astype(np.int32)
        rows = np.flatnonzero(whole.any(1))
        corner = whole & (np.arange(240)[:, None] < rows[0] + len(rows) // 8)
        mask[corner] = 2
        return FrameDetections(mask, ("cabinet", "cup"), (0.4, 0.95))

    labels = [o.labels for o in mapped(room, poses, Labeler("corner", named), shots).objects if o.label]
    assert any(names[0][0] == "cabinet" and dict((t, s) for t, s, _ in names).get("cup", 0) < 0.4 for names in labels)
    assert all(names[0][0] == "cabinet" or len(names) == 1 for names in labels)


def voxels_of(xyz: np.ndarray, normal: np.ndarray, edge: float = 0.02) -> Voxels:
    """Voxels with a point each, without frames."""
    made = fuse_points(PointCloud(xyz, np.full(xyz.shape, 128, np.uint8)), np.eye(4), edge)
    at = np.argmin(np.linalg.norm(made.mean_map[:, None] - xyz[None, ::7], axis=2), axis=1)
    return Voxels(**{**vars(made), "normal": normal[::7][at].astype(np.float32)})


def sheet(center: tuple[float, float, float], size: tuple[float, float, float], normal: tuple[float, float, float]):
    """Points (P, 3) 2 cm apart on a thin box, and their normals."""
    spans = [np.arange(-s / 2, s / 2 + 1e-9, 0.02) if s else np.zeros(1) for s in size]
    xyz = np.stack(np.meshgrid(*spans, indexing="ij"), -1).reshape(-1, 3) + center
    return xyz, np.tile(normal, (len(xyz), 1))


def parts_of(*sheets: tuple[np.ndarray, np.ndarray]) -> tuple[Voxels, list[np.ndarray]]:
    xyz, normal = (np.concatenate(s) for s in zip(*sheets))
    voxels = voxels_of(xyz, normal)
    near = np.stack([np.linalg.norm(voxels.mean_map[:, None] - s[0][None], axis=2).min(1) for s in sheets])
    return voxels, [np.flatnonzero(near.argmin(0) == k) for k in range(len(sheets))]


def test_the_front_and_the_top_of_a_counter_are_one_and_a_corner_of_the_room_is_not() -> None:
    front = sheet((0, 0, 0.4), (1.2, 0, 0.8), (0, -1, 0))
    top = sheet((0, 0.3, 0.8), (1.2, 0.6, 0), (0, 0, 1))
    voxels, parts = parts_of(front, top)
    assert len(boxed(voxels, parts, 0.1)) == 1
    left = sheet((-0.6, -0.6, 0.4), (0, 1.2, 0.8), (1, 0, 0))
    back = sheet((0, 0, 0.4), (1.2, 0, 0.8), (0, -1, 0))
    voxels, parts = parts_of(left, back)
    assert len(boxed(voxels, parts, 0.1)) == 2


def test_a_bed_is_one_thing_and_a_corner_full_of_furniture_is_not() -> None:
    rng = np.random.default_rng(0)
    bed = box_surface((0, 0, 0.25), (2.0, 1.6, 0.5), 800, rng)
    assert is_one_thing(bed, 0.1)
    crowd = [
        box_surface((x, y, h / 2), (0.5, 0.5, h), 800, rng)
        for x, y, h in [
            (0, 0, 1.8),
            (0.6, 0.9, 0.5),
            (1.2, 0.4, 0.9),
            (1.3, 1.5, 0.6),
            (1.8, 1.0, 0.4),
            (2.4, 1.8, 1.1),
        ]
    ]
    assert not is_one_thing(np.concatenate(crowd), 0.1)


def test_a_wide_low_sheet_is_the_floor_and_a_book_on_it_is_not() -> None:
    worn, book = sheet((0, 0, 0.1), (1.0, 0.8, 0), (0, 0, 1)), sheet((0, 0, 0.04), (0.3, 0.2, 0), (0, 0, 1))
    table = sheet((0, 0, 0.7), (1.0, 0.8, 0), (0, 0, 1))
    for (xyz, normal), floor in ((worn, True), (book, False), (table, False)):
        voxels = voxels_of(xyz, normal)
        assert is_floor_sheet(voxels, np.arange(len(voxels))) == floor


def pieces(*clouds: np.ndarray) -> tuple[Voxels, np.ndarray]:
    """Voxels of point sets and the number of the set of each."""
    xyz = np.concatenate(clouds)
    voxels = fuse_points(PointCloud(xyz, np.full(xyz.shape, 128, np.uint8)), np.eye(4), 0.02)
    of = np.repeat(np.arange(len(clouds)), [len(c) for c in clouds])
    return voxels, of[cKDTree(xyz).query(voxels.mean_map)[1]].astype(np.int32)


def test_two_pieces_in_one_place_are_one_thing_and_two_things_side_by_side_are_not() -> None:
    rng = np.random.default_rng(1)
    bed = box_surface((0, 0, 0.25), (2.0, 1.6, 0.5), 3000, rng)
    voxels, objects = pieces(*striped(bed, 2))
    assert objects.max() == 1 and one_thing_a_place(voxels, objects, 0.05).max() == 0
    beside = box_surface((0, 1.62, 0.25), (2.0, 1.6, 0.5), 3000, rng)
    voxels, objects = pieces(bed, beside)
    assert one_thing_a_place(voxels, objects, 0.05).max() == 1


def test_what_is_shaved_off_a_thing_is_its_own_and_what_stands_in_or_on_it_is_not() -> None:
    rng = np.random.default_rng(2)
    top, legs = (
        box_surface((0, 0, 0.72), (1.4, 0.8, 0.04), 3000, rng),
        box_surface((0, 0.3, 0.35), (1.3, 0.05, 0.7), 3000, rng),
    )
    table = np.concatenate([top, legs])
    skin = sheet((0.3, 0.1, 0.69), (0.5, 0.3, 0), (0, 0, -1))[0]
    stool = box_surface((0.2, -0.1, 0.24), (0.36, 0.36, 0.48), 3000, rng)
    screen = box_surface((0, 0.2, 0.96), (0.6, 0.03, 0.4), 3000, rng)
    voxels, objects = pieces(table, skin, stool, screen)
    made = one_thing_a_place(voxels, objects, 0.05)
    ends = [set(made[objects == k].tolist()) for k in range(4)]
    assert ends[0] == ends[1] and len(set.union(*ends)) == 3 and made.max() == 2


def striped(xyz: np.ndarray, n: int) -> list[np.ndarray]:
    """Points cut into sets of stripes 20 cm wide, as a bed spread of several colours is."""
    of = np.floor(xyz[:, :2].sum(1) / 0.2).astype(int) % n
    return [xyz[of == k] for k in range(n)]


def test_pieces_join_alike_in_any_order_and_wherever_the_room_lies() -> None:
    rng = np.random.default_rng(3)
    boxes = [((0, 0, 0.3), (1.2, 0.9, 0.6)), ((1.5, 0.2, 0.5), (0.8, 1.1, 1.0)), ((0.2, 1.6, 0.4), (1.4, 0.7, 0.8))]
    voxels, objects = pieces(*(s for c, size in boxes for s in striped(box_surface(c, size, 2500, rng), 3)))
    made = one_thing_a_place(voxels, objects, 0.05)
    assert objects.max() == 8 and made.max() == 2
    other = one_thing_a_place(voxels, rng.permutation(9).astype(np.int32)[objects], 0.05)
    assert len(np.unique(np.stack([made, other]), axis=1).T) == 3
    moved = Voxels(**{**vars(voxels), "mean_map": voxels.mean_map + np.float32(8)})
    assert np.array_equal(one_thing_a_place(moved, objects, 0.05), made)


@pytest.mark.parametrize(("cells", "carried"), [(48, True), (32, False)])
def test_a_surface_seen_beside_a_tenth_of_a_thing_carries_it_and_a_few_cells_do_not(cells: int, carried: bool) -> None:
    """20 x 20 columns of a thing whose foot was not seen, and a strip of a table top beside it."""
    x, y = (k.ravel() for k in np.meshgrid(np.arange(20), np.arange(20), indexing="ij"))
    thing = np.column_stack([x, y, np.full(400, 30)])
    strip = np.column_stack([20 + np.arange(cells) // 20, np.arange(cells) % 20, np.full(cells, 24)])
    key = np.concatenate([strip, thing]).astype(np.int32)
    mean, one = ((key + 0.5) * 0.02).astype(np.float32), np.ones(len(key), np.int32)
    normal = np.tile(np.array([0, 0, 1], np.float32), (len(key), 1))
    rgb = np.zeros((len(key), 3), np.uint8)
    voxels = Voxels(0.02, np.zeros(3), key, mean, mean, mean, rgb, one, one, one.astype(np.float32), normal, 0 * one)
    (height,) = carriers(voxels, [np.arange(cells, len(key))], [0.6])
    assert height == pytest.approx(0.49 if carried else 0.0, abs=1e-6)
