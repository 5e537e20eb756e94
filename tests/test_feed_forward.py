"""Feed-forward models: windows that drift are joined, wrong output is refused, upstream conventions are turned right.

An oracle that knows the room stands for a model with weights, and says so; Depth Anything 3 itself runs with random
weights of a shrunken size where its package is installed. Nothing here is a figure of accuracy.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cogmap import building, pipeline
from cogmap.config import Config
from cogmap.data.capture import Capture, CaptureFrame, SourceReport
from cogmap.data.issues import Issue
from cogmap.data.reconstruction import Correction, Reconstruction, Scale, Window
from cogmap.errors import ConfigError, MissingDependencyError, TrustError
from cogmap.geometry.rigid import about_z, apply, from_rotation, inverse
from cogmap.geometry.similarity import apply_to_pose, fit_similarity
from cogmap.reconstruct import upstream_da3 as da3
from cogmap.reconstruct.base import Model, Prediction, WindowTooLarge, checked
from cogmap.reconstruct.feed_forward import fitted_size, trusted
from cogmap.reconstruct.hybrid import with_learned_depth
from cogmap.reconstruct.loops import Keys
from cogmap.reconstruct.models import open_model
from cogmap.reconstruct.pose_graph import Loop, closed
from cogmap.reconstruct.recorded import read_recorded, record
from cogmap.reconstruct.scaling import baseline_ratio
from cogmap.reconstruct.windows import join, plan
from cogmap.reconstructing import by_model

from .rooms import Shot, make_room, render, walk_path
from .rooms.judge import judge
from .upstream import importable

K = np.array([[260.0, 0, 160], [0, 260, 120], [0, 0, 1]])
SIZE = (240, 320)


def filmed(shots: Sequence[Shot], *, posed: bool = False, metres: bool = False) -> Capture:
    """Pictures alone, or with their poses, which may be known to be in metres."""

    def frames(indices: Sequence[int] | None) -> Any:
        for i in range(len(shots)) if indices is None else indices:
            known = {"K": K, "T_input_cam": shots[i].T_world_cam} if posed else {}
            yield CaptureFrame(i, i / 5, shots[i].rgb, **known)

    report = SourceReport("test", scale_source="sensor" if metres else "none")
    return Capture("room", len(shots), report, frames, posed=posed)


class Oracle:
    """The truth, in a world of its own for every pass: turned, shifted, scaled, with a little noise in scale."""

    def __init__(self, shots: Sequence[Shot], size: tuple[int, int], seed: int = 0) -> None:
        self.shots, self.size, self.rng = {s.rgb.tobytes(): s for s in shots}, size, np.random.default_rng(seed)
        self.passes: list[int] = []

    def predict(self, rgb: np.ndarray, T: np.ndarray | None, K_given: np.ndarray | None) -> Prediction:
        self.passes.append(len(rgb))
        shots = [self.shots[p.tobytes()] for p in rgb]
        S = from_rotation(about_z(self.rng.uniform(-3, 3)), self.rng.uniform(-5, 5, 3))
        S = S @ np.diag([self.rng.uniform(0.3, 3)] * 3 + [1.0])
        scale = float(np.cbrt(np.linalg.det(S[:3, :3])))
        noise = 1 + self.rng.normal(0, 0.004, (len(rgb), 1, 1))
        depth = np.stack([s.depth for s in shots]) * scale * noise
        poses = apply_to_pose(S, np.stack([s.T_world_cam for s in shots]))
        return Prediction(depth.astype(np.float32), np.ones(depth.shape, np.float32), np.stack([K] * len(rgb)), poses)


@pytest.fixture(scope="module")
def walked() -> tuple[Any, list[Shot]]:
    room = make_room(2)
    return room, [render(room, T, K, SIZE) for T in walk_path(room, 60)]


def test_windows_overlap_and_cover_every_frame() -> None:
    for n in (1, 6, 7, 10, 11, 100):
        windows = plan(n, 6, 2)
        assert sorted({i for w in windows for i in w}) == list(range(n))
        assert all(b.start < a.stop and b.stop > a.stop for a, b in zip(windows, windows[1:]))
        assert all(len(w) <= 6 for w in windows)


def test_windows_that_drift_are_joined_to_one_room(walked: tuple[Any, list[Shot]]) -> None:
    room, shots = walked
    oracle = Oracle(shots, SIZE)
    model = Model("oracle", oracle.predict, 320, 1, window=16, overlap=4)
    found = by_model(filmed(shots), range(60), model)
    scene = pipeline.map_reconstruction(found, Config(scale="camera-height=1.5"), pipeline.Diary())
    score = judge(scene, room, np.array([s.T_world_cam for s in shots]))
    loops = int(scene.provenance.get("loops", 0) or 0) + int(scene.provenance.get("loops_refused", 0) or 0)
    assert len(oracle.passes) == 5 + loops and max(oracle.passes) == 16
    assert score.path_error < 0.01 and abs(score.scale - 1) < 0.02
    assert [c.index for c in scene.camera_path] == list(range(60))
    assert (score.iou >= 0.25).mean() >= 0.7
    assert scene.provenance["reconstructor"] == "oracle" and scene.provenance["windows"] == 5


def test_windows_that_do_not_fit_are_refused(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1]
    oracle = Oracle(shots, SIZE)

    def predict(rgb: np.ndarray, T: np.ndarray | None, K_given: np.ndarray | None) -> Prediction:
        found = oracle.predict(rgb, T, K_given)
        wild = found.T_world_cam.copy()
        wild[:, :3, 3] += np.random.default_rng(len(oracle.passes)).normal(0, 2, (len(rgb), 3))
        return replace(found, T_world_cam=wild)

    model = Model("wild", predict, 320, 1, window=16, overlap=4)
    with pytest.raises(TrustError, match="E-WINDOWS-APART the frames fall into 3 parts"):
        pipeline.map_reconstruction(by_model(filmed(shots), range(40), model), Config(), pipeline.Diary())


def test_given_poses_stay_as_they_are(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1][:20]

    def predict(rgb: np.ndarray, T: np.ndarray | None, K_given: np.ndarray | None) -> Prediction:
        assert T is not None and K_given is not None and np.allclose(K_given[0], K)
        depth = np.stack([next(s.depth for s in shots if np.allclose(s.T_world_cam, p)) for p in T])
        return Prediction(depth.astype(np.float32), np.ones(depth.shape, np.float32), K_given, T)

    model = Model("posed", predict, 320, 1, window=8, overlap=2, takes_poses=True)
    windows = list(by_model(filmed(shots, posed=True), range(20), model).windows)
    poses = np.concatenate([w.T_world_cam for w in windows])
    assert np.allclose(poses, [s.T_world_cam for s in shots])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("depth", np.full((2, 4, 6), np.nan, np.float32), "depth is no length"),
        ("depth", np.ones((2, 4, 5), np.float32), "depth must be"),
        ("K", np.full((2, 3, 3), np.inf), "focal length"),
        ("T_world_cam", np.zeros((2, 4, 4)), "pose of frame 0"),
        ("confidence", np.ones((1, 4, 6), np.float32), "confidence must be"),
        ("sky", np.zeros((2, 2, 2), bool), "sky must be"),
        ("K", np.tile(np.array([[6.0, 0, np.nan], [0, 6, 2], [0, 0, 1]]), (2, 1, 1)), "camera is not finite"),
        (
            "T_world_cam",
            np.tile(np.diag([1.0, 1, 1, 1]) + np.nan * np.eye(4, k=3), (2, 1, 1)),
            "pose of frame 0|finite",
        ),
    ],
)
def test_output_that_cannot_be_is_refused_by_the_models_name(field: str, value: np.ndarray, said: str) -> None:
    K2 = np.tile(np.array([[6.0, 0, 3], [0, 6, 2], [0, 0, 1]]), (2, 1, 1))
    good = Prediction(np.ones((2, 4, 6), np.float32), np.ones((2, 4, 6), np.float32), K2, np.tile(np.eye(4), (2, 1, 1)))
    assert checked(good, "m", 2, (4, 6)).depth.all()
    with pytest.raises(TrustError, match=f"E-MODEL-OUTPUT m: .*{said}"):
        checked(replace(good, **{field: value}), "m", 2, (4, 6))


def test_sizes_keep_the_shape_and_unsure_pixels_are_left_out() -> None:
    model = Model("m", lambda *a: None, 504, 14)  # type: ignore[arg-type, return-value]
    assert fitted_size((480, 640), model) == (378, 504) and fitted_size((1920, 1080), model) == (504, 280)
    assert fitted_size((10, 3000), model) == (14, 504)
    depth = np.ones((1, 20, 20), np.float32)
    depth[:, :, 10:] = 3.0
    sure = np.tile(np.linspace(0, 1, 20, dtype=np.float32)[:, None], (1, 1, 20)).reshape(1, 20, 20)
    kept = trusted(depth, sure)
    assert not kept[0, :3].any() and not kept[0, :, 9:11].any() and kept[0, 5:, :9].all()


class Drifting(Oracle):
    """The truth bent more with every frame of a pass: a fifth of a per cent larger, an eighth of a degree on."""

    def predict(self, rgb: np.ndarray, T: np.ndarray | None, K_given: np.ndarray | None) -> Prediction:
        found = super().predict(rgb, T, K_given)
        poses, depth = found.T_world_cam.copy(), found.depth.copy()
        for k in range(1, len(rgb)):
            bend = from_rotation(about_z(np.radians(0.125) * k)) @ np.diag([1 + 0.002 * k] * 3 + [1.0])
            about = from_rotation(np.eye(3), found.T_world_cam[0, :3, 3])
            poses[k] = apply_to_pose(about @ bend @ inverse(about), found.T_world_cam[k])
            depth[k] *= 1 + 0.002 * k
        return replace(found, T_world_cam=poses, depth=depth)


def path_error(found: Reconstruction, shots: Sequence[Shot], *, closing: bool) -> tuple[float, dict[str, Any]]:
    """Worst camera after a similarity, as a share of the path's length; with and without what closes the loops."""
    poses = np.concatenate([w.T_world_cam for w in found.windows])
    correction = found.corrected()
    assert correction is not None
    if closing:
        assert correction.moves is not None and correction.moves.shape == (len(poses), 4, 4)
        poses = np.stack([apply_to_pose(S, T) for S, T in zip(correction.moves, poses)])
    true = np.stack([s.T_world_cam[:3, 3] for s in shots])
    S = fit_similarity(poses[:, :3, 3], true)
    off = np.linalg.norm(apply(S, poses[:, :3, 3]) - true, axis=1)
    return float(off.max() / np.linalg.norm(np.diff(true, axis=0), axis=1).sum()), correction.told


