"""Any service that speaks OpenAI's chat completions: hosted ones, vLLM, llama.cpp, Ollama."""

from __future__ import annotations

import base64
import os
from typing import Any

from .base import Ask, Client, post, text_at


def openai_client(url: str, model: str) -> Client:
    """A client of the base address of a service, such as `http://localhost:8000/v1`.

    The key is taken from OPENAI_API_KEY where that is set.
    """
    key = os.environ.get("OPENAI_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    def answer(ask: Ask) -> str:
        pictures = [f"data:image/png;base64,{base64.b64encode(i).decode()}" for i in ask.images]
        content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": p}} for p in pictures]
        body = {
            "model": model,
            "messages": [{"role": "user", "content": [*content, {"type": "text", "text": ask.text}]}],
        }
        reply = post(f"{url.rstrip('/')}/chat/completions", {**body, "temperature": 0}, headers)
        return text_at(reply, "choices", 0, "message", "content")

    return Client(model, answer)
