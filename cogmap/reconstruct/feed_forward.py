"""A feed-forward model over a capture: pictures fitted to it, windows joined, what it is unsure of left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from .._checks import F32, U8, Bool
from ..data.capture import Capture, CaptureFrame
from ..data.frames import OwnedFolder
from ..data.issues import Issue
from ..data.reconstruction import Correction, Reconstruction, Scale, Window
from ..errors import ConfigError, TrustError
from ..geometry.camera import scaled_K
from .base import Model, Prediction, asked
from .loops import Keys
from .measured import SENSOR_SIGMA
from .pose_graph import Loop, closed
from .windows import depth_ratio, join, moved, part_of, plan

REL_NOISE = 0.02
LEAST_RANK = 0.15
EDGE = 0.06
WORST_SEAM = 0.05
WORST_RATIO = 0.15
THIN = 8
KEY_STEP = 4
LEAST_WINDOWS = 3
MOST_LOOPS = 24


def reconstruct_by_model(capture: Capture, indices: Sequence[int], model: Model, seed: int = 0) -> Reconstruction:
    """Windows of a capture as a model sees it; given poses and intrinsics are handed to models that take them.

    Memory holds one window and the frames it shares with the next; a few pixels of every frame lie on disk. Lengths are
    in the unit of known poses, else metres only where the model claims them. Where the walk comes back to a place, all
    windows are moved so that it closes. A window that does not fit the one before begins another part.

    Raises (while the windows are read):
        ConfigError: E-MODEL-POSES for a model that needs poses where there are none.
        TrustError: E-MODEL-OUTPUT, E-TOO-FEW-FRAMES, E-WINDOWS-APART when poses are known and depths do not agree.
        WindowTooLarge: when so many frames at once do not fit the device.
    """
    if not indices:
        raise TrustError("E-TOO-FEW-FRAMES", "no frames were chosen.", "Film longer.", capture.path)
    walk = _Walk(capture, indices, model, seed)
    scale = walk.scale()
    note = Issue("W-MODEL-SCALE", 1, "scale", f"metres as {model.name} sees them")
    told = {"reconstructor": model.name, "windows": len(walk.plan), "window": model.window, **model.provenance}
    return Reconstruction(
        windows=walk.windows(),
        scale=scale,
        up_world=capture.gravity_input if walk.posed else None,
        rel_noise=REL_NOISE,
        losses=(note,) if scale.source == "model" else (),
        provenance=told,
        corrected=walk.corrected,
    )


class _Walk:
    """One pass over a capture, window by window, and what is remembered of it to close its loops."""

    def __init__(self, capture: Capture, indices: Sequence[int], model: Model, seed: int) -> None:
        self.capture, self.model, self.seed = capture, model, seed
        self.plan = plan(len(indices), model.window, model.overlap)
        self.frames = capture.frames(indices)
        self.current = _next_window(self.frames, [], len(self.plan[0]))
        if not self.current:
            raise TrustError("E-TOO-FEW-FRAMES", "no frame could be read.", "Check the files.", capture.path)
        self.size = fitted_size(self.current[0].rgb.shape[:2], model)
        self.posed = model.takes_poses and capture.posed and all(f.K is not None for f in self.current)
        if model.needs_poses and not self.posed:
            remedy = "Give posed pictures, or choose da3-small."
            raise ConfigError("E-MODEL-POSES", f"{model.name} finds no cameras itself.", remedy, capture.path)
        if model.needs_poses and capture.report.scale_source == "none":
            remedy = "Choose da3-small, which brings its depth to their unit."
            raise ConfigError(
                "E-MODEL-POSES", "poses without metres do not fit a depth in metres.", remedy, capture.path
            )
        self.found = self._predicted(self.current)
        self.seams: list[float] = []
        self.part = 0
        self.keys, self.folder = Keys(), OwnedFolder()
        self.seen: list[_Seen] = []

    def scale(self) -> Scale:
        """The unit of known poses where they are given, else what the model claims."""
        if self.posed:
            sensor = self.capture.report.scale_source != "none"
            return Scale("metric", "sensor", SENSOR_SIGMA) if sensor else Scale("relative", "none", 0.0)
        if self.found.metric:
            return Scale("metric", "model", self.model.scale_sigma)
        return Scale("relative", "none", 0.0)

    def windows(self) -> Iterator[Window]:
        """Every frame once, in the world of the first window of its part.

        A window that does not fit the one before it begins a part of its own, in a world of its own.
        """
        yield self._done(0)
        for before, here in zip(self.plan, self.plan[1:]):
            shared = before.stop - here.start
            self.current = _next_window(self.frames, self.current[len(self.current) - shared :], len(here))
            if len(self.current) <= shared:  # frames were lost: nothing new is left
                return
            new = self._predicted(self.current)
            last = part_of(self.found, slice(len(self.found.depth) - shared, None))
            again = part_of(new, slice(0, shared))
            self.found = self._agreeing(new, last, again, here) if self.posed else self._joined(new, last, again)
            yield self._done(shared)

    def _agreeing(self, new: Prediction, last: Prediction, again: Prediction, here: range) -> Prediction:
        """A window at known poses, where nothing moves, if its depths are those of the last."""
        seam = abs(depth_ratio(last, again) - 1) * WORST_SEAM / WORST_RATIO
        self.seams.append(seam)
        if not seam < WORST_SEAM:
            problem = f"frames {here.start} to {here.stop - 1} do not fit those before them, by {seam:.0%}."
            remedy = "Check the poses, or use --reconstructor sfm."
            raise TrustError("E-WINDOWS-APART", f"{self.model.name}: {problem}", remedy)
        return new

    def _joined(self, new: Prediction, last: Prediction, again: Prediction) -> Prediction:
        """A window moved to where the last says its first frames are; as it is, in a new part, where that fails."""
        S, seam = join(last, again)
        if not seam < WORST_SEAM:
            self.part += 1
            return new
        self.seams.append(seam)
        return moved(new, S)

    def _done(self, first: int) -> Window:
        """The current window from frame `first` on; some of it is remembered."""
        if not self.posed and len(self.plan) > LEAST_WINDOWS:
            indices = tuple(f.index for f in self.current)
            file = self.folder.path / f"{len(self.seen):06d}.npz"
            self.seen.append(_Seen(indices, len(indices) - first, file, self.part))
            _keep(part_of(self.found, slice(None), THIN), file)
            for k in range(first, len(self.current), KEY_STEP):
                self.keys.add(self.current[k].index, self.current[k].rgb)
        return replace(_as_window(self.current, self.found, first), part=self.part)

    def corrected(self) -> Correction | None:
        """How every frame moves once the loops are closed, and what closing them found; None where there is none."""
        told: dict[str, str | int | float | None] = {}
        if self.seams:
            told["worst_seam"] = round(max(self.seams), 5)
        loops = self._loops() if self.seen else []
        if not loops:
            return Correction(None, told) if told else None
        depth = float(np.median([_middle(s.thin.depth) for s in self.seen]))
        S, kept = closed(len(self.seen), loops, depth)
        _, first, of = np.unique([s.part for s in self.seen], return_index=True, return_inverse=True)
        S = np.linalg.inv(S[first[of]]) @ S  # the first window of every part stays
        moves = np.concatenate([np.tile(S[k], (s.new, 1, 1)) for k, s in enumerate(self.seen)])
        return Correction(moves, {**told, "loops": len(kept), "loops_refused": len(loops) - len(kept)})

    def _loops(self) -> list[Loop]:
        """One loop for two windows that show one place: the model looks at frames of both at once."""
        home = {i: k for k, s in enumerate(self.seen) for i in s.indices[len(s.indices) - s.new :]}
        tried: dict[tuple[int, int], Loop | None] = {}
        for i, j in self.keys.loops(self.seed):
            pair = (home[i], home[j])
            whole = self.seen[pair[0]].part == self.seen[pair[1]].part
            if whole and pair[1] - pair[0] > 1 and _apart(pair, tried) and len(tried) < max(MOST_LOOPS, len(self.seen)):
                tried[pair] = self._measured(*pair, i, j)
        return [found for found in tried.values() if found is not None]

    def _measured(self, a: int, b: int, i: int, j: int) -> Loop | None:
        """The loop of frames i and j of windows a and b, or None where a pass over both fits neither."""
        half = self.model.window // 2
        parts = [_around(self.seen[k].indices, at, half) for k, at in ((a, i), (b, j))]
        shown = [n for k, part in zip((a, b), parts) for n in self.seen[k].indices[part]]
        by_index = {f.index: f for f in self.capture.frames(sorted(set(shown)))}
        if not set(shown) <= by_index.keys():
            return None
        try:
            together = part_of(self._predicted([by_index[n] for n in shown]), slice(None), THIN)
        except TrustError:  # nothing can be made of both at once
            return None
        split = parts[0].stop - parts[0].start
        at_a, seam_a = join(part_of(self.seen[a].thin, parts[0]), part_of(together, slice(0, split)))
        at_b, seam_b = join(part_of(self.seen[b].thin, parts[1]), part_of(together, slice(split, None)))
        if max(seam_a, seam_b) >= WORST_SEAM:
            return None
        return Loop(a, b, np.asarray(at_a @ np.linalg.inv(at_b)))

    def _predicted(self, frames: list[CaptureFrame]) -> Prediction:
        """The checked prediction of one window. Raises WindowTooLarge."""
        rgb = resized([f.rgb for f in frames], self.size)
        poses = np.stack([np.asarray(f.T_input_cam, np.float64) for f in frames]) if self.posed else None
        K = None
        if self.posed:
            shapes = [(f.K, f.rgb.shape) for f in frames]
            K = np.stack([scaled_K(k, self.size[1] / s[1], self.size[0] / s[0]) for k, s in shapes if k is not None])
        return asked(self.model, rgb, poses, K, self.size)


@dataclass(frozen=True)
class _Seen:
    """A window that is done: its frames' places in the source, how many were new, a file of a few pixels of each."""

    indices: tuple[int, ...]
    new: int
    file: Path
    part: int

    @property
    def thin(self) -> Prediction:
        """What the model said of the window, at every eighth pixel."""
        with np.load(self.file, allow_pickle=False) as data:
            return Prediction(data["depth"], data["confidence"], data["K"], data["T_world_cam"])


