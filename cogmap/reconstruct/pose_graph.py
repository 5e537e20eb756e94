"""Where windows lie when a walk comes back: similarities that satisfy every seam and every loop as well as they can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix
from scipy.spatial.transform import Rotation

from .._checks import F64

NUMBERS = 7
LOOP_WEIGHT = 3.0
MOST_OPEN = 0.1


@dataclass(frozen=True)
class Loop:
    """Two windows that see the same place: `S_first_second` (4, 4) moves the second where the first says it is."""

    first: int
    second: int
    S_first_second: F64


def closed(n: int, loops: Sequence[Loop], length: float) -> tuple[F64, tuple[Loop, ...]]:
    """Similarities (n, 4, 4) that move the windows of one joined walk so that its loops close, and the loops kept.

    A loop that stays open by over a tenth after all gave way is not believed: the graph is solved again without it.

    Neighbours want to move alike, loops want what they measured; squares of log scale, angle and shift are least. The
    first window stays. A pose graph in the sense of Kuemmerle et al., "g2o", 2011, over similarities.

    Args:
        length: what one unit of shift is compared with an angle of one radian: about the depth of the scene.
    """
    S = _solved(n, loops, length)
    kept = tuple(e for e in loops if _open(S, e, length) <= MOST_OPEN)
    return (S if len(kept) == len(loops) else _solved(n, kept, length)), kept


def _open(S: F64, loop: Loop, length: float) -> float:
    """How far a loop is from closing: the largest of log scale, angle, and shift over length."""
    gap = _inverses(loop.S_first_second[None]) @ _inverses(S[loop.first][None]) @ S[loop.second][None]
    scale, *rest = _numbers(gap, length)[0]
    return float(max(abs(scale), np.linalg.norm(rest[:3]), np.linalg.norm(rest[3:])))


def _solved(n: int, loops: Sequence[Loop], length: float) -> F64:
    """The similarities of least squares, those of far residuals counting less."""
    edges = [(k, k + 1, np.eye(4), 1.0) for k in range(n - 1)]
    edges += [(e.first, e.second, e.S_first_second, LOOP_WEIGHT) for e in loops]
    first, second = (np.array([e[k] for e in edges]) for k in (0, 1))
    wanted, weight = np.stack([e[2] for e in edges]), np.array([e[3] for e in edges])

    def residual(x: F64) -> F64:
        S = _matrices(np.concatenate([np.zeros((1, NUMBERS)), x.reshape(-1, NUMBERS)]), length)
        between = _inverses(S[first]) @ S[second]
        return np.asarray((_numbers(_inverses(wanted) @ between, length) * weight[:, None]).ravel())

    pattern = lil_matrix((len(edges) * NUMBERS, (n - 1) * NUMBERS), dtype=np.int8)
    for row, (a, b, _, _) in enumerate(edges):
        for node in (a, b):
            if node > 0:
                pattern[row * NUMBERS : (row + 1) * NUMBERS, (node - 1) * NUMBERS : node * NUMBERS] = 1
    found = least_squares(
        residual, np.zeros((n - 1) * NUMBERS), jac_sparsity=pattern, method="trf", x_scale="jac", loss="soft_l1"
    )
    return _matrices(np.concatenate([np.zeros((1, NUMBERS)), found.x.reshape(-1, NUMBERS)]), length)


def _matrices(x: F64, length: float) -> F64:
    """Similarities (N, 4, 4) of log scale, rotation vector and shift over length (N, 7)."""
    S = np.tile(np.eye(4), (len(x), 1, 1))
    S[:, :3, :3] = np.exp(x[:, 0])[:, None, None] * Rotation.from_rotvec(x[:, 1:4]).as_matrix()
    S[:, :3, 3] = x[:, 4:] * length
    return S


def _numbers(S: F64, length: float) -> F64:
    """Log scale, rotation vector and shift over length (N, 7) of similarities (N, 4, 4)."""
    scale = np.cbrt(np.linalg.det(S[:, :3, :3]))
    turn = Rotation.from_matrix(S[:, :3, :3] / scale[:, None, None]).as_rotvec()
    return np.column_stack([np.log(scale), turn, S[:, :3, 3] / length])


def _inverses(S: F64) -> F64:
    """Inverses of similarities (N, 4, 4)."""
    square = np.cbrt(np.linalg.det(S[:, :3, :3]))[:, None, None] ** 2
    out = np.tile(np.eye(4), (len(S), 1, 1))
    out[:, :3, :3] = S[:, :3, :3].transpose(0, 2, 1) / square
    out[:, :3, 3] = -np.einsum("nij,nj->ni", out[:, :3, :3], S[:, :3, 3])
    return out
