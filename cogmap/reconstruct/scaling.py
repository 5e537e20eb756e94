"""The unit of a model's cameras against that of known ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .._checks import F64
from ..errors import TrustError

LEAST_BASELINE = 1e-6


def baseline_ratio(found: F64, given: F64) -> float:
    """How much longer the found cameras' (N, 4, 4) distances are than the given ones': the median over far pairs.

    Raises:
        TrustError: E-NO-BASELINE when the given or the found cameras all stand in one place.
    """
    pairs = list(combinations(range(len(given)), 2))
    apart = [np.array([np.linalg.norm(T[a, :3, 3] - T[b, :3, 3]) for a, b in pairs]) for T in (found, given)]
    if not pairs or min(d.max() for d in apart) < LEAST_BASELINE:
        problem = "the known cameras all stand in one place: they say nothing of scale."
        raise TrustError("E-NO-BASELINE", problem, "Give frames from a camera that moves.")
    far = apart[1] >= 0.5 * apart[1].max()
    return float(np.median(apart[0][far] / apart[1][far]))
