"""`doctor`: what this machine can do."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

FAILED = 4


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command()(doctor)


def doctor(
    model: Annotated[str | None, typer.Option(help="Run a model with its weights on a known clip.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda")] = "auto",
) -> None:
    """Say what is installed and what `auto` would choose; with --model, whether that model sees a known room."""
    from ..doctor import judge_model, survey

    print("\n".join(survey(device)))
    if model is None:
        return
    v = judge_model(model, device)
    camera = "given" if v.camera != v.camera else f"{v.camera:.1%} of the path and {v.turn_deg:.1f} degrees off at most"
    print(f"{model}: cameras {camera}, depth {v.depth:.1%} off, focal length {v.focal:.1%} off, {v.seconds:.1f} s")
    print(f"{model}: {'pass' if v.passed else 'fail'}")
    if not v.passed:
        sys.exit(FAILED)
