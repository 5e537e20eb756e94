"""Replies that were written down, one after the other: for tests and for rerunning without a service."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import InputError, RemoteError
from .base import Ask, Client


def replay_client(path: Path) -> Client:
    """A client of a JSON list of texts.

    Raises:
        InputError: E-REPLAY when the file is no such list; on use, RemoteError E-REPLAY-END after the last reply.
    """
    try:
        replies = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(
            "E-REPLAY", f"cannot read the replies: {error}.", "Write a JSON list of texts.", path
        ) from error
    if not isinstance(replies, list) or not all(isinstance(r, str) for r in replies):
        raise InputError("E-REPLAY", "this is no list of texts.", "Write a JSON list of texts.", path)
    left = iter(replies)

    def answer(ask: Ask) -> str:
        reply = next(left, None)
        if reply is None:
            raise RemoteError("E-REPLAY-END", f"only {len(replies)} replies were recorded.", "Record more.", path)
        return str(reply)

    return Client("replay", answer)
