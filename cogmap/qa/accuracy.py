"""How right a map is against a true one: objects, sizes, places, splits and merges, layout, free floor, camera path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._checks import F64
from ..data.nouns import same_thing
from ..data.scene import FREE, OCCUPIED, MapObject, SceneMap
from ..geometry.obb import iou
from ..geometry.rigid import about_z, apply, from_rotation
from ..geometry.similarity import fit_similarity
from ..query.measures import full_box

LIMITS = (0.25, 0.5)
TURN_DEG, WALL_OFF_M, WALL_SHARED = 5.0, 0.2, 0.5
ROUND = 0.05
SMALL_M3, LARGE_M3 = 0.05, 0.5


@dataclass(frozen=True)
class Accuracy:
    """Every figure by its name, None where there is no truth for it; see `docs/queries.md`."""

    figures: dict[str, Any]
    matches: tuple[tuple[str, str, float], ...]


def accuracy(
    pred: SceneMap,
    truth: SceneMap,
    *,
    align: str = "none",
    labels: Mapping[str, str] | None = None,
    by_label: bool = False,
) -> Accuracy:
    """Compare a map with the truth.

    Objects are matched one to one so that the sum of their overlaps is largest (Kuhn, 1955), not so that many pass.

    Args:
        align: "none"; "yaw" (turn about up and shift) or "similarity" (scale too), by camera centres where both maps
            have the same frames, else by the middles of objects that labels pair; the residual is a figure.
        labels: names of one label set by those of the other. by_label: only things of one name may match.
    """
    T, residual = _alignment(pred, truth, align)
    mine = [_boxed(o, T) for o in sorted(pred.objects, key=_order)]
    true = [_boxed(o, np.eye(4)) for o in sorted(truth.objects, key=_order)]
    names = labels or {}
    overlap = np.array([[iou(*a[1], *b[1]) for b in true] for a in mine]).reshape(len(mine), len(true))
    if by_label:
        same = [[_kind(a[0], names) == _kind(b[0], names) for b in true] for a in mine]
        overlap = overlap * np.array(same).reshape(overlap.shape)
    rows, columns = linear_sum_assignment(-overlap) if overlap.size else (np.zeros(0, int), np.zeros(0, int))
    pairs = [(int(i), int(j)) for i, j in zip(rows, columns) if overlap[i, j] > 0]
    figures: dict[str, Any] = {"n_pred": len(mine), "n_truth": len(true), "align": align, "align_residual_m": residual}
    for limit in LIMITS:
        hits = sum(overlap[p] >= limit for p in pairs)
        figures[f"precision@{limit}"] = _share(hits, len(mine))
        figures[f"recall@{limit}"] = _share(hits, len(true))
    figures |= _errors(mine, true, [p for p in pairs if overlap[p] >= LIMITS[0]], overlap)
    figures |= _causes(mine, true, overlap, pairs)
    figures |= _by_kind(mine, true, overlap, pairs, names)
    figures |= _counts(mine, true, names)
    figures |= _layout(pred, truth, T) | _floor(pred, truth, T) | _path(pred, truth, T)
    found = tuple((mine[i][0].id, true[j][0].id, round(float(overlap[i, j]), 6)) for i, j in sorted(pairs))
    return Accuracy(figures, found)


Boxed = tuple[MapObject, tuple[F64, F64, F64]]


def _order(o: MapObject) -> tuple[Any, ...]:
    return (*np.round(o.box.center_m, 6).tolist(), *np.round(o.box.size_m, 6).tolist(), o.id)


def _kind(o: MapObject, names: Mapping[str, str]) -> str:
    label = o.label or ""
    return same_thing(names.get(label, label))


def _boxed(o: MapObject, T: F64) -> Boxed:
    """An object with its box after a similarity."""
    center, size, R = full_box(o.box)
    scale = float(np.cbrt(np.linalg.det(T[:3, :3])))
    if np.array_equal(T, np.eye(4)):
        return o, (center, size, R)
    return o, (apply(T, center), size * scale, T[:3, :3] / scale @ R)


def _share(hits: float, n: int) -> float | None:
    return None if n == 0 else float(hits) / n


def _alignment(pred: SceneMap, truth: SceneMap, align: str) -> tuple[F64, float | None]:
    """The similarity (4, 4) that lays one map onto another, and the root mean square of what it leaves."""
    if align == "none":
        return np.eye(4), None
    mine, true = _paired_places(pred, truth)
    if len(mine) < 3:
        return np.eye(4), None
    if align == "similarity":
        T = fit_similarity(mine, true)
    else:
        a, b = mine - mine.mean(0), true - true.mean(0)
        turn = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a[:, :2] * b[:, :2]).sum())
        R = about_z(float(turn))
        T = from_rotation(R, true.mean(0) - R @ mine.mean(0))
    return T, float(np.sqrt(((apply(T, mine) - true) ** 2).sum(1).mean()))


def _paired_places(pred: SceneMap, truth: SceneMap) -> tuple[F64, F64]:
    """Camera centres of the same frames of the source, else middles of objects whose label only one in each has."""
    mine = {c.index: c.T_map_cam[:3, 3] for c in pred.camera_path}
    true = {c.index: c.T_map_cam[:3, 3] for c in truth.camera_path}
    both: list[Any] = sorted(set(mine) & set(true))
    if len(both) >= 3:
        return np.array([mine[k] for k in both]), np.array([true[k] for k in both])
    once = []
    for scene in (pred, truth):
        kinds: dict[str, list[MapObject]] = {}
        for o in scene.objects:
            if o.label:
                kinds.setdefault(same_thing(o.label), []).append(o)
        once.append({k: full_box(v[0].box)[0] for k, v in kinds.items() if len(v) == 1})
    both = sorted(set(once[0]) & set(once[1]))
    return np.array([once[0][k] for k in both]).reshape(-1, 3), np.array([once[1][k] for k in both]).reshape(-1, 3)


def _errors(
    mine: Sequence[Boxed], true: Sequence[Boxed], pairs: Sequence[tuple[int, int]], overlap: F64
) -> dict[str, Any]:
    """Median errors of matched boxes: overlap, centre, sides, yaw where the box has one."""
    if not pairs:
        return dict.fromkeys(("box_iou", "center_error_m", "size_error_m", "size_error", "yaw_error_deg"))
    center = [float(np.linalg.norm(mine[i][1][0] - true[j][1][0])) for i, j in pairs]
    size = [np.abs(np.sort(mine[i][1][1]) - np.sort(true[j][1][1])) for i, j in pairs]
    share = [float((s / np.sort(true[j][1][1])).max()) for s, (i, j) in zip(size, pairs)]
    yaw = [y for i, j in pairs if (y := _yaw_error(mine[i], true[j])) is not None]
    return {
        "box_iou": float(np.median([overlap[p] for p in pairs])),
        "center_error_m": float(np.median(center)),
        "size_error_m": float(np.median([s.max() for s in size])),
        "size_error": float(np.median(share)),
        "yaw_error_deg": float(np.median(yaw)) if yaw else None,
    }


def _yaw_error(a: Boxed, b: Boxed) -> float | None:
    """Angle between two boxes about up, modulo a half turn; a quarter where the floor is square; None where it is round
    in name (nothing is known of that here) or the box is tilted."""
    length, width = sorted((a[0].box.size_m[:2]), reverse=True)
    turn = np.degrees(a[0].box.yaw - b[0].box.yaw)
    if np.abs(a[1][2] - about_z(a[0].box.yaw)).max() > 1e-6:  # moved by an alignment, or tilted
        turn = np.degrees(np.arctan2(a[1][2][1, 0], a[1][2][0, 0]) - np.arctan2(b[1][2][1, 0], b[1][2][0, 0]))
    period = 90.0 if length - width < ROUND * length else 180.0
    return float(abs((turn + period / 2) % period - period / 2))


def _causes(
    mine: Sequence[Boxed], true: Sequence[Boxed], overlap: F64, pairs: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """Why objects are not found: parts of one, several in one, stretched, lost; and what is listed twice or for
    nothing."""
    inside = np.array([[_inside(a[1], b[1]) for b in true] for a in mine]).reshape(len(mine), len(true))
    holds = np.array([[_inside(b[1], a[1]) for b in true] for a in mine]).reshape(len(mine), len(true))
    over = [max(1, int((inside[:, j] >= 0.5).sum())) for j in range(len(true)) if (inside[:, j] >= 0.5).any()]
    under = [max(1, int((holds[i] >= 0.5).sum())) for i in range(len(mine)) if (holds[i] >= 0.5).any()]
    found = {j for i, j in pairs if overlap[i, j] >= LIMITS[1]}
    cause = {"merged": 0, "split": 0, "stretched": 0, "lost": 0}
    for j in set(range(len(true))) - found:
        swallowing = [i for i in range(len(mine)) if holds[i, j] >= 0.5]
        if any((holds[i] >= 0.5).sum() > 1 for i in swallowing):
            cause["merged"] += 1
        elif (inside[:, j] >= 0.5).sum() > 1:
            cause["split"] += 1
        elif overlap.size and overlap[:, j].max() >= 0.1:
            cause["stretched"] += 1
        else:
            cause["lost"] += 1
    matched = {i for i, j in pairs if overlap[i, j] >= LIMITS[0]}
    twice = [i for i in range(len(mine)) if i not in matched and overlap.size and overlap[i].max() >= LIMITS[1]]
    return {
        "over_segmentation": float(np.mean(over)) if over else None,
        "under_segmentation": float(np.mean(under)) if under else None,
        "duplicates": len(twice),
        "false_positives@0.25": len(mine) - len(matched),
        **{f"missed_{k}": v for k, v in cause.items()},
    }


def _inside(a: tuple[F64, F64, F64], b: tuple[F64, F64, F64]) -> float:
    """Share of box a that lies in box b."""
    shared = iou(*a, *b)
    va, vb = float(np.prod(a[1])), float(np.prod(b[1]))
    return min(shared * (va + vb) / (1 + shared) / va, 1.0)


def _by_kind(
    mine: Sequence[Boxed],
    true: Sequence[Boxed],
    overlap: F64,
    pairs: Sequence[tuple[int, int]],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """Recall at half overlap by label and by size of the true thing."""
    hit = {j for i, j in pairs if overlap[i, j] >= LIMITS[1]}
    kinds: dict[str, list[bool]] = {}
    sizes: dict[str, list[bool]] = {"small": [], "middle": [], "large": []}
    for j, (o, (_, size, _)) in enumerate(true):
        kinds.setdefault(_kind(o, names) or "unlabelled", []).append(j in hit)
        volume = float(np.prod(size))
        sizes["small" if volume < SMALL_M3 else "large" if volume > LARGE_M3 else "middle"].append(j in hit)
    return {
        "recall@0.5_by_label": {k: [float(np.mean(v)), len(v)] for k, v in sorted(kinds.items())},
        "recall@0.5_by_size": {k: [float(np.mean(v)), len(v)] for k, v in sizes.items() if v},
    }


def _counts(mine: Sequence[Boxed], true: Sequence[Boxed], names: Mapping[str, str]) -> dict[str, Any]:
    """Mean absolute error of counts by label, and the share of labels counted exactly."""
    kinds = sorted({k for o, _ in true if (k := _kind(o, names))})
    if not kinds:
        return {"count_error": None, "counts_exact": None}
    off = [abs(sum(_kind(o, names) == k for o, _ in mine) - sum(_kind(o, names) == k for o, _ in true)) for k in kinds]
    return {"count_error": float(np.mean(off)), "counts_exact": float(np.mean([v == 0 for v in off]))}


def _layout(pred: SceneMap, truth: SceneMap, T: F64) -> dict[str, Any]:
    """F1 of walls (parallel within 5 degrees, planes within 20 cm on the same side, half of the shorter shared), of
    openings by overlap, and the error of the floor's area."""
    scale = float(np.cbrt(np.linalg.det(T[:3, :3])))
    walls = [
        np.array([apply(T, np.array([*w.from_m, 0.0]))[:2], apply(T, np.array([*w.to_m, 0.0]))[:2]])
        for w in pred.layout.walls
    ]
    goal = [np.array([w.from_m, w.to_m]) for w in truth.layout.walls]
    fits = np.array([[_same_wall(a, b) for b in goal] for a in walls], float).reshape(len(walls), len(goal))
    boxes = [_opening(o.box, T) for o in pred.layout.openings]
    holes = [_opening(o.box, np.eye(4)) for o in truth.layout.openings]
    overlap = np.array([[iou(*a, *b) for b in holes] for a in boxes]).reshape(len(boxes), len(holes))
    mine, true = pred.layout.floor_area_m2, truth.layout.floor_area_m2
    area = None if mine is None or not true else mine * scale**2 / true - 1
    return {"wall_f1": _f1(fits, WALL_SHARED), "opening_f1": _f1(overlap, LIMITS[0]), "area_error": area}


