"""Pi3X through its upstream package: cameras and points of pictures in any order, about in metres."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import F32, F64, U8
from .._optional import needed
from .base import Model, Prediction
from .packages import Package, half_on_gpu, numpy_of, on_device, open_package

PI3 = Package(
    module="pi3.models.pi3x",
    kind="Pi3X",
    distribution="pi3",
    lines='Run: pip install --no-deps "git+https://github.com/yyfz/Pi3.git", and einops, huggingface-hub.',
    weights={"pi3x": ("yyfz233/Pi3X", "CC-BY-NC-4.0")},
    method="forward",
    takes=("imgs", "with_prior"),
    long_side_px=518,
)


def open_model(text: str, device: str = "auto", *, commercial: bool = False) -> Model:
    """The model of `pi3x`; see `packages.open_package` for what it raises."""
    return open_package(PI3, predict, text, device, commercial=commercial)


def predict(network: Any, rgb: U8, T_world_cam: F64 | None, K: F64 | None) -> Prediction:
    """Upstream gives camera-to-world poses, points in each camera, and logits; intrinsics are fitted to the points."""
    torch = needed("torch", PI3.lines)
    with torch.inference_mode(), half_on_gpu(network):
        said = network(on_device(network, rgb), with_prior=False)
    points = numpy_of(said["local_points"][0])
    logits = numpy_of(said["conf"][0, ..., 0]).astype(np.float64)
    return Prediction(
        depth=points[..., 2],
        confidence=(1 / (1 + np.exp(-logits))).astype(np.float32),
        K=fitted_K(points),
        T_world_cam=numpy_of(said["camera_poses"][0]).astype(np.float64),
        metric=True,
    )


def fitted_K(xyz_cam: F32) -> F64:
    """Pinholes (N, 3, 3), the principal point in the middle, that project points (N, H, W, 3) nearest to their pixels.

    Least squares over pixels whose point lies ahead: the focal length along each axis is sum(u x / z) / sum((x / z)^2)
    with u counted from the middle.
    """
    n, height, width = xyz_cam.shape[:3]
    K = np.tile(np.array([[0.0, 0, width / 2], [0, 0, height / 2], [0, 0, 1]]), (n, 1, 1))
    grid = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    for k, points in enumerate(xyz_cam.astype(np.float64)):
        ahead = np.isfinite(points).all(-1) & (points[..., 2] > 0)
        for axis, u in enumerate(grid):
            ray = points[..., axis][ahead] / points[..., 2][ahead]
            K[k, axis, axis] = (u[ahead] * ray).sum() / max(float((ray**2).sum()), 1e-12)
    return K
