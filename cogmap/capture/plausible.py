"""Do depth, poses and cameras of a capture fit one another? What wide pairs of frames say, without any texture.

The depth of one frame must reappear in another that sees the same. Where it does not as read, it is asked whether it
does with depth of another unit, with another focal length or centre of the picture, with other axes of the camera, or
with poses the other way round. Pairs are wide: neighbours agree under almost any mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .._checks import F32, F64
from ..data.capture import CaptureFrame
from ..geometry.camera import scaled_K, unproject
from ..geometry.conventions import conventions
from ..geometry.rigid import inverse

ACROSS, FINE_ACROSS = 40, 160
MOST_FRAMES = 24
MOST_PAIRS = 36
CLOSE = 0.012
NEAR = 0.03  # of the depth: sensors err by under 1 %, poses by a centimetre or two
LEAST_SHARED, GLIMPSE, LEAST_ASKED = 0.15, 0.02, 300
FITS, BETTER = 0.45, 0.04
FACTORS = np.exp(np.linspace(np.log(0.4), np.log(2.5), 25))
FOCALS = np.exp(np.linspace(np.log(0.66), np.log(1.5), 13))
SHIFTS = np.linspace(-0.3, 0.3, 13)


@dataclass(frozen=True)
class Sight:
    """One frame made small: depth (h, w) in metres, K (3, 3) for it, camera to world (4, 4)."""

    depth: F32
    K: F64
    T: F64


@dataclass(frozen=True)
class Guess:
    """How the numbers could be meant: depth times `factor`, focal lengths times `focal`, centre moved by shares of the
    picture, and what is done to poses."""

    factor: float = 1.0
    focal: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    pose: str = ""


AS_READ = Guess()


@dataclass(frozen=True)
class Verdict:
    """What fits best, how well (0 to 1), and how well the numbers fit as read; `pairs` that could be asked.

    Attributes:
        per_frame: how well each frame fits the others as read, NaN where it shares nothing with them and nothing is odd
            about that.
    """

    best: Guess
    fit: float
    as_read: float
    pairs: int
    per_frame: tuple[float, ...] = ()


def sights(frames: Sequence[CaptureFrame], across: int = ACROSS) -> list[Sight]:
    """Frames with depth and pose, each so many pixels across by taking single pixels: depth is never mixed."""
    out = []
    for f in frames:
        K = f.K_depth if f.K_depth is not None else f.K
        if f.depth_m is None or f.T_input_cam is None or K is None:
            continue
        step = max(1, f.depth_m.shape[1] // across)
        half = step // 2
        depth = np.nan_to_num(f.depth_m[half::step, half::step], nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
        small = scaled_K(K, 1 / step, 1 / step)
        small[:2, 2] += 0.5 - (half + 0.5) / step
        out.append(Sight(np.maximum(depth, 0), small, f.T_input_cam))
    return out


def spread(n: int, most: int = MOST_FRAMES) -> list[int]:
    """Positions of at most `most` frames, evenly over n."""
    return sorted({int(i) for i in np.linspace(0, n - 1, min(n, most)).round()}) if n else []


def pairs_of(n: int) -> list[tuple[int, int]]:
    """Pairs of n frames: neighbours, and those a few steps apart, at most 60, spread over the walk."""
    rows = [(i, i + gap) for gap in (1, 2, 3, 5) for i in range(n - gap)]
    keep = np.linspace(0, len(rows) - 1, min(len(rows), MOST_PAIRS)).round().astype(int)
    return [rows[k] for k in sorted(set(keep.tolist()))] + [
        (b, a) for a, b in (rows[k] for k in sorted(set(keep.tolist())))
    ]


def fits(seen: Sequence[Sight], pairs: Sequence[tuple[int, int]], guess: Guess = AS_READ) -> F64:
    """For every pair the share of the first frame's points that the second shows at their depth; NaN: too few."""
    return _shown(seen, pairs, guess, LEAST_SHARED)[0]


