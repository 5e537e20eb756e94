"""Checks of arguments, once, before anything runs."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from ._host import bounds

Array = npt.NDArray[Any]
NOT_FINITE = "{} holds points that are not finite; drop them first"


def threads(number: int | None) -> int:
    """The number of threads; all cores of this process by default. Raises ValueError below 1."""
    if number is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(number, bool) or number != int(number) or number < 1:
        raise ValueError(f"threads must be a whole number from 1, got {number!r}")
    return int(number)


def positive(name: str, value: Any) -> float:
    """A finite number above 0, or ValueError."""
    if isinstance(value, (bool, str)) or not math.isfinite(value) or not value > 0:
        raise ValueError(f"{name} must be a number above 0, got {value!r}")
    return float(value)


def points(name: str, array: Any, columns: int = 3) -> Array:
    """(P, columns) float32 or float64, native and aligned; half floats, integers and bools are widened, exactly.

    Objects, complex numbers, structures and masked arrays are refused: nothing is reinterpreted.
    """
    out = plain(name, array)
    if out.ndim != 2 or out.shape[1] != columns:
        raise ValueError(f"{name} must be (P, {columns}), got {out.shape}")
    wide = np.float32 if out.dtype.kind == "f" and out.dtype.itemsize <= 4 else np.float64
    return np.require(out, wide, ["C", "A"])


def plain(name: str, array: Any) -> Array:
    """An array of real numbers in main memory, or ValueError."""
    if isinstance(array, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array; fill it or drop what is masked")
    out = np.asarray(array)
    if out.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers, got {out.dtype}")
    return out


def per_point(name: str, array: Any, n: int, dtype: Any, columns: int | None = None) -> Array | None:
    """(n,) or (n, columns) of a dtype, or None; integers that do not fit are refused."""
    if array is None:
        return None
    out = plain(name, array)
    shape = (n,) if columns is None else (n, columns)
    if out.shape != shape:
        raise ValueError(f"{name} must be {shape} as there are {n} points, got {out.shape}")
    if np.dtype(dtype).kind in "iu" and not np.can_cast(out.dtype, dtype):
        bounds = np.iinfo(dtype)
        if out.dtype.kind == "f" or (out.size and (out.min() < bounds.min or out.max() > bounds.max)):
            raise ValueError(f"{name} must be whole numbers that fit {np.dtype(dtype)}, got {out.dtype}")
    return np.require(out, dtype, ["C", "A"])


def on_device(name: str, array: Any, n: int, dtype: Any, columns: int | None = None) -> Any:
    """An array on a CUDA device as it is: (n,) or (n, columns) of exactly this dtype, in order, or ValueError."""
    shape = (n,) if columns is None else (n, columns)
    return lying(name, array, shape, (dtype,))


def lying(name: str, array: Any, shape: tuple[int, ...], dtypes: tuple[Any, ...]) -> Any:
    """An array on a CUDA device as it is, of a shape and one of some dtypes, contiguous, or ValueError."""
    there = array.__cuda_array_interface__
    known = np.dtype(there["typestr"]) in [np.dtype(t) for t in dtypes]
    if tuple(there["shape"]) != shape or not known or there.get("strides") is not None:
        kinds = " or ".join(str(np.dtype(t)) for t in dtypes)
        got = f"{tuple(there['shape'])} of {np.dtype(there['typestr'])}"
        raise ValueError(f"{name} on a device must be {shape}, {kinds} and contiguous, got {got}")
    return array


def cells(name: str, array: Any) -> Array:
    """(V, 3) int32 cells within 2**20 - 64 of 0."""
    out = plain(name, array)
    if out.ndim != 2 or out.shape[1] != 3:
        raise ValueError(f"{name} must be (V, 3), got {out.shape}")
    if out.dtype.kind == "f":
        raise ValueError(f"{name} must be whole numbers, got {out.dtype}")
    if out.size and max(int(out.max()), -int(out.min())) >= (1 << 20) - 64:
        raise ValueError(f"{name} reaches 2**20 cells from 0; choose a larger voxel")
    return np.require(out, np.int32, ["C", "A"])


def camera(K: Any) -> Array:
    """(3, 3) float64 pinhole intrinsics."""
    out = np.ascontiguousarray(K, np.float64)
    if out.shape != (3, 3) or not out[0, 0] > 0 or not out[1, 1] > 0:
        raise ValueError(f"K must be (3, 3) with focal lengths above 0, got shape {out.shape}")
    return out


def pose(name: str, T: Any) -> Array:
    """(4, 4) float64."""
    out = np.ascontiguousarray(T, np.float64)
    if out.shape != (4, 4) or not np.isfinite(out).all():
        raise ValueError(f"{name} must be a finite (4, 4), got shape {out.shape}")
    return out


def neighbourhood(neighbours: int, steps: int, radius: float | None) -> Array:
    """Half of a neighbourhood as rows (dz, dy, reach along x): the cell's own row, then the later ones."""
    if neighbours not in (6, 18, 26) or not 1 <= steps <= 32 or (steps > 1 and neighbours != 26):
        raise ValueError(f"neighbours must be 6, 18 or 26 and steps 1 to 32 with 26, got {neighbours}, {steps}")
    if radius is not None and not 1 <= radius <= 32:
        raise ValueError(f"radius must be 1 to 32 cells, got {radius}")
    far = steps if radius is None else int(radius)
    rows = []
    for dz in range(far + 1):
        for dy in range(-far if dz else 0, far + 1):
            if radius is not None:
                square = radius * radius - dz * dz - dy * dy
                reach = int(np.sqrt(square)) if square >= 0 else -1
            else:
                off = dz + abs(dy)
                reach = steps if neighbours == 26 else {6: 1 - off, 18: (1, 1, 0)[min(off, 2)]}[neighbours]
            if reach >= 0:
                rows.append((dz, dy, reach))
    return np.array(rows, np.int64)


def finite(name: str, p: Array) -> None:
    """Refuse points that are not finite: the smallest and the largest tell."""
    if len(p) and not (np.isfinite(p.min()) and np.isfinite(p.max())):
        raise ValueError(NOT_FINITE.format(name))


def numbered(p: Array, cell: float, name: str) -> None:
    """Refuse points that are not finite or that a grid of cells cannot number."""
    if len(p) == 0:
        return
    lo, hi = bounds(p)
    if not (np.isfinite(lo).all() and np.isfinite(hi).all()):
        raise ValueError(NOT_FINITE.format("xyz"))
    if (hi - lo).max() / cell >= (1 << 21) - 32:
        least = name if name == "radius" else f"{name} / sqrt(3)"
        raise ValueError(f"{least} must be at least {(hi - lo).max() / ((1 << 21) - 33):.4g} for this extent")
