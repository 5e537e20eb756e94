"""`prompt`: a map and a question as a provider's request."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

OTHER_WORDS = 120


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command()(prompt)


def prompt(
    map_path: Annotated[Path, typer.Argument(metavar="MAP", help="A map folder.")],
    question: Annotated[str, typer.Argument(help="What the model is asked.")],
    provider: Annotated[
        str, typer.Option("--for", help="text, openai, openai-responses, anthropic, gemini, hf, ollama, langchain, mcp")
    ] = "text",
    parts: Annotated[str, typer.Option(help="text forms, bev, frames")] = "metric,bev",
    style: Annotated[str, typer.Option(help="plain, steps, short")] = "plain",
    max_tokens: Annotated[int | None, typer.Option(help="of the whole prompt: frames go first, then texts")] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print about what it costs instead.")] = False,
) -> None:
    """Print the messages that ask a model a question about a map."""
    from ..building import load

    whom = "openai" if provider == "text" else provider
    m, names = load(map_path), parts.split(",")
    made = m.prompt(question, parts=names, style=style, provider=whom)
    if max_tokens is not None:
        made = made.fit(max_tokens, whom)
        texts = [p for p in names if p not in ("bev", "frames")]
        over = made.estimate(whom).text - max_tokens
        if over > 0 and texts:
            each = max(1, (made.estimate(whom).text - over) // len(texts) - OTHER_WORDS)
            made = m.prompt(question, parts=texts, style=style, provider=whom, max_tokens=each)
        if made.estimate(whom).text > max_tokens:
            print(f"about {made.estimate(whom).text} tokens: what is named does not fit {max_tokens}", file=sys.stderr)
    if estimate:
        cost = made.estimate(whom)
        print(json.dumps({"text": cost.text, "image": cost.image, "total": cost.total, "exact": cost.exact}))
    else:
        print(made.text if provider == "text" else json.dumps(made.to(provider)))
