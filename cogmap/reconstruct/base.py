"""What a feed-forward model is asked and what it answers; checks that hold for any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from .._checks import F32, F64, U8, Bool, shaped
from ..errors import ResourceError, TrustError
from ..geometry.rigid import checked_pose

MOST_BAD = 0.5
FOCAL = (0.2, 5.0)
HALF_PRECISION = 1e-2


@dataclass(frozen=True)
class Prediction:
    """One forward pass over N frames; lengths in the model's own unit.

    Attributes:
        depth: (N, H, W) float32 z-depth. confidence: (N, H, W) float32, raw: larger is surer, comparable within a pass.
        K: (N, 3, 3) of the pixels of `depth`, first pixel centre at 0.5. T_world_cam: (N, 4, 4), OpenCV axes.
        sky: (N, H, W) bool or None. metric: whether the unit is the metre.
    """

    depth: F32
    confidence: F32
    K: F64
    T_world_cam: F64
    sky: Bool | None = None
    metric: bool = False


@dataclass(frozen=True)
class Model:
    """A model that turns pictures into cameras and depth.

    Attributes:
        name: as in `--reconstructor`. predict: called with pictures (N, H, W, 3) uint8 of one size, and poses (N, 4, 4)
            and intrinsics (N, 3, 3) where they are known and the model takes them, else None.
        long_side_px, multiple_px: the size it wants: the longer side, and what both sides are multiples of.
        window, overlap: frames in one pass, and how many of them the next pass sees again.
        takes_poses: whether it can be given poses and intrinsics. needs_poses: whether it finds none itself.
        scale_sigma: relative error of its metres, for models that claim any.
        provenance: weights, licence, version.
    """

    name: str
    predict: Callable[[U8, F64 | None, F64 | None], Prediction]
    long_side_px: int = 504
    multiple_px: int = 14
    window: int = 32
    overlap: int = 8
    takes_poses: bool = False
    needs_poses: bool = False
    scale_sigma: float = 0.2
    provenance: dict[str, str | int | float | None] = field(default_factory=dict)


class WindowTooLarge(ResourceError):
    """So many frames at once do not fit the device; `window` says how many were planned."""

    def __init__(self, model: str, window: int) -> None:
        self.window = window
        super().__init__("E-MEMORY", f"{model}: {window} frames at once do not fit the device.", "Set --window lower.")


def asked(model: Model, rgb: U8, T_world_cam: F64 | None, K: F64 | None, size: tuple[int, int]) -> Prediction:
    """The checked answer of a model to pictures of a (height, width).

    Raises:
        WindowTooLarge: when memory ran out, whatever the model's library calls that. TrustError: E-MODEL-OUTPUT.
    """
    try:
        found = model.predict(rgb, T_world_cam, K)
    except (MemoryError, ResourceError, RuntimeError) as error:
        known = isinstance(error, (MemoryError, ResourceError)) or type(error).__name__ == "OutOfMemoryError"
        if not known:
            raise
        raise WindowTooLarge(model.name, len(rgb)) from None  # its frames would keep the memory that is wanted
    return checked(found, model.name, len(rgb), size)


def checked(found: Prediction, model: str, n: int, size: tuple[int, int]) -> Prediction:
    """A prediction whose numbers can be used: wrong depths are 0, poses are rigid.

    Raises:
        TrustError: E-MODEL-OUTPUT, naming the model: wrong sizes, over half of a frame's depth not finite or not above
            0, a focal length that is not finite or not 0.2 to 5 times the long side, poses that are not rigid.
    """
    height, width = size
    try:
        shaped("depth", found.depth, n, height, width)
        shaped("confidence", found.confidence, n, height, width)
        shaped("K", found.K, n, 3, 3)
        shaped("T_world_cam", found.T_world_cam, n, 4, 4)
        if found.sky is not None:
            shaped("sky", found.sky, n, height, width)
        poses = np.stack(
            [checked_pose(T, f"the pose of frame {i}", HALF_PRECISION) for i, T in enumerate(found.T_world_cam)]
        )
    except ValueError as error:
        raise TrustError("E-MODEL-OUTPUT", f"{model}: {error}", "Check its version and weights.") from error
    sky = np.zeros(found.depth.shape, bool) if found.sky is None else found.sky
    good = np.isfinite(found.depth) & (found.depth > 0)
    bad = 1 - (good | sky).mean((1, 2))
    focal = np.stack([found.K[:, 0, 0], found.K[:, 1, 1]], axis=1) / max(size)
    if (bad > MOST_BAD).any():
        raise TrustError(
            "E-MODEL-OUTPUT", f"{model}: {bad.max():.0%} of a frame's depth is no length.", "Check its weights."
        )
    if not (np.isfinite(focal).all() and (focal > FOCAL[0]).all() and (focal < FOCAL[1]).all()):
        raise TrustError(
            "E-MODEL-OUTPUT", f"{model}: a focal length is {focal.max():.3g} long sides.", "Check weights."
        )
    if not (np.isfinite(found.K).all() and np.isfinite(poses).all()):
        raise TrustError("E-MODEL-OUTPUT", f"{model}: a camera is not finite.", "Check its weights.")
    depth = np.where(good & ~sky, found.depth, 0).astype(np.float32)
    sure = np.where(np.isfinite(found.confidence), found.confidence, 0).astype(np.float32)
    return replace(found, depth=depth, confidence=sure, K=found.K.astype(np.float64), T_world_cam=poses)
