"""Checks of arrays that records and the public face share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]


def shaped(name: str, array: Array, *shape: int | str) -> dict[str, int]:
    """Check an array's shape; letters are free sizes that must agree with one another.

    Args:
        name: what the array is called in the message.
        array: the array.
        shape: one entry an axis, a number or a letter.

    Returns:
        The size behind each letter.

    Raises:
        InputError: E-SHAPE.
    """
    sizes: dict[str, int] = {}
    fits = array.ndim == len(shape)
    for got, want in zip(array.shape, shape):
        expected = want if isinstance(want, int) else sizes.setdefault(want, got)
        fits = fits and got == expected
    if not fits:
        wanted = ", ".join(str(s) for s in shape)
        raise InputError("E-SHAPE", f"{name} must be ({wanted}), got {array.shape}.", "Reshape it.")
    return sizes


def positive(name: str, value: float) -> float:
    """Return the value when it is finite and above zero; else raise InputError E-RANGE."""
    if not np.isfinite(value) or value <= 0:
        raise InputError("E-RANGE", f"{name} must be above 0, got {value}.", "Give a positive number.")
    return float(value)


def triple(v: Array | Sequence[float]) -> tuple[float, float, float]:
    """The first three numbers of an array or list as floats."""
    return float(v[0]), float(v[1]), float(v[2])


def equal(a: object, b: object) -> bool:
    """Compare two records or containers deeply; arrays compare by shape, dtype and value, NaN equal to NaN."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return _equal_arrays(a, b)
    if hasattr(a, "__dataclass_fields__") and type(a) is type(b):
        return all(equal(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return bool(a == b)


def _equal_arrays(a: object, b: object) -> bool:
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return False
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
