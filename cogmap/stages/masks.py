"""Objects from the masks of single frames: lifted onto voxels, joined by what most views say."""

from __future__ import annotations

from dataclasses import dataclass

import cogmap_kernels
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from .._checks import F64, I32, Array, Bool
from ..data.detections import Labeler
from ..data.frames import FrameStore
from ..data.voxels import Voxels
from .consensus import join_by_views
from .instances import InstanceOptions, is_large
from .sightings import Sighting, packed, sight_all

SAME_SHARE = 0.8
BLOCK = 8
LEAST_REGION = 6
CRUMB = 0.1
FILL_STEPS = 6
LEAST_MASKED = 0.3
LEAST_SEEN, LEAST_SEEN_AGAIN = 0.1, 0.02
LEAST_VOTES = 2
PART = 0.15
OUTERMOST = 0.02
UNSEEN, NO_MASK = -1, 0
Labels = dict[int, tuple[tuple[str, float, str], ...]]


@dataclass(frozen=True)
class MaskInstances:
    """Objects joined over all frames.

    Attributes:
        object_of_voxel: (V,) int32, -1 = none. labels: (text, share of the votes, source) of each, best first.
        rim: (V,) bool, voxels beside an object that were seen and never masked: noise at its outline, nobody's.
        n_masks: masks that were read. n_alone: masks that no object was made of.
    """

    object_of_voxel: I32
    rim: Bool
    labels: Labels
    n_masks: int
    n_alone: int


def instances_from_masks(
    voxels: Voxels, is_room: Bool, store: FrameStore, labeler: Labeler, options: InstanceOptions | None = None
) -> MaskInstances:
    """One object for the masks of all frames that mean the same thing.

    Voxels that nearly always share a mask with their neighbours form regions; regions that share a mask in most of the
    frames that show both form objects (view consensus, after Yan et al., "MaskClustering", 2024, here over regions of
    voxels, so that its cost is linear in frames). Every voxel then goes to the object that most of its views give it
    to. A missing mask says nothing, a merged or a false one is outvoted.

    Args:
        voxels: in the map frame. is_room: (V,) voxels of floor, walls, ceiling. options: what is too small to be one.
    """
    options = options or InstanceOptions()
    sightings = list(sight_all(voxels, store, labeler))
    shown, masked = _shown_and_masked(len(voxels), sightings)
    region = regions(voxels, is_room, sightings, masked)
    present = [np.unique(s.mask[s.mask > 0]) for s in sightings]
    n_masks = sum(len(p) for p in present)
    if region.max(initial=-1) < 0:
        return MaskInstances(region, region >= 0, {}, n_masks, n_masks)
    table = masks_of_regions(region, sightings)
    cluster = join_by_views(table, np.bincount(region[region >= 0], minlength=len(table)))
    of_region = np.where(_mostly_masked(cluster, table, region), cluster, -1)
    joined = _rejoined(np.where(region >= 0, of_region[region], -1), sightings)
    object_of_voxel, owners, shares = _voted(joined, region < 0, sightings)
    object_of_voxel = _tidied(voxels, is_room, object_of_voxel)
    filled = _filled(voxels, is_room, object_of_voxel)
    rim = (filled >= 0) & (object_of_voxel < 0) & shown & ~masked
    object_of_voxel = np.where(rim, -1, filled)
    number = np.full(int(object_of_voxel.max(initial=-1)) + 1, -1, np.int32)
    parts = [(k, np.flatnonzero(object_of_voxel == k)) for k in np.unique(object_of_voxel[object_of_voxel >= 0])]
    kept = np.array([k for k, part in parts if is_large(voxels, part, options)], np.int64)
    number[kept] = np.arange(len(kept))
    out = np.where(object_of_voxel >= 0, number[object_of_voxel], -1).astype(np.int32)
    labels = {int(number[k]): _labels(k, owners, shares, sightings, labeler.name) for k in kept.tolist()}
    used = sum(int(np.isin(owner[p], kept).sum()) for owner, p in zip(owners, present))
    return MaskInstances(out, rim, labels, n_masks, n_masks - used)


