"""`render`, `validate`, `label`, `export`, `edit`: on a map folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(render)
    app.command()(validate)
    app.command()(label)
    app.command("import")(import_boxes)
    app.command()(export)
    edit = typer.Typer(help="Change a map.", no_args_is_help=True)
    edit.command("scale")(edit_scale)
    app.add_typer(edit, name="edit")


def render(
    map_path: Annotated[Path, typer.Argument(metavar="MAP")],
    form: Annotated[str, typer.Option("--as", help="metric, grid, json, yaml, bev")] = "metric",
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


def label(
    map_path: Annotated[Path, typer.Argument(metavar="MAP")],
    client: Annotated[str, typer.Option(help="openai:URL#MODEL, anthropic:MODEL or replay:FILE")],
    frames: int = 8,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: the map itself.")] = None,
) -> None:
    """Let a vision-language model name the objects in marked keyframes."""
    from ..building import load

    load(map_path).label(client, frames).save(output or map_path, overwrite=output is None)
    print(output or map_path)


def import_boxes(
    boxes: Annotated[Path, typer.Argument(metavar="BOXES.json")],
    output: Annotated[Path, typer.Option("-o", "--output")],
    up: str | None = None,
    unit: str | None = None,
    overwrite: bool = False,
) -> None:
    """Make a map of a JSON of boxes."""
    from ..building import build

    build(boxes, up=up, unit=unit).save(output, overwrite=overwrite)
    print(output)


def export(
    map_path: Annotated[Path, typer.Argument(metavar="MAP")],
    to: Annotated[str, typer.Option("--to", help="ply")],
    output: Annotated[Path, typer.Option("-o", "--output")],
) -> None:
    """Write a map in another format."""
    from ..errors import ConfigError
    from ..mapfile.export_ply import export_ply
    from ..mapfile.read import read_map

    if to != "ply":
        raise ConfigError("E-OPTION", f"there is no export {to!r}.", "Formats: ply.")
    export_ply(read_map(map_path), output)
    print(output)


def edit_scale(
    map_path: Annotated[Path, typer.Argument(metavar="MAP")],
    option: Annotated[str, typer.Argument(metavar="camera-height=1.5 | ID.height=2.03")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: the map itself.")] = None,
) -> None:
    """Set the scale of a map from one known length."""
    from ..building import load
    from ..cognitive_map import CognitiveMap
    from ..edit import scale_by_option

    made = load(map_path)
    CognitiveMap(scale_by_option(made.scene, option), made.run).save(output or map_path, overwrite=output is None)
    print(output or map_path)
