"""Which column runs an operation: plain NumPy, the CPU, or a CUDA device. Nothing falls back in silence."""

from __future__ import annotations

import importlib
import os
from typing import Any

DEVICES = ("auto", "cpu", "cuda", "reference")


def on_gpu(array: Any) -> bool:
    """Whether an argument already lives on a CUDA device."""
    return hasattr(array, "__cuda_array_interface__")


def choose(device: str, *arrays: Any) -> str:
    """The column that "auto" stands for: where the arrays are, and the CPU for arrays in main memory.

    "auto" never raises. "cuda" raises RuntimeError where no device can be used.

    Raises:
        ValueError: another word. RuntimeError: "cuda" without a device.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if device == "auto":
        return "cuda" if any(on_gpu(a) for a in arrays) and cuda_is_usable() else "cpu"
    if device == "cuda" and not cuda_is_usable():
        raise RuntimeError("no CUDA device can be used: install numba-cuda and a driver, or choose device='cpu'")
    return device


def cuda_is_usable() -> bool:
    """Whether numba can reach a CUDA device, or simulates one (NUMBA_ENABLE_CUDASIM=1)."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return True
    try:
        from numba import cuda
    except ImportError:
        return False
    return bool(cuda.is_available())


def column(device: str, operation: str) -> Any:
    """The module of an operation in a column."""
    return importlib.import_module(f".{device}.{operation}", __package__)
