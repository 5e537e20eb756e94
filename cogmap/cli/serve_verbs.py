"""`tools`, `serve`, `skill`: maps for agents."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(tools)
    app.command()(serve)
    app.command()(skill)


def tools(
    schema: Annotated[bool, typer.Option("--schema", help="Print the schemas, not only the names.")] = False,
    form: Annotated[str, typer.Option("--for", help="openai, anthropic, gemini, mcp")] = "openai",
) -> None:
    """Print the tools that a map answers to."""
    from ..serve.tools import definitions, schemas

    if schema:
        print(json.dumps(schemas(form), indent=1))  # type: ignore[arg-type]
    else:
        for name, (about, _) in definitions().items():
            print(f"{name:18}{about}")


def serve(
    maps: Annotated[Path, typer.Argument(metavar="MAPS", help="Folder of maps.")],
    http: Annotated[str | None, typer.Option(help="127.0.0.1:PORT; without it standard streams.")] = None,
    sources: Annotated[Path | None, typer.Option(help="Folder of captures that may be mapped.")] = None,
    token_env: Annotated[str, typer.Option(help="Variable that holds a bearer token.")] = "COGMAP_TOKEN",
) -> None:
    """Serve a folder of maps over the Model Context Protocol."""
    from ..serve.server import Service, run_http, run_stdio

    service = Service(maps, sources)
    if http is None:
        run_stdio(service)
    else:
        run_http(service, http, os.environ.get(token_env) or None)


def skill(output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where SKILL.md goes.")]) -> None:
    """Write SKILL.md, what an agent reads before it uses maps."""
    from ..serve.skill import write_skill

    print(write_skill(output))
