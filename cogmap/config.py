"""Options of a build: one frozen record, changed by name, checked when made."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints

from .errors import ConfigError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Sampling = Literal["auto", "uniform", "sharp", "coverage"]
Clustering = Literal["auto", "regions", "convexity", "hdbscan"]
UPS = ("x", "-x", "y", "-y", "z", "-z")
UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
CONVENTIONS = ("opencv", "opengl", "opencv-w2c", "opengl-w2c")
PLACES = ("object", "room", "building", "street")
OLD_NAMES = {"commercial_ok": "commercial_only"}  # until 0.3
PROJECT_FILE = "cogmap.toml"
VARIABLE = "COGMAP_"


@dataclass(frozen=True)
class Config:
    """Everything that changes a map; see `cogmap config` for the defaults.

    Attributes:
        max_frames: cap on frames for reconstruction. max_gap: seconds between kept frames at most.
        keyframes: frames for prompts. sampling: how frames are chosen.
        reconstructor: "auto", "measured", "sfm", "recorded:FOLDER", a model ("da3-small"), or "sfm+da3-small".
        commercial_only: refuse weights whose licence forbids commercial use.
        window: frames that a model sees at once, or None for its own number. compiled: let torch compile the model
            first: a minute or more for every number and size of pictures, for builds of many windows; da3 models.
        labeler: "recorded:FOLDER", "grounding-dino" or "owlv2" (also "+sam2"), "shape-prior", or None.
        objects: what a detector looks for: "chair, sofa|couch". device: "auto", "cpu" or "cuda" for models.
        planes: move what noise puts beside floor, ceiling and walls onto them.
        clustering: how objects are found without masks: "regions" (connected sets cut at support planes and colours),
            "convexity" (cut where surfaces bend inwards), "hdbscan", or "auto": convexity for scans, else regions.
        scale: "camera-height=1.5" or "ID.height=2.03", or None.
        intrinsics: (fx, fy, cx, cy) in pixels, or None. fps: of folders without times.
        depth_unit: metres in one step of stored depth, where the format's own is wrong. convention: camera axes and
            direction of the poses as stored ("opencv", "opengl"; "-w2c" behind it for world-to-camera), or None.
        up: axis of the input that points up, or None to find it. unit: of the input's lengths, or None to find it.
        place: what the capture shows: "object", "room", "building", "street", or None for a room or building.
        seed: of everything random. keep_frame: leave scans in the frame of their file, upright or not.
        voxel_m, cell_m: edges of voxels and of the bird's-eye grid, at least; wider for scans with fewer points.
        keep_depth: keep frames with their depth in the map.
    """

    max_frames: int = 300
    max_gap: float = 2.0
    keyframes: int = 8
    sampling: Sampling = "auto"
    reconstructor: str = "auto"
    labeler: str | None = None
    objects: str | None = None
    device: str = "auto"
    planes: bool = False
    commercial_only: bool = False
    window: int | None = None
    compiled: bool = False
    clustering: Clustering = "auto"
    scale: str | None = None
    intrinsics: tuple[float, float, float, float] | None = None
    fps: float = 1.0
    up: str | None = None
    unit: str | None = None
    depth_unit: float | None = None
    convention: str | None = None
    place: str | None = None
    seed: int = 0
    keep_frame: bool = False
    keep_depth: bool = True
    voxel_m: float = 0.02
    cell_m: float = 0.05

    def __post_init__(self) -> None:
        _within("max_frames", self.max_frames, 2, 100_000)
        _within("max_gap", self.max_gap, 0.01, 3600)
        _within("keyframes", self.keyframes, 0, 200)
        if self.window is not None:
            _within("window", self.window, 4, 4096)
        _within("voxel_m", self.voxel_m, 0.001, 1.0)
        _within("cell_m", self.cell_m, 0.01, 1.0)
        _within("fps", self.fps, 0.001, 1000)
        _one_of("sampling", self.sampling, get_args(Sampling))
        _one_of("clustering", self.clustering, get_args(Clustering))
        for name, allowed in (("unit", tuple(UNITS_M)), ("convention", CONVENTIONS), ("place", PLACES)):
            if getattr(self, name) is not None:
                _one_of(name, getattr(self, name), allowed)
        if self.depth_unit is not None:
            _within("depth_unit", self.depth_unit, 1e-7, 10.0)
        if self.up is not None:
            _one_of("up", self.up, UPS)
        if self.scale is not None:
            parse_scale(self.scale)


@dataclass(frozen=True)
class KnownLength:
    """What `--scale` states: `edge` of the object `id` is `length_m`, or the cameras' height where `id` is None."""

    id: str | None
    edge: Literal["length", "width", "height"]
    length_m: float


