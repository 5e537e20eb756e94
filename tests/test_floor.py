"""The floor by evidence, up where the camera was rolled, and metres from usual heights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cogmap
from benchmarks import floors
from cogmap.errors import TrustError
from cogmap.stages.align import align
from cogmap.stages.heights import CAMERA_M, CAMERA_SIGMA, metres_of
from cogmap.stages.surface_samples import SurfaceSample

from .references import Reference
from .rooms import Film, Thing, make_room, write_video
from .rooms.camera import look_at


def test_a_floor_that_lies_ahead_of_the_cameras_is_proven() -> None:
    for found in floors.ahead(3):
        assert found["proven"] and abs(found["floor_off_m"]) < 0.01 and found["tilt_deg"] < 0.5 and not found["unsure"]


def test_one_rolled_picture_stands_upright_or_is_doubted_and_few_are() -> None:
    rows = list(floors.rolled(15))
    assert all(r["tilt_deg"] < 1.5 or r["unsure"] for r in rows), rows
    assert np.mean([r["unsure"] for r in rows]) < 0.25


@pytest.mark.parametrize("metric", [True, False], ids=["metres", "none"])
@pytest.mark.parametrize("make", [floors.table, floors.shelves], ids=["a table alone", "a wall of shelves"])
def test_what_is_no_floor_is_not_taken_for_one(make: Callable[..., Any], metric: bool) -> None:
    shots, options = make(0)
    found = floors.judged(shots, 0, metric=metric, noise=0.002 if metric else 0.01, **options)
    assert not found["proven"] and found["below"] < 0.02


@pytest.mark.parametrize("metric", [True, False], ids=["metres", "none"])
@pytest.mark.parametrize("make", [floors.stairs, floors.mezzanine], ids=["stairs", "a gallery"])
def test_of_several_floors_the_lowest_is_zero(make: Callable[..., Any], metric: bool) -> None:
    shots, options = make(0)
    found = floors.judged(shots, 0, metric=metric, noise=0.002 if metric else 0.01, **options)
    assert found["proven"] and abs(found["floor_off_m"]) < 0.03
    if not metric and make is floors.mezzanine:  # a camera is held over the gallery, not over the room below
        assert abs(math.log(found["scale"])) < 2 * found["sigma"]


def level(
    z: float, x: tuple[float, float], y: tuple[float, float], step: float = 0.03
) -> tuple[np.ndarray, np.ndarray]:
    """Points of a level rectangle, and their normals."""
    xy = np.stack(np.meshgrid(np.arange(*x, step), np.arange(*y, step)), -1).reshape(-1, 2)
    return np.column_stack([xy, np.full(len(xy), z)]), np.tile([0.0, 0.0, 1.0], (len(xy), 1))


def test_a_strip_of_carpet_outweighs_the_table_over_it() -> None:
    """A kitchen as it is filmed: a table that fills the pictures, and a strip of floor of a twentieth of its area."""
    rng = np.random.default_rng(0)
    parts = [level(0.74, (-1, 1), (1, 1.9)), level(0.0, (-0.3, 0.3), (0.3, 0.45)), level(0.45, (0.9, 1.3), (0.4, 0.8))]
    xyz, normal = (np.concatenate(p) for p in zip(*parts))
    xyz = xyz + rng.normal(0, 0.004, xyz.shape)
    poses = np.array(
        [look_at(np.array([x, -0.4, 1.4]), np.array([0.3 * x, 1.4, 0.7])) for x in np.linspace(-0.8, 0.8, 9)]
    )
    found = align(SurfaceSample(xyz, normal, poses), metric=True)
    assert found.T_map_world[2, 3] == pytest.approx(0.0, abs=0.01) and found.floor.proven
    assert [v.z for v in found.floor.levels] == pytest.approx([0.45, 0.74], abs=0.02)


@pytest.mark.parametrize("eye_m", [1.15, 1.45, 1.8])
@pytest.mark.parametrize("size", [1.0, 0.31])
def test_tables_and_seats_tell_the_metre_to_which_the_eye_is_held(eye_m: float, size: float) -> None:
    surfaces = [(0.75 * size, 1.2 * size**2), (0.45 * size, 1.0 * size**2), (0.9 * size, 0.9 * size**2)]
    told = metres_of(eye_m * size, surfaces, None)
    assert abs(math.log(told.factor * size)) < 0.05 and told.rel_sigma < 0.16 and told.log_odds > 0.5
    bare = metres_of(eye_m * size, [], None)
    assert bare.factor * eye_m * size == pytest.approx(CAMERA_M, rel=0.01)
    assert bare.rel_sigma == pytest.approx(CAMERA_SIGMA, rel=0.02)


def test_heights_of_nothing_usual_say_nothing() -> None:
    odd = metres_of(1.45, [(1.15, 1.0), (1.3, 1.0), (1.6, 1.0)], None)
    assert odd.log_odds < 0 and abs(math.log(odd.factor)) < 2 * odd.rel_sigma


def test_a_film_has_the_metres_of_its_room(movie: Reference) -> None:
    assert movie.map.scale.kind == "metric" and movie.scene.floor_seen and movie.poses is not None
    path = np.linalg.norm(np.diff(movie.poses[:, :3, 3], axis=0), axis=1).sum()
    centers = np.array([c.T_map_cam[:3, 3] for c in movie.scene.camera_path])
    at = [c.index for c in movie.scene.camera_path]
    true = np.linalg.norm(movie.poses[at[-1], :3, 3] - movie.poses[at[0], :3, 3])
    ratio = np.linalg.norm(centers[-1] - centers[0]) / true
    assert path > 1 and abs(math.log(ratio)) < 2 * movie.map.scale.rel_sigma


def worktop(n: int = 60) -> Film:
    """A sideways clip over a counter: one flat thing fills every picture."""
    top = Thing(
        "counter",
        np.array([3.0, 2.0, 0.45]),
        np.array([4.0, 0.9, 0.9]),
        0.0,
        [(np.array([0, 0, 0.45]), np.array([4.0, 0.9, 0.9]))],
    )
    poses = []
    for t in np.linspace(0, 1, n):
        eye = np.array([1.6 + 2.6 * t, 1.75 + 0.05 * np.sin(9 * t), 1.55 + 0.04 * np.sin(7 * t)])
        poses.append(look_at(eye, eye + [0.05 * np.sin(5 * t), 0.25, -0.65], 0.02 * np.sin(4 * t)))
    return Film(
        replace(make_room(3), things=[top]),
        np.array(poses),
        np.array([[390.0, 0, 240], [0, 390, 180], [0, 0, 1]]),
        (360, 480),
    )


@pytest.mark.slow
def test_a_sideways_clip_over_a_worktop_is_mapped_and_a_turn_over_it_refused(tmp_path: Path) -> None:
    film = worktop()
    write_video(tmp_path / "along.mp4", film.pictures(), fps=10)
    m = cogmap.build(tmp_path / "along.mp4")
    assert len(m.scene.camera_path) > 50 and m.quality.status == "degraded" and not m.scene.floor_seen
    turn = [
        look_at(np.array([3.0, 1.6, 1.55]), np.array([3 + 1.5 * (t - 0.5), 2.1, 0.9])) for t in np.linspace(0, 1, 60)
    ]
    write_video(tmp_path / "turn.mp4", replace(film, poses=np.array(turn)).pictures(), fps=10)
    with pytest.raises(TrustError, match="E-NO-PARALLAX"):
        cogmap.build(tmp_path / "turn.mp4")
