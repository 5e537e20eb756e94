"""VGGT, MapAnything and Pi3X: upstream's conventions are turned into ours, and what a random network says is refused.

Stubs stand for the networks, with the keys and shapes that the real classes gave with random weights at shrunken sizes
(`tests/samples/upstream_outputs.json`) and the numbers of a camera that slides along x before a wall two units away.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: make test-models installs it")

from cogmap.errors import ConfigError, MissingDependencyError, TrustError  # noqa: E402
from cogmap.geometry.camera import project, unproject  # noqa: E402
from cogmap.geometry.rigid import apply, inverse  # noqa: E402
from cogmap.reconstruct import mapanything, pi3, vggt  # noqa: E402
from cogmap.reconstruct.base import checked  # noqa: E402
from cogmap.reconstruct.models import open_model  # noqa: E402
from cogmap.reconstruct.pi3 import fitted_K  # noqa: E402

SHAPES = json.loads((Path(__file__).parent / "samples" / "upstream_outputs.json").read_text())
N, HEIGHT, WIDTH = 3, 56, 70
FOCAL, DEPTH = 60.0, 2.0
RGB = np.random.default_rng(0).integers(0, 255, (N, HEIGHT, WIDTH, 3)).astype(np.uint8)


def poses() -> Any:
    """Camera to world (N, 4, 4): 0, 1, 2 units along x."""
    T = np.tile(np.eye(4), (N, 1, 1))
    T[:, 0, 3] = np.arange(N)
    return T


def shaped_as(kind: str, **values: Any) -> dict[str, Any]:
    """Tensors by name, each of the shape that the real class gave."""
    out = {}
    for name, value in values.items():
        wanted = tuple(SHAPES[kind][name])
        out[name] = torch.as_tensor(np.broadcast_to(value, wanted).copy(), dtype=torch.float32)
    return out


class Net(torch.nn.Module):
    """A stub: it has a parameter, so that it is somewhere, and `from_pretrained`."""

    def __init__(self) -> None:
        super().__init__()
        self.anywhere = torch.nn.Parameter(torch.zeros(1))

    @classmethod
    def from_pretrained(cls, place: str, **options: Any) -> Any:
        if place.startswith(("facebook", "yyfz")):
            raise OSError("no network here")
        return cls()


class Vggt(Net):
    def forward(self, images: Any, query_points: Any = None) -> Any:
        assert images.shape == (1, N, 3, HEIGHT, WIDTH) and images.min() >= 0 and images.max() <= 1
        return shaped_as("vggt", pose_enc=0.0, depth=DEPTH, depth_conf=1.5)


class MapAnything(Net):
    given: list[dict[str, Any]]

    def infer(self, views: Any, use_amp: bool = True, apply_mask: bool = True, mask_edges: bool = True) -> Any:
        self.given = views
        K = np.array([[FOCAL, 0, WIDTH / 2 - 0.5], [0, FOCAL, HEIGHT / 2 - 0.5], [0, 0, 1]])  # counted from 0
        found = []
        for k, T in enumerate(poses()):
            view = shaped_as("mapanything", depth_z=DEPTH, conf=2.0, intrinsics=K, camera_poses=T)
            mask = torch.ones(SHAPES["mapanything"]["non_ambiguous_mask"], dtype=torch.bool)
            mask[0, 0, k] = False
            found.append(view | {"non_ambiguous_mask": mask})
        return found


class Pi3X(Net):
    def forward(self, imgs: Any, intrinsics: Any = None, poses_given: Any = None, with_prior: bool = True) -> Any:
        assert not with_prior and imgs.max() <= 1
        K = np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]])
        points = unproject(np.full((HEIGHT, WIDTH), DEPTH, np.float32), K)
        return shaped_as("pi3x", local_points=points, conf=np.log(3.0), camera_poses=poses())


def encoding(pose_enc: Any, size: tuple[int, int]) -> tuple[Any, Any]:
    """Upstream's own conversion gives world-to-camera (1, N, 3, 4) and intrinsics."""
    assert size == (HEIGHT, WIDTH)
    K = np.tile(np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]]), (1, N, 1, 1))
    return torch.as_tensor(inverse(poses())[None, :, :3]), torch.as_tensor(K)