@pytest.fixture(scope="module")
def long_walk() -> list[Shot]:
    room = make_room(4)
    return [render(room, T, K, SIZE) for T in walk_path(room, 110, turns=1.6)]


def test_a_walk_that_comes_back_is_closed(long_walk: list[Shot]) -> None:
    pytest.importorskip("pycolmap")
    shots, errors = long_walk, []
    for closing in (False, True):
        model = Model("drifting", Drifting(shots, SIZE).predict, 320, 1, window=12, overlap=3)
        error, told = path_error(by_model(filmed(shots), range(len(shots)), model), shots, closing=closing)
        errors.append(error)
    assert told["loops"] >= 1 and told["worst_seam"] < 0.05
    assert errors[1] < 0.01 < errors[0], errors


def test_a_recorded_walk_keeps_its_loops_and_losses(walked: tuple[Any, list[Shot]], tmp_path: Path) -> None:
    shots = walked[1][:6]
    moves = np.tile(from_rotation(about_z(0.3), np.array([1.0, 2, 3])), (6, 1, 1))
    lost = (Issue("W-FRAMES-LOST", 2, "reconstruct", "their place could not be found"),)
    source = replace(with_holes(shots), losses=lost, corrected=lambda: Correction(moves, {"loops": 1}))
    record(source, tmp_path / "kept")
    back = read_recorded(tmp_path / "kept")
    correction = back.corrected()
    assert correction is not None and np.allclose(correction.moves, moves)  # type: ignore[arg-type]
    assert back.losses == lost and back.provenance["loops"] == 1 and len(list(back.windows)) == 6


