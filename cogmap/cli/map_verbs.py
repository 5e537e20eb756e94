"""`render`, `validate`, `label`, `import`, `export`, `view`: on a map folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .outputs import delivered

if TYPE_CHECKING:
    from ..data.scene import SceneMap


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(render)
    app.command()(validate)
    app.command()(label)
    app.command("import")(import_boxes)
    app.command()(export)
    app.command()(view)


def render(
    map_path: Annotated[Path, typer.Argument(metavar="MAP", help="A map folder.")],
    form: Annotated[
        str,
        typer.Option(
            "--as",
            help="metric, grid, layout, relations, ego, rationale, aabb, facts, json, yaml, bev, plan, elevation, "
            "slices, frames",
        ),
    ] = "metric",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: stdout.")] = None,
    size_px: Annotated[int, typer.Option(help="Longer side of a picture.")] = 896,
    style: Annotated[str, typer.Option(help="Of bev: schematic, photo, height, occupancy, ids")] = "schematic",
    max_tokens: Annotated[int | None, typer.Option(help="About how much a text may cost.")] = None,
    question: Annotated[str | None, typer.Option(help="What has to stay within --max-tokens.")] = None,
    frame: Annotated[int | None, typer.Option(help="Of ego and rationale.")] = None,
    n: Annotated[int, typer.Option("-n", "--slices", help="How many slices or frames.")] = 8,
) -> None:
    """Write one rendering of a map to stdout or a file; slices and frames to a folder."""
    from ..building import load

    made = load(map_path)
    if form == "slices":
        folder = output or Path(f"{map_path.stem}-slices")
        folder.mkdir(parents=True, exist_ok=True)
        for k, part in enumerate(made.slices("z", n)):
            (folder / f"z{k:02d}_{part.low_m:+.2f}_{part.high_m:+.2f}.png").write_bytes(part.png)
        print(folder)
        return
    if form == "frames":
        from PIL import Image

        folder = output or Path(f"{map_path.stem}-frames")
        folder.mkdir(parents=True, exist_ok=True)
        for name, rgb in made.mark_frames(n).items():
            Image.fromarray(rgb).save(folder / f"{name}.png")
        print(folder)
        return
    if form in ("json", "yaml"):
        payload = _as_data(made.scene, form)
    elif form in ("bev", "plan", "elevation"):
        payload = made.to_image(form, size_px, style=style)
    else:
        options = {} if frame is None else {"frame": frame}
        payload = made.to_text(form, max_tokens=max_tokens, question=question, **options).encode()
    delivered(payload, output, picture=form == "bev")


def _as_data(scene: SceneMap, form: str) -> bytes:
    """`map.json` or its YAML twin."""
    import json

    import yaml

    from ..mapfile.convert import to_file

    data = to_file(scene).model_dump(mode="json")
    text = json.dumps(data) if form == "json" else yaml.safe_dump(data, sort_keys=False)
    return (text.rstrip() + "\n").encode()


def validate(map_path: Annotated[Path, typer.Argument(metavar="MAP", help="A map folder.")]) -> None:
    """Check a map folder against the schema and its own hashes."""
    from ..mapfile.read import notices, read_map

    scene = read_map(map_path)
    stale = notices(map_path) if map_path.is_dir() else []
    for issue in stale:
        print(f"{issue.code}: {issue.effect}")
    edits = f", {len(scene.edits)} edits by hand" if scene.edits else ""
    print(f"valid: {len(scene.objects)} objects, {scene.quality.status}{edits}")


def label(
    map_path: Annotated[Path, typer.Argument(metavar="MAP", help="A map folder.")],
    client: Annotated[str, typer.Option(help="openai:URL#MODEL, anthropic:MODEL or replay:FILE")],
    frames: Annotated[int, typer.Option(help="How many pictures it is shown.")] = 8,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: the map itself.")] = None,
) -> None:
    """Let a vision-language model name the objects in marked keyframes."""
    from ..building import load

    load(map_path).label(client, frames).save(output or map_path, overwrite=output is None)
    print(output or map_path)


def import_boxes(
    boxes: Annotated[Path, typer.Argument(metavar="BOXES.json", help="Boxes, or annotations.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A map; a folder of maps with --all.")],
    format: Annotated[str, typer.Option(help="boxes, or vsi-meta: released annotations of VSI-Bench")] = "boxes",
    scene: Annotated[str | None, typer.Option(help="Which scene of the file.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every scene of the file, as OUTPUT/SCENE.cogmap.")] = False,
    up: Annotated[str | None, typer.Option(help="Axis of the boxes that points up: z, -y, ...")] = None,
    unit: Annotated[str | None, typer.Option(help="Of their lengths: m, cm, mm, ft, in.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the map that is there.")] = False,
) -> None:
    """Make a map of a JSON of boxes, or maps of released annotations."""
    from ..building import build, import_annotations
    from ..errors import ConfigError

    if format == "boxes" and scene is None and not every:
        build(boxes, up=up, unit=unit).save(output, overwrite=overwrite)
        print(output)
        return
    if format != "vsi-meta":
        raise ConfigError("E-OPTION", f"--format {format} has no scenes.", "Choose boxes, or vsi-meta with --scene.")
    made = import_annotations(boxes, scene=None if every else scene or "")
    for name, one in made.items():
        one.save(output / f"{name or boxes.stem}.cogmap" if every else output, overwrite=overwrite)
    print(output)


def export(
    map_path: Annotated[Path, typer.Argument(metavar="MAP", help="A map folder.")],
    to: Annotated[str, typer.Option("--to", help="ply, glb, nerfstudio, nav2, spatiallm, boxes, coco3d, mesh, rerun")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A file, or a folder for formats of many.")],
) -> None:
    """Write a map in another format."""
    from ..exporting import export_map
    from ..mapfile.read import read_map

    export_map(read_map(map_path), to, output)
    print(output)


def view(map_path: Annotated[Path, typer.Argument(metavar="MAP", help="A map folder.")]) -> None:
    """Show a map in the rerun viewer; `export --to rerun` writes the recording instead."""
    from ..interop.rerun import open_viewer
    from ..mapfile.read import read_map

    open_viewer(read_map(map_path))
