"""`build`, `build_arrays` and `load`: the doors of the library."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._checks import Array
from ._version import __version__
from .capture.sniff import Opened, open_source
from .cognitive_map import CognitiveMap
from .config import Config, read_config, with_options
from .data.capture import Capture
from .data.detections import Labeler
from .data.diary import Diary, OnProgress
from .data.issues import Issue
from .data.points import GivenBoxes, PointCloud
from .data.scene import SceneMap
from .edit import scale_by_option, scaled_by_known_objects
from .errors import ConfigError, InputError
from .naming import guess_names
from .pipeline import given_camera_height, map_boxes, map_points, map_reconstruction
from .reconstruct.base import WindowTooLarge
from .reconstructing import Opener, opened_model, reconstruct

if TYPE_CHECKING:
    from .reconstruct.base import Model

LEAST_WINDOW = 4
SHAPE_PRIOR = "shape-prior"
EVERYDAY = (
    "chair, table, sofa, bed, desk, cabinet, shelf, door, window, tv, monitor, lamp, stool, bin, refrigerator, sink, "
    "toilet, bathtub, stove, washer, dishwasher, microwave, plant, picture, mirror, curtain, pillow, rug, box, bag, "
    "person|man|woman|child, dog, cat"
)


def build(
    source: str | Path | Sequence[str | Path] | PointCloud | GivenBoxes,
    *,
    labeler: Labeler | str | None = None,
    config: Config | str | Path | None = None,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> CognitiveMap:
    """Build a map from a capture.

    Args:
        source: a video, a folder or list of pictures, a posed RGB-D folder (TUM, 7-Scenes), a nerfstudio or
            COLMAP export, a point cloud (PLY, NPZ) or a boxes JSON; or a cloud or boxes already in memory.
        labeler: what finds and names things in pictures: `recorded:FOLDER` (see `cogmap.label.recorded`),
            `grounding-dino` or `owlv2` with `+sam2` (see `cogmap.label.transformers_models`), or a Labeler of your
            own; without one, objects are found by geometry and have no labels. `shape-prior` adds guesses to them.
        config: a Config or a file of one. options: fields of Config by name.
        on_progress: called at the end of every stage with (stage, stages done, stages in all); what it raises ends the
            build.

    Raises:
        CogmapError: see `cogmap.errors`; nothing is written.
    """
    named = labeler if isinstance(labeler, str) else None
    settings = with_options(config if isinstance(config, Config) else _config(config), {"labeler": named, **options})
    return MapBuilder(settings, labeler if isinstance(labeler, Labeler) else None).build(source, on_progress)


class MapBuilder:
    """Builds maps of many captures with one config; a model and a labeler are opened at the first that needs them.

    Can be pickled where the labeler can; a model is opened anew where it is unpickled.

    Args:
        config: see `Config`. labeler: one of your own; without it, that of the config.

    Raises:
        ConfigError: E-OPTION for an unknown labeler.
    """

    def __init__(self, config: Config | None = None, labeler: Labeler | None = None) -> None:
        self.config = config or Config()
        self._labeler = labeler
        self._models: dict[tuple[object, ...], Model] = {}

    def __getstate__(self) -> dict[str, object]:
        """Everything but opened models."""
        return {**vars(self), "_models": {}}

    def build(
        self,
        source: str | Path | Sequence[str | Path] | PointCloud | GivenBoxes,
        on_progress: OnProgress | None = None,
    ) -> CognitiveMap:
        """The map of a capture; see `build`. Raises CogmapError; nothing is written."""
        if self._labeler is None:
            self._labeler = _labeler(self.config)
        diary = Diary(on_progress=on_progress)
        where: Path | list[Path] | None = None
        if isinstance(source, (PointCloud, GivenBoxes)):
            opened: Opened = source
        else:
            where = Path(source) if isinstance(source, (str, Path)) else [Path(p) for p in source]
            opened = _opened(where, self.config)
        if isinstance(opened, PointCloud):
            scene = map_points(opened, self.config, diary)
        elif isinstance(opened, GivenBoxes):
            scene = map_boxes(opened, self.config, diary)
        else:
            diary.done("open", opened.report.notes)
            scene, diary = _mapped(opened, self.config, diary, self._labeler, self._model)
        return _finished(scene, self.config, diary, None if where is None else hash_of(where))

    def _model(self, name: str, config: Config) -> Model:
        """A model by name, opened once."""
        key = (name, config.device, config.commercial_only, config.compiled)
        if key not in self._models:
            self._models[key] = opened_model(name, config)
        return self._models[key]


def _opened(where: Path | list[Path], config: Config) -> Opened:
    """What a source holds; a text of walls and boxes is read as what it is."""
    if isinstance(where, Path) and where.suffix in (".txt", ".layout") and where.is_file():
        from .render.text_layout import LINE, parse_layout

        text = where.read_text(encoding="utf-8", errors="replace")
        if any(LINE.fullmatch(line.strip()) for line in text.splitlines()[:20]):
            return replace(parse_layout(text), unit="m")
    return open_source(where, config.intrinsics, fps=config.fps, depth_unit=config.depth_unit)


def _mapped(
    capture: Capture, config: Config, diary: Diary, finder: Labeler | None, opener: Opener = opened_model
) -> tuple[SceneMap, Diary]:
    """The map of a capture; where a model's window does not fit the device, all over again with half of it.

    The plan of windows follows from config and model alone: what comes out is what `window=` of that number gives, and
    W-WINDOW-SMALLER says so.
    """
    opened = diary.copy()
    while True:
        try:
            return _once(capture, config, diary, finder, opener), diary
        except WindowTooLarge as error:
            smaller = error.window // 2
            if smaller < LEAST_WINDOW:
                raise
        # out of the handler: what the failed try held on the device goes before the next begins
        loss = Issue("W-WINDOW-SMALLER", smaller, "reconstruct", f"{2 * smaller} or more frames at once did not fit")
        diary, config = opened.copy(), replace(config, window=smaller)
        diary.done("out of memory", [loss])


def _once(capture: Capture, config: Config, diary: Diary, finder: Labeler | None, opener: Opener) -> SceneMap:
    if finder is not None and finder.of_source and capture.has_depth:
        from .reconstruct.registered import registered_labeler

        finder = registered_labeler(finder, capture)
    found = reconstruct(capture, config, diary, opener)
    late = found.late_losses
    found = replace(found, late_losses=lambda: (*late(), *capture.late_losses()))
    return map_reconstruction(found, config, diary, capture.instance_labels, finder)


def _scaled(scene: SceneMap, config: Config) -> SceneMap:
    """The map after `--scale ID.height=...`, or after what labelled things of known size say where no scale is given.

    A camera height was used while the cameras were set upright.
    """
    if config.scale is None:
        return scaled_by_known_objects(scene)
    if scene.camera_path and given_camera_height(config) is not None:
        return scene
    return scale_by_option(scene, config.scale, built=True)


def checked_source(opened: Opened, config: Config | None = None) -> tuple[Issue, ...]:
    """What the gate says of an opened source, without building a map of it.

    Raises:
        CogmapError: what `build` would refuse it for.
    """
    config, diary = config or Config(), Diary()
    if isinstance(opened, PointCloud):
        return map_points(opened, config, diary).quality.warnings
    if isinstance(opened, GivenBoxes):
        return map_boxes(opened, config, diary).quality.warnings
    from .capture.gate import checked

    notes = opened.report.notes
    if not (opened.posed and opened.has_depth):
        return notes
    return (*notes, *checked(opened, range(opened.n_frames)).issues)


def _labeler(config: Config) -> Labeler | None:
    """The labeler of the options; guesses by shape are added when the map is whole."""
    if config.labeler in (None, SHAPE_PRIOR):
        return None
    kind, _, place = config.labeler.partition(":")
    if kind == "recorded" and place:
        from .label.recorded import recorded_labeler

        return recorded_labeler(Path(place))
    if kind.partition("+")[0] in ("grounding-dino", "owlv2"):
        from .label.prompts import parse_objects
        from .label.transformers_models import transformers_labeler

        return transformers_labeler(config.labeler, parse_objects(config.objects or EVERYDAY), config.device)
    raise ConfigError(
        "E-OPTION",
        f"there is no labeler {config.labeler!r}.",
        "Choose recorded:FOLDER, grounding-dino, owlv2 (+sam2) or shape-prior.",
    )


def _config(file: str | Path | None) -> Config:
    return Config() if file is None else read_config(Path(file))


def sample_frames(
    source: str | Path | Sequence[str | Path], budget: int, *, strategy: str = "coverage", max_gap: float = 2.0
) -> list[int]:
    """Positions of frames within a budget; see `cogmap.capture.sampling.sample`.

    Raises:
        ConfigError: E-BUDGET-GAP, E-OPTION. InputError: the source has no frames, E-NO-FRAMES.
    """
    from .capture.sampling import sample

    opened = open_source(Path(source) if isinstance(source, (str, Path)) else [Path(p) for p in source])
    if not isinstance(opened, Capture):
        raise InputError("E-NO-FRAMES", "this source has no frames.", "Give a video or a folder of pictures.")
    return list(sample(opened, budget, strategy=strategy, max_gap=max_gap).indices)


NOT_FOR_ARRAYS = ("reconstructor", "sampling", "max_gap", "fps", "intrinsics", "window", "compiled", "commercial_only",
                  "unit", "depth_unit", "keep_frame")  # fmt: skip


def build_arrays(
    rgb: Array,
    depth: Array,
    K: Array,
    T_world_cam: Array,
    *,
    masks: Array | None = None,
    labels: list[str] | None = None,
    up: Array | None = None,
    metric: bool = True,
    times_s: Array | None = None,
    labeler: Labeler | str | None = None,
    **options: Any,
) -> CognitiveMap:
    """Build a map from a model's tensors: numpy or torch, on any device. They pass the same gate as files.

    Args:
        rgb: (N, H, W, 3) uint8, or float in 0..1. depth: (N, H, W) z-depth as floats, 0 or not finite = unknown.
        K: (3, 3) or (N, 3, 3) pixels, first pixel centre at 0.5; or fx, fy, cx, cy as (4,) or (N, 4).
        T_world_cam: (N, 4, 4) or (N, 3, 4), OpenCV axes.
        masks: (N, H, W) int instance ids, 0 = none; they become the objects. labels: text of id 1, 2, ...
        up: (3,) up in the world, or None to find it. metric: whether depth is metres.
        times_s: (N,) seconds. labeler: as of `build`. options: fields of Config by name.

    Raises:
        InputError: E-SHAPE, E-DEPTH-UNIT, E-POSE-NOT-RIGID, E-POSE-REFLECTED, E-POSE-CONVENTION, E-INTRINSICS.
        ConfigError: E-OPTION for an option that says nothing of arrays. TrustError: nothing usable.
    """
    from .capture.arrays import capture_of

    unused = [name for name in NOT_FOR_ARRAYS if options.get(name) is not None]
    if unused:
        raise ConfigError("E-OPTION", f"{unused[0]!r} says nothing of arrays.", "Leave it out.")
    capture = capture_of(
        rgb, depth, K, T_world_cam, masks=masks, labels=labels or (), up=up, metric=metric, times_s=times_s
    )
    named = labeler if isinstance(labeler, str) else None
    settings = with_options(Config(), {"max_frames": max(capture.n_frames, 2), "labeler": named, **options})
    diary = Diary()
    diary.done("open", capture.report.notes)
    finder = labeler if isinstance(labeler, Labeler) else _labeler(settings)
    scene, diary = _mapped(capture, replace(settings, reconstructor="measured"), diary, finder)
    return _finished(replace(scene, provenance={**scene.provenance, "reconstructor": "arrays"}), settings, diary)


def _finished(scene: SceneMap, config: Config, diary: Diary, source_sha256: str | None = None) -> CognitiveMap:
    from .publish import rounded

    run: dict[str, object] = {
        "cogmap": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "config": vars(config),
        "seconds": {k: round(v, 3) for k, v in diary.seconds.items()},
    }
    if config.labeler == SHAPE_PRIOR:
        scene = guess_names(scene)
    if not config.keep_depth and scene.frames is not None:
        left = Issue("W-FRAMES-LEFT-OUT", 1, "save", "frames and their depth are left out as asked")
        scene = replace(scene, frames=None, quality=scene.quality.with_issues(left))
    identity = {"source_sha256": source_sha256, "config_sha256": config_hash(config)}
    return CognitiveMap(rounded(replace(_scaled(scene, config), provenance={**scene.provenance, **identity})), run)


def config_hash(config: Config) -> str:
    """SHA-256 of all options, sorted by name."""
    return hashlib.sha256(json.dumps(vars(config), sort_keys=True).encode()).hexdigest()


def hash_of(source: Path | list[Path]) -> str:
    """SHA-256 of a file, or of the names and contents of the files of a folder or list, ordered by name."""
    single = isinstance(source, Path) and source.is_file()
    files = [source] if isinstance(source, Path) and single else source
    if isinstance(files, Path):
        files = sorted(p for p in files.rglob("*") if p.is_file())
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.name):
        digest.update(b"" if single else path.name.encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def import_annotations(path: str | Path, scene: str | None = None) -> dict[str, CognitiveMap]:
    """Maps of released annotations in VSI-Bench's form, by scene: the true boxes with their full rotations.

    Args:
        scene: one of them; "" where the file holds only one; None for all.

    Raises:
        InputError: E-BOXES, E-BOXES-JSON, E-NO-SCENE with the closest names.
    """
    import difflib

    from .capture.vsi_meta import read_scenes

    scenes = read_scenes(Path(path))
    if scene == "" and len(scenes) == 1:
        scene = next(iter(scenes))
    if scene is not None and scene not in scenes:
        close = difflib.get_close_matches(scene, scenes, 3) or list(scenes)[:5]
        raise InputError("E-NO-SCENE", f"there is no scene {scene!r}.", f"Try {', '.join(close)}, or --all.", path)
    out, digest = {}, hash_of(Path(path))
    for name, given in scenes.items():
        if scene in (None, name):
            diary, config = Diary(), Config()
            made = map_boxes(given, config, diary)
            counted = {f"counted {label}": n for label, n in given.counts.items()}
            known = {**made.provenance, "source": "annotations", "scene": name, **counted}
            out[name] = _finished(replace(made, provenance=known), config, diary, digest)
    return out


def load(path: str | Path) -> CognitiveMap:
    """Load a map folder or a `map.json`. Raises InputError E-MAP-... when it is not whole."""
    from .mapfile.read import read_map

    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    file = folder / "run.json"
    return CognitiveMap(read_map(Path(path)), json.loads(file.read_text()) if file.exists() else {})
