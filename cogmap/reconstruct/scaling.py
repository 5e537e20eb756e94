"""The unit of a model's cameras against that of known ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from .._checks import F32, F64
from ..errors import TrustError
from .base import Prediction

LEAST_BASELINE = 0.01
WORST_SPREAD = 0.3


def baseline_ratio(found: F64, given: F64, depth: F32) -> float:
    """How much longer the found cameras' (N, 4, 4) distances are than the given ones': the median over far pairs.

    Args:
        depth: what was found, in the unit of the found cameras.

    Raises:
        TrustError: E-NO-BASELINE when the found cameras move by under 1 % of the depth, the given ones not at all, or
            the ratios spread by over 30 % (median absolute deviation): then neither says anything of scale.
    """
    pairs = list(combinations(range(len(given)), 2))
    apart = [np.array([np.linalg.norm(T[a, :3, 3] - T[b, :3, 3]) for a, b in pairs]) for T in (found, given)]
    known = depth[np.isfinite(depth) & (depth > 0)]
    least = LEAST_BASELINE * float(np.median(known)) if len(known) else np.inf
    still = not pairs or apart[0].max() < least or apart[1].max() == 0
    far = apart[1] >= 0.5 * apart[1].max(initial=0)
    ratios = np.ones(1) if still else apart[0][far] / apart[1][far]
    middle = float(np.median(ratios))
    if still or not np.median(np.abs(ratios - middle)) <= WORST_SPREAD * middle:
        problem = (
            "the known cameras and those that the model sees say nothing of scale: they hardly move, or not alike."
        )
        raise TrustError("E-NO-BASELINE", problem, "Give frames from a camera that moves.")
    return middle


def with_known_cameras(found: Prediction, T_world_cam: F64, K: F64) -> Prediction:
    """A prediction with the cameras (N, 4, 4), (N, 3, 3) that were known, its depth brought to their unit.

    Raises:
        TrustError: E-NO-BASELINE when known cameras all stand in one place.
    """
    ratio = baseline_ratio(found.T_world_cam, T_world_cam, found.depth)
    depth = (found.depth / ratio).astype(np.float32)
    return replace(found, depth=depth, T_world_cam=T_world_cam, K=K, metric=False)