def _opening(box: Any, T: F64) -> tuple[F64, F64, F64]:
    scale = float(np.cbrt(np.linalg.det(T[:3, :3])))
    return apply(T, np.array(box.center_m)), np.array(box.size_m) * scale, T[:3, :3] / scale @ about_z(box.yaw)


def _f1(fits: F64, limit: float) -> float | None:
    """F1 of the best pairing; None where the truth holds nothing."""
    n, k = fits.shape
    if k == 0:
        return None
    if n == 0:
        return 0.0
    rows, columns = linear_sum_assignment(-fits)
    hits = int((fits[rows, columns] >= limit).sum())
    return 2 * hits / (n + k)


def _same_wall(a: F64, b: F64) -> float:
    """Share of the shorter of two floor segments that both cover, 0 where they are not one wall."""
    u, v = a[1] - a[0], b[1] - b[0]
    lu, lv = np.linalg.norm(u), np.linalg.norm(v)
    if min(lu, lv) < 1e-9:
        return 0.0
    cross = abs(u[0] * v[1] - u[1] * v[0]) / (lu * lv)
    off = max(abs(v[0] * (p - b[0])[1] - v[1] * (p - b[0])[0]) / lv for p in a)
    if cross > np.sin(np.radians(TURN_DEG)) or off > WALL_OFF_M + lu * cross:
        return 0.0
    along = np.sort((a - b[0]) @ v / lv)
    shared = min(along[1], lv) - max(along[0], 0.0)
    return float(max(shared, 0.0) / min(lu, lv))


