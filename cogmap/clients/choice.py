"""Which client a text names."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from .base import Client


def open_client(text: str) -> Client:
    """The client of `openai:URL#MODEL`, `anthropic:MODEL` or `replay:FILE`.

    Raises:
        ConfigError: E-OPTION. InputError: a replay file that cannot be read.
    """
    kind, _, rest = text.partition(":")
    if kind == "openai" and "#" in rest:
        from .openai_compatible import openai_client

        url, _, model = rest.rpartition("#")
        return openai_client(url, model)
    if kind == "anthropic" and rest:
        from .anthropic import anthropic_client

        return anthropic_client(rest)
    if kind == "replay" and rest:
        from .replay import replay_client

        return replay_client(Path(rest))
    raise ConfigError(
        "E-OPTION", f"there is no client {text!r}.", "Write openai:URL#MODEL, anthropic:MODEL or replay:FILE."
    )
