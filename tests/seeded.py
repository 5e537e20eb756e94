"""Seeded noise for every tensor of a network, and the shrunken network that the recorded tensors are of."""

from __future__ import annotations

import re
from typing import Any
from zlib import crc32

import numpy as np

from cogmap.reconstruct.depth_anything_3.shapes import Shape

TINY = Shape(64, 6, 4, (2, 3, 4, 5), 2, 16, (8, 12, 16, 20), trunk=2, trunk_heads=4)
TINY_ALONE = Shape(64, 6, 4, (2, 3, 4, 5), None, 16, (8, 12, 16, 20))
CASES = {"one": (1, 28, 42), "two": (2, 42, 28), "five": (5, 28, 28)}


def fill(network: Any, seed: int = 0) -> Any:
    """Noise of about unit gain in every parameter: what is left at its first value would hide mistakes.

    Each follows from its own name; upstream has one norm in the place of four, which get the same noise here.
    """
    import torch

    for name, parameter in network.named_parameters():
        rng = np.random.default_rng([seed, crc32(re.sub(r"(output_conv2_aux)\.\d\.2", r"\1.0.2", name).encode())])
        weights = parameter.ndim > 1 and "embed" not in name and "token" not in name
        spread = 1 / np.sqrt(parameter[0].numel()) if weights else 0.5 if parameter.ndim > 1 else 0.3
        value = rng.normal(0, spread, tuple(parameter.shape))
        if name.endswith("gamma") or ("norm" in name and name.endswith("weight")):
            value += 1
        if name.endswith("fc_fov.0.bias"):
            value = 1.2 + 0.3 * value  # a field of view below 0 is cut off
        if name.endswith("fc_fov.0.weight"):
            value *= 0.2
        if name.endswith("sky_output_conv2.2.bias"):
            value = 0.5 + 0 * value  # and so is a sky below 0
        parameter.data = torch.from_numpy(value.astype(np.float32))
    return network.eval().requires_grad_(False)


def pictures(case: tuple[int, int, int]) -> Any:
    """Noise (1, N, 3, H, W) as normalised pictures."""
    import torch

    return torch.from_numpy(np.random.default_rng(case[0]).normal(0, 1, (1, case[0], 3, *case[1:])).astype(np.float32))


def cameras(case: tuple[int, int, int]) -> tuple[Any, Any]:
    """Poses (1, N, 4, 4), turned any way, the first at the origin, and intrinsics (1, N, 3, 3)."""
    import torch
    from scipy.spatial.transform import Rotation

    n, height, width = case
    rng = np.random.default_rng(7 + n)
    T = np.tile(np.eye(4), (n, 1, 1))
    T[1:, :3, :3] = Rotation.from_rotvec(rng.normal(0, 1.5, (n, 3))).as_matrix()[1:]
    T[1:, :3, 3] = rng.normal(0, 1, (n, 3))[1:]
    K = np.tile(np.array([[50.0, 0, width / 2], [0, 60, height / 2], [0, 0, 1]]), (n, 1, 1))
    return torch.from_numpy(T.astype(np.float32))[None], torch.from_numpy(K.astype(np.float32))[None]
