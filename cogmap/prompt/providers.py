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


@dataclass(frozen=True)
class Limits:
    """What a provider takes in one request: pictures, bytes of all in base64, bytes of one; None = not known."""

    pictures: int | None = None
    bytes_in_all: int | None = None
    bytes_each: int | None = None

    def broken_by(self, pictures: Sequence[int]) -> str | None:
        """What pictures of these many base64 bytes go beyond, in words, or None."""
        if self.pictures is not None and len(pictures) > self.pictures:
            return f"{len(pictures)} pictures, at most {self.pictures} are taken in one request"
        if self.bytes_in_all is not None and sum(pictures) > self.bytes_in_all:
            return f"pictures of {sum(pictures) / 1e6:.0f} MB, at most {self.bytes_in_all / 1e6:.0f} are taken"
        if self.bytes_each is not None and max(pictures, default=0) > self.bytes_each:
            return f"a picture of {max(pictures) / 1e6:.1f} MB, at most {self.bytes_each / 1e6:.1f} are taken"
        return None


# as documented in November 2026; Anthropic's are those of its models with 200k tokens
LIMITS = {
    "anthropic": Limits(100, 32_000_000, 5_000_000),
    "openai": Limits(500, 50_000_000),
    "openai-responses": Limits(500, 50_000_000),
    "gemini": Limits(3000, 20_000_000),
    "gemini-interactions": Limits(3000, 20_000_000),
    "mcp": Limits(None, 1_000_000),
}
Row = dict[str, Any]


def _rows(
    parts: Sequence[Shape], picture: Callable[[str], Row], words: Callable[[str], Row] | None = None
) -> list[Row]:
    """Words and pictures one after the other, each picture behind its caption."""
    say = words or (lambda text: {"type": "text", "text": text})
    out: list[Row] = []
    for p in parts:
        out.append(say(p.text))
        if p.image is not None:
            out.append(picture(p.image))
    return out


def _from_user(content: list[Row]) -> list[Row]:
    """One message of the user."""
    return [{"role": "user", "content": content}]


def openai_chat(parts: Sequence[Shape]) -> list[Row]:
    """`messages`: text and `image_url` parts of one user message."""
    return _from_user(_rows(parts, lambda data: {"type": "image_url", "image_url": {"url": _url(data)}}))


def openai_responses(parts: Sequence[Shape]) -> list[Row]:
    """`input`: `input_text` and `input_image` parts."""
    return _from_user(
        _rows(
            parts,
            lambda data: {"type": "input_image", "image_url": _url(data), "detail": "auto"},
            lambda text: {"type": "input_text", "text": text},
        )
    )


def _url(data: str) -> str:
    return f"data:{PNG};base64,{data}"


def anthropic(parts: Sequence[Shape]) -> list[Row]:
    """`messages`: text and base64 image blocks."""
    source = {"type": "base64", "media_type": PNG}
    return _from_user(_rows(parts, lambda data: {"type": "image", "source": {**source, "data": data}}))


def gemini(parts: Sequence[Shape]) -> list[Row]:
    """`contents` of generateContent: text and inline data."""
    rows = _rows(parts, lambda data: {"inline_data": {"mime_type": PNG, "data": data}}, lambda text: {"text": text})
    return [{"role": "user", "parts": rows}]


def gemini_interactions(parts: Sequence[Shape]) -> list[Row]:
    """`input` of interactions: flat text and image items."""
    return _rows(parts, lambda data: {"type": "image", "data": data, "mime_type": PNG})


def hf_chat_template(parts: Sequence[Shape]) -> list[Row]:
    """`conversation` of `apply_chat_template`: text and base64 image items."""
    return _from_user(_rows(parts, lambda data: {"type": "image", "base64": data}))


def ollama(parts: Sequence[Shape]) -> list[Row]:
    """`messages`: one string, and the pictures apart, in the order in which the string numbers them."""
    text = "\n\n".join(p.text for p in parts)
    return [{"role": "user", "content": text, "images": [p.image for p in parts if p.image is not None]}]


def langchain(parts: Sequence[Shape]) -> list[Row]:
    """Content of one human message: text and base64 image blocks."""
    return _from_user(_rows(parts, lambda data: {"type": "image", "base64": data, "mime_type": PNG}))


def mcp(parts: Sequence[Shape]) -> list[Row]:
    """`content` of a tool's result."""
    return _rows(parts, lambda data: {"type": "image", "data": data, "mimeType": PNG})


SHAPES: dict[str, Callable[[Sequence[Shape]], list[Row]]] = {
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