def test_a_loop_that_cannot_be_is_not_believed() -> None:
    good = Loop(0, 9, from_rotation(about_z(0.05), np.array([0.1, 0, 0])))
    false = Loop(2, 7, from_rotation(about_z(2.5), np.array([30.0, 4, 0])))
    found, kept = closed(10, [good, good, false], 2.0)
    assert kept == (good, good) and np.allclose(found[9], good.S_first_second, atol=0.05)


def test_pairs_of_windows_are_asked_once(monkeypatch: pytest.MonkeyPatch, walked: tuple[Any, list[Shot]]) -> None:
    """A model that cannot see two places as one costs one pass for each pair of windows, not for each picture."""
    shots = walked[1]
    oracle = Oracle(shots, SIZE)
    pairs = [(a, b) for a in range(0, 12, 2) for b in range(40, 52, 2)]
    monkeypatch.setattr(Keys, "loops", lambda self, seed: pairs)

    def predict(rgb: np.ndarray, *known: Any) -> Prediction:
        found = oracle.predict(rgb, *known)
        apart = len(oracle.passes) > 6  # what comes after the windows
        return replace(found, depth=found.depth * np.linspace(1, 3, len(rgb))[:, None, None]) if apart else found

    model = Model("blind", predict, 320, 1, window=12, overlap=2)
    found = by_model(filmed(shots), range(60), model)
    list(found.windows)
    correction = found.corrected()
    assert correction is not None and correction.moves is None and len(oracle.passes) <= 6 + 4