def _shown(seen: Sequence[Sight], pairs: Sequence[tuple[int, int]], guess: Guess, least: float) -> tuple[F64, F64]:
    """What `fits` says of every pair, and how many points it was asked about.

    A point counts as shared where it falls into the second picture on known depth; one that lies clearly behind what is
    seen there is hidden, not wrong, and counts half.
    """
    mend = _mend(guess.pose)
    cameras = [_camera(s, guess) for s in seen]
    poses = [mend(s.T) for s in seen]
    out, asked = np.full(len(pairs), np.nan), np.zeros(len(pairs))
    for k, (a, b) in enumerate(pairs):
        xyz = unproject(seen[a].depth * np.float32(guess.factor), cameras[a])[seen[a].depth > 0]
        if len(xyz) < 30:
            continue
        T = inverse(poses[b]) @ poses[a]
        p = xyz @ T[:3, :3].T.astype(np.float32) + T[:3, 3].astype(np.float32)
        K, depth = cameras[b], seen[b].depth
        with np.errstate(divide="ignore", invalid="ignore"):
            u = p[:, 0] / p[:, 2] * K[0, 0] + K[0, 2]
            v = p[:, 1] / p[:, 2] * K[1, 1] + K[1, 2]
        h, w = depth.shape
        inside = (p[:, 2] > 0) & (u >= 0) & (v >= 0) & (u < w) & (v < h)
        if inside.sum() < least * len(xyz):
            out[k] = 0.0 if guess != AS_READ and least == LEAST_SHARED else np.nan
            continue
        there = depth[v[inside].astype(int), u[inside].astype(int)] * guess.factor
        known = there > 0
        if known.sum() < 20:
            continue
        off = np.log(there[known] / p[inside, 2][known])
        hidden = off < -2 * NEAR
        out[k] = float(np.exp(-((off[~hidden] / NEAR) ** 2)).sum() / (len(off) - 0.5 * hidden.sum()))
        asked[k] = len(off) - 0.5 * hidden.sum()
    return out, asked


def _camera(s: Sight, guess: Guess) -> F64:
    K = s.K.copy()
    K[0, 0] *= guess.focal
    K[1, 1] *= guess.focal
    K[0, 2] += guess.shift[0] * s.depth.shape[1]
    K[1, 2] += guess.shift[1] * s.depth.shape[0]
    return K


def _mend(name: str) -> Callable[[F64], F64]:
    return conventions()[name] if name else _same


def _same(T: F64) -> F64:
    return T


def judged(seen: Sequence[Sight]) -> Verdict:
    """What the frames say of their own numbers."""
    pairs = pairs_of(len(seen))
    plain = fits(seen, pairs)
    usable = [p for p, x in zip(pairs, plain) if np.isfinite(x)]
    as_read = float(np.nanmean(plain)) if usable else 0.0
    if len(usable) < 3:
        usable = pairs
    if as_read >= FITS and _stands(seen, usable, as_read):
        return Verdict(Guess(), as_read, as_read, len(usable), _per_frame(seen, Guess()))
    best, fit = _by_pose(seen, pairs, Guess(), as_read if usable else 0.0)
    best, fit = _by_cameras(seen, usable if not best.pose else pairs, best, fit)
    return Verdict(best, fit, as_read, len(usable), _per_frame(seen, best))


def _stands(seen: Sequence[Sight], pairs: Sequence[tuple[int, int]], as_read: float) -> bool:
    """Whether no small change of factor, focal length or centre fits better: then nothing is searched."""
    near = (
        _moved(Guess(), axis, sign * step) for axis, step in enumerate((0.06, 0.06, 0.05, 0.05)) for sign in (1, -1)
    )
    return all(_mean(fits(seen, pairs, guess)) < as_read + BETTER / 2 for guess in near)


