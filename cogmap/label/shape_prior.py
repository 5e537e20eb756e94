"""Guesses at labels from size, height and place alone: no network, no weights, and always marked as guesses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from .._checks import F64, Array
from ..data.scene import Box

SOURCE = "shape-prior"
NUMBERS = Path(__file__).with_name("shape_prior.json")
OTHER = "other"
MOST_GUESSES = 3
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class ShapePrior:
    """Multinomial logistic regression over products of a box's features, as scikit-learn fitted it.

    Attributes:
        labels: the K things it knows, `other` among them. mean, deviation: (5,) of the features.
        weight: (K, 20) of the products. bias: (K,).
    """

    labels: tuple[str, ...]
    mean: F64
    deviation: F64
    weight: F64
    bias: F64

    def probabilities(self, features: Array) -> F64:
        """(N, K) probability of every label for features (N, 5)."""
        score = products((features - self.mean) / self.deviation) @ self.weight.T + self.bias
        share = np.exp(score - score.max(1, keepdims=True))
        return np.asarray(share / share.sum(1, keepdims=True))


def features_of(length: Array, width: Array, height: Array, bottom: Array) -> F64:
    """(N, 5): logarithms of length, width and height, and the heights of bottom and top over the floor, in metres."""
    edges = np.log(np.maximum([length, width, height], 0.01))
    return np.stack([*edges, np.asarray(bottom), np.asarray(bottom) + height], axis=1)


def products(z: Array) -> F64:
    """(N, 20): the standardised features (N, 5), within 4 deviations, and all their products."""
    z = np.clip(z, -4, 4)
    a, b = np.triu_indices(z.shape[1])
    return np.concatenate([z, z[:, a] * z[:, b]], axis=1)


@cache
def shipped() -> ShapePrior:
    """The prior that comes with cogmap; `benchmarks/train_shape_prior.py` tells how it was learned."""
    data = json.loads(NUMBERS.read_text())
    arrays = (np.array(data[name], np.float64) for name in ("mean", "deviation", "weight", "bias"))
    return ShapePrior(tuple(data["labels"]), *arrays)


def guess_labels(boxes: list[Box], prior: ShapePrior | None = None) -> list[tuple[tuple[str, float, str], ...]]:
    """For each box at most three (label, probability, "shape-prior") of at least 10 %, the likeliest first.

    Args:
        boxes: upright, in metres, floor at z = 0. A box over which `other` leads has no guesses.
    """
    if not boxes:
        return []
    prior = prior or shipped()
    size = np.array([b.size_m for b in boxes])
    bottom = np.array([b.center_m[2] for b in boxes]) - size[:, 2] / 2
    share = prior.probabilities(features_of(size[:, 0], size[:, 1], size[:, 2], bottom))
    return [_ranked(row, prior.labels) for row in share]


def _ranked(share: F64, labels: tuple[str, ...]) -> tuple[tuple[str, float, str], ...]:
    order = np.argsort(-share, kind="stable")
    if labels[order[0]] == OTHER:
        return ()
    best = [k for k in order if labels[k] != OTHER and share[k] >= LEAST_SHARE][:MOST_GUESSES]
    return tuple((labels[k], round(float(share[k]), 4), SOURCE) for k in best)