def regions(voxels: Voxels, is_room: Bool, sightings: list[Sighting], masked: Bool) -> I32:
    """(V,) int32 number of the region of neighbours that share a mask in at least 80 % of their views, -1 = none.

    Of `masked` (V,) voxels alone. A region stays inside a block of `BLOCK` voxels, so that one wrong link cannot join
    two things, and on one side of where the room begins.
    """
    index = np.flatnonzero(masked)
    a, b = neighbours(voxels.key[index])
    block = voxels.key[index] // BLOCK
    within = (block[a] == block[b]).all(1) & (is_room[index[a]] == is_room[index[b]])
    a, b = a[within], b[within]
    same, apart = np.zeros(len(a), np.int32), np.zeros(len(a), np.int32)
    of = np.full(len(voxels), UNSEEN, np.int32)
    for s in sightings:
        of[s.voxel] = s.mask
        mine = of[index]
        p, q = mine[a], mine[b]
        same += (p == q) & (p > 0)
        apart += (p != q) & (p >= 0) & (q >= 0)
        of[s.voxel] = UNSEEN
    linked = (same > 0) & (same >= SAME_SHARE * (same + apart))
    graph = coo_matrix((linked[linked], (a[linked], b[linked])), shape=(len(index), len(index)))
    label = connected_components(graph, directed=False)[1]
    large = np.bincount(label) >= LEAST_REGION
    number = np.where(large, np.cumsum(large) - 1, -1)
    out = np.full(len(voxels), -1, np.int32)
    out[index] = number[label]
    return out


def neighbours(key: I32) -> tuple[Array, Array]:
    """Positions (E,), (E,) of all pairs that touch by face, edge or corner among cells (V, 3), sorted (iz, iy, ix)."""
    sorted_keys = packed(key.astype(np.int64))
    first, second = [], []
    for dz, dy, dx in [(z, y, x) for z in (0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) > (0, 0, 0)]:
        other = packed(key.astype(np.int64) + (dx, dy, dz))
        at = np.minimum(np.searchsorted(sorted_keys, other), max(len(sorted_keys) - 1, 0))
        hit = np.flatnonzero(sorted_keys[at] == other) if len(sorted_keys) else at
        first.append(hit)
        second.append(at[hit])
    return np.concatenate(first), np.concatenate(second)


def masks_of_regions(region: I32, sightings: list[Sighting], least_seen: float = LEAST_SEEN) -> I32:
    """(R, F) int32: the mask that most of the seen voxels of a region lie in; 0 = none, -1 = a smaller share seen."""
    size = np.bincount(region[region >= 0])
    table = np.full((len(size), len(sightings)), UNSEEN, np.int32)
    for f, s in enumerate(sightings):
        of = region[s.voxel]
        known = of >= 0
        width = len(s.labels) + 1
        pair, count = np.unique(of[known].astype(np.int64) * width + s.mask[known], return_counts=True)
        row, mask = pair // width, pair % width
        seen = np.bincount(row, count, len(size))
        most = 2 * count > seen[row]
        table[row[most], f] = mask[most]
        table[seen < np.maximum(1, least_seen * size), f] = UNSEEN
    return table


def _rejoined(joined: Array, sightings: list[Sighting]) -> Array:
    """Objects (V,), -1 = none, once more: small ones, and those of one label, join where they share most masks.

    Frames without a mask on one say nothing here. Thin parts vanish from eroded masks in half of the frames: a
    chair's leg shares no mask with its seat then.
    """
    known, number = np.unique(joined[joined >= 0], return_inverse=True)
    whole = np.full(len(joined), -1, np.int32)
    whole[joined >= 0] = number
    table = masks_of_regions(whole, sightings, least_seen=LEAST_SEEN_AGAIN)
    table[table == NO_MASK] = UNSEEN
    size = np.bincount(number, minlength=len(known))
    again = join_by_views(table, size, least_frames=3)
    largest = np.lexsort((-np.arange(len(size)), size))
    head = np.zeros(len(size), np.int64)
    head[again[largest]] = largest
    name = np.array([_usual_label(row, sightings) for row in table])
    part = (size < PART * size[head[again]]) | (name == name[head[again]])
    target = np.where(part, head[again], np.arange(len(size)))
    return np.where(whole >= 0, target[whole], -1)


