"""MapAnything through its upstream package: metric cameras and depth; known cameras are taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import F64, U8
from .._optional import needed
from .base import Model, Prediction
from .packages import Package, numpy_of, on_device, open_package, standardised
from .scaling import with_known_cameras

# upstream counts the first pixel's centre as 0
HALF_PX = np.array([[0.0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
MAPANYTHING = Package(
    module="mapanything.models",
    kind="MapAnything",
    distribution="mapanything",
    lines='Run: pip install --no-deps "git+https://github.com/facebookresearch/map-anything.git" uniception, and what '
    "their import still asks for; its constructor loads DINOv2 code through torch.hub.",
    weights={
        "mapanything": ("facebook/map-anything-apache", "Apache-2.0"),
        "mapanything-nc": ("facebook/map-anything", "CC-BY-NC-4.0"),
    },
    method="infer",
    takes=("views", "apply_mask", "mask_edges"),
    takes_poses=True,
)


def open_model(text: str, device: str = "auto", *, commercial: bool = False) -> Model:
    """The model of `mapanything` or `mapanything-nc`; see `packages.open_package` for what it raises."""
    return open_package(MAPANYTHING, predict, text, device, commercial=commercial)


def predict(network: Any, rgb: U8, T_world_cam: F64 | None, K: F64 | None) -> Prediction:
    """Upstream gives camera-to-world poses, a mask of what can be trusted, and metres.

    Known cameras are handed in; upstream reports its own, so they are put back and depth is brought to their unit.
    """
    torch = needed("torch", MAPANYTHING.lines)
    x = standardised(on_device(network, rgb)[0])
    views = [{"img": p[None], "data_norm_type": ["dinov2"]} for p in x]
    if T_world_cam is not None and K is not None:
        for view, pose, own in zip(views, T_world_cam, K - HALF_PX):
            view["camera_poses"] = torch.as_tensor(pose, dtype=torch.float32)[None]
            view["intrinsics"] = torch.as_tensor(own, dtype=torch.float32)[None]
    with torch.inference_mode():
        said = network.infer(views, use_amp=x.device.type == "cuda", apply_mask=False, mask_edges=False)
    found = _as_prediction(said)
    return found if T_world_cam is None or K is None else with_known_cameras(found, T_world_cam, K)


def _as_prediction(said: list[dict[str, Any]]) -> Prediction:
    depth = np.stack([numpy_of(v["depth_z"][0, ..., 0]) for v in said])
    trusted = np.stack([numpy_of(v["non_ambiguous_mask"][0]) > 0 for v in said]).reshape(depth.shape)
    return Prediction(
        depth=depth,
        confidence=np.stack([numpy_of(v["conf"][0]) for v in said]).reshape(depth.shape),
        K=np.stack([numpy_of(v["intrinsics"][0]) for v in said]).astype(np.float64) + HALF_PX,
        T_world_cam=np.stack([numpy_of(v["camera_poses"][0]) for v in said]).astype(np.float64),
        sky=~trusted,
        metric=True,
    )