def test_a_pose_graph_shares_out_what_a_loop_finds() -> None:
    rng = np.random.default_rng(0)
    steps = [from_rotation(about_z(rng.normal(0, 0.02)), rng.normal(0, 0.05, 3)) @ np.diag([1.01] * 3 + [1.0])
             for _ in range(19)]  # fmt: skip
    drift = [np.eye(4)]
    for step in steps:
        drift.append(drift[-1] @ step)
    loop = Loop(0, 19, drift[19])
    found, kept = closed(20, [loop], 2.0)
    assert kept == (loop,)
    assert np.allclose(found[0], np.eye(4)) and np.allclose(found[19], drift[19], atol=0.02)
    moves = np.array([np.linalg.norm((found[k + 1] - found[k])[:3, 3]) for k in range(19)])
    assert moves.max() < 4 * np.median(moves)  # every seam gives a little
    assert np.allclose(closed(5, [], 2.0)[0], np.eye(4))


@pytest.mark.parametrize("fails_at", [0, 2])
def test_a_window_that_does_not_fit_is_halved_and_says_so(walked: tuple[Any, list[Shot]], fails_at: int) -> None:
    """Memory runs out in the first or in a later window: the map is that of the smaller plan, asked for directly."""
    shots = walked[1][:20]
    maps = []
    for asked, failing in ((None, True), (4, False)):
        oracle, calls = Oracle(shots, SIZE), [0]

        def predict(
            rgb: np.ndarray, *known: Any, oracle: Oracle = oracle, calls: list[int] = calls, failing: bool = failing
        ) -> Prediction:  # noqa: E501
            calls[0] += 1
            if failing and len(rgb) == 8 and calls[0] > fails_at:
                oracle.rng = np.random.default_rng(0)  # the second try starts as the direct one does
                raise MemoryError
            return oracle.predict(rgb, *known)

        model = Model("oracle", predict, 320, 1, window=8, overlap=2)
        found = mapped_by(filmed(shots), model, Config(window=asked, scale="camera-height=1.5"))
        maps.append(found)
    fallen, direct = maps
    assert "W-WINDOW-SMALLER" in {w.code for w in fallen.quality.warnings}
    assert "W-WINDOW-SMALLER" not in {w.code for w in direct.quality.warnings}
    assert fallen.provenance == direct.provenance and fallen.provenance["window"] == 4
    assert [o.box for o in fallen.objects] == [o.box for o in direct.objects]
    assert np.array_equal(fallen.voxels.mean_map, direct.voxels.mean_map)  # type: ignore[union-attr]


