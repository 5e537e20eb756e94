"""Which frames to keep: by overlap for reconstruction, by coverage within a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import fft, ndimage

from .._checks import F32, F64, I32, U8
from ..data.capture import THUMBNAIL_PX, Capture, Thumbnail
from ..data.issues import Issue
from ..errors import ConfigError
from ..geometry.camera import scaled_K, unproject
from ..geometry.rigid import apply

STEP = 0.08  # of the picture's width between kept frames
WIDEST_STEP = 0.22  # neighbours this far apart still registered, 29 of 29, on a real kitchen
ANCHOR_STEP = 0.04
WEAK_PEAK = 0.05
LEAST_FRAMES = 12
VIEW_CELL = 0.2
COARSE_M = 0.10
Cells = Sequence[frozenset[int]]


@dataclass(frozen=True)
class Survey:
    """One pass through a clip, frame by frame in order.

    Attributes:
        index: (n,) positions in the source. time_s: (n,). sharpness: (n,) variance of the Laplacian.
        path: (n,) how far the picture has moved so far, in widths of the picture.
    """

    index: I32
    time_s: F64
    sharpness: F64
    path: F64


@dataclass(frozen=True)
class Choice:
    """Positions in the source, ascending, and what the choice cost."""

    indices: tuple[int, ...]
    losses: tuple[Issue, ...] = ()


def survey(capture: Capture) -> Survey:
    """Look at every frame once, small: memory does not grow with the pictures."""
    index, times, sharp, path = [], [], [], []
    anchor: U8 | None = None
    behind, here = 0.0, 0.0
    for small in capture.thumbnails() if capture.thumbnails is not None else _thumbnails(capture):
        if anchor is None or anchor.shape != small.grey.shape:
            anchor, step = small.grey, 0.0
        else:
            step = shift(anchor, small.grey)
        here = max(here, behind + step)
        if step >= ANCHOR_STEP:
            anchor, behind = small.grey, behind + step
        index.append(small.index)
        times.append(small.time_s)
        sharp.append(float(ndimage.laplace(small.grey.astype(np.float32)).var()))
        path.append(here)
    return Survey(np.array(index, np.int32), np.array(times), np.array(sharp), np.array(path))


def _thumbnails(capture: Capture) -> Iterator[Thumbnail]:
    for frame in capture.frames(None):
        h, w = frame.rgb.shape[:2]
        s = THUMBNAIL_PX / max(h, w)
        size = (max(2, round(w * s)), max(2, round(h * s)))
        grey = np.asarray(Image.fromarray(frame.rgb).convert("L").resize(size, Image.Resampling.BOX))
        yield Thumbnail(frame.index, frame.time_s, grey)


def shift(a: U8, b: U8) -> float:
    """How far the content of two grey pictures (H, W) moved, as a share of the width.

    The mean over the four quarters of the shift by phase correlation (Kuglin and Hines, 1975), so that
    walking forward counts too. A quarter without a clear peak counts as moved by a sixth of the width.
    """
    h, w = a.shape
    moves = []
    for rows in (slice(0, h // 2), slice(h - h // 2, h)):
        for columns in (slice(0, w // 2), slice(w - w // 2, w)):
            moves.append(_quarter_shift(a[rows, columns], b[rows, columns]) / w)
    return float(np.mean(moves))


def _quarter_shift(a: U8, b: U8) -> float:
    h, w = a.shape
    window = np.outer(np.hanning(h), np.hanning(w)).astype(np.float32)
    fa, fb = (fft.rfft2((x - np.float32(x.mean())) * window) for x in (a, b))
    cross = fa * np.conj(fb)
    peak = fft.irfft2(cross / np.maximum(np.abs(cross), 1e-6), (h, w))
    at = np.unravel_index(int(np.argmax(peak)), peak.shape)
    if float(peak[at]) < WEAK_PEAK:
        return w / 3
    dy, dx = (k if k <= n // 2 else k - n for k, n in zip(at, (h, w)))
    return float(np.hypot(dx, dy))


def frames_for_reconstruction(capture: Capture, *, most: int, max_gap: float, strategy: str = "auto") -> Choice:
    """Frames whose neighbours overlap; the cap widens their spacing and says when it widens it too far.

    Args:
        most: cap on the number of frames. max_gap: seconds between kept frames at most.
        strategy: "auto" takes every frame of a picture folder or posed capture that fits the cap and
            chooses by overlap and sharpness in a video; "uniform", "sharp", "coverage".

    Raises:
        ConfigError: E-BUDGET-GAP for "coverage" when the cap cannot keep the gaps.
    """
    if strategy == "auto" and capture.thumbnails is None and capture.n_frames <= most:
        return Choice(tuple(range(capture.n_frames)))
    if strategy in ("uniform", "coverage"):
        return sample(capture, min(most, capture.n_frames), strategy=strategy, max_gap=max_gap)
    seen = survey(capture)
    if strategy == "auto" and capture.posed:
        return _capped_evenly(seen, most)
    step = max(STEP, float(seen.path[-1]) / most) if len(seen.path) else STEP
    if len(seen.time_s):  # a short or still clip gives enough frames to say what is wrong with it
        max_gap = min(max_gap, float(seen.time_s[-1]) / LEAST_FRAMES)
    kept = by_overlap(seen, step, max_gap)
    while len(kept) > max(most, 1):
        step, max_gap = 1.05 * step, 1.05 * max_gap
        kept = by_overlap(seen, step, max_gap)
    losses = []
    if step > WIDEST_STEP:
        effect = f"{most} frames leave {step:.0%} of the width between neighbours; raise --max-frames"
        losses.append(Issue("W-FRAMES-CAP", len(kept), "capture", effect))
    return Choice(tuple(int(seen.index[k]) for k in kept), tuple(losses))


def _capped_evenly(seen: Survey, most: int) -> Choice:
    pick = np.unique(np.linspace(0, len(seen.index) - 1, min(most, len(seen.index))).round().astype(int))
    return Choice(tuple(int(seen.index[k]) for k in pick))


def by_overlap(seen: Survey, step: float, max_gap: float) -> list[int]:
    """Rows of a survey: the next frame lies at most `step` widths or `max_gap` seconds on, the sharpest there.

    Sharpness is compared only inside the second half of each span: never with a fixed threshold.
    """
    kept = [0] if len(seen.index) else []
    while kept:
        last = kept[-1]
        later = np.arange(last + 1, len(seen.index))
        far = (seen.path[later] - seen.path[last] > step) | (seen.time_s[later] - seen.time_s[last] > max_gap)
        if not far.any():
            break
        span = later[: max(int(np.argmax(far)), 1)]
        half = span[len(span) // 2 :]
        kept.append(int(half[int(np.argmax(seen.sharpness[half]))]))
    return kept


def sample(capture: Capture, budget: int, *, strategy: str = "coverage", max_gap: float = 2.0) -> Choice:
    """A budget of frames of a clip.

    Args:
        strategy: "uniform" spreads them over time, "sharp" takes the sharpest of each span of time,
            "coverage" adds the frame that shows most that is new, and keeps every gap below `max_gap` seconds.

    Raises:
        ConfigError: E-BUDGET-GAP when the budget cannot keep the gaps, E-OPTION for another strategy.
    """
    seen = survey(capture)
    n = len(seen.index)
    if n <= budget:
        return Choice(tuple(int(i) for i in seen.index))
    spread = np.linspace(seen.time_s[0], seen.time_s[-1], budget)
    if strategy == "uniform":
        rows = sorted({int(np.argmin(np.abs(seen.time_s - t))) for t in spread})
    elif strategy == "sharp":
        rows = [int(part[np.argmax(seen.sharpness[part])]) for part in np.array_split(np.arange(n), budget)]
    elif strategy == "coverage":
        cells = geometry_cells(capture) if capture.posed and capture.has_depth else view_cells(seen)
        rows = by_coverage(cells, seen.time_s, budget, max_gap)
    else:
        raise ConfigError("E-OPTION", f"there is no strategy {strategy!r}.", "Choose uniform, sharp or coverage.")
    return Choice(tuple(int(seen.index[r]) for r in rows))


def view_cells(seen: Survey) -> Cells:
    """What each frame shows, where only its motion is known: the stretch of the path within half a width."""
    lo, hi = (np.floor((seen.path + s) / VIEW_CELL).astype(int) for s in (-0.5, 0.5))
    return [frozenset(range(a, b + 1)) for a, b in zip(lo.tolist(), hi.tolist())]


def geometry_cells(capture: Capture) -> Cells:
    """The 10 cm cells that the depth of each posed frame falls into."""
    out = []
    for frame in capture.frames(None):
        K = frame.K_depth if frame.K_depth is not None else frame.K
        if frame.depth_m is None or K is None or frame.T_input_cam is None:
            out.append(frozenset[int]())
            continue
        depth: F32 = np.ascontiguousarray(frame.depth_m[4::8, 4::8])
        xyz = unproject(depth, scaled_K(K, 1 / 8, 1 / 8))[np.isfinite(depth) & (depth > 0)]
        key = np.floor(apply(frame.T_input_cam, xyz) / COARSE_M).astype(np.int64) + (1 << 20)
        out.append(frozenset((key[:, 0] << 42 | key[:, 1] << 21 | key[:, 2]).tolist()))
    return out


def by_coverage(cells: Cells, time_s: F64, budget: int, max_gap: float) -> list[int]:
    """Rows chosen greedily by new cells, ends first, so that no gap in time exceeds `max_gap`.

    Raises:
        ConfigError: E-BUDGET-GAP.
    """
    n = len(cells)
    chosen = [0, n - 1]
    if 2 + _missing(chosen, time_s, max_gap) > budget:
        problem = f"{budget} frames cannot keep gaps of {max_gap:g} s over {time_s[-1] - time_s[0]:.1f} s."
        raise ConfigError("E-BUDGET-GAP", problem, "Raise the budget or the gap.")
    known = set(cells[0]) | set(cells[n - 1])
    while len(chosen) < min(budget, n):
        best, gain = -1, -1
        for row in range(n):
            if row in chosen or len(cells[row]) <= gain:
                continue
            new = len(cells[row] - known)
            if new > gain and _missing(sorted([*chosen, row]), time_s, max_gap) <= budget - len(chosen) - 1:
                best, gain = row, new
        if best < 0:
            break
        chosen = sorted([*chosen, best])
        known |= cells[best]
    return chosen


def _missing(chosen: Sequence[int], time_s: F64, max_gap: float) -> int:
    """How many more frames are needed to bring every gap down to `max_gap`, frame by frame."""
    need = 0
    for a, b in zip(chosen, chosen[1:]):
        at = a
        while time_s[b] - time_s[at] > max_gap:
            reach = int(np.searchsorted(time_s[at : b + 1], time_s[at] + max_gap, side="right")) + at - 1
            at = max(reach, at + 1)
            need += at < b
    return need