def parse_scale(option: str) -> KnownLength:
    """The known length of `camera-height=1.5` or `ID.height=2.03` (also `.length`, `.width`).

    Raises:
        ConfigError: E-OPTION when it names no edge or no length of 1 cm to 1 km; cameras hang at 5 cm to 100 m.
    """
    name, _, text = option.partition("=")
    thing, _, edge = name.rpartition(".")
    camera = name == "camera-height"
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    lowest, highest = (0.05, 100) if camera else (0.01, 1000)
    if not lowest <= value <= highest or not (camera or edge in ("length", "width", "height")):
        remedy = "Write camera-height=1.5 or ID.height=2.03."
        raise ConfigError("E-OPTION", f"{option!r} states no known length.", remedy)
    return KnownLength(None, "height", value) if camera else KnownLength(thing, edge, value)  # type: ignore[arg-type]


SECTIONS = {
    "capture": (
        "max_frames",
        "max_gap",
        "sampling",
        "intrinsics",
        "fps",
        "up",
        "unit",
        "depth_unit",
        "convention",
        "place",
    ),
    "reconstruct": ("reconstructor", "device", "window", "compiled", "commercial_only", "seed"),
    "label": ("labeler", "objects"),
    "fuse": ("voxel_m", "planes", "keep_frame", "keep_depth", "scale"),
    "instances": ("clustering",),
    "freespace": ("cell_m",),
    "prompt": ("keyframes",),
}


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError("E-OPTION-RANGE", f"{name} must be {low} to {high}, got {value}.", "Change the option.")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError("E-OPTION", f"{name} must be one of {', '.join(allowed)}, got {value!r}.", "Choose one.")


def with_options(config: Config, options: Mapping[str, Any]) -> Config:
    """The config with options changed by name; None means unchanged.

    Raises:
        ConfigError: E-OPTION-UNKNOWN with the closest name, E-OPTION for a value of another type, or a value that is
            out of range.
    """
    import difflib

    names = {f.name for f in fields(Config)}
    changed = {}
    for name, value in options.items():
        if name in OLD_NAMES:
            warnings.warn(f"{name} is called {OLD_NAMES[name]} now", DeprecationWarning, stacklevel=3)
        name = OLD_NAMES.get(name, name)
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"Did you mean {close[0]}?" if close else f"Options are {', '.join(sorted(names))}."
            raise ConfigError("E-OPTION-UNKNOWN", f"there is no option {name!r}.", hint)
        if value is not None:
            changed[name] = _typed(name, value)
    return replace(config, **changed)


def _typed(name: str, value: Any) -> Any:
    """The value as the option's type. Raises ConfigError E-OPTION where it is none."""
    from pydantic import ValidationError

    hint, adapter = _type_of(name)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        kind = getattr(hint, "__name__", None) or str(hint).replace("typing.", "")
        raise ConfigError("E-OPTION", f"{name} must be {kind}, got {value!r}.", "Change the option.") from error


@cache
def _type_of(name: str) -> tuple[Any, TypeAdapter[Any]]:
    """The type of an option and what checks values of it, worked out once: batches ask for every row."""
    from pydantic import TypeAdapter

    hint = get_type_hints(Config)[name]
    return hint, TypeAdapter(hint)


def parse_setting(text: str) -> dict[str, Any]:
    """One `name=value` of `--set`, with the section that the option belongs to or without (`fuse.voxel_m=0.03`).

    Raises:
        ConfigError: E-OPTION for no assignment, E-OPTION-UNKNOWN for a section that has no such option.
    """
    import yaml

    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError("E-OPTION", f"--set takes name=value, got {text!r}.", "Write e.g. --set fuse.voxel_m=0.03.")
    section, _, option = name.strip().rpartition(".")
    if section:
        _belongs(option, section)
    return {option: yaml.safe_load(value)}


