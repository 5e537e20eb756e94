"""All verbs in one application."""

from __future__ import annotations

import typer

from . import bench_verbs, build_verbs, doctor_verb, edit_verbs, map_verbs, prompt_verbs

app = typer.Typer(
    name="cogmap",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Metric cognitive maps from captures of rooms.",
)
build_verbs.add_to(app)
map_verbs.add_to(app)
edit_verbs.add_to(app)
prompt_verbs.add_to(app)
bench_verbs.add_to(app)
doctor_verb.add_to(app)