def _mean(values: F64) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _by_pose(seen: Sequence[Sight], pairs: Sequence[tuple[int, int]], best: Guess, fit: float) -> tuple[Guess, float]:
    """Other axes or the other direction, where the poses as read hardly fit."""
    if fit >= 0.5:
        return best, fit
    few = list(pairs)[:: max(1, len(pairs) // 24)]
    for name in conventions():
        guess = replace(best, pose=name)
        now = _mean(fits(seen, few, guess))
        if now > fit + 0.15:
            best, fit = guess, now
    return best, fit


def _by_cameras(
    seen: Sequence[Sight], pairs: Sequence[tuple[int, int]], best: Guess, fit: float
) -> tuple[Guess, float]:
    """Factor, focal length and centre by a coarse grid, then by halving steps around what is best."""
    tried = [replace(best, factor=float(f), focal=float(g)) for f in FACTORS[::2] for g in FOCALS[::3]]
    tried += [replace(best, shift=(float(x), 0.0)) for x in SHIFTS] + [
        replace(best, shift=(0.0, float(y))) for y in SHIFTS
    ]
    few = list(pairs)[:: max(1, len(pairs) // 24)]
    start = _mean(fits(seen, few, best))
    scores = [(_mean(fits(seen, few, g)), k) for k, g in enumerate(tried)]
    top, place = max(scores)
    if top > start:
        best = tried[place]
    fit = _mean(fits(seen, pairs, best))
    step = np.array([0.08, 0.08, 0.04, 0.04])
    while step[0] > 0.004:
        moved = False
        for axis in range(4):
            for sign in (1, -1):
                guess = _moved(best, axis, sign * float(step[axis]))
                now = _mean(fits(seen, pairs, guess))
                if now > fit + 1e-4:
                    best, fit, moved = guess, now, True
        if not moved:
            step = step / 2
    return best, fit


def _moved(guess: Guess, axis: int, by: float) -> Guess:
    if axis == 0:
        return replace(guess, factor=guess.factor * float(np.exp(by)))
    if axis == 1:
        return replace(guess, focal=guess.focal * float(np.exp(by)))
    x, y = guess.shift
    return replace(guess, shift=(x + by, y) if axis == 2 else (x, y + by))


def _per_frame(seen: Sequence[Sight], best: Guess) -> tuple[float, ...]:
    """How well every frame fits those up to six steps away, all shared points together; NaN where these are few."""
    n = len(seen)
    pairs = [(i, j) for i in range(n) for j in range(max(0, i - 6), min(n, i + 7)) if i != j]
    pairs = [p for p in pairs if (p[0] + p[1]) % 2 == 1]  # half of them tell as much
    fit, asked = _shown(seen, pairs, best, GLIMPSE)
    good, total = np.zeros(n), np.zeros(n)
    for (a, b), x, m in zip(pairs, fit, asked):
        if np.isfinite(x):
            good[[a, b]] += x * m
            total[[a, b]] += m
    return tuple(float(g / t) if t >= LEAST_ASKED else float("nan") for g, t in zip(good, total))


def precise_factor(frames: Sequence[CaptureFrame], guess: Guess) -> float:
    """The factor on depth near a guess's, to about a thousandth, from depth looked up between pixels.

    Inverse depth is linear over a plane, so four pixels of one surface give the depth between them exactly.
    """
    fine = sights(frames, FINE_ACROSS)
    pairs = pairs_of(len(fine))[::2]
    tried = guess.factor * np.linspace(0.97, 1.03, 21)
    score = np.array([_closely(fine, pairs, replace(guess, factor=float(f))) for f in tried])
    k = int(np.clip(score.argmax(), 1, len(tried) - 2))
    a, b, c = score[k - 1 : k + 2]
    bend = a - 2 * b + c
    shift = 0.0 if bend >= 0 else float(np.clip(0.5 * (a - c) / bend, -1, 1))
    return float(tried[k] + shift * (tried[1] - tried[0]))


def _closely(seen: Sequence[Sight], pairs: Sequence[tuple[int, int]], guess: Guess) -> float:
    """Share of points that lie within about a hundredth of the depth between the pixels of the other frame."""
    mend, good, total = _mend(guess.pose), 0.0, 1
    for a, b in pairs:
        s, t = seen[a], seen[b]
        xyz = unproject(s.depth * np.float32(guess.factor), _camera(s, guess))[s.depth > 0]
        T, K = inverse(mend(t.T)) @ mend(s.T), _camera(t, guess)
        p = xyz @ T[:3, :3].T + T[:3, 3]
        p = p[p[:, 2] > 1e-6]
        u, v = p[:, 0] / p[:, 2] * K[0, 0] + K[0, 2] - 0.5, p[:, 1] / p[:, 2] * K[1, 1] + K[1, 2] - 0.5
        h, w = t.depth.shape
        inside = (u >= 0) & (v >= 0) & (u < w - 1) & (v < h - 1)
        u, v, z = u[inside], v[inside], p[inside, 2]
        i, j = v.astype(int), u.astype(int)
        four = np.stack([t.depth[i, j], t.depth[i, j + 1], t.depth[i + 1, j], t.depth[i + 1, j + 1]])
        whole = (four.min(0) > 0) & (four.max(0) < 1.1 * four.min(0))
        q, du, dv = 1 / four[:, whole], (u - j)[whole], (v - i)[whole]
        between = (1 - dv) * ((1 - du) * q[0] + du * q[1]) + dv * ((1 - du) * q[2] + du * q[3])
        off = np.log(guess.factor / between / z[whole])
        near = np.abs(off) < 4 * CLOSE
        good += float(np.exp(-((off[near] / CLOSE) ** 2)).sum())
        total += int(whole.sum())
    return good / total