def _floor(pred: SceneMap, truth: SceneMap, T: F64) -> dict[str, Any]:
    """Overlap of the free and of the occupied floor, over cells that both maps know."""
    a, b = pred.freespace, truth.freespace
    if a is None or b is None:
        return {"free_iou": None, "occupied_iou": None}
    rows, columns = b.cells.shape
    x = b.origin_map[0] + (np.arange(columns) + 0.5) * b.cell_m
    y = b.origin_map[1] + (np.arange(rows) + 0.5) * b.cell_m
    centre = np.stack([*np.meshgrid(x, y), np.zeros((rows, columns))], -1).reshape(-1, 3)
    xy = apply(inverse_of(T), centre)[:, :2]
    cell = np.floor((xy - a.origin_map) / a.cell_m).astype(int)
    ok = ((cell >= 0) & (cell < np.array(a.cells.shape)[::-1])).all(1)
    mine = np.zeros(len(xy), np.uint8)
    mine[ok] = a.cells[cell[ok, 1], cell[ok, 0]]
    true = b.cells.ravel()
    known = (mine > 0) & (true > 0)
    out: dict[str, Any] = {}
    for name, value in (("free_iou", FREE), ("occupied_iou", OCCUPIED)):
        either = known & ((mine == value) | (true == value))
        out[name] = float(((mine == value) & (true == value))[either].mean()) if either.any() else None
    return out


