"""Our Depth Anything 3 against the upstream package: the same numbers from the same random weights.

Where the package is not installed, against tensors that it recorded (`python -m tests.upstream`). Random weights say
nothing of accuracy; they prove that the published ones would be used as they were trained.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: make test-models installs it")

from cogmap.errors import ConfigError, InputError, MissingDependencyError, TrustError  # noqa: E402
from cogmap.geometry.camera import project, unproject  # noqa: E402
from cogmap.geometry.rigid import about_z, apply, from_rotation, inverse  # noqa: E402
from cogmap.reconstruct.base import checked  # noqa: E402
from cogmap.reconstruct.depth_anything_3.cameras import from_numbers, quaternion_of, to_numbers  # noqa: E402
from cogmap.reconstruct.depth_anything_3.network import Network  # noqa: E402
from cogmap.reconstruct.depth_anything_3.shapes import CHECKPOINTS, Checkpoint, Shape  # noqa: E402
from cogmap.reconstruct.models import open_model  # noqa: E402

from .seeded import CASES, TINY, TINY_ALONE, cameras, fill, pictures  # noqa: E402
from .upstream import RECORDED, answers, importable, upstream_network  # noqa: E402

CLOSE = 1e-4
CONVOLUTIONS = (0, 5)  # the norm between them is that of the last level too
UNUSED = [f"output_conv1_aux.{k}" for k in range(3)]
UNUSED += [f"output_conv2_aux.{k}.{layer}." for k in range(3) for layer in CONVOLUTIONS]


def ours(network: Any, case: tuple[int, int, int], *, posed: bool = False) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        T, K = cameras(case) if posed else (None, None)
        seen = network(pictures(case), T, K, rays=not posed)
    out = {**seen.dense._asdict(), "K": seen.K}
    if seen.T_world_cam is not None:
        out["T_cam_world"] = torch.linalg.inv(seen.T_world_cam.double())[:, :, :3]
    return {k: np.asarray(v[0].float().numpy()) for k, v in out.items() if v is not None}


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert set(wanted) <= set(found) and "depth" in wanted
    for name, value in wanted.items():
        value = value[:, :3] if name == "T_cam_world" else value
        assert found[name].shape == value.shape, name
        assert np.abs(found[name] - value).max() <= CLOSE * np.abs(value).max(), name
        assert value.std() > 0, f"{name} says nothing"


@pytest.fixture(scope="module", params=[TINY, TINY_ALONE], ids=["views", "alone"])
def tiny(request: pytest.FixtureRequest) -> tuple[str, Any]:
    kind = "views" if request.param is TINY else "alone"
    return kind, fill(Network(request.param))


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("posed", [False, True])
def test_the_recorded_tensors_come_out(tiny: tuple[str, Any], name: str, posed: bool) -> None:
    kind, network = tiny
    recorded = np.load(RECORDED)
    wanted = {k.rpartition("/")[2]: recorded[k] for k in recorded.files if k.startswith(f"{kind}/{name}/{posed}/")}
    if not wanted:
        assert posed and kind == "alone"  # it sees no cameras
        return
    same(ours(network, CASES[name], posed=posed), wanted)


@pytest.mark.parametrize("name", ["da3-small", "da3-base", "da3-metric"])
def test_the_published_sizes_equal_upstream(name: str) -> None:
    if not importable():
        pytest.skip("depth-anything-3 is not installed; see tests/upstream.py")
    shape = CHECKPOINTS[name].shape
    theirs = fill(upstream_network(shape), seed=1)
    network = Network(shape)
    network.load_state_dict(theirs.state_dict(), strict=True)
    network.eval()
    for case in ((1, 126, 98), (2, 98, 126), (5, 112, 112)):
        for posed in (False, True)[: 1 + shape.cameras]:
            same(ours(network, case, posed=posed), answers(theirs, case, posed=posed))


def test_every_tensor_matters(tiny: tuple[str, Any]) -> None:
    """A tensor that is read from the file and never used would hide a mistake; upstream leaves six out itself."""
    kind, network = tiny
    plain, posed = ours(network, CASES["five"]), ours(network, CASES["five"], posed=kind == "views")
    for name, parameter in network.named_parameters():
        kept = parameter.data.clone()
        parameter.data = parameter.data + 0.1 * torch.randn(kept.shape, generator=torch.Generator().manual_seed(1))
        asked = {"posed": True} if name.startswith("cam_enc") else {}
        before = posed if asked else plain
        after = ours(network, CASES["five"], **asked)
        changed = any(not np.array_equal(after[k], before[k]) for k in after)
        assert changed != any(u in name for u in UNUSED), name
        parameter.data = kept


def test_pictures_may_come_in_any_order() -> None:
    network, case = fill(Network(TINY)), CASES["five"]
    x = pictures(case)
    order = torch.tensor([3, 1, 4, 0, 2])
    with torch.inference_mode():
        straight, shuffled = network(x), network(x[:, order])
    assert torch.allclose(straight.dense.depth[:, order], shuffled.dense.depth, rtol=1e-4, atol=1e-5)
    assert torch.allclose(straight.K[:, order], shuffled.K, rtol=1e-4)


def test_cameras_survive_their_nine_numbers() -> None:
    T, K = cameras((40, 84, 112))
    back, again = from_numbers(to_numbers(T, K, (84, 112)), (84, 112))
    assert torch.allclose(back, T, atol=1e-5) and torch.allclose(again, K, rtol=1e-5)
    half_turns = torch.tensor([[[1.0, 0, 0], [0, -1, 0], [0, 0, -1]], [[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]]])
    assert torch.allclose(quaternion_of(half_turns), torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0]]))


def checkpoint(tmp_path: Path, shape: Shape, drop: str | None = None, licence: str = "Apache-2.0") -> Checkpoint:
    """A folder of weights as the hub has them, every tensor seeded noise."""
    from safetensors.torch import load_file, save_file, save_model

    file = tmp_path / "model.safetensors"
    api = torch.nn.Module()
    api.model = fill(Network(shape))
    save_model(api, str(file))  # as upstream's class does: a tensor in several places is held once
    save_file({k: v for k, v in load_file(file).items() if drop is None or drop not in k}, file)
    return Checkpoint("nowhere/at-all", "main", licence, shape)


PUBLISHED = {  # bytes and tensors of the files on the hub
    "da3-small": (137_248_940, 437),
    "da3-base": (541_518_028, 437),
    "da3-large": (1_643_843_860, 637),
    "da3-metric": (1_336_734_448, 406),
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_networks_are_as_large_as_their_published_files(name: str) -> None:
    with torch.device("meta"):
        parameters = dict(Network(CHECKPOINTS[name].shape).named_parameters())
    size, tensors = PUBLISHED[name]
    names = sum(len(f'"model.{k}":{{"dtype":"F32","shape":[1,1],"data_offsets":[1,1]}},') for k in parameters)
    rest = size - sum(4 * p.numel() for p in parameters.values())
    assert len(parameters) == tensors and names < rest < names + 35 * tensors


@pytest.fixture()
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(CHECKPOINTS, "da3-small", checkpoint(tmp_path, TINY))
    return open_model(f"da3-small:{tmp_path}", "cpu")


@pytest.mark.parametrize("size", [(84, 56), (56, 84), (70, 70)])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_pixel_comes_back_to_itself(model: Any, n: int, size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(n).integers(0, 255, (n, *size, 3)).astype(np.uint8)
    found = checked(model.predict(rgb, None, None), model.name, n, size)
    for k in range(n):
        points = unproject(found.depth[k], found.K[k])
        world = apply(found.T_world_cam[k], points)
        uv, _ = project(apply(inverse(found.T_world_cam[k]), world), found.K[k])
        rows, columns = np.mgrid[0 : size[0], 0 : size[1]] + 0.5
        assert np.abs(uv - np.stack([columns, rows], axis=-1)).max() < 0.01
    again = model.predict(rgb, None, None)
    assert np.array_equal(again.depth, found.depth) and not found.metric
    assert np.isfinite(found.confidence).all() and (found.confidence >= 1).all()


def test_known_cameras_come_back_and_set_the_unit(model: Any) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (4, 56, 70, 3)).astype(np.uint8)
    K = np.tile(np.array([[60.0, 0, 35], [0, 60, 28], [0, 0, 1]]), (4, 1, 1))
    T = np.stack([from_rotation(about_z(a), np.array([a, 2 * a, 0.3])) for a in (0.1, 0.5, 0.9, 1.4)])
    found = model.predict(rgb, T, K)
    assert np.allclose(found.T_world_cam, T) and np.allclose(found.K, K)
    wide = T.copy()
    wide[:, :3, 3] *= 10
    assert np.allclose(model.predict(rgb, wide, K).depth, 10 * found.depth, rtol=1e-3)
    moved = from_rotation(about_z(1.0), np.array([5.0, -3, 2])) @ T  # another world for the same cameras
    assert np.allclose(model.predict(rgb, moved, K).depth, found.depth, rtol=1e-3)
    with pytest.raises(TrustError, match="E-NO-BASELINE"):
        model.predict(rgb, np.tile(np.eye(4), (4, 1, 1)), K)


def test_the_metric_network_gives_metres_by_the_focal_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKPOINTS, "da3-metric", checkpoint(tmp_path, TINY_ALONE))
    model = open_model(f"da3-metric:{tmp_path}", "cpu")
    rgb = np.random.default_rng(0).integers(0, 255, (2, 56, 70, 3)).astype(np.uint8)
    K = np.tile(np.array([[60.0, 0, 35], [0, 60, 28], [0, 0, 1]]), (2, 1, 1))
    T = np.tile(np.eye(4), (2, 1, 1))
    found = model.predict(rgb, T, K)
    assert found.metric and model.needs_poses and found.sky is not None
    twice = K * [[2.0, 1, 1], [1, 2, 1], [1, 1, 1]]
    assert np.allclose(model.predict(rgb, T, twice).depth, 2 * found.depth)
    with pytest.raises(ConfigError, match="E-MODEL-POSES"):
        model.predict(rgb, None, None)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # what torch's compiler warns of is its own affair
def test_a_compiled_network_says_the_same(model: Any, tmp_path: Path) -> None:
    compiled = open_model(f"da3-small:{tmp_path}", "cpu", compiled=True)
    rgb = np.random.default_rng(0).integers(0, 255, (2, 56, 42, 3)).astype(np.uint8)
    found, plain = (m.predict(rgb, None, None) for m in (compiled, model))
    assert compiled.predict.args[0]._compiled_call_impl is not None
    assert np.allclose(found.depth, plain.depth, rtol=1e-4) and np.allclose(
        found.T_world_cam, plain.T_world_cam, atol=1e-4
    )


def test_models_of_other_packages_are_not_compiled() -> None:
    with pytest.raises(ConfigError, match="E-OPTION vggt cannot be compiled"):
        open_model("vggt", "cpu", compiled=True)


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKPOINTS, "da3-small", checkpoint(tmp_path, TINY, drop="fc_t"))
    with pytest.raises(InputError, match="E-WEIGHTS-NAMES 2 of .*cam_dec.fc_t.weight"):
        open_model(f"da3-small:{tmp_path}")
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(InputError, match="E-WEIGHTS-FILE"):
        open_model(f"da3-small:{tmp_path}")
    with pytest.raises(MissingDependencyError, match="E-WEIGHTS there is no model.safetensors"):
        open_model(f"da3-small:{tmp_path / 'nowhere'}")
    with pytest.raises(MissingDependencyError, match="E-LICENCE"):
        open_model("da3-large", commercial=True)


def test_without_the_hub_the_page_and_the_flag_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip(
        "huggingface_hub", reason="huggingface-hub is not installed: make test-models installs it"
    )

    def refuse(*args: Any, **options: Any) -> str:
        raise OSError("no network here")

    monkeypatch.setattr(hub, "hf_hub_download", refuse)
    with pytest.raises(MissingDependencyError, match="E-WEIGHTS.*no network here.*--reconstructor da3-base:FOLDER"):
        open_model("da3-base")
