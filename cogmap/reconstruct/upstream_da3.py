"""Depth Anything 3 through its upstream package, for the sizes that cogmap does not build itself and to compare."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import F64, U8
from ..geometry.rigid import inverse
from .base import Model, Prediction
from .packages import Package, open_package

DA3 = Package(
    module="depth_anything_3.api",
    kind="DepthAnything3",
    distribution="depth-anything-3",
    lines='Run: pip install torch torchvision, then: pip install --no-deps "depth-anything-3>=0.1.1", then: pip '
    "install einops omegaconf addict huggingface-hub safetensors opencv-python-headless imageio moviepy==1.0.3 plyfile "
    "matplotlib trimesh evo.",
    weights={
        "upstream-da3-small": ("depth-anything/DA3-SMALL", "Apache-2.0"),
        "upstream-da3-base": ("depth-anything/DA3-BASE", "Apache-2.0"),
        "da3-giant": ("depth-anything/DA3-GIANT-1.1", "CC-BY-NC-4.0"),
        "da3-nested": ("depth-anything/DA3NESTED-GIANT-LARGE-1.1", "CC-BY-NC-4.0"),
    },
    method="inference",
    takes=("image", "extrinsics", "intrinsics", "process_res"),
    long_side_px=504,
    takes_poses=True,
)


def open_model(text: str, device: str = "auto", *, commercial: bool = False) -> Model:
    """The model of `da3-giant`, `da3-nested` or `upstream-da3-small`. Raises what `packages.open_package` does."""
    return open_package(DA3, predict, text, device, commercial=commercial)


def predict(network: Any, rgb: U8, T_world_cam: F64 | None, K: F64 | None) -> Prediction:
    """Calls the public `inference`; upstream gives world-to-camera poses and a confidence of 1 + exp."""
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
        metric=T_world_cam is None and _is_one(found.is_metric),
    )


def _is_one(value: Any) -> bool:
    """Models without metres answer with an empty mapping, not with 0."""
    try:
        return float(value) == 1.0
    except (TypeError, ValueError):
        return False