def inverse_of(T: F64) -> F64:
    """The inverse of a similarity (4, 4)."""
    return np.asarray(np.linalg.inv(T), np.float64)


def _path(pred: SceneMap, truth: SceneMap, T: F64) -> dict[str, Any]:
    """Errors of the cameras of frames that both maps hold: root mean square of centres, median turn."""
    mine, true = ({c.index: c.T_map_cam for c in s.camera_path} for s in (pred, truth))
    both = sorted(set(mine) & set(true))
    if not both:
        return {"path_error_m": None, "turn_error_deg": None}
    scale = float(np.cbrt(np.linalg.det(T[:3, :3])))
    off = [float(np.linalg.norm(apply(T, mine[k][:3, 3]) - true[k][:3, 3])) for k in both]
    apart = [float(np.linalg.norm(T[:3, :3] / scale @ mine[k][:3, :3] - true[k][:3, :3])) for k in both]
    angle = [float(np.degrees(2 * np.arcsin(min(d / np.sqrt(8), 1.0)))) for d in apart]  # exactly 0 for a copy
    return {"path_error_m": float(np.sqrt(np.mean(np.square(off)))), "turn_error_deg": float(np.median(angle))}


def bootstrap(values: Sequence[float], seed: int = 0, n: int = 1000) -> tuple[float, float] | None:
    """The 95 % interval of a mean over scenes, by resampling them."""
    if len(values) < 2:
        return None
    rng = np.random.default_rng(seed)
    means = rng.choice(np.asarray(values), (n, len(values))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