def _belongs(option: str, section: str) -> None:
    """Raises ConfigError E-OPTION-UNKNOWN where there is no such section, or the option belongs to another one."""
    import difflib

    if section not in SECTIONS:
        close = difflib.get_close_matches(section, SECTIONS, 1) or [", ".join(SECTIONS)]
        raise ConfigError("E-OPTION-UNKNOWN", f"there is no section {section!r}.", f"Did you mean {close[0]}?")
    if option in {f.name for f in fields(Config)} and option not in SECTIONS[section]:
        home = next(s for s, names in SECTIONS.items() if option in names)
        raise ConfigError("E-OPTION-UNKNOWN", f"{section} has no option {option!r}.", f"Did you mean {home}.{option}?")


def read_config(path: Path) -> Config:
    """A config from a YAML or TOML file of `name: value`, in sections or without.

    Raises:
        ConfigError: E-CONFIG-FILE when it cannot be read; E-OPTION-UNKNOWN for a wrong name.
    """
    return with_options(Config(), _read(path))


def _read(path: Path) -> dict[str, Any]:
    """Options by name from a file."""
    import tomllib

    import yaml

    try:
        text = path.read_text()
        data = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError("E-CONFIG-FILE", f"cannot read it: {error}.", "Give a YAML or TOML file.", path) from error
    if not isinstance(data, dict):
        raise ConfigError("E-CONFIG-FILE", "expected name: value lines.", "See `cogmap config`.", path)
    return {name: value for key, part in data.items() for name, value in _flat(path, key, part).items()}


def _flat(path: Path, key: str, part: Any) -> dict[str, Any]:
    """One entry of a file: an option, or a section of them."""
    if key not in SECTIONS:
        return {key: part}
    if not isinstance(part, dict):
        raise ConfigError("E-CONFIG-FILE", f"{key} is a section, got {part!r}.", "See `cogmap config`.", path)
    for name in part:
        _belongs(name, key)
    return part


def parse_intrinsics(text: str) -> tuple[float, float, float, float]:
    """Four numbers from `fx,fy,cx,cy`, or from a file that holds them or a 3 x 3 matrix.

    Raises:
        ConfigError: E-OPTION.
    """
    try:
        raw = Path(text).read_text() if Path(text).is_file() else text
        v = [float(x) for x in raw.replace(",", " ").split()]
    except (OSError, ValueError):
        v = []
    if len(v) == 9:
        v = [v[0], v[4], v[2], v[5]]
    if len(v) != 4 or min(v[:2]) <= 0:
        raise ConfigError("E-OPTION", f"--intrinsics {text!r} is not fx,fy,cx,cy.", "Give four numbers in pixels.")
    return v[0], v[1], v[2], v[3]


def settled(
    file: Path | None = None, place: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[Config, dict[str, str]]:
    """The config of a command line, and where each option comes from that is not the default.

    Later ones win: `cogmap.toml` in a folder or the nearest above it, the file, variables as `COGMAP_VOXEL_M=0.03`.

    Args:
        file: of `--config`. place: the folder, by default the current one. environment: by default the process's own.

    Raises:
        ConfigError: E-CONFIG-FILE, E-OPTION-UNKNOWN, E-OPTION, E-OPTION-RANGE.
    """
    import yaml

    here = (place or Path()).absolute()
    project = next((p / PROJECT_FILE for p in (here, *here.parents) if (p / PROJECT_FILE).is_file()), None)
    config, origin = Config(), dict[str, str]()
    for source in (project, file):
        if source is not None:
            given = _read(source)
            config = with_options(config, given)
            origin |= dict.fromkeys(given, str(source))
    named = {f"{VARIABLE}{f.name.upper()}": f.name for f in fields(Config)}
    for variable, text in (os.environ if environment is None else environment).items():
        if variable in named:
            config = with_options(config, {named[variable]: yaml.safe_load(text)})
            origin[named[variable]] = variable
    return config, origin
