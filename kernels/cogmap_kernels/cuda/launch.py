"""Launching kernels: one thread an item, on the caller's stream; multiplications and additions that stay apart.

`alike`, `first_of`, `told_by_first` and `total` let the threads of a warp that hold the same number act as one, and
`place_in` lets them count as one: every thread of the warp must call them. The simulator has no warps; there each
thread is alone.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numba import config, cuda

THREADS = 128
WARP, ALL_LANES = 32, 0xFFFFFFFF

if config.ENABLE_CUDASIM:

    @cuda.jit(device=True)
    def mul(a: float, b: float) -> float:
        """a * b, rounded to float64 before anything else happens to it."""
        return a * b

    @cuda.jit(device=True)
    def add(a: float, b: float) -> float:
        """a + b, rounded to float64."""
        return a + b

    @cuda.jit(device=True)
    def alike(number: int) -> int:
        """The lanes of the warp that hold this number, as bits."""
        return 1

    @cuda.jit(device=True)
    def first_of(lanes: int) -> bool:
        """Whether this thread is the first of its lanes."""
        return True

    @cuda.jit(device=True)
    def told_by_first(lanes: int, number: int) -> int:
        """The number that the first of the lanes holds."""
        return number

    @cuda.jit(device=True)
    def total(lanes: int, number: int) -> int:
        """The sum of what the lanes hold."""
        return number

    @cuda.jit(device=True)
    def place_in(counter: Any, k: int, wanted: bool) -> int:
        """A number of its own, from `counter[k]` on, for each thread that wants one."""
        return cuda.atomic.add(counter, k, 1) if wanted else 0

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
    def alike(number: int) -> int:
        """The lanes of the warp that hold this number, as bits."""
        return cuda.match_any_sync(ALL_LANES, number)

    @cuda.jit(device=True)
    def first_of(lanes: int) -> bool:
        """Whether this thread is the first of its lanes."""
        return cuda.ffs(lanes) - 1 == cuda.laneid

    @cuda.jit(device=True)
    def told_by_first(lanes: int, number: int) -> int:
        """The number that the first of the lanes holds."""
        return cuda.shfl_sync(ALL_LANES, number, cuda.ffs(lanes) - 1)

    @cuda.jit(device=True)
    def total(lanes: int, number: int) -> int:
        """The sum of what the lanes hold."""
        out = 0
        for lane in range(WARP):
            value = cuda.shfl_sync(ALL_LANES, number, lane)
            if (lanes >> lane) & 1:
                out += value
        return out

    @cuda.jit(device=True)
    def place_in(counter: Any, k: int, wanted: bool) -> int:
        """A number of its own, from `counter[k]` on, for each thread that wants one."""
        wanting = cuda.ballot_sync(ALL_LANES, wanted)
        start = np.int64(0)
        if wanted and first_of(wanting):
            start = cuda.atomic.add(counter, k, np.int64(cuda.popc(wanting)))
        start = cuda.shfl_sync(ALL_LANES, start, (cuda.ffs(wanting) - 1) & (WARP - 1))
        return start + cuda.popc(wanting & ((1 << cuda.laneid) - 1))


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
    """The array on the device, brought there on the caller's stream; one that is there is used where it lies."""
    if hasattr(array, "copy_to_host"):
        return array
    if hasattr(array, "__cuda_array_interface__"):
        return cuda.as_cuda_array(array)
    return cuda.to_device(np.ascontiguousarray(array), stream=stream())


def empty(shape: int | tuple[int, ...], dtype: Any) -> Any:
    """Memory on the device, unwritten: torch's, which keeps what was freed, where torch is in use."""
    torch = sys.modules.get("torch")
    if torch is None or config.ENABLE_CUDASIM or not np.prod(shape) or not torch.cuda.is_available():
        return cuda.device_array(shape, dtype)
    return cuda.as_cuda_array(torch.empty(shape, dtype=getattr(torch, np.dtype(dtype).name), device="cuda"))


def run(kernel: Any, n: int, *arguments: Any) -> None:
    """Launch one thread for each of n items; nothing for none."""
    if n:
        kernel[-(-n // THREADS), THREADS, stream()](*arguments)


def host(array: Any) -> Any:
    """The array in main memory, once the caller's stream has made it."""
    on = stream()
    out = array.copy_to_host(stream=on)
    if on:
        on.synchronize()
    return out


def ascending(numbers: Any) -> Any:
    """The order (N,) that sorts numbers on the device: by torch where it is in use, else by the host."""
    torch = sys.modules.get("torch")
    if torch is None or config.ENABLE_CUDASIM or not len(numbers) or not torch.cuda.is_available():
        return device_array(np.argsort(host(numbers)))
    return cuda.as_cuda_array(torch.as_tensor(numbers, device="cuda").argsort())


def at_home(array: Any) -> Any:
    """An array of the host or of the device in main memory."""
    return array if isinstance(array, np.ndarray) else host(device_array(array))
