"""What a client is, and how a service is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import RemoteError

SECONDS = 120


@dataclass(frozen=True)
class Ask:
    """One question: its text and PNG pictures that come before it."""

    text: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Client:
    """A model behind a service.

    Attributes:
        name: what maps record as the source of an answer.
        answer: the reply to a question. Raises RemoteError when there is none.
    """

    name: str
    answer: Callable[[Ask], str]


def post(url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """The JSON that a service answers to a JSON.

    Raises:
        RemoteError: E-REMOTE when it cannot be reached, refuses, or answers no JSON; keys are never repeated.
    """
    import urllib.error
    import urllib.request

    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(300).decode(errors="replace")
        raise RemoteError("E-REMOTE", f"{url} answered {error.code}: {said}", "Check model name and key.") from None
    except (OSError, ValueError) as error:
        raise RemoteError(
            "E-REMOTE", f"{url} cannot be asked: {error}.", "Check the address and the network."
        ) from None


def text_at(reply: Any, *path: str | int) -> str:
    """The text at a place of a reply. Raises RemoteError E-REPLY when it is not there."""
    try:
        for step in path:
            reply = reply[step]
    except (KeyError, IndexError, TypeError):
        reply = None
    if not isinstance(reply, str):
        raise RemoteError("E-REPLY", "the service's reply holds no text.", "Choose a model that answers in text.")
    return reply
