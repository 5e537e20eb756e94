"""Which pictures are compared: neighbours in time, and loops found by the clip's own vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..._checks import F32
from .features import Match

STEPS = (1, 2, 3, 4, 6, 9, 14, 20)
ALL_PAIRS_BELOW = 26
LOOP_GAP = 12
LOOPS_PER_FRAME = 2
NEAR = 4

Pair = tuple[int, int]


def neighbour_pairs(n: int, *, ordered: bool = True) -> list[Pair]:
    """Pairs of pictures near in time; all pairs for few pictures or where there is no order."""
    if n < ALL_PAIRS_BELOW or not ordered:
        return [(i, j) for i in range(n) for j in range(i + 1, n)]
    return [(i, i + s) for i in range(n) for s in STEPS if i + s < n]


def loop_candidates(vector: F32, done: set[Pair]) -> list[Pair]:
    """Pairs far apart in time that look alike: at most two for each picture, by cosine of (N, C) unit vectors."""
    n = len(vector)
    out: set[Pair] = set()
    for i in range(n):
        far = np.flatnonzero(np.abs(np.arange(n) - i) >= LOOP_GAP)
        ranked = far[np.argsort(-(vector @ vector[i])[far], kind="stable")]
        fresh = [(min(i, int(j)), max(i, int(j))) for j in ranked[: 2 * LOOPS_PER_FRAME]]
        out |= set([p for p in fresh if p not in done][:LOOPS_PER_FRAME])
    return sorted(out)


def proven_loops(matches: Sequence[Match]) -> list[Match]:
    """Loop matches that a second match with other pictures near both ends confirms."""

    def confirms(a: Pair, b: Pair) -> bool:
        near = abs(a[0] - b[0]) <= 2 * NEAR and abs(a[1] - b[1]) <= 2 * NEAR
        return near and len({*a, *b}) == 4

    return [m for m in matches if any(confirms(m.pair, other.pair) for other in matches)]


def without_loops(matches: Sequence[Match]) -> list[Match]:
    """The matches between pictures that are near in time."""
    return [m for m in matches if m.pair[1] - m.pair[0] <= STEPS[-1]]


def pairs_round(loops: Sequence[Match], n: int, done: set[Pair]) -> list[Pair]:
    """More pairs near proven loops, at most as many as there are pictures."""
    out: set[Pair] = set()
    for m in sorted(loops, key=lambda m: (-m.n_inliers, m.pair)):
        i, j = m.pair
        around = [(i + a, j + b) for a in range(-NEAR, NEAR + 1, 2) for b in range(-NEAR, NEAR + 1, 2)]
        out |= {p for p in around if 0 <= p[0] < p[1] - LOOP_GAP // 2 and p[1] < n and p not in done}
        if len(out) >= n:
            break
    return sorted(out)
