"""`render`, `validate`: on a map folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(render)
    app.command()(validate)


def render(
    map_path: Annotated[Path, typer.Argument(metavar="MAP")],
    form: Annotated[str, typer.Option("--as", help="metric, json, yaml, bev")] = "metric",
    output: Annotated[Path | None, typer.Option("-o", "--output")] = None,
    size_px: int = 896,
) -> None:
    """Write one rendering of a map to stdout or a file."""
    import json

    import yaml

    from ..building import load
    from ..mapfile.convert import to_file

    made = load(map_path)
    if form in ("json", "yaml"):
        data = to_file(made.scene).model_dump(mode="json")
        text = json.dumps(data) if form == "json" else yaml.safe_dump(data, sort_keys=False)
        payload = (text.rstrip() + "\n").encode()
    elif form == "bev":
        payload = made.to_image("bev", size_px)
    else:
        payload = made.to_text(form).encode()
    if output is None:
        sys.stdout.buffer.write(payload)
    else:
        output.write_bytes(payload)


def validate(map_path: Annotated[Path, typer.Argument(metavar="MAP")]) -> None:
    """Check a map folder against the schema and its own hashes."""
    from ..mapfile.read import read_map

    scene = read_map(map_path)
    print(f"valid: {len(scene.objects)} objects, {scene.quality.status}")
