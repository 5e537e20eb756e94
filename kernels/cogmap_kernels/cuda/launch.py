"""Launching kernels: one thread an item, on the caller's stream; multiplications and additions that stay apart."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numba import config, cuda

THREADS = 128

if config.ENABLE_CUDASIM:

    @cuda.jit(device=True)
    def mul(a: float, b: float) -> float:
        """a * b, rounded to float64 before anything else happens to it."""
        return a * b

    @cuda.jit(device=True)
    def add(a: float, b: float) -> float:
        """a + b, rounded to float64."""
        return a + b

else:
    from numba.cuda import libdevice

    @cuda.jit(device=True)
    def mul(a: float, b: float) -> float:
        """a * b, rounded to float64 before anything else happens to it."""
        return libdevice.dmul_rn(a, b)

    @cuda.jit(device=True)
    def add(a: float, b: float) -> float:
        """a + b, rounded to float64."""
        return libdevice.dadd_rn(a, b)


@cuda.jit(device=True)
def dot(a: float, b: float, c: float, x: float, y: float, z: float) -> float:
    """a * x + b * y + c * z, rounded at every step as on the CPU."""
    return add(add(mul(a, x), mul(b, y)), mul(c, z))


def stream() -> Any:
    """torch's current stream where torch is in use, else the default one."""
    torch = sys.modules.get("torch")
    if torch is None or config.ENABLE_CUDASIM or not torch.cuda.is_available():
        return 0
    return cuda.external_stream(torch.cuda.current_stream().cuda_stream)


def device_array(array: Any) -> Any:
    """The array on the device; one that is there already is used where it lies."""
    if hasattr(array, "copy_to_host"):
        return array
    if hasattr(array, "__cuda_array_interface__"):
        return cuda.as_cuda_array(array)
    return cuda.to_device(np.ascontiguousarray(array))


def run(kernel: Any, n: int, *arguments: Any) -> None:
    """Launch one thread for each of n items; nothing for none."""
    if n:
        kernel[-(-n // THREADS), THREADS, stream()](*arguments)


def host(array: Any) -> Any:
    """The array in main memory."""
    return array.copy_to_host()
