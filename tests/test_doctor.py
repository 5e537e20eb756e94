"""What `auto` chooses and says, and how a model is judged on the known clip.

An oracle that knows the clip stands for a model with weights; a network with random weights must fail.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cogmap import doctor
from cogmap.errors import DeviceError, TrustError
from cogmap.geometry.rigid import about_z, from_rotation
from cogmap.geometry.similarity import apply_to_pose
from cogmap.reconstruct import choice
from cogmap.reconstruct.base import Model, Prediction

from .rooms import Shot, make_room, render, walk_path
from .test_feed_forward import filmed


def oracle(bend: float = 0.0, scale: float = 2.5, *, rolled: bool = False, metric: bool = False) -> Model:
    """The truth of the clip in a world of its own; with `bend`, every camera further off than the one before.

    `rolled`: every camera held upside down; `metric`: it says that its unit is the metre.
    """
    clip = doctor.known_clip()

    def predict(rgb: np.ndarray, T: Any, K: Any) -> Prediction:
        rows, columns = (np.minimum(np.arange(n) // 4, m - 1) for n, m in zip(rgb.shape[1:3], clip.depth.shape[1:]))
        depth = clip.depth[:, rows][:, :, columns] * scale
        S = from_rotation(about_z(0.7), np.array([1.0, 2, 3])) @ np.diag([scale] * 3 + [1.0])
        poses = apply_to_pose(S, clip.T_world_cam)
        poses[:, 2, 3] += bend * np.arange(len(poses)) ** 2
        poses = poses @ np.diag([-1.0, -1, 1, 1]) if rolled else poses
        dense = depth.astype(np.float32)
        return Prediction(dense, np.ones_like(dense), np.stack([clip.K] * len(rgb)), poses, metric=metric)

    return Model("oracle", predict, 392, 14)


def test_the_known_clip_is_true() -> None:
    clip = doctor.known_clip()
    assert clip.rgb.shape == (12, 294, 392, 3) and clip.depth.shape == (12, 73, 98)
    assert (clip.depth > 0.3).all() and np.allclose(np.linalg.det(clip.T_world_cam[:, :3, :3]), 1)


def test_a_model_that_sees_passes_and_one_that_does_not_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_model", lambda *a: oracle())
    good = doctor.judge_model("any")
    assert good.passed and good.camera < 1e-3 and good.depth < 0.02 and good.scale == pytest.approx(1 / 2.5, rel=1e-3)
    monkeypatch.setattr(doctor, "open_model", lambda *a: oracle(bend=0.05))
    bad = doctor.judge_model("any")
    assert not bad.passed and bad.camera > 0.05
    for broken in ({"rolled": True}, {"metric": True, "scale": 10.0}):
        monkeypatch.setattr(doctor, "open_model", lambda *a, broken=broken: oracle(**broken))
        assert not doctor.judge_model("any").passed
    monkeypatch.setattr(doctor, "open_model", lambda *a: oracle(metric=True, scale=1.1))
    assert doctor.judge_model("any").passed


def test_random_weights_do_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="torch is not installed: make test-models installs it")
    from cogmap.reconstruct.depth_anything_3.shapes import CHECKPOINTS

    from .seeded import TINY
    from .test_depth_anything_3 import checkpoint

    monkeypatch.setitem(CHECKPOINTS, "da3-small", checkpoint(tmp_path, TINY))
    try:
        assert not doctor.judge_model(f"da3-small:{tmp_path}", "cpu").passed
    except TrustError as error:
        assert error.code == "E-MODEL-OUTPUT"


def test_auto_takes_what_is_given_then_what_is_cached_then_sfm(monkeypatch: pytest.MonkeyPatch) -> None:
    shots: list[Shot] = [render(make_room(0), T, np.diag([50.0, 50, 1]), (12, 16)) for T in walk_path(make_room(0), 2)]
    bare = filmed(shots)
    assert choice.suited(bare).name in ("sfm", "da3-small")
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    without = choice.suited(bare)
    assert without.name == "sfm" and "torch is not installed" in without.why
    monkeypatch.setattr(choice, "find_spec", lambda name: name)
    monkeypatch.setattr(choice, "needed", lambda *a: None)
    monkeypatch.setattr(choice, "torch_device", lambda torch, name: "cpu")
    monkeypatch.setattr(choice, "cached", lambda name: False)
    assert choice.suited(bare).name == "sfm" and "da3-small would fetch them" in choice.suited(bare).why
    monkeypatch.setattr(choice, "cached", lambda name: name == "da3-small")
    assert choice.suited(bare).name == "da3-small" and "cached" in choice.suited(bare).why
    monkeypatch.setattr(choice, "torch_device", lambda torch, name: "cuda")
    assert choice.suited(bare).name == "da3-small"
    monkeypatch.setattr(choice, "cached", lambda name: True)
    assert choice.suited(bare).name == "da3-base"


def test_a_device_that_is_not_there_is_an_error() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: make test-models installs it")
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    with pytest.raises(DeviceError, match="E-DEVICE"):
        choice.suited(None, "cuda")


def test_the_command_says_what_auto_would_do() -> None:
    command = [sys.executable, "-c", "from cogmap.cli import main; main()", "doctor"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert said.returncode == 0 and "a video would go through" in said.stdout and "numpy" in said.stdout
