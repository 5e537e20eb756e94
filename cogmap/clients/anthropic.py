"""Anthropic's messages."""

from __future__ import annotations

import base64
import os
from typing import Any

from ..errors import ConfigError
from .base import Ask, Client, post, text_at

URL = "https://api.anthropic.com/v1/messages"
MOST_TOKENS = 2000


def anthropic_client(model: str, url: str = URL) -> Client:
    """A client with the key of ANTHROPIC_API_KEY. Raises ConfigError E-NO-KEY without one."""
    key = os.environ.get("ANTHROPIC_API_KEY")
    if not key:
        raise ConfigError("E-NO-KEY", "ANTHROPIC_API_KEY is not set.", "Set it, or use another client.")
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}

    def answer(ask: Ask) -> str:
        data = [base64.b64encode(i).decode() for i in ask.images]
        content: list[dict[str, Any]] = [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": d}} for d in data
        ]
        messages = [{"role": "user", "content": [*content, {"type": "text", "text": ask.text}]}]
        reply = post(url, {"model": model, "max_tokens": MOST_TOKENS, "messages": messages}, headers)
        return text_at(reply, "content", 0, "text")

    return Client(model, answer)
