"""Replies that were written down, one after the other: for tests and for rerunning without a service."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import InputError, RemoteError
from .base import Ask, Client


def replay_client(path: Path) -> Client:
    """A client of a JSON list of texts, one after the other, or of the `replies.jsonl` of a comparison, by question.

    Raises:
        InputError: E-REPLAY when the file is neither; on use, RemoteError E-REPLAY-END after the last reply,
            E-REPLAY-NEW for a question that was not recorded.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            return _by_question(path, [json.loads(line) for line in text.splitlines() if line.strip()])
        replies = json.loads(text)
    except (OSError, ValueError, KeyError, TypeError) as error:
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


def _by_question(path: Path, rows: list[dict[str, str]]) -> Client:
    """A client of recorded replies, found by the fingerprint of the question."""
    recorded = {row["ask"]: row["reply"] for row in rows}

    def answer(ask: Ask) -> str:
        if ask.fingerprint not in recorded:
            raise RemoteError("E-REPLAY-NEW", "this question was not recorded.", "Ask the model itself.", path)
        return recorded[ask.fingerprint]

    return Client("replay", answer)
