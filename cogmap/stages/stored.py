"""The frames of a reconstruction in a store, and the part of them that a map is made of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .._checks import I32
from ..data.frames import FrameStore, OwnedFolder
from ..data.issues import Issue
from ..data.reconstruction import Window
from ..errors import TrustError


def store_windows(windows: Iterable[Window], rel_noise: float) -> tuple[FrameStore, list[I32], bool, list[int]]:
    """Write every window's frames to a store in a temporary folder; instance ids and numbers of parts ride along.

    Raises:
        TrustError: E-TOO-FEW-FRAMES when nothing arrives.
    """
    store = FrameStore(OwnedFolder(), rel_noise)
    ids: list[I32] = []
    parts: list[int] = []
    given = False
    for window in windows:
        parts += [window.part] * len(window.index)
        for k in range(len(window.index)):
            store.append(
                int(window.index[k]),
                float(window.time_s[k]),
                window.rgb[k] if window.picture is None else window.picture[k],
                window.depth[k],
                window.confidence[k],
                window.K[k],
                window.T_world_cam[k],
            )
            given |= window.instance_id is not None
            none = np.zeros(window.depth[k].shape, np.int32)
            ids.append(none if window.instance_id is None else window.instance_id[k])
    if len(store) == 0:
        raise TrustError("E-TOO-FEW-FRAMES", "no frame came out of the reconstruction.", "Film longer.")
    return store, ids, given, parts


def largest_part(store: FrameStore, ids: list[I32], parts: list[int]) -> tuple[list[I32], tuple[Issue, ...]]:
    """Keep the frames of the largest connected part of a store; say which the others were.

    Raises:
        TrustError: E-WINDOWS-APART when no part holds more than half of the frames.
    """
    number, of, count = np.unique(parts, return_inverse=True, return_counts=True)
    if len(number) == 1:
        return ids, ()
    best = int(count.argmax())
    if 2 * count[best] <= len(parts):
        problem = f"the frames fall into {len(number)} parts that do not fit together, the largest of {count[best]}."
        raise TrustError("E-WINDOWS-APART", problem, "Film more slowly, or use --reconstructor sfm.")
    source = [[store.header(f)[0] for f in np.flatnonzero(of == k).tolist()] for k in range(len(number)) if k != best]
    left = ", ".join(f"{min(frames)} to {max(frames)}" for frames in source)
    kept = np.flatnonzero(of == best).tolist()
    store.keep(kept)
    effect = f"parts that do not fit the largest are left out: source frames {left}"
    return [ids[f] for f in kept], (Issue("W-PARTS", len(parts) - len(kept), "reconstruct", effect),)
