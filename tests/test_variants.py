"""Films that go wrong: the map of each is right, or it is refused; and the variants are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cogmap

from .expected import VARIANTS_MAPPED, VARIANTS_OPEN, WRONG_PATH
from .rooms import film, make_room, render, suite_path, write_video
from .rooms.camera import look_at
from .rooms.film import K480, SIZE, Film
from .rooms.judge import judge
from .rooms.variants import PeopledFilm, RollingFilm, StabilisedFilm, blank, twins

N = 150


def test_twin_rooms_look_alike() -> None:
    room = twins(3)
    pose = look_at(np.array([room.tile / 2, 0.6, 1.5]), np.array([room.tile / 2, room.depth, 0.5]))
    over = pose.copy()
    over[0, 3] += room.tile
    a, b = (render(room, T, K480, SIZE) for T in (pose, over))
    inside = (a.thing >= -2) & (np.abs(a.depth - b.depth) < 1e-3)
    assert inside.mean() > 0.5
    assert np.abs(a.rgb[inside].astype(int) - b.rgb[inside].astype(int)).mean() < 1


@pytest.mark.parametrize("kind", [RollingFilm, StabilisedFilm, PeopledFilm])
def test_variants_differ_from_the_plain_film(kind: type[Film]) -> None:
    plain = film(make_room(1), 40)
    frame = next(iter(kind(plain.room, plain.poses, plain.K, plain.size).pictures()))
    other = next(iter(plain.pictures()))
    assert frame.shape != other.shape or (frame != other).mean() > 0.01
    assert frame.shape[0] % 2 == 0 and frame.shape[1] % 2 == 0


def films() -> dict[str, Film]:
    """Every variant as a film."""
    plain = film(make_room(5), N)
    rest = (plain.room, plain.poses, plain.K, plain.size)
    pair = twins(3)
    return {
        "blank": film(blank(make_room(5)), N),
        "twins": Film(pair, suite_path(pair, 2 * N, n_rooms=2), K480, SIZE),
        "stabilised": StabilisedFilm(*rest),
        "rolling": RollingFilm(*rest),
        "person": PeopledFilm(*rest),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", [*VARIANTS_MAPPED, *VARIANTS_OPEN])
def test_a_variant_is_mapped_right(name: str, tmp_path: Path) -> None:
    """A refusal is a failure for those that must be mapped, and is seen as a skip for the others."""
    variant = films()[name]
    write_video(tmp_path / "film.mp4", variant.pictures(), fps=10)
    try:
        m = cogmap.build(tmp_path / "film.mp4", scale="camera-height=1.5")
    except cogmap.TrustError as refused:
        if name in VARIANTS_MAPPED:
            raise
        pytest.skip(f"refused: {refused.code}")
    score = judge(m.scene, variant.room, variant.poses)
    print(name, m.quality.status, [w.code for w in m.quality.warnings], f"path {score.path_error:.2%}", score.scale)
    assert score.path_error < VARIANTS_MAPPED.get(name, WRONG_PATH)
    if m.quality.status == "ok":
        assert abs(score.scale - 1) < 0.1
