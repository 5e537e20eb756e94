"""Sorting whole numbers by digits, every thread its own part; equal digits keep their order."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from . import threads as _threads
from .compiled import compiled

Array = npt.NDArray[Any]
DIGIT = 11  # bits, at most
ROOM = 63  # bits of a number that is not negative


def by_bits(team: _threads.Team, numbers: Array, low: int, bits: int) -> Array:
    """Numbers (N,) int64, none negative, in the order of `bits` of their bits from the lowest that counts.

    Counting from the lowest digit (Seward, 1954). `numbers` is overwritten.
    """
    passes = -(-bits // DIGIT)
    other = np.empty_like(numbers)
    for k in range(passes):
        shift, width = low + bits * k // passes, bits * (k + 1) // passes - bits * k // passes
        count = np.array(team.over(len(numbers), partial(_count, numbers, shift, width)))
        start = np.cumsum(count.T).reshape(count.T.shape).T - count
        parts = list(_threads.slices(len(numbers), team.threads))
        team.each(partial(_move_part, numbers, shift, width, parts, start, other))
        numbers, other = other, numbers
    return numbers


def _move_part(
    numbers: Array, shift: int, width: int, parts: list[tuple[int, int]], start: Array, out: Array, k: int
) -> None:
    _move(numbers, shift, width, *parts[k], np.ascontiguousarray(start[k]), out)


@compiled
def _count(numbers: Array, shift: int, width: int, first: int, last: int) -> Array:
    """How often each digit occurs among numbers first to last."""
    count, mask = np.zeros(1 << width, np.int64), (1 << width) - 1
    for i in range(first, last):
        count[(numbers[i] >> shift) & mask] += 1
    return count


@compiled
def _move(numbers: Array, shift: int, width: int, first: int, last: int, start: Array, out: Array) -> None:
    """Numbers first to last to the places of their digits."""
    mask = (1 << width) - 1
    for i in range(first, last):
        digit = (numbers[i] >> shift) & mask
        out[start[digit]] = numbers[i]
        start[digit] += 1
