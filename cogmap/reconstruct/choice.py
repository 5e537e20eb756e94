"""Which reconstructor suits a capture and this machine, and why."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

from .._optional import needed, torch_device
from ..data.capture import Capture
from .depth_anything_3.load import FILE
from .depth_anything_3.shapes import CHECKPOINTS

ON_CPU, ON_GPU = ("da3-small",), ("da3-base", "da3-small")


class Choice(NamedTuple):
    """A reconstructor and the reason for it."""

    name: str
    why: str


def suited(capture: Capture | None, device: str = "auto") -> Choice:
    """What `auto` means for a capture, or for a video where none is given.

    Depth and poses are used where they are given. Else a feed-forward model, when torch is there and its weights lie in
    the hub's cache: nothing is downloaded unasked. Else structure from motion, which needs no weights.
    """
    if capture is not None and capture.posed and capture.has_depth:
        return Choice("measured", "depth and poses are given")
    if find_spec("torch") is None:
        return Choice("sfm", 'torch is not installed (pip install "cogmap[models]" for feed-forward models)')
    on = torch_device(needed("torch", ""), device)
    for name in ON_GPU if on.startswith("cuda") else ON_CPU:
        if cached(name):
            return Choice(name, f"its weights are cached and it runs on {on}")
    wanted = (ON_GPU if on.startswith("cuda") else ON_CPU)[0]
    return Choice("sfm", f"no weights are cached (--reconstructor {wanted} would fetch them)")


def cached(name: str) -> bool:
    """Whether the weights of a model lie in the hub's cache."""
    if find_spec("huggingface_hub") is None:
        return False
    hub = needed("huggingface_hub", "")
    made = CHECKPOINTS[name]
    return isinstance(hub.try_to_load_from_cache(made.repository, FILE, revision=made.revision), str)