def _keep(thin: Prediction, file: Path) -> None:
    np.savez(file, depth=thin.depth, confidence=thin.confidence, K=thin.K, T_world_cam=thin.T_world_cam)


def _middle(depth: F32) -> float:
    return float(np.median(depth[depth > 0])) if (depth > 0).any() else 1.0


def _apart(pair: tuple[int, int], done: Iterable[tuple[int, int]]) -> bool:
    """Whether a pair of windows says something new: no pair that is done lies beside it at both ends."""
    return all(abs(pair[0] - a) > 1 or abs(pair[1] - b) > 1 for a, b in done)


def _around(indices: Sequence[int], at: int, count: int) -> slice:
    """At most `count` neighbours of one frame of a window."""
    first = min(max(indices.index(at) - count // 2, 0), max(len(indices) - count, 0))
    return slice(first, min(first + count, len(indices)))


def fitted_size(size: tuple[int, int], model: Model) -> tuple[int, int]:
    """(height, width) of pictures of a size for a model: its longer side, both sides multiples, the shape kept."""
    share = model.long_side_px / max(size)
    height, width = (max(1, round(n * share / model.multiple_px)) * model.multiple_px for n in size)
    return height, width


def _next_window(frames: Iterator[CaptureFrame], kept: list[CaptureFrame], n: int) -> list[CaptureFrame]:
    out = list(kept)
    for frame in frames:
        out.append(frame)
        if len(out) == n:
            break
    return out


def resized(pictures: Sequence[U8], size: tuple[int, int]) -> U8:
    """Pictures (H, W, 3) of any sizes as one array (N, height, width, 3), on all cores."""

    def one(rgb: U8) -> U8:
        return np.asarray(Image.fromarray(rgb).resize((size[1], size[0]), Image.Resampling.BICUBIC))

    with ThreadPoolExecutor() as threads:
        return np.stack(list(threads.map(one, pictures)))


def _as_window(frames: list[CaptureFrame], found: Prediction, first: int) -> Window:
    """The frames from `first` on, without the pixels that the model is least sure of and those across edges."""
    part = slice(first, None)
    depth = np.where(trusted(found.depth[part], found.confidence[part]), found.depth[part], 0).astype(np.float32)
    size = depth.shape[1:]
    pictures = [f.rgb for f in frames[part]]
    same = len({p.shape for p in pictures}) == 1
    return Window(
        rgb=resized(pictures, (size[0], size[1])),
        depth=depth,
        confidence=found.confidence[part],
        K=found.K[part],
        T_world_cam=found.T_world_cam[part],
        index=np.array([f.index for f in frames[part]], np.int32),
        time_s=np.array([f.time_s for f in frames[part]]),
        picture=np.stack(pictures) if same else None,
    )


def trusted(depth: F32, confidence: F32) -> Bool:
    """(N, H, W) pixels whose confidence ranks above the lowest 15 % of the window, away from jumps of the depth."""
    sure = confidence >= np.quantile(confidence, LEAST_RANK)
    jump = np.zeros(depth.shape, bool)
    for axis in (1, 2):
        step = np.abs(np.diff(depth, axis=axis)) > EDGE * np.minimum(
            np.take(depth, range(depth.shape[axis] - 1), axis), np.take(depth, range(1, depth.shape[axis]), axis)
        )
        pad = [(0, 0)] * 3
        pad[axis] = (0, 1)
        jump |= np.pad(step, pad)
        pad[axis] = (1, 0)
        jump |= np.pad(step, pad)
    return np.asarray(sure & ~jump & (depth > 0))
