"""Furniture as parts: each part is (centre xyz, size xyz) in the object's own frame, floor at z = 0."""

from __future__ import annotations

from collections.abc import Callable

Part = tuple[tuple[float, float, float], tuple[float, float, float]]
Parts = list[Part]


def _legs(w: float, d: float, h: float, t: float) -> Parts:
    x, y = w / 2 - t / 2, d / 2 - t / 2
    return [((sx * x, sy * y, h / 2), (t, t, h)) for sx in (-1, 1) for sy in (-1, 1)]


def table(w: float, d: float, h: float) -> Parts:
    return [((0, 0, h - 0.02), (w, d, 0.04)), *_legs(w, d, h - 0.04, 0.06)]


def chair(w: float, d: float, h: float) -> Parts:
    back = ((0, d / 2 - 0.02, (0.46 + h) / 2), (w, 0.04, h - 0.46))
    return [((0, 0, 0.44), (w, d, 0.05)), back, *_legs(w, d, 0.42, 0.04)]


def shelf(w: float, d: float, h: float) -> Parts:
    sides: Parts = [((s * (w / 2 - 0.015), 0, h / 2), (0.03, d, h)) for s in (-1, 1)]
    boards: Parts = [((0, 0, 0.02 + k * (h - 0.04) / 4), (w, d, 0.03)) for k in range(5)]
    return [*sides, *boards, ((0, d / 2 - 0.01, h / 2), (w, 0.02, h))]


def sofa(w: float, d: float, h: float) -> Parts:
    arms: Parts = [((s * (w / 2 - 0.09), 0, 0.3), (0.18, d, 0.6)) for s in (-1, 1)]
    return [((0, 0, 0.21), (w, d, 0.42)), ((0, d / 2 - 0.1, h / 2), (w, 0.2, h)), *arms]


def bed(w: float, d: float, h: float) -> Parts:
    return [((0, 0, 0.25), (w, d, 0.5)), ((0, d / 2 - 0.03, h / 2), (w, 0.06, h))]


def block(w: float, d: float, h: float) -> Parts:
    return [((0, 0, h / 2), (w, d, h))]


def lamp(w: float, d: float, h: float) -> Parts:
    shade = 0.3 * h
    return [
        ((0, 0, 0.015), (0.8 * w, 0.8 * d, 0.03)),
        ((0, 0, h / 2), (0.05, 0.05, h)),
        ((0, 0, h - shade / 2), (w, d, shade)),
    ]


def monitor(w: float, d: float, h: float) -> Parts:
    return [
        ((0, 0, 0.01), (0.6 * w, d, 0.02)),
        ((0, 0, h / 2), (0.05, 0.04, h)),
        ((0, 0, 0.6 * h), (w, 0.05, 0.8 * h)),
    ]


SHAPES: dict[str, Callable[[float, float, float], Parts]] = {
    "table": table,
    "desk": table,
    "chair": chair,
    "shelf": shelf,
    "sofa": sofa,
    "bed": bed,
    "cabinet": block,
    "box": block,
    "bin": block,
    "stool": table,
    "lamp": lamp,
    "monitor": monitor,
    "books": block,
    "pot": block,
}

SIZES: dict[str, tuple[float, float, float]] = {
    "table": (1.3, 0.8, 0.74),
    "desk": (1.4, 0.7, 0.74),
    "chair": (0.46, 0.48, 0.92),
    "shelf": (0.9, 0.34, 1.8),
    "sofa": (1.8, 0.85, 0.82),
    "bed": (1.5, 2.0, 0.9),
    "cabinet": (0.8, 0.45, 1.0),
    "box": (0.5, 0.4, 0.45),
    "bin": (0.42, 0.42, 0.55),
    "stool": (0.45, 0.42, 0.5),
    "lamp": (0.42, 0.42, 1.5),
    "monitor": (0.55, 0.22, 0.45),
    "books": (0.3, 0.22, 0.2),
    "pot": (0.22, 0.22, 0.28),
}
