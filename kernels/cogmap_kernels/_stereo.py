"""Depth from pictures on known cameras: swept, refined, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _check, _device
from ._refine_rules import MOST_EDGE
from ._results import Array


def plane_sweep(
    reference: Any,
    sources: Any,
    K: Any,
    K_sources: Any,
    T_source_reference: Any,
    inverse_depths: Any,
    window: int = 7,
    *,
    threads: int | None = None,
    device: str = "auto",
) -> tuple[Array, Array]:
    """Depth of one grey image by sweeping planes that face it (Collins, CVPR 1996), scored by NCC.

    Args:
        reference: (H, W) float32. sources: (S, H, W) float32, S >= 1.
        K: (3, 3); K_sources: (S, 3, 3); T_source_reference: (S, 4, 4) reference to source camera.
        inverse_depths: (D,) ascending, above 0, D >= 3. window: odd edge of the matching window.

    Returns:
        depth (H, W), refined between planes by a parabola, 0 where nothing matches, and the score
        (H, W): mean NCC of the two best sources, in [-1, 1].

    Raises:
        ValueError: an even window, fewer than three planes, no source.
    """
    if window % 2 == 0 or len(inverse_depths) < 3 or len(sources) == 0:
        raise ValueError("window must be odd, with at least 3 planes and one source")
    M, b = _homographies(K, K_sources, T_source_reference)
    return _device.column(_device.choose(device), "stereo").plane_sweep(
        np.ascontiguousarray(reference, np.float32),
        np.ascontiguousarray(sources, np.float32),
        *(M, b, np.ascontiguousarray(inverse_depths, np.float64), window // 2, _check.threads(threads)),
    )


def refine_depth(
    depth: Any,
    reference: Any,
    sources: Any,
    K: Any,
    K_sources: Any,
    T_source_reference: Any,
    step: float,
    window: int = 9,
    *,
    reach: int = 6,
    contrast: float = 10.0,
    margin: float = 0.05,
    threads: int | None = None,
    device: str = "auto",
) -> tuple[Array, Array]:
    """Depth of `plane_sweep` once more, by windows that lie along the surface and end at edges of the picture.

    A square window across the outline of a near thing matches at the depth of the thing, so outlines grow. Here every
    pixel tries its own plane and those of pixels `reach` and half as far away (Bleyer et al., BMVC 2011) with weights
    exp(-|grey difference| / contrast - distance / half) (Yoon and Kweon, PAMI 2006).

    Args:
        depth: (H, W), 0 = unknown. reference, sources, K, K_sources, T_source_reference as in plane_sweep.
        step: inverse depth on either side at which the best plane is scored again, for a parabola.
        window: odd edge of the window in pixels, at most 11. contrast: in grey levels.
        margin: a pixel that a plane over 10 % away fits within this of the best score is left out.

    Returns:
        depth (H, W) float32, 0 where nothing or more than one thing fits, and the score (H, W) as in plane_sweep.

    Raises:
        ValueError: an even or too large window, no source, a reach, step or contrast that is not above 0.
    """
    sound = window % 2 == 1 and 3 <= window <= MOST_EDGE and reach >= 1 and step > 0 and contrast > 0
    if not sound or len(sources) == 0:
        raise ValueError(f"window must be odd, 3 to {MOST_EDGE}; reach, step and contrast above 0; at least one source")
    M, b = _homographies(K, K_sources, T_source_reference)
    known = np.asarray(depth, np.float64)
    return _device.column(_device.choose(device), "refine").refine_depth(
        np.ascontiguousarray(reference, np.float32),
        np.ascontiguousarray(sources, np.float32),
        *(M, b, np.where(known > 0, 1 / np.where(known > 0, known, 1), 0)),
        *(float(step), window // 2, reach, float(contrast), float(margin), _check.threads(threads)),
    )


def _homographies(K: Any, K_sources: Any, T_source_reference: Any) -> tuple[Array, Array]:
    """M (S, 3, 3) and b (S, 3): a pixel (u, v, 1) of inverse depth q lies at M (u, v, 1) + b q in the sources."""
    M = np.asarray(K_sources, float) @ np.asarray(T_source_reference, float)[:, :3, :3] @ np.linalg.inv(K)
    b = (np.asarray(K_sources, float) @ np.asarray(T_source_reference, float)[:, :3, 3:4])[..., 0]
    return np.ascontiguousarray(M), np.ascontiguousarray(b)


def consistent(
    depth: Any,
    depths: Any,
    K: Any,
    K_sources: Any,
    T_source_reference: Any,
    max_px: float = 1.5,
    max_rel: float = 0.015,
    *,
    threads: int | None = None,
    device: str = "auto",
) -> tuple[Array, Array]:
    """Check a depth map against others: there and back within `max_px` pixels and `max_rel` of the depth.

    Args:
        depth: (H, W); depths: (S, h, w), 0 = unknown. K, K_sources, T_source_reference as in plane_sweep.

    Returns:
        depth (H, W) averaged with the depths that agree, and how many agreed (H, W) uint8.
    """
    T = np.asarray(T_source_reference, np.float64)
    return _device.column(_device.choose(device), "stereo").consistent(
        np.ascontiguousarray(depth, np.float32),
        np.ascontiguousarray(depths, np.float32),
        *(np.ascontiguousarray(K, np.float64), np.ascontiguousarray(K_sources, np.float64)),
        *(np.ascontiguousarray(T), np.ascontiguousarray(np.linalg.inv(T)), max_px, max_rel, _check.threads(threads)),
    )
