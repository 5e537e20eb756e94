"""What a client is, and how a service is asked."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import RemoteError

SECONDS = 120
WAITS_S = (1.0, 2.0, 4.0, 8.0)
MOST_WAIT_S = 60.0


@dataclass(frozen=True)
class Ask:
    """One question: its text and PNG pictures that come before it."""

    text: str
    images: tuple[bytes, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the words and pictures."""
        digest = hashlib.sha256(self.text.encode())
        for image in self.images:
            digest.update(b"\0" + hashlib.sha256(image).digest())
        return digest.hexdigest()


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
    """The JSON that a service answers to a JSON. Asked again, later and later, where it is busy or broken (429, 5xx).

    Raises:
        RemoteError: E-REMOTE when it cannot be reached, refuses, or answers no JSON; keys are never repeated.
    """
    data = json.dumps(body).encode()
    for wait in (*WAITS_S, None):
        try:
            return _posted(url, data, headers)
        except _Busy as busy:
            if wait is None:
                problem = f"{url} {busy.said} each of {len(WAITS_S) + 1} times."
                raise RemoteError("E-REMOTE", problem, "Check the address and the network, or try later.") from None
            time.sleep(min(max(wait, busy.after_s), MOST_WAIT_S))
    raise AssertionError("the last wait is None")


class _Busy(Exception):
    """A service that may answer later: what it said, and the seconds it asked to wait."""

    def __init__(self, said: str, after_s: float = 0.0) -> None:
        super().__init__(said)
        self.said, self.after_s = said, after_s


def _posted(url: str, data: bytes, headers: dict[str, str]) -> Any:
    import http.client
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(300).decode(errors="replace")
        if error.code == 429 or error.code >= 500:
            after = error.headers.get("retry-after", "")
            raise _Busy(f"answered {error.code}: {said}", float(after) if after.isdecimal() else 0.0) from None
        raise RemoteError("E-REMOTE", f"{url} answered {error.code}: {said}", "Check model name and key.") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _Busy(f"cannot be asked: {error}") from None


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
