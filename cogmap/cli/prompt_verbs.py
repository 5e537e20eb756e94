"""`prompt`: a map and a question as a provider's request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command()(prompt)


def prompt(
    map_path: Annotated[Path, typer.Argument(metavar="MAP")],
    question: str,
    provider: Annotated[
        str, typer.Option("--for", help="text, openai, openai-responses, anthropic, gemini, hf, ollama, langchain, mcp")
    ] = "text",
    parts: Annotated[str, typer.Option(help="text forms, bev, frames")] = "metric,bev",
    style: Annotated[str, typer.Option(help="plain, steps, short")] = "plain",
    max_tokens: Annotated[int | None, typer.Option(help="of the whole prompt; frames go first")] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Print about what it costs instead.")] = False,
) -> None:
    """Print the messages that ask a model a question about a map."""
    from ..building import load

    whom = "openai" if provider == "text" else provider
    made = load(map_path).prompt(question, parts=parts.split(","), style=style, provider=whom)
    if max_tokens is not None:
        made = made.fit(max_tokens, whom)
    if estimate:
        cost = made.estimate(whom)
        print(json.dumps({"text": cost.text, "image": cost.image, "total": cost.total, "exact": cost.exact}))
    else:
        print(made.text if provider == "text" else json.dumps(made.to(provider)))
