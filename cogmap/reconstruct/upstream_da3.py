"""Depth Anything 3 through its upstream package, for the sizes that cogmap does not build itself and to compare."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F64, U8
from .._optional import torch_device, weights
from ..errors import MissingDependencyError
from ..geometry.rigid import inverse
from .base import Model, Prediction

LINES = (
    'Run: pip install torch torchvision, then: pip install --no-deps "depth-anything-3>=0.1.1", then: pip install '
    "einops omegaconf addict huggingface-hub safetensors opencv-python-headless imageio moviepy==1.0.3 plyfile "
    "matplotlib trimesh evo."
)
WEIGHTS = {
    "upstream-da3-small": ("depth-anything/DA3-SMALL", "Apache-2.0"),
    "upstream-da3-base": ("depth-anything/DA3-BASE", "Apache-2.0"),
    "da3-giant": ("depth-anything/DA3-GIANT-1.1", "CC-BY-NC-4.0"),
    "da3-nested": ("depth-anything/DA3NESTED-GIANT-LARGE-1.1", "CC-BY-NC-4.0"),
}
NEEDED = ("image", "extrinsics", "intrinsics", "process_res")
LONG_SIDE_PX = 504


def open_model(text: str, device: str = "auto", *, commercial: bool = False) -> Model:
    """The model of `da3-giant`, `da3-nested` or `upstream-da3-small`, or of a folder: `da3-nested:FOLDER`.

    Args:
        commercial: refuse weights whose licence forbids commercial use.

    Raises:
        MissingDependencyError: E-EXTRA with the install lines, E-WEIGHTS, E-LICENCE, and
            E-UPSTREAM when the installed version cannot be called as needed. DeviceError: E-DEVICE.
    """
    name, _, folder = text.partition(":")
    repository, licence = WEIGHTS[name]
    if commercial and "NC" in licence:
        raise MissingDependencyError("E-LICENCE", f"{name} is {licence}.", "Choose da3-small or da3-base.")
    torch, api = _libraries()
    on = torch_device(torch, device)
    network = _loaded(api, folder or repository, name).to(on).eval()
    told: dict[str, str | int | float | None] = {"model": name, "weights": folder or repository, "licence": licence}
    return Model(name, _predictor(network), LONG_SIDE_PX, takes_poses=True, provenance=told)


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        from depth_anything_3 import api
    except ImportError as error:
        raise MissingDependencyError("E-EXTRA", f"Depth Anything 3 needs {error.name}.", LINES) from error
    missing = [n for n in NEEDED if n not in inspect.signature(api.DepthAnything3.inference).parameters]
    if missing:
        from importlib.metadata import version

        installed = version("depth-anything-3")
        raise MissingDependencyError(
            "E-UPSTREAM", f"depth-anything-3 {installed} takes no {', '.join(missing)}.", "Install 0.1.1."
        )
    return torch, api


def _loaded(api: Any, place: str, name: str) -> Any:
    if ("/" not in place or place.startswith((".", "/", "~"))) and not Path(place).is_dir():
        raise MissingDependencyError("E-WEIGHTS", f"there is no folder of {name} weights.", "Check the path.", place)
    return weights(
        lambda local: api.DepthAnything3.from_pretrained(place, local_files_only=local),
        name,
        WEIGHTS[name][0],
        "--reconstructor",
        failures=(Exception,),  # the hub raises a dozen kinds; all mean that the weights cannot be had
    )


def _predictor(network: Any) -> Any:
    """Calls the public `inference`; upstream gives world-to-camera poses and a confidence of 1 + exp."""

    def predict(rgb: U8, T_world_cam: F64 | None, K: F64 | None) -> Prediction:
        given = None if T_world_cam is None else inverse(T_world_cam).astype(np.float32)
        found = network.inference(
            image=list(rgb),
            extrinsics=given,
            intrinsics=None if K is None else K.astype(np.float32),
            process_res=max(rgb.shape[1:3]),
        )
        poses = np.tile(np.eye(4), (len(rgb), 1, 1))
        poses[:, :3] = np.asarray(found.extrinsics, np.float64)[:, :3]
        sure = found.conf if found.conf is not None else np.ones_like(found.depth)
        sky = None if found.sky is None else np.asarray(found.sky).reshape(found.depth.shape) > 0.5
        return Prediction(
            depth=np.asarray(found.depth, np.float32),
            confidence=np.asarray(sure, np.float32),
            K=np.asarray(found.intrinsics, np.float64),
            T_world_cam=inverse(poses) if T_world_cam is None else T_world_cam,
            sky=sky,
            metric=_is_one(found.is_metric),
        )

    return predict


def _is_one(value: Any) -> bool:
    """Models without metres answer with an empty mapping, not with 0."""
    try:
        return float(value) == 1.0
    except (TypeError, ValueError):
        return False
