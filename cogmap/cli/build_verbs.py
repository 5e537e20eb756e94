"""`build`, `inspect`, `sample`, `config`: from a source."""

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

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..data.diary import OnProgress

FRAMES, CAMERAS, LABELS = "Frames", "Cameras and depth", "Labels"
METRES, EVERYTHING, OUTPUT = "Metres and frame", "Everything else", "Output"


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(build)
    app.command()(inspect)
    app.command()(sample)
    app.command("config")(show_config)


def _option(panel: str, text: str, *names: str) -> Any:
    """An option with its help, in a panel of the help page."""
    return typer.Option(*names, help=text, rich_help_panel=panel)


def build(
    source: Annotated[
        Path, typer.Argument(help="A video, a folder of pictures or of RGB-D, transforms.json, a scan, boxes.")
    ],
    output: Annotated[Path | None, _option(OUTPUT, "Default: NAME.cogmap beside it.", "-o", "--output")] = None,
    overwrite: Annotated[bool, _option(OUTPUT, "Replace the map that is there.", "--overwrite")] = False,
    only: Annotated[str | None, _option(OUTPUT, "map: write no pictures and texts beside it.")] = None,
    strict: Annotated[bool, _option(OUTPUT, "Exit with 10 where the map is degraded.", "--strict")] = False,
    as_json: Annotated[bool, _option(OUTPUT, "Print what was made as JSON.", "--json")] = False,
    quiet: Annotated[bool, _option(OUTPUT, "Say nothing but the path and errors.", "-q", "--quiet")] = False,
    verbose: Annotated[bool, _option(OUTPUT, "Say what every step notes.", "-v", "--verbose")] = False,
    max_frames: Annotated[int | None, _option(FRAMES, "Cap on frames for reconstruction: 300.")] = None,
    max_gap: Annotated[float | None, _option(FRAMES, "Seconds between kept frames at most: 2.")] = None,
    sampling: Annotated[str | None, _option(FRAMES, "auto, uniform, sharp, coverage")] = None,
    fps: Annotated[float | None, _option(FRAMES, "Pictures a second of folders without times: 1.")] = None,
    keyframes: Annotated[int | None, _option(FRAMES, "Frames kept for prompts: 8.")] = None,
    reconstructor: Annotated[str | None, _option(CAMERAS, "auto, measured, sfm, da3-small, sfm+da3-small, ...")] = None,
    device: Annotated[str | None, _option(CAMERAS, "auto, cpu, cuda: for models.")] = None,
    window: Annotated[int | None, _option(CAMERAS, "Frames that a model sees at once.")] = None,
    commercial_only: Annotated[bool, _option(CAMERAS, "Refuse non-commercial weights.", "--commercial-only")] = False,
    intrinsics: Annotated[str | None, _option(CAMERAS, "fx,fy,cx,cy in pixels, or a file of them.")] = None,
    depth_unit: Annotated[float | None, _option(CAMERAS, "Metres in one step of stored depth.")] = None,
    convention: Annotated[
        str | None, _option(CAMERAS, "Poses as stored: opencv, opengl, opencv-w2c, opengl-w2c.")
    ] = None,
    seed: Annotated[int | None, _option(CAMERAS, "Of everything random: 0.")] = None,
    threads: Annotated[int | None, _option(CAMERAS, "Processor threads at most.")] = None,
    labeler: Annotated[
        str | None, _option(LABELS, "recorded:FOLDER, grounding-dino, owlv2, with +sam2; shape-prior")
    ] = None,
    objects: Annotated[str | None, _option(LABELS, 'What a detector looks for: "chair, sofa|couch".')] = None,
    scale: Annotated[str | None, _option(METRES, "A known length: camera-height=1.5 or ID.height=2.03.")] = None,
    up: Annotated[str | None, _option(METRES, "Axis of the input that points up: z, -y, ...")] = None,
    unit: Annotated[str | None, _option(METRES, "Of the input's lengths: m, cm, mm, ft, in.")] = None,
    place: Annotated[str | None, _option(METRES, "What it shows: object, room, building, street.")] = None,
    keep_frame: Annotated[bool, _option(METRES, "Leave scans as they lie in their file.", "--keep-frame")] = False,
    settings: Annotated[
        list[str] | None, _option(EVERYTHING, "section.key=value, of any option that `cogmap config` lists.", "--set")
    ] = None,
    config: Annotated[Path | None, _option(EVERYTHING, "YAML or TOML of options, over cogmap.toml.")] = None,
) -> None:
    """Build a map from a capture and publish it as a folder.

    Examples: `cogmap build room.mp4`, `cogmap build scan/ --labeler recorded:masks/`,
    `cogmap build walk.mp4 --scale camera-height=1.5 -o maps/walk.cogmap`
    """
    if threads is not None:
        keep_to_threads(threads)
    from .. import building
    from ..config import parse_intrinsics, parse_setting, settled
    from ..mapfile.write import free_for

    _talk(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    if only not in (None, "map"):
        raise ConfigError("E-OPTION", f"--only takes map, got {only!r}.", "Write --only map.")
    target = output or default_output(source)
    free_for(target, overwrite=overwrite)
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
        "commercial_only": commercial_only or None,
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
        made = building.build(source, config=settled(config)[0], on_progress=said, **options)
    made.save(target, overwrite=overwrite, derived=only is None)
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


def _talk(level: int) -> None:
    """What the library notes goes to stderr, from a level on."""
    log = logging.getLogger("cogmap")
    log.setLevel(level)
    log.handlers = [logging.StreamHandler(sys.stderr)]


def keep_to_threads(n: int) -> None:
    """Compute in so many threads at most; called before anything that computes is imported, for its libraries count
    processors then. Where the system can, the process keeps to so many processors."""
    if not 1 <= n <= 1024:
        raise ConfigError("E-OPTION-RANGE", f"threads must be 1 to 1024, got {n}.", "Change the option.")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])
    n = min(n, os.cpu_count() or 1)
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(n)


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
    source: Annotated[Path, typer.Argument(help="What `build` takes, or a map.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
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


def sample(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Is made.")],
) -> None:
    """Write a capture to try things on: RGB-D frames of a made-up room, masks of what is in it, and a film of it."""
    from ..samples import write_sample

    place = write_sample(folder)
    print(place)
    print(
        f"cogmap build {place / 'scan'} --labeler recorded:{place / 'masks'}  # seconds\n"
        f"cogmap build {place / 'room.mp4'} --scale camera-height=1.5  # minutes: cameras and depth come from the film",
        file=sys.stderr,
    )


def show_config(
    config: Annotated[Path | None, typer.Option(help="YAML or TOML of options, over cogmap.toml.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not YAML.")] = False,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each option comes from.")] = False,
) -> None:
    """Print the options that a build here would take: defaults, cogmap.toml, --config, COGMAP_* variables."""
    import yaml

    from ..config import SECTIONS, settled

    chosen, came_from = settled(config)
    data: dict[str, Any] = {
        section: {name: getattr(chosen, name) for name in names} for section, names in SECTIONS.items()
    }
    if origin:
        data = {
            section: {n: {"value": v, "origin": came_from.get(n, "default")} for n, v in part.items()}
            for section, part in data.items()
        }
    print(json.dumps(data) if as_json else yaml.safe_dump(data, sort_keys=False).rstrip())
