"""Pixels followed from frame to frame, against rays through the true room."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import CognitiveMap, pipeline
from cogmap.config import Config
from cogmap.data.frames import StoredFrame
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.errors import InputError
from cogmap.geometry.camera import project, unproject
from cogmap.geometry.rigid import apply, inverse
from cogmap.query.matching import depth_at, match_pixel

from .references import K, windows
from .rooms import make_room, render, walk_path


def test_pixels_land_on_the_same_surface_or_say_why_not() -> None:
    room = make_room(1)
    poses = walk_path(room, 14)
    shots = [render(room, T, K, (240, 320)) for T in poses]
    source = Reconstruction(windows(room, poses), Scale("metric", "sensor", 0.01))
    m = CognitiveMap(pipeline.map_reconstruction(source, Config(), pipeline.Diary()))
    rng = np.random.default_rng(0)
    off, said, true = [], [], []
    for _ in range(600):
        a = int(rng.integers(0, 14))
        b = (a + int(rng.integers(1, 6))) % 14
        u, v = float(rng.uniform(2, 318)), float(rng.uniform(2, 238))
        point = apply(poses[a], unproject(shots[a].depth, K)[int(v), int(u)])
        seen, z = project(apply(inverse(poses[b]), point), K)
        inside = z > 0 and 0 <= seen[0] < 320 and 0 <= seen[1] < 240
        hidden = bool(inside and shots[b].depth[int(seen[1]), int(seen[0])] < 0.9 * z)
        clear = bool(inside and shots[b].depth[int(seen[1]), int(seen[0])] > 0.99 * z)
        found = m.match(f"f{a:03d}", (int(u) + 0.5, int(v) + 0.5), b)
        if found.reason == "no depth" or (inside and not hidden and not clear):
            continue
        said.append(found.reason)
        true.append("occluded" if hidden else None if inside else "out of view")
        if found.uv is not None and true[-1] is None:
            off.append(float(np.hypot(*(np.array(found.uv) - seen))))
    agree = np.mean([s == t for s, t in zip(said, true)])
    assert {"occluded", "out of view", None} <= set(true) and agree > 0.97
    assert m.match(3, (100.5, 100.5), 3).confirmed
    assert len(off) > 100 and np.percentile(off, 95) < 2.0 and np.median(off) < 0.7
    with pytest.raises(InputError, match="E-PIXEL"):
        m.match(0, (400.0, 10.0), 1)
    with pytest.raises(InputError, match="E-FRAME"):
        m.match("f099", (4.0, 10.0), 1)


def test_depth_between_pixels_follows_a_plane() -> None:
    rows, columns = np.mgrid[0:20, 0:30] + 0.5
    plane = (1 / (0.3 + 0.0005 * columns + 0.0007 * rows)).astype(np.float32)
    assert depth_at(plane, (10.2, 7.9)) == pytest.approx(1 / (0.3 + 0.0005 * 10.2 + 0.0007 * 7.9), rel=1e-5)
    plane[7, 9:] = 0
    assert depth_at(plane, (10.2, 7.9)) is None and depth_at(plane, (0.1, 0.1)) == pytest.approx(float(plane[0, 0]))


def test_a_pixel_without_depth_has_no_partner_and_says_why() -> None:
    flat = StoredFrame(
        0,
        0,
        0.0,
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((8, 8), np.float32),
        np.zeros((8, 8), np.float32),
        K,
        np.eye(4),
    )
    found = match_pixel(flat, (3.0, 3.0), flat)
    assert (found.uv, found.reason, found.xyz_map) == (None, "no depth", None)
