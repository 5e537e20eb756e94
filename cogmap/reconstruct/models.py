"""Every feed-forward model by name: one file each."""

from __future__ import annotations

from importlib import import_module

from ..errors import ConfigError
from .base import Model

OWN, UPSTREAM = "depth_anything_3.load", "upstream_da3"
MODELS = {
    "da3-small": OWN,
    "da3-base": OWN,
    "da3-large": OWN,
    "da3-metric": OWN,
    "da3-giant": UPSTREAM,
    "da3-nested": UPSTREAM,
    "upstream-da3-small": UPSTREAM,
    "upstream-da3-base": UPSTREAM,
    "mapanything": "mapanything",
    "mapanything-nc": "mapanything",
    "vggt": "vggt",
    "vggt-commercial": "vggt",
    "pi3x": "pi3",
}


def named(text: str) -> bool:
    """Whether `NAME`, `NAME@REVISION` or `NAME:FOLDER` names a model."""
    return _name(text) in MODELS


def _name(text: str) -> str:
    return text.partition(":")[0].partition("@")[0]


def open_model(text: str, device: str = "auto", *, commercial: bool = False, compiled: bool = False) -> Model:
    """The model of a name, with its weights.

    Raises:
        ConfigError: E-OPTION for an unknown name, or `compiled` for a model of another package. And what its own file
            says.
    """
    if not named(text):
        raise ConfigError("E-OPTION", f"there is no model {text!r}.", f"Choose {', '.join(MODELS)}.")
    home = MODELS[_name(text)]
    if compiled and home != OWN:
        raise ConfigError(
            "E-OPTION", f"{_name(text)} cannot be compiled.", "Leave `compiled` out, or choose da3-small."
        )
    options = {"compiled": True} if compiled else {}
    found: Model = import_module(f".{home}", __package__).open_model(text, device, commercial=commercial, **options)
    return found
