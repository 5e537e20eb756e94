"""`bench`: how fast the kernels are on this machine."""

from __future__ import annotations

import time
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    bench = typer.Typer(help="Measure the kernels on this machine.", no_args_is_help=True)
    bench.command("voxel")(voxel)
    bench.callback()(lambda: None)
    app.add_typer(bench, name="bench")


def voxel(
    points: Annotated[int, typer.Option(help="how many points")] = 5_000_000,
    edge: Annotated[float, typer.Option(help="voxel edge in metres")] = 0.05,
) -> None:
    """Points a second of every column, whose cells and counts must be the same."""
    import cogmap_kernels
    import numpy as np

    sides = np.array([6.0, 5.0, 2.5])
    rng = np.random.default_rng(0)
    xyz = (rng.random((points, 3)) * sides).astype(np.float32)
    face = rng.integers(0, 3, points)
    xyz[np.arange(points), face] = 0  # points on a floor and two walls, as in a room
    want = None
    for column in ("reference", "cpu", "cuda"):
        try:
            cogmap_kernels.voxelize(xyz[:100], edge, device=column)
        except RuntimeError as missing:
            typer.echo(f"{column}: skipped, {missing}")
            continue
        since = time.perf_counter()
        got = cogmap_kernels.voxelize(xyz, edge, device=column)
        seconds = time.perf_counter() - since
        want = got if want is None else want
        same = np.array_equal(got.key, want.key) and np.array_equal(got.n_points, want.n_points)
        typer.echo(
            f"{column}: {points / seconds / 1e6:.1f} million points a second, {len(got.key)} voxels, "
            f"{'the same' if same else 'OTHER'} cells and counts"
        )
        if not same:
            raise typer.Exit(1)
