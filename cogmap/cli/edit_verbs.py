"""`edit` and `diff`: changed copies of maps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MAP = Annotated[Path, typer.Argument(metavar="MAP", help="A map folder.")]
ID = Annotated[str, typer.Argument(help="Of the object, as `chair_1`.")]
NEW = Annotated[str, typer.Argument(help="The new one.")]
OUTPUT = Annotated[Path | None, typer.Option("-o", "--output", help="Default: the map itself.")]


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    edit = typer.Typer(help="Change a map.", no_args_is_help=True)
    edit.command()(scale)
    edit.command()(move)
    edit.command()(remove)
    edit.command()(relabel)
    edit.command()(rename)
    edit.command()(merge)
    app.add_typer(edit, name="edit")
    app.command()(diff)


def scale(
    map_path: MAP,
    option: Annotated[
        str, typer.Argument(metavar="camera-height=1.5 | ID.height=2.03", help="The length that is known.")
    ],
    output: OUTPUT = None,
) -> None:
    """Set the scale of a map from one known length."""
    from ..building import load
    from ..cognitive_map import CognitiveMap
    from ..edit import scale_by_option

    made = load(map_path)
    CognitiveMap(scale_by_option(made.scene, option), made.run).save(output or map_path, overwrite=output is None)
    print(output or map_path)


def move(
    map_path: MAP,
    id: ID,
    dx: Annotated[float, typer.Option(help="Metres along x.")] = 0.0,
    dy: Annotated[float, typer.Option(help="Metres along y.")] = 0.0,
    dz: Annotated[float, typer.Option(help="Metres up.")] = 0.0,
    turn: Annotated[float, typer.Option(help="Degrees, counter-clockwise.")] = 0.0,
    output: OUTPUT = None,
) -> None:
    """Move or turn an object."""
    _changed(map_path, output, "move", id, dx, dy, dz, turn)


def remove(map_path: MAP, id: ID, output: OUTPUT = None) -> None:
    """Take an object away."""
    _changed(map_path, output, "remove", id)


def relabel(map_path: MAP, id: ID, label: NEW, output: OUTPUT = None) -> None:
    """Give an object another label."""
    _changed(map_path, output, "relabel", id, label)


def rename(map_path: MAP, id: ID, new_id: NEW, output: OUTPUT = None) -> None:
    """Give an object another id."""
    _changed(map_path, output, "rename", id, new_id)


def merge(
    map_path: MAP, id: ID, other: Annotated[str, typer.Argument(help="Id of the second object.")], output: OUTPUT = None
) -> None:
    """Make one object of two."""
    _changed(map_path, output, "merge", id, other)


def _changed(map_path: Path, output: Path | None, change: str, *values: object) -> None:
    """Apply one change of `cogmap.counterfactual.Edit` and publish the map."""
    from ..building import load

    edit = load(map_path).edit()
    getattr(edit, change)(*values).done().save(output or map_path, overwrite=output is None)
    print(output or map_path)


def diff(before: MAP, after: MAP) -> None:
    """Say what differs between two maps, one change a line."""
    from ..building import load

    for change in load(before).diff(load(after)):
        print(f"{change.kind}: {change.text}")
