"""Connected components of voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def components(key: Array, rows: Array, group: Array, threads: int) -> Array:
    """See the CPU column."""
    at = {tuple(k): i for i, k in enumerate(key.tolist())}
    out = np.full(len(key), -1, np.int32)
    steps = [(dx, dy, dz) for dz, dy, reach in rows.tolist() for dx in range(-reach, reach + 1)]
    steps += [(-dx, -dy, -dz) for dx, dy, dz in steps]
    n = 0
    for first in range(len(key)):
        if out[first] >= 0:
            continue
        out[first], todo = n, [first]
        while todo:
            i = todo.pop()
            for step in steps:
                j = at.get(tuple(np.add(key[i], step).tolist()))
                if j is not None and out[j] < 0 and (len(group) == 0 or group[i] == group[j]):
                    out[j] = n
                    todo.append(j)
        n += 1
    return out
