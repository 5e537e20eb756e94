"""VGGT through its upstream package: cameras and depth of many pictures, up to scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import F64, U8
from .._optional import needed
from ..geometry.rigid import inverse
from .base import Model, Prediction
from .packages import Package, half_on_gpu, numpy_of, on_device, open_package

VGGT = Package(
    module="vggt.models.vggt",
    kind="VGGT",
    distribution="vggt",
    lines='Run: pip install --no-deps "git+https://github.com/facebookresearch/vggt.git", and einops, huggingface-hub.',
    weights={
        "vggt": ("facebook/VGGT-1B", "CC-BY-NC-4.0"),
        "vggt-commercial": ("facebook/VGGT-1B-Commercial", "VGGT License v1 (gated)"),
    },
    method="forward",
    takes=("images",),
)


def open_model(text: str, device: str = "auto", *, commercial: bool = False) -> Model:
    """The model of `vggt` or `vggt-commercial`; see `packages.open_package` for what it raises."""
    return open_package(VGGT, predict, text, device, commercial=commercial)


def predict(network: Any, rgb: U8, T_world_cam: F64 | None, K: F64 | None) -> Prediction:
    """Upstream gives world-to-camera poses and a confidence of 1 + exp; its world is that of the first picture."""
    torch, encoding = needed("torch", VGGT.lines), needed("vggt.utils.pose_enc", VGGT.lines)
    with torch.inference_mode(), half_on_gpu(network):
        said = network(on_device(network, rgb))
    with torch.inference_mode():
        found, own_K = encoding.pose_encoding_to_extri_intri(said["pose_enc"].float(), rgb.shape[1:3])
    T_cam_world = np.tile(np.eye(4), (len(rgb), 1, 1))
    T_cam_world[:, :3] = numpy_of(found[0])
    return Prediction(
        depth=numpy_of(said["depth"][0, ..., 0]),
        confidence=numpy_of(said["depth_conf"][0]),
        K=numpy_of(own_K[0]).astype(np.float64),
        T_world_cam=inverse(T_cam_world),
    )
