"""A prompt: ordered parts for any model, the map first and the question last."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import ConfigError
from .budget import CountTokens, estimate_tokens
from .providers import LIMITS, SHAPES, Limits, Shape, image_tokens

STYLES = {
    "plain": "Answer from the map. Lengths are measured; say when the map cannot tell.",
    "steps": (
        "Answer from the map. Think in steps: first list the things that the question needs with their numbers, then "
        "their places, then what follows from them, then the answer alone on the last line."
    ),
    "short": "Answer from the map with the answer alone: one word, one number with its unit, or one letter.",
}


@dataclass(frozen=True)
class Part:
    """One piece of a prompt.

    Attributes:
        kind: "text" or "image". text: the words, or what a picture shows. png: bytes of a picture.
        size: (width, height) of a picture. role: what it is: "question", "instructions", "metric", "bev", "frame f003".
    """

    kind: str
    text: str
    png: bytes = b""
    size: tuple[int, int] = (0, 0)
    role: str = ""


@dataclass(frozen=True)
class Estimate:
    """Tokens of a prompt for a provider; `image` is None where its rule is not known.

    Attributes:
        exact: whether the words were counted by a tokenizer; pictures go by the provider's published rule.
    """

    text: int
    image: int | None
    exact: bool = False

    @property
    def total(self) -> int | None:
        """Both together, or None."""
        return None if self.image is None else self.text + self.image


@dataclass(frozen=True)
class Prompt:
    """Parts in their order, and what `fit` left out."""

    parts: tuple[Part, ...]
    left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All words, with pictures as `[Image 1: ...]`."""
        return "\n\n".join(p.text if p.kind == "text" else f"[{p.text}]" for p in self.parts)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that is sent."""
        digest = hashlib.sha256()
        for p in self.parts:
            digest.update(p.kind.encode() + b"\0" + p.text.encode() + b"\0" + p.png)
        return digest.hexdigest()

    def to(self, provider: str) -> object:
        """The request part of a provider: see `cogmap.prompt.providers`.

        Raises:
            ConfigError: E-OPTION; E-LIMIT where the provider takes fewer or smaller pictures.
        """
        if provider not in SHAPES:
            raise ConfigError("E-OPTION", f"there is no provider {provider!r}.", f"Choose {', '.join(SHAPES)}.")
        over = LIMITS.get(provider, Limits()).broken_by(self._picture_bytes(self.parts))
        if over is not None:
            raise ConfigError("E-LIMIT", f"{provider}: {over}.", "Use `prompt.within(provider)` or fewer frames.")
        return SHAPES[provider]([_shape(p) for p in self.parts])

    def to_openai_chat(self) -> object:
        """`messages=` of chat completions; vLLM, LiteLLM and most local servers take it too."""
        return self.to("openai")

    def to_openai_responses(self) -> object:
        """`input=` of responses."""
        return self.to("openai-responses")

    def to_anthropic(self) -> object:
        """`messages=`."""
        return self.to("anthropic")

    def to_gemini(self) -> object:
        """`contents=` of generateContent."""
        return self.to("gemini")

    def estimate(self, provider: str = "openai", count: CountTokens = estimate_tokens) -> Estimate:
        """What the prompt costs a provider's models: about, or by a tokenizer of theirs as `count`."""
        words = sum(count(p.text) for p in self.parts)
        costs = [image_tokens(provider, p.size) for p in self.parts if p.kind == "image"]
        known = [c for c in costs if c is not None]
        return Estimate(words, sum(known) if len(known) == len(costs) else None, count is not estimate_tokens)

    def fit(self, max_tokens: int, provider: str = "openai") -> Prompt:
        """The prompt without its last frames, then without its picture from above, until it fits; it says what left.

        Where a provider's rule is not known, pictures count as cells of 28 pixels. Texts are fitted when they are made
        (`max_tokens` of `m.prompt`); a prompt of texts alone is returned as it is.
        """
        parts, left = list(self.parts), list(self.left_out)
        while self._cost(parts, provider) > max_tokens:
            pictures = [p for p in parts if p.kind == "image"]
            frames = [p for p in pictures if p.role.startswith("frame")]
            if not pictures:
                break
            gone = (frames or pictures)[-1]
            parts.remove(gone)
            left.append(gone.role)
        return replace(self, parts=tuple(numbered(parts)), left_out=tuple(left))

    def within(self, provider: str) -> Prompt:
        """The prompt without the last frames that a provider's limits on pictures forbid; it says what left."""
        limits, parts, left = LIMITS.get(provider, Limits()), list(self.parts), list(self.left_out)
        while limits.broken_by(self._picture_bytes(parts)) is not None:
            gone = [p for p in parts if p.kind == "image" and p.role.startswith("frame")]
            gone = gone or [p for p in parts if p.kind == "image"]
            parts.remove(gone[-1])
            left.append(gone[-1].role)
        return replace(self, parts=tuple(numbered(parts)), left_out=tuple(left))

    @staticmethod
    def _picture_bytes(parts: Sequence[Part]) -> list[int]:
        return [-(-len(p.png) // 3) * 4 for p in parts if p.kind == "image"]

    @staticmethod
    def _cost(parts: Sequence[Part], provider: str) -> int:
        words = sum(estimate_tokens(p.text) for p in parts)
        pictures = [p.size for p in parts if p.kind == "image"]
        return words + sum(image_tokens(provider, s) or image_tokens("hf", s) or 0 for s in pictures)


def numbered(parts: Sequence[Part]) -> list[Part]:
    """The same parts with pictures called Image 1, 2, ... in their order."""
    out, n = [], 0
    for p in parts:
        if p.kind == "image":
            n += 1
            p = replace(p, text=f"Image {n}: {p.text.partition(': ')[2] or p.text}")
        out.append(p)
    return out


def _shape(part: Part) -> Shape:
    if part.kind == "text":
        return Shape(part.text, None)
    return Shape(part.text, base64.b64encode(part.png).decode("ascii"))
