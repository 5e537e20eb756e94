"""All verbs in one application."""

from __future__ import annotations

import sys
from typing import Any

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
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Metric cognitive maps from captures of rooms.",
)
build_verbs.add_to(app)
map_verbs.add_to(app)
edit_verbs.add_to(app)
ask_verbs.add_to(app)
prompt_verbs.add_to(app)
bench_verbs.add_to(app)
batch_verbs.add_to(app)
serve_verbs.add_to(app)
doctor_verb.add_to(app)
