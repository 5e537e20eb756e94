"""The shapes against the types of the providers' own clients, where they are installed; nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from cogmap import CognitiveMap
from cogmap.prompt.parts import Prompt

from .maps import living_room

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def prompt() -> Prompt:
    return CognitiveMap(living_room()).prompt("Which chair is nearest to the sofa?", parts=["metric", "bev"])


def listed(value: Any) -> Any:
    """Iterables of content are validated lazily: walk them all."""
    if isinstance(value, dict):
        return {k: listed(v) for k, v in value.items()}
    return value if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__") else [listed(v) for v in value]


def test_openai_chat(prompt: Prompt) -> None:
    types = pytest.importorskip("openai.types.chat", reason="the openai client is not installed")
    adapter = TypeAdapter(list[types.ChatCompletionUserMessageParam])
    (message,) = listed(adapter.validate_python(prompt.to("openai")))
    assert [p["type"] for p in message["content"]].count("image_url") == 1
    with pytest.raises(ValueError):
        listed(adapter.validate_python(prompt.to("ollama") + [{"role": "pilot"}]))  # type: ignore[operator]


def test_openai_responses(prompt: Prompt) -> None:
    types = pytest.importorskip("openai.types.responses", reason="the openai client is not installed")
    (message,) = listed(TypeAdapter(list[types.EasyInputMessageParam]).validate_python(prompt.to("openai-responses")))
    assert {p["type"] for p in message["content"]} == {"input_text", "input_image"}


def test_anthropic(prompt: Prompt) -> None:
    """Block by block: the client's whole message type is recursive, which pydantic's adapter cannot take."""
    types = pytest.importorskip("anthropic.types", reason="the anthropic client is not installed")
    (message,) = prompt.to("anthropic")  # type: ignore[misc]
    assert message["role"] == "user" and set(message) == {"role", "content"}
    kinds = {"text": TypeAdapter(types.TextBlockParam), "image": TypeAdapter(types.ImageBlockParam)}
    for block in message["content"]:
        kinds[block["type"]].validate_python(block)
    image = next(p for p in message["content"] if p["type"] == "image")
    with pytest.raises(ValueError):
        kinds["image"].validate_python({**image, "source": {"type": "base64", "media_type": "image/bmp", "data": "x"}})


def test_gemini(prompt: Prompt) -> None:
    types = pytest.importorskip("google.genai.types", reason="the google-genai client is not installed")
    contents = [types.Content.model_validate(c) for c in prompt.to_gemini()]  # type: ignore[attr-defined]
    assert contents[0].parts[-1].text == prompt.parts[-1].text
    assert contents[0].parts[3].inline_data.data[:8] == b"\x89PNG\r\n\x1a\n"


def test_mcp_and_the_rest_keep_their_order(prompt: Prompt) -> None:
    for name in ("hf", "langchain", "mcp", "gemini-interactions"):
        shaped: Any = prompt.to(name)
        rows = shaped[0].get("content", shaped)
        assert [r["type"] for r in rows] == ["text", "text", "text", "image", "text", "text"]
    (ollama,) = prompt.to("ollama")  # type: ignore[misc]
    assert len(ollama["images"]) == 1 and "Image 1" in ollama["content"]