def mapped_by(capture: Capture, model: Model, config: Config) -> Any:
    """The map of a capture by a model of the test's own, through the fallback of `build`."""
    asked = replace(config, reconstructor="da3-small")
    return building._mapped(capture, asked, pipeline.Diary(), None, lambda name, config: model)[0]


def posed_model(shots: Sequence[Shot], *, bend: float = 1.0, metric: bool = False, **options: Any) -> Model:
    """The truth at known poses; every pass after the first has its depth `bend` times too long."""
    passes = [0]

    def predict(rgb: np.ndarray, T: np.ndarray | None, K_given: np.ndarray | None) -> Prediction:
        assert T is not None and K_given is not None
        passes[0] += 1
        depth = np.stack([next(s.depth for s in shots if np.allclose(s.T_world_cam, p)) for p in T])
        depth = (depth * (bend if passes[0] > 1 else 1)).astype(np.float32)
        return Prediction(depth, np.ones(depth.shape, np.float32), K_given, T, metric=metric)

    return Model("posed", predict, 320, 1, window=8, overlap=2, takes_poses=True, **options)


@pytest.mark.parametrize(
    "window, wild_pass, kept, left",
    [
        pytest.param(16, 4, range(40), "40 to 51, 52 to 59", marks=pytest.mark.slow),
        (8, 2, range(14, 30), "0 to 7, 8 to 13"),
    ],
)
def test_the_largest_part_is_the_map_and_the_others_are_said(
    walked: tuple[Any, list[Shot]], window: int, wild_pass: int, kept: range, left: str
) -> None:
    room, shots = walked[0], walked[1][: 15 * window // 4]
    oracle = Oracle(shots, SIZE)

    def predict(rgb: np.ndarray, T: np.ndarray | None, K_given: np.ndarray | None) -> Prediction:
        found = oracle.predict(rgb, T, K_given)
        wild = found.T_world_cam.copy()
        if len(oracle.passes) == wild_pass:
            wild[:, :3, 3] += np.random.default_rng(1).normal(0, 2, (len(rgb), 3))
        return replace(found, T_world_cam=wild)

    model = Model("late", predict, 320, 1, window=window, overlap=window // 4)
    scene = pipeline.map_reconstruction(by_model(filmed(shots), range(len(shots)), model), Config(), pipeline.Diary())
    assert [c.index for c in scene.camera_path] == list(kept)
    lost = [w for w in scene.quality.warnings if w.code == "W-PARTS"]
    assert scene.quality.status == "degraded" and [w.count for w in lost] == [len(shots) - len(kept)]
    assert f"source frames {left}" in lost[0].effect
    assert scene.frames is not None and len(scene.frames) == len(kept)
    assert np.abs(scene.frames.rgb(len(kept) - 1).astype(int) - shots[kept[-1]].rgb).mean() < 8
    assert judge(scene, room, np.array([s.T_world_cam for s in shots])).path_error < 0.01


def test_known_poses_give_the_unit_whatever_the_model_claims(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1][:8]
    for metres, kind in ((True, "metric"), (False, "relative")):
        found = by_model(filmed(shots, posed=True, metres=metres), range(8), posed_model(shots, metric=True))
        assert (found.scale.kind, found.scale.source) == (kind, "sensor" if metres else "none")
        assert "W-MODEL-SCALE" not in {x.code for x in found.losses}
    alone = posed_model(shots, metric=True, needs_poses=True)
    assert by_model(filmed(shots, posed=True, metres=True), range(8), alone).scale.kind == "metric"
    with pytest.raises(ConfigError, match="E-MODEL-POSES poses without metres"):
        by_model(filmed(shots, posed=True), range(8), alone)
    with pytest.raises(ConfigError, match="E-MODEL-POSES posed finds no cameras"):
        by_model(filmed(shots), range(8), alone)


def test_posed_windows_whose_depths_disagree_are_refused(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1][:20]
    assert len(list(by_model(filmed(shots, posed=True), range(20), posed_model(shots)).windows)) == 3
    with pytest.raises(TrustError, match="E-WINDOWS-APART"):
        list(by_model(filmed(shots, posed=True), range(20), posed_model(shots, bend=1.6)).windows)


def test_a_seam_sees_turns_and_depths_too(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1][:6]
    rng = np.random.default_rng(0)
    depth = np.stack([s.depth for s in shots]).astype(np.float32)
    at = np.stack([s.T_world_cam for s in shots])
    at[:, :3, 3] = 0  # a camera that turns in one place
    true = Prediction(depth, np.ones_like(depth), np.stack([K] * 6), at)
    assert join(true, true)[1] < 1e-6
    turned = at @ np.stack([from_rotation(about_z(a)) for a in rng.normal(0, 0.5, 6)])
    assert join(true, replace(true, T_world_cam=turned))[1] > 0.05
    wild = rng.uniform(1, 9, depth.shape).astype(np.float32)
    assert join(true, replace(true, depth=wild))[1] > 0.05


def test_cameras_that_stand_still_give_no_unit() -> None:
    rng = np.random.default_rng(0)
    given, found = np.tile(np.eye(4), (8, 1, 1)), np.tile(np.eye(4), (8, 1, 1))
    depth = np.full((8, 4, 6), 2.0, np.float32)
    given[:, :3, 3], found[:, :3, 3] = rng.normal(0, 2e-5, (8, 3)), rng.normal(0, 0.05, (8, 3))
    with pytest.raises(TrustError, match="E-NO-BASELINE"):  # jitter of known cameras against noise of the model's
        baseline_ratio(found, given, depth)
    given[:, 0, 3] = found[:, 0, 3] = np.arange(8) * 1e-3
    with pytest.raises(TrustError, match="E-NO-BASELINE"):
        baseline_ratio(given, given, depth)
    found[:, :3, 3], given[:, :3, 3] = rng.normal(0, 1, (8, 3)), 0
    given[:, :3, 3] = found[:, :3, 3] / 4
    assert baseline_ratio(found, given, depth) == pytest.approx(4)


class OutOfMemoryError(RuntimeError):
    """What torch calls it: no MemoryError."""


def test_memory_that_ran_out_has_one_name(walked: tuple[Any, list[Shot]]) -> None:
    def fail(error: Exception) -> Model:
        def predict(*given: Any) -> Prediction:
            raise error

        return Model("small", predict, 320, 1)

    for error in (OutOfMemoryError("CUDA"), MemoryError()):
        with pytest.raises(WindowTooLarge, match="E-MEMORY small: 6 frames"):
            by_model(filmed(walked[1][:6]), range(6), fail(error))
    with pytest.raises(RuntimeError, match="another matter"):
        by_model(filmed(walked[1][:6]), range(6), fail(RuntimeError("another matter")))


def with_holes(shots: Sequence[Shot], *, wrong: float = 0.0) -> Reconstruction:
    """What stereo gives: a third of the depth, in patches, some of it twice as far and ill confirmed."""
    rng = np.random.default_rng(0)

    def windows() -> Any:
        for i, s in enumerate(shots):
            kept = np.kron(rng.random((30, 40)) < 0.35, np.ones((8, 8), bool))
            bad = np.kron(rng.random((30, 40)) < wrong, np.ones((8, 8), bool)) & kept
            depth = np.where(kept, s.depth * np.where(bad, 2, 1), 0)[None].astype(np.float32)
            sure = np.where(bad, 0.4, np.where(kept, 0.8, 0))[None].astype(np.float32)
            camera = (K[None], s.T_world_cam[None])
            yield Window(s.rgb[None], depth, sure, *camera, np.array([i], np.int32), np.array([i / 5]))

    return Reconstruction(windows(), Scale("relative", "none", 0.0), provenance={"reconstructor": "sfm"})


def test_learned_depth_fills_the_holes_of_stereo(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1][:12]
    model = Model("oracle", Oracle(shots, SIZE).predict, 320, 1, window=5)
    found = with_learned_depth(with_holes(shots, wrong=0.1), model)
    windows = list(found.windows)
    for w, s, before in zip(windows, shots, with_holes(shots, wrong=0.1).windows):
        known = w.depth[0] > 0
        assert known.mean() > 0.75  # the least sure and the edges are left out
        off = np.abs(w.depth[0] / s.depth - 1)[known]
        bad = (before.depth[0] > 1.5 * s.depth).sum()
        assert np.median(off) < 0.02 and (off > 0.5).sum() < 0.1 * bad  # what is left lies on edges, where nobody knows
        assert np.allclose(w.T_world_cam[0], s.T_world_cam)
    assert found.provenance["reconstructor"] == "sfm+oracle" and found.late_losses() == ()


def test_a_model_that_does_not_fit_is_left_out(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1][:6]

    def predict(rgb: np.ndarray, T: Any, known: Any) -> Prediction:
        wild = np.random.default_rng(0).uniform(1, 9, (len(rgb), *SIZE)).astype(np.float32)
        return Prediction(wild, np.ones_like(wild), np.stack([K] * len(rgb)), np.tile(np.eye(4), (len(rgb), 1, 1)))

    found = with_learned_depth(with_holes(shots), Model("wild", predict, 320, 1))
    before = list(with_holes(shots).windows)
    assert all(np.array_equal(a.depth, b.depth) for a, b in zip(found.windows, before))
    (loss,) = found.late_losses()
    assert loss.code == "W-MODEL-REJECTED" and loss.count == 6

    def refuse(*given: Any) -> Prediction:
        raise TrustError("E-NO-BASELINE", "no.", "Move.")

    found = with_learned_depth(with_holes(shots), Model("refusing", refuse, 320, 1, window=4))
    assert all(np.array_equal(a.depth, b.depth) for a, b in zip(found.windows, with_holes(shots).windows))
    assert found.late_losses()[0].count == 6


def test_the_last_frame_alone_keeps_its_poses(walked: tuple[Any, list[Shot]]) -> None:
    shots = walked[1][:5]
    model = replace(posed_model(shots, needs_poses=True), window=4)
    windows = list(with_learned_depth(with_holes(shots), model).windows)
    assert len(windows) == 5 and (windows[4].depth > 0).mean() > 0.75


class Upstream:
    """What the public class of depth-anything-3 0.1.1 takes and gives, with the numbers of a simple scene."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    @classmethod
    def from_pretrained(cls, place: str, **options: Any) -> Upstream:
        if "nowhere" in place:
            raise OSError("no such weights\nand a second line")
        return cls()

    def to(self, device: str) -> Upstream:
        return self

    eval = lambda self: self  # noqa: E731

    def inference(self, image: Any, extrinsics: Any = None, intrinsics: Any = None, process_res: int = 504) -> Any:
        n, (h, w) = len(image), image[0].shape[:2]
        self.given = {"extrinsics": extrinsics, "intrinsics": intrinsics, "process_res": process_res}
        poses = np.tile(np.eye(4)[:3], (n, 1, 1))
        poses[:, 0, 3] = -np.arange(n)  # the camera moves along +x, so world-to-camera shifts along -x
        camera = np.tile(np.array([[w, 0, w / 2], [0, w, h / 2], [0, 0, 1]], float), (n, 1, 1))
        return SimpleNamespace(
            depth=np.full((n, h, w), 2.0), conf=np.full((n, h, w), 1.5), extrinsics=poses, intrinsics=camera,
            sky=None, is_metric={},
        )  # fmt: skip


def upstream(monkeypatch: pytest.MonkeyPatch, kind: Any = Upstream) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make test-models installs it")
    package, api = ModuleType("depth_anything_3"), ModuleType("depth_anything_3.api")
    package.api, api.DepthAnything3 = api, kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "depth_anything_3", package)
    monkeypatch.setitem(sys.modules, "depth_anything_3.api", api)


def test_upstreams_world_to_camera_becomes_camera_to_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    upstream(monkeypatch)
    model = da3.open_model(f"upstream-da3-small:{tmp_path}", "cpu")
    rgb = np.zeros((3, 28, 42, 3), np.uint8)
    found = checked(model.predict(rgb, None, None), model.name, 3, (28, 42))
    assert np.allclose(found.T_world_cam[:, 0, 3], [0, 1, 2]) and not found.metric
    T = np.stack([from_rotation(about_z(a), np.array([a, 1, 2.0])) for a in (0.1, 0.2, 0.3)])
    posed = model.predict(rgb, T, found.K)
    assert np.allclose(posed.T_world_cam, T) and model.provenance["licence"] == "Apache-2.0"


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="da3-small"):
        open_model("da3-tiny")
    with pytest.raises(MissingDependencyError, match="E-LICENCE"):
        da3.open_model("da3-giant", commercial=True)
    monkeypatch.setitem(sys.modules, "depth_anything_3", None)
    with pytest.raises(MissingDependencyError, match="E-EXTRA.*--no-deps"):
        da3.open_model("upstream-da3-small")
    upstream(monkeypatch)
    with pytest.raises(MissingDependencyError, match="E-WEIGHTS.*no folder"):
        da3.open_model("upstream-da3-small:/nowhere")
    monkeypatch.setitem(da3.DA3.weights, "upstream-da3-small", ("nowhere/at-all", "Apache-2.0"))
    with pytest.raises(MissingDependencyError, match="E-WEIGHTS.*no such weights See"):
        da3.open_model("upstream-da3-small")


def test_the_real_package_at_a_shrunken_size() -> None:
    """Geometry that must hold for any weights: every pixel comes back to itself through depth, pose and K."""
    torch = pytest.importorskip("torch", reason="torch is not installed: make test-models installs it")
    if not importable():
        pytest.skip("depth-anything-3 is not installed; see tests/upstream.py")
    from depth_anything_3 import api
    from depth_anything_3.model.cam_dec import CameraDec
    from depth_anything_3.model.cam_enc import CameraEnc
    from depth_anything_3.model.da3 import DepthAnything3Net
    from depth_anything_3.model.dinov2.dinov2 import DinoV2
    from depth_anything_3.model.dinov2.vision_transformer import DinoVisionTransformer
    from depth_anything_3.model.dualdpt import DualDPT

    torch.manual_seed(0)
    net = DinoV2("vits", out_layers=[0, 1, 2, 3], alt_start=2, qknorm_start=2, rope_start=2, cat_token=True)
    net.pretrained = DinoVisionTransformer(
        img_size=518, patch_size=14, embed_dim=64, depth=4, num_heads=4, mlp_ratio=4, alt_start=2, qknorm_start=2,
        rope_start=2, cat_token=True,
    )  # fmt: skip
    small = DepthAnything3Net(
        net=net,
        head=DualDPT(dim_in=128, features=16, output_dim=2, out_channels=[16, 16, 16, 16]),
        cam_enc=CameraEnc(dim_out=64, trunk_depth=1, num_heads=4),
        cam_dec=CameraDec(dim_in=128),
    )
    network = api.DepthAnything3("da3-small")
    network.model = small.eval()
    model = Model(
        "da3-small", partial(da3.predict, network.to("cpu").eval()), 112, 14, window=4, overlap=1, takes_poses=True
    )
    rgb = np.random.default_rng(0).integers(0, 255, (3, 84, 112, 3)).astype(np.uint8)
    found = model.predict(rgb, None, None)
    assert found.depth.shape == (3, 84, 112) == found.confidence.shape and not found.metric
    assert np.allclose(found.T_world_cam @ inverse(found.T_world_cam), np.eye(4), atol=1e-4)
    T = np.stack([from_rotation(about_z(a), np.array([a, 0, 0])) for a in (0.0, 0.4, 0.8)])
    camera = np.tile(np.array([[100.0, 0, 56], [0, 100, 42], [0, 0, 1]]), (3, 1, 1))
    posed = model.predict(rgb, T, camera)
    assert np.allclose(posed.T_world_cam, T, atol=1e-5) and np.allclose(posed.K, camera, atol=1e-3)
    assert fit_similarity(np.eye(3), np.eye(3)).shape == (4, 4)
