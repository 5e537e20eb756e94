"""`build`, `inspect`, `config`: from a source."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..data.diary import OnProgress


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(build)
    app.command()(inspect)
    app.command("config")(show_config)


def build(
    source: Path,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Default: NAME.cogmap beside it.")] = None,
    overwrite: bool = False,
    max_frames: int | None = None,
    max_gap: float | None = None,
    keyframes: int | None = None,
    sampling: str | None = None,
    reconstructor: str | None = None,
    labeler: Annotated[
        str | None, typer.Option(help="recorded:FOLDER, grounding-dino, owlv2 (+sam2), shape-prior")
    ] = None,
    objects: Annotated[str | None, typer.Option(help='What a detector looks for: "chair, sofa|couch"')] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda: for models")] = None,
    window: Annotated[int | None, typer.Option(help="Frames that a model sees at once.")] = None,
    commercial_ok: Annotated[bool, typer.Option("--commercial-ok", help="Refuse non-commercial weights.")] = False,
    scale: Annotated[str | None, typer.Option(help="camera-height=1.5 or ID.height=2.03")] = None,
    intrinsics: Annotated[str | None, typer.Option(help="fx,fy,cx,cy in pixels")] = None,
    fps: float | None = None,
    up: str | None = None,
    unit: str | None = None,
    seed: int | None = None,
    depth_unit: Annotated[float | None, typer.Option(help="Metres in one step of stored depth.")] = None,
    convention: Annotated[
        str | None, typer.Option(help="Poses as stored: opencv, opengl, opencv-w2c, opengl-w2c")
    ] = None,
    place: Annotated[str | None, typer.Option(help="object, room, building, street")] = None,
    keep_frame: Annotated[bool, typer.Option("--keep-frame", help="Leave scans as they lie in their file.")] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="section.key=value")] = None,
    config: Path | None = None,
    strict: bool = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet")] = False,
) -> None:
    """Build a map from a capture and publish it as a folder."""
    from .. import building
    from ..config import parse_setting
    from ..errors import OutputError

    _talk(quiet=quiet)
    target = output or default_output(source)
    if target.exists() and not overwrite:
        raise OutputError("E-OUTPUT-EXISTS", "the output exists.", "Add --overwrite or choose another -o.", target)
    options: dict[str, Any] = {}
    for text in settings or []:
        options |= parse_setting(text)
    options |= {
        "max_frames": max_frames,
        "max_gap": max_gap,
        "keyframes": keyframes,
        "sampling": sampling,
        "fps": fps,
        "reconstructor": reconstructor,
        "labeler": labeler,
        "objects": objects,
        "device": device,
        "window": window,
        "commercial_ok": commercial_ok or None,
        "scale": scale,
        "up": up,
        "unit": unit,
        "seed": seed,
        "depth_unit": depth_unit,
        "convention": convention,
        "place": place,
        "keep_frame": keep_frame or None,
        "intrinsics": None if intrinsics is None else parse_intrinsics(intrinsics),
    }
    with progress(quiet=quiet or as_json) as said:
        made = building.build(source, config=config, on_progress=said, **options)
    made.save(target, overwrite=overwrite)
    _say(made, target, as_json=as_json, quiet=quiet)
    if strict and made.quality.status != "ok":
        sys.exit(10)


@contextmanager
def progress(*, quiet: bool) -> Iterator[OnProgress | None]:
    """How far a build is: a bar on a terminal, elsewhere a line on stderr at the end of each stage, or nothing."""
    if quiet:
        yield None
        return
    since = time.monotonic()
    if not sys.stderr.isatty():
        yield lambda stage, done, total: print(
            f"{stage} {done}/{total} {time.monotonic() - since:.1f} s", file=sys.stderr, flush=True
        )
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:>14} done"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("open", total=None)
        yield lambda stage, done, total: bar.update(task, description=stage, completed=done, total=total)


def default_output(source: Path) -> Path:
    """`NAME.cogmap` beside a source as it was named: dots of a folder belong to its name, links are not followed."""
    place = Path(os.path.normpath(source.absolute()))
    return place.parent / f"{place.name if source.is_dir() else place.stem}.cogmap"


def _talk(*, quiet: bool) -> None:
    """What the library notes goes to stderr."""
    log = logging.getLogger("cogmap")
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    log.handlers = [logging.StreamHandler(sys.stderr)]


def parse_intrinsics(text: str) -> tuple[float, float, float, float]:
    """Four numbers from `fx,fy,cx,cy`, or from a file that holds them or a 3 x 3 matrix."""
    from ..errors import ConfigError

    raw = Path(text).read_text() if Path(text).is_file() else text
    try:
        v = [float(x) for x in raw.replace(",", " ").split()]
    except ValueError:
        v = []
    if len(v) == 9:
        v = [v[0], v[4], v[2], v[5]]
    if len(v) != 4 or min(v[:2]) <= 0:
        raise ConfigError("E-OPTION", f"--intrinsics {text!r} is not fx,fy,cx,cy.", "Give four numbers in pixels.")
    return v[0], v[1], v[2], v[3]


def _say(made: Any, target: Path, *, as_json: bool, quiet: bool) -> None:
    s = made.scene
    if as_json:
        warnings = [asdict(w) for w in s.quality.warnings]
        data = {"map": str(target), "status": s.quality.status, "objects": len(s.objects), "warnings": warnings}
        print(json.dumps({**data, "scale": asdict(s.scale)}))
        return
    if not quiet:
        for w in s.quality.warnings:
            print(f"{w.code} ({w.count}) {w.place}: {w.effect}", file=sys.stderr)
        print(
            f"{len(s.objects)} objects, scale {s.scale.kind} from {s.scale.source}, {s.quality.status}", file=sys.stderr
        )
    print(target)
    if s.scale.kind == "relative" and not quiet:
        print(_scale_command(s, target), file=sys.stderr)


def _scale_command(scene: Any, target: Path) -> str:
    """The command that gives a map metres by one length of it: its tallest whole object, named ones first."""
    whole = [o for o in scene.objects if not o.partial] or list(scene.objects)
    if not whole:
        return f"cogmap edit scale {target} camera-height=1.5  # no metres yet: the height of the camera over the floor"
    known = max(whole, key=lambda o: (o.label is not None, o.box.size_m[2]))
    color = f"the {known.color_name} " if known.color_name else ""
    return (
        f"cogmap edit scale {target} {known.id}.height=0.75  # no metres yet: measure the height of {color}{known.id}"
    )


def inspect(
    source: Path,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    check: Annotated[bool, typer.Option("--check", help="Also put it before the gate that builds pass.")] = False,
) -> None:
    """Say how a source or a map would be read, without building."""
    from ..building import checked_source
    from ..capture.sniff import open_source
    from ..data.points import GivenBoxes, PointCloud

    if (source / "map.json").exists():
        from ..building import load

        print(repr(load(source)))
        return
    opened = open_source(source)
    if isinstance(opened, PointCloud):
        data: dict[str, Any] = {"kind": "pointcloud", "n_points": len(opened.xyz_input)}
    elif isinstance(opened, GivenBoxes):
        data = {"kind": "boxes", "n_boxes": len(opened.boxes)}
    else:
        data = {**asdict(opened.report), "n_frames": opened.n_frames}
    if check:
        issues = checked_source(opened)
        data["issues"] = [asdict(i) for i in issues]
        data["status"] = "degraded" if any(i.severity == "degraded" for i in issues) else "ok"
    print(json.dumps(data) if as_json else "\n".join(f"{k}: {v}" for k, v in data.items()))


def show_config() -> None:
    """Print the defaults as YAML."""
    import yaml

    from ..config import Config

    print(yaml.safe_dump(asdict(Config()), sort_keys=False), end="")
