"""Metric cognitive maps from captures of rooms.

>>> import cogmap
>>> m = cogmap.build("scan/")  # doctest: +SKIP
>>> print(m.to_text("metric"))  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

_HOME = {
    "CognitiveMap": "cognitive_map",
    "Config": "config",
    "build": "building",
    "build_arrays": "building",
    "load": "building",
    "sample_frames": "building",
    "write_sample": "samples",
    "parse_metric": "render.text_metric",
    "score": "qa.score",
    "score_answer": "qa.score",
    "CogmapError": "errors",
    "ConfigError": "errors",
    "InputError": "errors",
    "OutputError": "errors",
    "TrustError": "errors",
}
__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from .building import build, build_arrays, load, sample_frames
    from .cognitive_map import CognitiveMap
    from .config import Config
    from .errors import CogmapError, ConfigError, InputError, OutputError, TrustError
    from .qa.score import score, score_answer
    from .render.text_metric import parse_metric
    from .samples import write_sample


def __getattr__(name: str) -> Any:
    """Load public names when they are first used (PEP 562)."""
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module 'cogmap' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
