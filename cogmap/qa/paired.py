"""Two arms over the same items: what is different, and whether that is more than chance.

Items of one scene share its map and its faults, so intervals are drawn over scenes, not over items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

DRAWS = 2000


@dataclass(frozen=True)
class Paired:
    """What a second arm gains over a first.

    Attributes:
        n: items that both answered to. gain: mean difference of scores. low, high: its 95 % interval over scenes, None
            for one scene. only_first, only_second: choices that only one of them has right. p: McNemar's exact test of
            these (McNemar, 1947), None without choices.
        verdict: "better", "worse" or "tie"; a tie where the interval holds 0, or there is none.
    """

    n: int
    gain: float
    low: float | None
    high: float | None
    only_first: int
    only_second: int
    p: float | None
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return asdict(self)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of McNemar's test: whether discordant pairs fall evenly."""
    n = only_first + only_second
    return 1.0 if n == 0 else float(binomtest(only_first, n, 0.5).pvalue)


def paired(
    first: Sequence[float], second: Sequence[float], scenes: Sequence[str], choices: Sequence[bool], seed: int = 0
) -> Paired:
    """Compare the scores (N,) of two arms on the same items.

    Args:
        scenes: (N,) which scene an item is about. choices: (N,) whether it is a choice, right or wrong.
    """
    a, b, is_choice = np.asarray(first, float), np.asarray(second, float), np.asarray(choices, bool)
    off = b - a
    interval = clustered(off, scenes, seed)
    right_a, right_b = a[is_choice] >= 1, b[is_choice] >= 1
    only_first, only_second = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    low, high = interval or (None, None)
    gain = float(off.mean()) if len(off) else 0.0
    verdict = "tie" if low is None or high is None or low <= 0 <= high else "better" if gain > 0 else "worse"
    p = mcnemar(only_first, only_second) if is_choice.any() else None
    return Paired(len(off), gain, low, high, only_first, only_second, p, verdict)


def clustered(values: Sequence[float] | np.ndarray, scenes: Sequence[str], seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of a mean by drawing whole scenes with replacement (Cameron, Gelbach and Miller, 2008)."""
    names, of = np.unique(np.asarray(scenes, str), return_inverse=True)
    if len(names) < 2:
        return None
    total, count = np.bincount(of, values, len(names)), np.bincount(of, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(0, len(names), (DRAWS, len(names)))
    means = total[drawn].sum(1) / count[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
