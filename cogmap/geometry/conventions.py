"""Ways in which poses are commonly mistaken, as functions that would mend them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import permutations, product

import numpy as np

from .._checks import F64

KNOWN = {
    (1, -2, -3): "OpenGL axes given as OpenCV: negate the second and third column",
    (1, 2, 3): "the axes as read",
}


def conventions() -> dict[str, Callable[[F64], F64]]:
    """Every mistake but none at all: 24 proper signed permutations of the camera's axes, also inverted.

    Each function takes a pose as read (4, 4) and gives the camera-to-world pose with OpenCV axes that it would be.
    """
    out: dict[str, Callable[[F64], F64]] = {}
    for code, P in axes().items():
        name = KNOWN.get(code) or f"camera axes permuted: columns {', '.join(f'{c:+d}' for c in code)} are x, y, z"
        if code != (1, 2, 3):
            out[name] = partial(_mended, P=P, inverted=False)
        said = "world-to-camera poses given as camera-to-world: invert them"
        out[said if code == (1, 2, 3) else f"{said}; and {name}"] = partial(_mended, P=P, inverted=True)
    return out


def axes() -> dict[tuple[int, int, int], F64]:
    """The 24 proper signed permutations as (4, 4) matrices; code (1, -2, -3) negates the second and third column."""
    out = {}
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            P = np.eye(4)
            P[:3, :3] = np.eye(3)[:, order] * signs
            if np.linalg.det(P) > 0:
                out[(signs[0] * (order[0] + 1), signs[1] * (order[1] + 1), signs[2] * (order[2] + 1))] = P
    return out


def _mended(T: F64, P: F64, inverted: bool) -> F64:
    return np.asarray((np.linalg.inv(T) if inverted else T) @ P, np.float64)
