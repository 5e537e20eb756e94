"""The shapes that providers take, as plain dictionaries, and what their models pay for a picture (November 2026)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

PNG = "image/png"


@dataclass(frozen=True)
class Shape:
    """A part ready to be shaped: words, and a picture in base64 whose caption the words are, or None."""

    text: str
    image: str | None


def openai_chat(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`messages`: text and `image_url` parts of one user message; captions come before their pictures."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"type": "text", "text": p.text})
        if p.image is not None:
            content.append({"type": "image_url", "image_url": {"url": f"data:{PNG};base64,{p.image}"}})
    return [{"role": "user", "content": content}]


def openai_responses(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`input`: `input_text` and `input_image` parts."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"type": "input_text", "text": p.text})
        if p.image is not None:
            url = f"data:{PNG};base64,{p.image}"
            content.append({"type": "input_image", "image_url": url, "detail": "auto"})
    return [{"role": "user", "content": content}]


def anthropic(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`messages`: text and base64 image blocks."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"type": "text", "text": p.text})
        if p.image is not None:
            source = {"type": "base64", "media_type": PNG, "data": p.image}
            content.append({"type": "image", "source": source})
    return [{"role": "user", "content": content}]


def gemini(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`contents` of generateContent: text and inline data."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"text": p.text})
        if p.image is not None:
            content.append({"inline_data": {"mime_type": PNG, "data": p.image}})
    return [{"role": "user", "parts": content}]


def gemini_interactions(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`input` of interactions: flat text and image items."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"type": "text", "text": p.text})
        if p.image is not None:
            content.append({"type": "image", "data": p.image, "mime_type": PNG})
    return content


def hf_chat_template(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`conversation` of `apply_chat_template`: text and base64 image items."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"type": "text", "text": p.text})
        if p.image is not None:
            content.append({"type": "image", "base64": p.image})
    return [{"role": "user", "content": content}]


def ollama(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`messages`: one string, and the pictures apart, in the order in which the string numbers them."""
    text = "\n\n".join(p.text for p in parts)
    return [{"role": "user", "content": text, "images": [p.image for p in parts if p.image is not None]}]


def langchain(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """Content of one human message: text and base64 image blocks."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"type": "text", "text": p.text})
        if p.image is not None:
            content.append({"type": "image", "base64": p.image, "mime_type": PNG})
    return [{"role": "user", "content": content}]


def mcp(parts: Sequence[Shape]) -> list[dict[str, Any]]:
    """`content` of a tool's result."""
    content: list[dict[str, Any]] = []
    for p in parts:
        content.append({"type": "text", "text": p.text})
        if p.image is not None:
            content.append({"type": "image", "data": p.image, "mimeType": PNG})
    return content


SHAPES: dict[str, Callable[[Sequence[Shape]], list[dict[str, Any]]]] = {
    "openai": openai_chat,
    "openai-responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "gemini-interactions": gemini_interactions,
    "hf": hf_chat_template,
    "ollama": ollama,
    "langchain": langchain,
    "mcp": mcp,
}


def image_tokens(provider: str, size: tuple[int, int]) -> int | None:
    """About what a picture of a size (width, height) costs, or None where the rule depends on the model.

    Anthropic: patches of 28 pixels, at most 1,568. OpenAI: 85 and 170 for each tile of 512 after fitting the short side
    to 768. Gemini: 1,120 at its default resolution. Hugging Face models of the Qwen line: cells of 28 pixels.
    """
    width, height = size
    if provider == "anthropic":
        return min(math.ceil(width / 28) * math.ceil(height / 28), 1568)
    if provider in ("openai", "openai-responses"):
        share = min(1.0, 2048 / max(width, height, 1))
        share *= min(1.0, 768 / max(min(width, height) * share, 1))
        return 85 + 170 * math.ceil(width * share / 512) * math.ceil(height * share / 512)
    if provider.startswith("gemini"):
        return 1120
    if provider == "hf":
        return math.ceil(width / 28) * math.ceil(height / 28)
    return None


def longest_side(provider: str) -> int:
    """Pixels of the longer side that a picture is made for, so that no server makes it smaller."""
    return {"anthropic": 1092, "openai": 1120, "openai-responses": 1120}.get(provider, 896)