@pytest.fixture()
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stub packages in the place of the real ones."""
    for name, holds in {
        "vggt": {}, "vggt.models": {}, "vggt.models.vggt": {"VGGT": Vggt}, "vggt.utils": {},
        "vggt.utils.pose_enc": {"pose_encoding_to_extri_intri": encoding},
        "mapanything": {}, "mapanything.models": {"MapAnything": MapAnything},
        "pi3": {}, "pi3.models": {}, "pi3.models.pi3x": {"Pi3X": Pi3X},
    }.items():  # fmt: skip
        module = ModuleType(name)
        vars(module).update(holds)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("name", ["vggt", "mapanything", "pi3x"])
def test_upstreams_conventions_become_ours(packages: None, tmp_path: Path, name: str) -> None:
    model = open_model(f"{name}:{tmp_path}", "cpu")
    found = checked(model.predict(RGB, None, None), name, N, (HEIGHT, WIDTH))
    assert np.allclose(found.T_world_cam, poses()) and np.allclose(found.depth[found.depth > 0], DEPTH)
    assert found.K[1, 0, 0] == pytest.approx(FOCAL, rel=1e-4) and found.K[1, 0, 2] == pytest.approx(WIDTH / 2)
    for k in range(N):  # pixel, depth, world, the same camera, the same pixel
        world = apply(found.T_world_cam[k], unproject(np.full((HEIGHT, WIDTH), DEPTH, np.float32), found.K[k]))
        uv, _ = project(apply(inverse(found.T_world_cam[k]), world), found.K[k])
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
        assert np.abs(uv - np.stack([columns, rows], axis=-1)).max() < 0.01
    assert found.metric == (name != "vggt") and np.isfinite(found.confidence).all()
    assert model.provenance["licence"] and model.provenance["weights"] == str(tmp_path)


def test_what_mapanything_masks_is_left_out_and_known_cameras_come_back(packages: None, tmp_path: Path) -> None:
    model = open_model(f"mapanything:{tmp_path}", "cpu")
    found = checked(model.predict(RGB, None, None), "mapanything", N, (HEIGHT, WIDTH))
    assert [found.depth[k, 0, k] for k in range(N)] == [0, 0, 0] and (found.depth == 0).sum() == N
    T = poses()
    T[:, 0, 3] *= 5  # the known cameras stand five times as far apart
    K = np.tile(np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]]), (N, 1, 1))
    posed = model.predict(RGB, T, K)
    assert np.allclose(posed.T_world_cam, T) and np.allclose(posed.K, K) and np.allclose(posed.depth, 5 * DEPTH)
    network = model.predict.args[0]  # type: ignore[attr-defined]
    handed = [v["intrinsics"][0].numpy() for v in network.given]
    assert np.allclose(handed[0][:2, 2], [WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5])
    assert np.allclose(network.given[2]["camera_poses"][0].numpy(), T[2])


@pytest.mark.parametrize("name", ["vggt", "mapanything", "pi3x"])
def test_what_cannot_be_had_is_said(packages: None, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(MissingDependencyError, match="E-WEIGHTS.*no network here.*huggingface.co/"):
        open_model(name, "cpu")
    with pytest.raises(ConfigError, match="E-OPTION.*no revision"):
        open_model(f"{name}@main", "cpu")
    with pytest.raises(MissingDependencyError, match="E-WEIGHTS there is no folder"):
        open_model(f"{name}:/nowhere", "cpu")
    package = {"vggt": vggt.VGGT, "mapanything": mapanything.MAPANYTHING, "pi3x": pi3.PI3}[name]
    stranger = SimpleNamespace(**{package.kind: type("Other", (), {package.method: lambda self, other: None})})
    monkeypatch.setitem(sys.modules, package.module, stranger)
    with pytest.raises(MissingDependencyError, match=f"E-UPSTREAM {package.distribution} .* takes no"):
        open_model(name, "cpu")
    monkeypatch.setitem(sys.modules, package.module, None)
    with pytest.raises(MissingDependencyError, match="E-EXTRA.*Run: pip install --no-deps"):
        open_model(name, "cpu")
    if name != "mapanything":
        with pytest.raises(MissingDependencyError, match="E-LICENCE"):
            open_model(name, "cpu", commercial=True)


@pytest.mark.parametrize("broken", ["depth", "depth_conf"])
def test_numbers_that_cannot_be_are_refused_by_the_models_name(
    packages: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def forward(self: Any, images: Any) -> Any:
        said = shaped_as("vggt", pose_enc=0.0, depth=DEPTH, depth_conf=1.5)
        return said | {broken: said[broken] * float("nan") if broken == "depth" else said[broken][:, :2]}

    monkeypatch.setattr(Vggt, "forward", forward)
    model = open_model(f"vggt:{tmp_path}", "cpu")
    with pytest.raises(TrustError, match="E-MODEL-OUTPUT vggt"):
        checked(model.predict(RGB, None, None), "vggt", N, (HEIGHT, WIDTH))


def test_an_infinite_focal_length_is_refused(packages: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights of the real VGGT gave just that."""

    def infinite(pose_enc: Any, size: tuple[int, int]) -> tuple[Any, Any]:
        T, K = encoding(pose_enc, size)
        K[..., 0, 0] = float("inf")
        return T, K

    monkeypatch.setattr(sys.modules["vggt.utils.pose_enc"], "pose_encoding_to_extri_intri", infinite)
    model = open_model(f"vggt:{tmp_path}", "cpu")
    with pytest.raises(TrustError, match="E-MODEL-OUTPUT vggt: a focal length is inf"):
        checked(model.predict(RGB, None, None), "vggt", N, (HEIGHT, WIDTH))


def test_a_pinhole_is_fitted_to_points() -> None:
    K = np.array([[55.0, 0, WIDTH / 2], [0, 48, HEIGHT / 2], [0, 0, 1]])
    rng = np.random.default_rng(0)
    points = unproject(rng.uniform(1, 5, (HEIGHT, WIDTH)).astype(np.float32), K)[None].copy()
    points[0, :3] = np.nan
    assert np.allclose(fitted_K(points)[0], K, atol=0.05)
