"""Backends of the suite: the CPU always; CUDA simulated or real by its own target."""

from __future__ import annotations

import os

import pytest

LANE = os.environ.get("COGMAP_KERNELS", "cpu")


@pytest.fixture
def device() -> str:
    """ "cpu", or "cuda" in the lanes of `make test-sim` and `make test-gpu`."""
    return "cpu" if LANE == "cpu" else "cuda"


@pytest.fixture
def size() -> int:
    """Points of a random cloud: the simulator takes a millisecond for each."""
    return 200 if LANE == "sim" else 3000
