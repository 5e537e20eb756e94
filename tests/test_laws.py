"""Laws: turning, shifting and scaling a capture changes nothing but what records it."""

from __future__ import annotations

import gc
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import cogmap
from cogmap.capture.sampling import Survey, by_coverage, by_overlap, frames_for_reconstruction, sample
from cogmap.data.capture import Capture, CaptureFrame, SourceReport
from cogmap.errors import ConfigError
from cogmap.geometry.box import canonical_yaw, corners_xy, fit_rectangle, iou
from cogmap.geometry.camera import unproject
from cogmap.geometry.rigid import apply
from cogmap.geometry.similarity import fit_similarity

from .rooms import make_room, noisy_depth, render, walk_path

K = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])
FEW = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def shots() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    room = make_room(0)
    poses = walk_path(room, 36)
    drawn = [render(room, T, K, (120, 160)) for T in poses]
    depth = np.array([noisy_depth(s.depth, i) for i, s in enumerate(drawn)])
    return np.array([s.rgb for s in drawn]), depth, poses


@cache
def plain_map() -> cogmap.CognitiveMap:
    rgb, depth, poses = shots()
    return cogmap.build_arrays(rgb, depth, K, poses)


@pytest.fixture(scope="module")
def plain() -> cogmap.CognitiveMap:
    return plain_map()


@settings(FEW, max_examples=2)
@given(seed=st.integers(0, 2**31), x=st.floats(-20, 20), y=st.floats(-20, 20))
def test_turning_and_shifting_leaves_the_objects(plain: cogmap.CognitiveMap, seed: int, x: float, y: float) -> None:
    rgb, depth, poses = shots()
    T = np.eye(4)
    T[:3, :3] = Rotation.random(random_state=seed % 2**31).as_matrix()
    T[:3, 3] = [x, y, 3.0]
    moved = cogmap.build_arrays(rgb, depth, K, T @ poses)
    assert same_objects(plain, moved) == 1
    between = moved.scene.T_map_input @ T
    assert np.allclose(between, plain.scene.T_map_input, atol=0.02)


def same_objects(a: cogmap.CognitiveMap, b: cogmap.CognitiveMap) -> float:
    """Share of a's objects of at least 30 cm that b has within one voxel and one degree."""
    large = [o for o in a.objects if max(o.box.size_m) >= 0.3]
    hits = 0
    for o in large:
        for p in b.objects:
            near = np.abs(np.subtract(o.box.center_m, p.box.center_m)).max() <= 0.02
            near &= np.abs(np.subtract(o.box.size_m, p.box.size_m)).max() <= 0.02
            turn = abs(canonical_yaw(o.box.yaw - p.box.yaw))
            square = abs(o.box.size_m[0] - o.box.size_m[1]) < 0.1 * o.box.size_m[0]
            if near and (min(turn, np.pi - turn) < np.radians(1) or square):
                hits += 1
                break
    return hits / len(large)


@settings(FEW, max_examples=1)
@given(st.floats(0.05, 20))
def test_rescaling_a_capture_without_scale_changes_nothing(factor: float) -> None:
    rgb, depth, poses = shots()
    bigger = poses.copy()
    bigger[:, :3, 3] *= factor
    maps = [cogmap.build_arrays(rgb, d, K, T, metric=False) for d, T in ((depth, poses), (factor * depth, bigger))]
    assert maps[0].scale == maps[1].scale and maps[0].scale.source == "assumed"
    assert same_objects(*maps) == 1


def test_relative_maps_never_say_metres() -> None:
    """Nothing lower than 1.2 m was seen, so nothing tells how high the cameras hang."""
    rgb, depth, poses = shots()
    high = [apply(T, unproject(d, K))[..., 2] for T, d in zip(poses, depth)]
    m = cogmap.build_arrays(rgb, np.where(np.array(high) < 1.2, 0, depth), K, poses, metric=False)
    assert m.scale.kind == "relative" and len(m.objects) >= 2
    assert m.quality.status == "degraded"
    for form in ("metric", "grid", "layout", "relations", "facts", "aabb", "ego"):
        text = m.to_text(form, at=(0.0, 0.0), heading=0.0) if form == "ego" else m.to_text(form)
        assert re.search(r"\b(cm|m|m2|metres)\b", text.replace("not metres", "")) is None, (form, text[:300])
    assert "not metres" in m.to_text()


def test_shuffled_arrays_of_masks_become_the_objects() -> None:
    rgb, depth, poses = shots()
    room = make_room(0)
    masks = np.array([render(room, T, K, (120, 160)).thing + 1 for T in poses]).clip(0)
    m = cogmap.build_arrays(rgb, depth, K, poses, masks=masks, labels=[t.label for t in room.things])
    counted = {t.label for t in room.things}
    assert counted >= {o.label for o in m.objects} and len(m.objects) >= 0.8 * len(room.things)


def test_arrays_are_checked() -> None:
    rgb, depth, poses = shots()
    with pytest.raises(cogmap.InputError, match="E-SHAPE"):
        cogmap.build_arrays(rgb, depth[:, :-1], K, poses)
    with pytest.raises(cogmap.InputError, match="E-POSE-REFLECTED"):
        cogmap.build_arrays(rgb, depth, K, poses @ np.diag([1, 1, -1, 1.0]))