def _usual_label(row: I32, sightings: list[Sighting]) -> str:
    """The label of most masks of a row (F,) of one mask a frame; of equals the first by name, "" without any."""
    texts, count = np.unique([s.labels[m - 1] for m, s in zip(row.tolist(), sightings) if m > 0], return_counts=True)
    return str(texts[int(np.argmax(count))]) if len(texts) else ""


def _mostly_masked(cluster: I32, table: I32, region: I32) -> Array:
    """Whether a region's cluster lies in a mask in enough of the frames that show it: false masks seldom recur."""
    size = np.bincount(region[region >= 0], minlength=len(table))[:, None]
    n = int(cluster.max(initial=-1)) + 1
    masked, seen = np.zeros((n, table.shape[1])), np.zeros((n, table.shape[1]))
    np.add.at(masked, cluster, size * (table > 0))
    np.add.at(seen, cluster, size * (table >= 0))
    frames, of_them = (2 * masked > seen).sum(1), (seen > 0).sum(1)
    enough = (frames >= LEAST_MASKED * of_them) & (frames >= np.minimum(2, of_them))
    return np.asarray(enough[cluster])


def _voted(joined: Array, alone: Bool, sightings: list[Sighting]) -> tuple[I32, list[I32], list[F64]]:
    """Every voxel to the object that most of its views give it to, -1 where most give it to none.

    One view, or half of them, move no voxel to an object that its region is not of; a voxel `alone`, of no region since
    views are few or slanting there, goes where all of its views say. A mask belongs to the object that most of its
    voxels in regions are of. Returns that object of every mask of every frame too, and the share of it, as the frame
    sees it, that the mask covers.
    """
    n = int(joined.max(initial=-1)) + 1
    owners, shares, votes = [], [], []
    for s in sightings:
        of, width = joined[s.voxel], n + 1
        known = ~alone[s.voxel]
        pair, count = np.unique(s.mask[known].astype(np.int64) * width + of[known] + 1, return_counts=True)
        mask, who = pair // width, pair % width - 1
        order = np.lexsort((-who, count, mask))
        owner = np.full(len(s.labels) + 1, -1, np.int32)
        owner[mask[order]] = who[order]
        owner[0] = -1
        owners.append(owner)
        own, seen = np.zeros(len(owner)), np.bincount(of + 1, minlength=n + 1)
        own[mask[order]] = count[order]
        shares.append(own / np.maximum(seen[owner + 1], 1))
        votes.append(s.voxel.astype(np.int64) * width + owner[s.mask] + 1)
    pair, count = np.unique(np.concatenate(votes or [np.empty(0, np.int64)]), return_counts=True)
    voxel, who = pair // (n + 1), pair % (n + 1) - 1
    order = np.lexsort((who, count, voxel))
    last = order[np.flatnonzero(np.diff(voxel[order], append=-1))]
    views = np.bincount(voxel, count, len(joined))[voxel[last]]
    agreed = alone[voxel[last]] & (count[last] == views)
    sure = (who[last] == joined[voxel[last]]) | agreed | ((count[last] >= LEAST_VOTES) & (2 * count[last] > views))
    out = np.full(len(joined), -1, np.int32)
    out[voxel[last]] = np.where(sure, who[last], -1)
    return out, owners, shares


