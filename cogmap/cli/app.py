"""All verbs in one application."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import CogmapError
from . import (
    ask_verbs,
    batch_verbs,
    bench_verbs,
    build_verbs,
    doctor_verb,
    edit_verbs,
    map_verbs,
    prompt_verbs,
    serve_verbs,
)


class Verbs(TyperGroup):
    """The group of all verbs: a CogmapError becomes one line on stderr and its exit code."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb of the first argument; of a wrong one the closest is named."""
        from difflib import get_close_matches

        close = get_close_matches(args[0], self.commands, 1)
        if args[0] not in self.commands and close:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run one verb."""
        try:
            return super().invoke(ctx)
        except CogmapError as error:
            print(str(error), file=sys.stderr)
            raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    name="cogmap",
    cls=Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        from .._version import __version__

        print(f"cogmap {__version__}")
        raise typer.Exit


@app.callback()
def _all(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Metric cognitive maps from captures of rooms: `cogmap build room.mp4`, then `cogmap render room.cogmap`."""


build_verbs.add_to(app)
map_verbs.add_to(app)
edit_verbs.add_to(app)
ask_verbs.add_to(app)
prompt_verbs.add_to(app)
bench_verbs.add_to(app)
batch_verbs.add_to(app)
serve_verbs.add_to(app)
doctor_verb.add_to(app)