def test_a_known_object_sets_the_scale_of_arrays_and_frames_go_with_their_map() -> None:
    rgb, depth, poses = shots()
    m = cogmap.build_arrays(rgb, depth, K, poses, scale="object_1.height=3.0")
    assert m["object_1"].box.size_m[2] == pytest.approx(3.0, abs=1e-3) and m.scale.source == "known-object"
    assert m.scene.frames is not None
    folder = m.scene.frames.folder
    assert folder.exists()
    del m
    gc.collect()
    assert not folder.exists()


@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(0.1, 10))
def test_similarity_is_recovered(seed: int, shift: float, scale: float) -> None:
    p = np.random.default_rng(seed).normal(size=(12, 3))
    T = np.eye(4)
    T[:3, :3] = scale * Rotation.random(random_state=seed).as_matrix()
    T[:3, 3] = shift
    assert np.allclose(fit_similarity(p, p @ T[:3, :3].T + T[:3, 3]), T, atol=1e-6 * max(scale, 1))


@given(st.floats(0.2, 3), st.floats(0.2, 3), st.floats(-1.5, 1.5))
@example(1.161345528015933, 1.161345528015933, 1.161345528015933)  # outlines that differ by rounding alone
def test_rectangles_are_recovered(length: float, width: float, yaw: float) -> None:
    center, size, found = fit_rectangle(corners_xy(np.array([1.0, 2.0]), np.array([length, width]), yaw))
    a = (np.array([1, 2, 0.5]), np.array([length, width, 1.0]), yaw)
    b = (np.array([*center, 0.5]), np.array([*size, 1.0]), found)
    assert iou(*a, *b) > (0.999 if abs(length - width) > 0.11 * max(length, width) else 0.6)


def still_clip(n: int = 80, fps: float = 4.0) -> Capture:
    """A walk of RGB-D frames whose second half stands still."""
    room = make_room(4)
    poses = walk_path(room, n // 2)
    drawn = [render(room, T, K, (120, 160)) for T in poses]

    def frames(indices):  # type: ignore[no-untyped-def]
        for i in range(n) if indices is None else indices:
            s = drawn[min(i, n // 2 - 1)]
            yield CaptureFrame(i, i / fps, s.rgb, s.depth, K, K, T_input_cam=s.T_world_cam)

    return Capture("clip", n, SourceReport("test"), frames, posed=True, has_depth=True)


def occupied(capture: Capture, rows: tuple[int, ...]) -> int:
    from cogmap.capture.sampling import geometry_cells

    cells = geometry_cells(replace(capture, frames=lambda _: capture.frames(rows)))
    return len(frozenset().union(*cells))


@pytest.mark.parametrize("with_geometry", [True, False])
def test_c3_coverage_beats_uniform_and_keeps_gaps(with_geometry: bool) -> None:
    clip = still_clip()
    shown = clip if with_geometry else replace(clip, posed=False, has_depth=False)
    chosen = sample(shown, 16, strategy="coverage", max_gap=2.0).indices
    assert len(chosen) == 16 and chosen == sample(shown, 16, strategy="coverage", max_gap=2.0).indices
    assert np.diff(chosen).max() / 4.0 <= 2.0
    assert occupied(clip, chosen) > occupied(clip, sample(clip, 16, strategy="uniform").indices)


def test_a_budget_that_cannot_keep_the_gaps_is_refused() -> None:
    with pytest.raises(ConfigError, match="E-BUDGET-GAP"):
        by_coverage([frozenset({k}) for k in range(100)], np.arange(100.0), 10, 2.0)


@given(st.integers(2, 40), st.floats(0, 0.02), st.integers(0, 2**31))
@settings(max_examples=40)
def test_a_cap_is_kept_for_long_slow_clips(most: int, speed: float, seed: int) -> None:
    n = 40 * most
    sharp = np.random.default_rng(seed).random(n)
    seen = Survey(np.arange(n, dtype=np.int32), np.arange(n) / 2, sharp, np.arange(n) * speed)
    clip = replace(still_clip(2), n_frames=n, posed=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cogmap.capture.sampling.survey", lambda _: seen)
        assert 2 <= len(frames_for_reconstruction(clip, most=most, max_gap=2.0).indices) <= most


@given(st.lists(st.floats(0, 0.2), min_size=5, max_size=200), st.floats(0.05, 0.3), st.floats(0.5, 5))
def test_overlap_never_leaves_a_wider_step_than_frames_force(steps: list[float], step: float, gap: float) -> None:
    path = np.cumsum([0.0, *steps])
    n = len(path)
    seen = Survey(np.arange(n, dtype=np.int32), np.arange(n) / 10, np.ones(n), path)
    kept = by_overlap(seen, step, gap)
    for a, b in zip(kept, kept[1:]):
        assert b == a + 1 or (path[b] - path[a] <= step + 1e-9 and seen.time_s[b] - seen.time_s[a] <= gap + 1e-9)