def _tidied(voxels: Voxels, is_room: Bool, object_of_voxel: I32) -> I32:
    """Objects without what spilled over their edges: the room behind them, and crumbs beside their larger pieces.

    Crumbs under or over the larger pieces, a table's legs, stay. So does what the noise of depth makes room where a
    thing stands at a wall: it lies beyond the rest on one side alone. An object that mostly lies on the room itself, a
    picture or a rug, keeps its voxels there.
    """
    n = int(object_of_voxel.max(initial=-1)) + 1
    inside = object_of_voxel >= 0
    room = np.bincount(object_of_voxel[inside & is_room], minlength=n)
    flat = 2 * room > np.bincount(object_of_voxel[inside], minlength=n)
    own, on_room = np.flatnonzero(inside & ~is_room), np.flatnonzero(inside & is_room & ~flat[object_of_voxel])
    lo, hi = _reach(voxels.mean_map[own], object_of_voxel[own], n, OUTERMOST)
    xyz, of = voxels.mean_map[on_room], object_of_voxel[on_room]
    x, y, z = ((xyz < lo[of]) | (xyz > hi[of])).T
    out = object_of_voxel.copy()
    out[on_room[z | (x & y)]] = -1
    index = np.flatnonzero(out >= 0)
    piece = cogmap_kernels.components(voxels.key[index], steps=2, group=out[index])
    size = np.bincount(piece)
    largest = np.zeros(n, np.int64)
    np.maximum.at(largest, out[index], size[piece])
    crumb = size[piece] < np.maximum(CRUMB * largest[out[index]], LEAST_REGION)
    lo, hi = _reach(voxels.mean_map[index[~crumb], :2], out[index[~crumb]], n, 0.0)
    xy = voxels.mean_map[index, :2]
    beside = ((xy < lo[out[index]]) | (xy > hi[out[index]])).any(1)
    out[index[crumb & beside]] = -1
    return out.astype(np.int32)


def _reach(points: Array, of: I32, n: int, cut: float) -> tuple[Array, Array]:
    """From and to where (n, D) the points (P, D) of objects reach, a share cut at each end; inf, -inf without any."""
    lo, hi = np.full((n, points.shape[1]), np.inf), np.full((n, points.shape[1]), -np.inf)
    count = np.bincount(of, minlength=n)
    there, start = np.flatnonzero(count), (np.cumsum(count) - count)[count > 0]
    end = (cut * (count[there] - 1)).astype(np.int64)
    for axis, values in enumerate(points.T):
        ordered = values[np.lexsort((values, of))]
        lo[there, axis], hi[there, axis] = ordered[start + end], ordered[start + count[there] - 1 - end]
    return lo, hi


def _filled(voxels: Voxels, is_room: Bool, object_of_voxel: I32) -> I32:
    """What is no room and no object yet goes to the object that it touches, in rounds: eroded masks leave such rims."""
    index = np.flatnonzero((object_of_voxel >= 0) | ~is_room)
    a, b = neighbours(voxels.key[index])
    out = object_of_voxel[index]
    n = int(out.max(initial=-1)) + 1
    for _ in range(FILL_STEPS):
        here, there = np.concatenate([a, b]), np.concatenate([b, a])
        rim = (out[here] < 0) & (out[there] >= 0)
        pair, count = np.unique(here[rim].astype(np.int64) * n + out[there[rim]], return_counts=True)
        order = np.lexsort((-(pair % max(n, 1)), count, pair // max(n, 1)))
        out[pair[order] // max(n, 1)] = pair[order] % max(n, 1)
    filled = object_of_voxel.copy()
    filled[index] = out
    return filled


def _shown_and_masked(n: int, sightings: list[Sighting]) -> tuple[Bool, Bool]:
    """(V,), (V,) voxels that some frame shows, and those that it shows inside a mask."""
    shown, masked = np.zeros(n, bool), np.zeros(n, bool)
    for s in sightings:
        shown[s.voxel] = True
        masked[s.voxel[s.mask > 0]] = True
    return shown, masked


def _labels(
    thing: int, owners: list[I32], shares: list[F64], sightings: list[Sighting], source: str
) -> tuple[tuple[str, float, str], ...]:
    """Labels of an object as shares of all votes, the best first; at most five.

    A mask votes with its score times the share of the object that it covers in its frame: the cup on a table is no
    word about the table.
    """
    total: dict[str, float] = {}
    for owner, share, s in zip(owners, shares, sightings):
        for m in np.flatnonzero(owner[1:] == thing).tolist():
            total[s.labels[m]] = total.get(s.labels[m], 0.0) + s.scores[m] * float(share[m + 1])
    whole = sum(total.values())
    ranked = sorted(
        ((text, score / whole) for text, score in total.items() if text and whole), key=lambda t: (-t[1], t[0])
    )
    return tuple((text, round(score, 4), source) for text, score in ranked[:5])
