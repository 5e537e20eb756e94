"""Clusters of regions by what most views say: the most agreed pair first."""

from __future__ import annotations

import heapq

import numpy as np

from .._checks import F64, I32, Array

AGREED = 0.5
LEAST_FRAMES = 2
LEAST_SHOWN = 0.1
UNSEEN = -1
LEAST_BATCH = 1_000_000


def join_by_views(table: I32, size: Array, least_frames: int = LEAST_FRAMES) -> I32:
    """Cluster (R,) int32 of every region: two join while they share a mask in most of the frames that show both.

    Args:
        table: (R, F) int32 mask of each region in each frame, 0 = none, -1 = not seen. size: (R,) voxels of each.
        least_frames: so many that show both are needed for full agreement; fewer count as if the rest disagreed.

    In every frame a cluster is in the mask that its larger part is in; a frame that shows less than a tenth of it says
    nothing of it, so that a sliver beside two things joins one of them, not both. Frames in which neither of two
    clusters is in a mask say nothing of them. The most agreed pair joins first, of equals the larger, then the smaller
    numbers.
    """
    rows, weight = table.copy(), np.where(table >= 0, size[:, None], 0).astype(np.float64)
    near: list[set[int]] = [set() for _ in range(len(table))]
    for a, b in shared_a_mask(table).tolist():
        near[a].add(b)
        near[b].add(a)
    parent, total = np.arange(len(table)), size.astype(np.int64)
    heap: list[tuple[float, int, int, int, int]] = []
    for a in range(len(table)):
        _offer(heap, rows, total, a, sorted(b for b in near[a] if b > a), least_frames)
    heapq.heapify(heap)
    while heap:
        _, _, a, b, grown = heapq.heappop(heap)
        if parent[a] != a or parent[b] != b or total[a] + total[b] != grown:
            continue  # one of them has joined another since
        parent[b] = a
        total[a] += total[b]
        heavier = weight[b] > weight[a]
        weight[a] = np.where(rows[a] == rows[b], weight[a] + weight[b], np.maximum(weight[a], weight[b]))
        rows[a] = np.where(heavier, rows[b], rows[a])
        rows[a, weight[a] < LEAST_SHOWN * total[a]] = UNSEEN
        for c in near[b]:
            near[c].discard(b)
            near[c].add(a)
        near[a] = (near[a] | near[b]) - {a, b}
        near[b] = set()
        _offer(heap, rows, total, a, sorted(near[a]), least_frames, push=True)
    for k in range(len(parent)):
        parent[k] = parent[parent[k]]
    return np.unique(parent, return_inverse=True)[1].astype(np.int32)


def _offer(
    heap: list[tuple[float, int, int, int, int]],
    rows: I32,
    total: Array,
    a: int,
    others: list[int],
    least_frames: int,
    *,
    push: bool = False,
) -> None:
    """Add the pairs of a cluster with others that agree well enough."""
    for b, share in zip(others, agreement(rows[a], rows[others], least_frames).tolist()):
        if share > AGREED:
            size = int(total[a] + total[b])
            entry = (-share, -size, min(a, b), max(a, b), size)
            heapq.heappush(heap, entry) if push else heap.append(entry)


def agreement(row: I32, others: I32, least_frames: int = LEAST_FRAMES) -> F64:
    """(K,) share of the frames that show a cluster (F,) and another (K, F), one of them masked, where masks are one.

    Fewer such frames than `least_frames` prove little of clusters that are each seen in more: the rest count against.
    """
    same = (others == row) & (row > 0)
    both = (others >= 0) & (row >= 0) & ((others > 0) | (row > 0))
    often = np.minimum((others >= 0).sum(1), (row >= 0).sum())
    return np.asarray(same.sum(1) / np.maximum(both.sum(1), np.clip(often, 1, least_frames)))


def shared_a_mask(table: I32) -> Array:
    """(P, 2) pairs of regions, the smaller first, that lie in one mask in some frame."""
    n, found, waiting = max(len(table), 1), np.empty(0, np.int64), [np.empty(0, np.int64)]
    for column in table.T:
        inside = np.flatnonzero(column > 0)
        inside = inside[np.argsort(column[inside], kind="stable")]
        for group in np.split(inside, np.flatnonzero(np.diff(column[inside])) + 1):
            a, b = np.triu_indices(len(group), 1)
            waiting.append(group[a] * n + group[b])
        if sum(map(len, waiting)) > len(found) + LEAST_BATCH:
            found, waiting = np.unique(np.concatenate([found, *waiting])), []
    found = np.unique(np.concatenate([found, *waiting]))
    return np.stack([found // n, found % n], axis=1)
