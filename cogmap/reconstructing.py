"""The reconstruction of a capture, by the reconstructor that the options name or that fits it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .config import Config
from .data.capture import Capture, CaptureFrame
from .data.diary import Diary
from .data.reconstruction import Reconstruction
from .errors import ConfigError
from .reconstruct.base import Model
from .reconstruct.choice import suited
from .reconstruct.models import MODELS, named, open_model

if TYPE_CHECKING:
    from .capture.sampling import Choice

log = logging.getLogger("cogmap")
Opener = Callable[[str, Config], Model]


def opened_model(name: str, config: Config) -> Model:
    """A model as the options ask for it."""
    return open_model(name, config.device, commercial=config.commercial_only, compiled=config.compiled)


def reconstruct(capture: Capture, config: Config, diary: Diary, opener: Opener = opened_model) -> Reconstruction:
    """The reconstruction of a capture by the reconstructor that its config names or that fits it.

    Raises:
        ConfigError: E-OPTION for an unknown reconstructor or one that the capture cannot feed.
    """
    from .capture.gate import as_stored
    from .capture.sampling import frames_for_reconstruction
    from .reconstruct.measured import reconstruct_measured

    if config.convention is not None:
        capture = as_stored(capture, config.convention)
    name, why = config.reconstructor, "as asked"
    if name == "auto":
        name, why = suited(capture, config.device)
    log.info("reconstructor %s: %s", name, why)
    if name.startswith("recorded:"):
        from .reconstruct.recorded import read_recorded

        return read_recorded(Path(name.partition(":")[2]))
    learned = name.removeprefix("sfm+")
    if name not in ("measured", "sfm") and not named(learned):
        choices = f"Choose auto, measured, sfm, recorded:FOLDER, {', '.join(MODELS)}, or sfm+MODEL."
        raise ConfigError("E-OPTION", f"there is no reconstructor {name!r}.", choices)
    if name == "measured" and not (capture.posed and capture.has_depth):
        raise ConfigError("E-OPTION", "`measured` needs depth and poses.", "Use --reconstructor sfm.", capture.path)
    choice = frames_for_reconstruction(
        capture, most=config.max_frames, max_gap=config.max_gap, strategy=config.sampling
    )
    diary.done("choose frames", choice.losses)
    if capture.posed and capture.has_depth and name == "measured":
        capture, choice = _passed(capture, choice, config, diary)
    if name == "measured":
        return reconstruct_measured(capture, choice.indices)
    if name == "sfm":
        return _by_sfm(capture, choice.indices, config)
    model = _windowed(opener(learned, config), config.window)
    if name == learned:
        return by_model(capture, choice.indices, model, seed=config.seed)
    from .reconstruct.hybrid import with_learned_depth

    return with_learned_depth(_by_sfm(capture, choice.indices, config), model)


def _windowed(model: Model, window: int | None) -> Model:
    """A model that sees another number of frames at once; half of them, at most its own overlap, are seen again."""
    if window is None:
        return model
    return replace(model, window=window, overlap=min(model.overlap, window // 2))


def by_model(capture: Capture, indices: Sequence[int], model: Model, *, seed: int = 0) -> Reconstruction:
    """The reconstruction of frames by a feed-forward model; see `cogmap.reconstruct.feed_forward`."""
    from .reconstruct.feed_forward import reconstruct_by_model

    colours = capture
    if capture.has_depth:
        colours = without_depth(capture) if model.takes_poses and capture.posed else colour_alone(capture)
    return reconstruct_by_model(colours, indices, model, seed)


def _passed(capture: Capture, choice: Choice, config: Config, diary: Diary) -> tuple[Capture, Choice]:
    """A capture with depth and poses, and its frames, once they have passed the gate."""
    from .capture.gate import checked

    options = {"--depth-unit": config.depth_unit, "--convention": config.convention, "--intrinsics": config.intrinsics}
    found = checked(
        capture,
        choice.indices,
        trusted=[name for name, value in options.items() if value is not None],
        place=config.place,
    )
    diary.done("check", found.issues)
    return found.capture, replace(choice, indices=found.indices)


def _by_sfm(capture: Capture, indices: Sequence[int], config: Config) -> Reconstruction:
    """Structure from motion; a capture with depth is taken as colour alone, posed pictures keep their poses."""
    from .reconstruct.sfm.sfm import reconstruct_sfm

    colours = colour_alone(capture) if capture.has_depth else capture
    return reconstruct_sfm(colours, indices, intrinsics=config.intrinsics, seed=config.seed)


def colour_alone(capture: Capture) -> Capture:
    """The pictures of a capture without its depth, poses and intrinsics."""

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for f in capture.frames(indices):
            yield replace(f, depth_m=None, K=None, K_depth=None, T_rgb_depth=None, T_input_cam=None, instance_id=None)

    return replace(capture, frames=frames, posed=False, has_depth=False, gravity_input=None)


def without_depth(capture: Capture) -> Capture:
    """A posed capture as its colour camera saw it: pictures, their intrinsics and poses, no depth."""

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for f in capture.frames(indices):
            T = f.T_input_cam
            if T is not None and f.T_rgb_depth is not None:
                T = T @ np.linalg.inv(f.T_rgb_depth)
            yield replace(f, depth_m=None, K_depth=None, T_rgb_depth=None, T_input_cam=T, instance_id=None)

    return replace(capture, frames=frames, has_depth=False)
