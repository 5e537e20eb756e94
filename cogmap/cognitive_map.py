"""The map that users hold: methods that delegate downwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np

from ._checks import F64, U8, Array
from .clients.base import Client
from .data.answers import Answer
from .data.frames import StoredFrame
from .data.reconstruction import Scale
from .data.scene import Layout, MapObject, Quality, SceneGraph, SceneMap
from .errors import ConfigError, InputError
from .query.methods import Asked

if TYPE_CHECKING:
    from .counterfactual import Change, Edit
    from .finding import Match
    from .prompt.parts import Prompt
    from .query.counting import AmodalCount
    from .query.matching import PixelMatch
    from .query.occupancy import Occupancy
    from .query.placement import Spot
    from .render.slices import Slice


class Visibility(NamedTuple):
    """Ids of the objects (K) and their visible share in every kept frame, (K, N) float64."""

    ids: tuple[str, ...]
    share: F64


class CognitiveMap(Asked):
    """One scene map: objects, layout, free floor, cameras; in the map frame (z up, floor 0, metres).

    Attributes:
        scene: the frozen record behind every method.
    """

    def __init__(self, scene: SceneMap, run: dict[str, object] | None = None) -> None:
        self.scene = scene
        self._run = run or {}

    @property
    def run(self) -> dict[str, object]:
        """What may differ from run to run: versions, options, seconds by stage."""
        return dict(self._run)

    @property
    def objects(self) -> tuple[MapObject, ...]:
        """Objects in the order of their numbers."""
        return self.scene.objects

    @property
    def layout(self) -> Layout:
        """Walls, openings, rooms."""
        return self.scene.layout

    @property
    def scale(self) -> Scale:
        """How lengths relate to metres."""
        return self.scene.scale

    @property
    def quality(self) -> Quality:
        """ "ok" or "degraded", with every loss."""
        return self.scene.quality

    def __getitem__(self, id: str) -> MapObject:
        """The object of an id. Raises InputError E-UNKNOWN-ID with the closest ids."""
        return self.scene.thing(id)

    def frame(self, frame: str | int) -> StoredFrame:
        """A kept frame by name ("f003") or position: picture, depth, intrinsics, pose and `xyz()`.

        Raises:
            InputError: E-NO-FRAMES, E-FRAME.
        """
        position = self._position(frame)
        assert self.scene.frames is not None
        return self.scene.frames[position]

    def _position(self, frame: str | int) -> int:
        """Of a kept frame by its name. Raises InputError E-NO-FRAMES, E-FRAME."""
        position = int(frame[1:]) if isinstance(frame, str) and frame[1:].isdecimal() else frame
        if self.scene.frames is None:
            raise InputError("E-NO-FRAMES", "the map holds no frames.", "Build it from a capture.")
        if not isinstance(position, int) or not 0 <= position < len(self.scene.frames):
            last = len(self.scene.frames) - 1
            raise InputError("E-FRAME", f"there is no frame {frame!r}.", f"Frames are f000 to f{last:03d}.")
        return position

    def match(self, first: str | int, uv: tuple[float, float], second: str | int) -> PixelMatch:
        """Where a pixel (column, row) of a frame is in another, or None and why; see `query.matching.match_pixel`.

        Raises:
            InputError: E-NO-FRAMES, E-FRAME, E-PIXEL.
        """
        from .query.matching import match_pixel

        return match_pixel(self.frame(first), uv, self.frame(second))

    def to_text(
        self, form: str = "metric", *, max_tokens: int | None = None, question: str | None = None, **options: Any
    ) -> str:
        """The map as text for a model.

        Args:
            form: "metric", "grid" (`size`), "layout", "relations" (`about`, `seed`, `most`), "ego" (`frame`, or `at`
                and `heading`), "rationale" (`frame`), "aabb", "facts" (`about`).
            max_tokens: about how much it may cost; what a `question` is about stays, and the text says what was left.
            options: of the form, and `count`, from a text to its tokens, where an estimate is not enough.

        Raises:
            ConfigError: E-OPTION, E-OPTION-RANGE.
        """
        from .prompt.compose import text_of

        return text_of(self.scene, form, max_tokens=max_tokens, question=question, **options)

    def graph(self) -> SceneGraph:
        """Relations between objects, each with its frame of reference and margin; see `cogmap.query.relations`."""
        from .query.relations import scene_graph

        return scene_graph(self.scene)

    def prompt(self, question: str, **options: Any) -> Prompt:
        """A prompt for any model: the map first, the question last; see `cogmap.prompt.compose.prompt_of`.

        >>> m.prompt("Which chair is nearest to the door?", parts=["metric", "bev"]).to_anthropic()  # doctest: +SKIP
        """
        from .prompt.compose import prompt_of

        return prompt_of(self.scene, question, **options)

    def edit(self) -> Edit[CognitiveMap]:
        """Changes to a copy: `m.edit().move("chair_2", dx=1.0).done()`; see `cogmap.counterfactual.Edit`."""
        from .counterfactual import Edit

        return Edit(self.scene, lambda scene: CognitiveMap(scene, self._run))

    def diff(self, other: CognitiveMap) -> tuple[Change, ...]:
        """What is different in another map, by id; see `cogmap.counterfactual.difference`."""
        from .counterfactual import difference

        return difference(self.scene, other.scene)

    def slices(self, axis: str = "z", n: int = 8) -> list[Slice]:
        """Occupied voxels as n pictures along an axis; see `cogmap.render.slices`."""
        from .render.slices import render_slices

        return render_slices(self.scene, axis, n)

    def render(
        self,
        pose: F64,
        what: str = "depth",
        *,
        K: F64 | None = None,
        size: tuple[int, int] | None = None,
        renderer: str = "kernel",
    ) -> Array:
        """The map from a camera pose (4, 4): "depth", "color" or "number"; see `cogmap.render.view.render_view`.

        Intrinsics and size are those of the first frame where they are not given. `renderer` is "kernel" or, where the
        user has it, "pytorch3d".

        Raises:
            InputError: E-NO-VOXELS, and E-NO-FRAMES when neither K and size nor frames are there.
            ConfigError: E-OPTION. MissingDependencyError: E-EXTRA.
        """
        from .interop.pytorch3d import rasterize
        from .render.view import by_kernel, render_view

        renderers = {"kernel": by_kernel, "pytorch3d": rasterize}
        if renderer not in renderers:
            raise ConfigError("E-OPTION", f"there is no renderer {renderer!r}.", "Choose kernel or pytorch3d.")

        if K is None or size is None:
            first = self.frame(0)
            K = first.K if K is None else K
            size = (first.depth.shape[0], first.depth.shape[1]) if size is None else size
        return render_view(self.scene, pose, K, size, what, renderers[renderer])

    @classmethod
    def from_layout(cls, text: str) -> CognitiveMap:
        """A map of `layout` text. Raises InputError E-TEXT-LINE with the number of a bad line."""
        from .config import Config
        from .data.diary import Diary
        from .pipeline import map_boxes
        from .render.text_layout import parse_layout

        return cls(map_boxes(parse_layout(text), Config(), Diary()))

    def to_image(self, form: str = "bev", size_px: int = 896, *, style: str = "schematic") -> bytes:
        """PNG bytes of the map from above, `size_px` square; or SVG bytes of its "plan" or "elevation".

        Args:
            form: "bev", "plan" (from above, with dimensions) or "elevation" (from the side, with heights).
            style: of bev: "schematic", "photo", "height", "occupancy", "ids" (16-bit numbers for programs).

        Raises:
            ConfigError: E-OPTION for another form or style. InputError: E-NO-VOXELS, E-NO-ROOM, E-NO-OBJECTS.
        """
        from .render.bev import render_bev
        from .render.elevation_svg import render_elevation
        from .render.plan_svg import render_plan

        if form == "bev":
            return render_bev(self.scene, size_px, style)
        drawings = {"plan": render_plan, "elevation": render_elevation}
        if form not in drawings:
            raise ConfigError("E-OPTION", f"there is no picture {form!r}.", f"Forms: bev, {', '.join(drawings)}.")
        return drawings[form](self.scene).encode()

    def mark_frames(self, frames: int | Sequence[str | int] = 4) -> dict[str, U8]:
        """Pictures (H, W, 3) uint8 with the numbers of the objects, by frame name.

        Args:
            frames: how many of the keyframes, or which kept frames: ["f003", "f027"].

        Raises:
            InputError: E-NO-FRAMES, E-FRAME.
        """
        from .mapfile.convert import frame_name
        from .render.marked_frames import mark_frame

        asked = self.scene.keyframes[:frames] if isinstance(frames, int) else [self._position(f) for f in frames]
        return {frame_name(f): mark_frame(self.scene, f) for f in asked}

    def report(self, path: str | Path) -> None:
        """Write the one-file HTML report."""
        from .publish import jpeg
        from .render.report_html import render_report

        pictures = [(name, jpeg(rgb)) for name, rgb in self.mark_frames(8).items()] if self.scene.frames else []
        Path(path).write_text(render_report(self.scene, pictures), encoding="utf-8")

    def save(self, path: str | Path, *, overwrite: bool = False, derived: bool = True) -> None:
        """Publish the map folder, with pictures and texts made of it or without.

        Raises:
            OutputError: E-OUTPUT-EXISTS, E-OUTPUT-DENIED; nothing is left half-written.
        """
        from .publish import publish

        publish(self.scene, Path(path), run=self._run, overwrite=overwrite, derived=derived)

    def export(self, to: str, path: str | Path) -> None:
        """Write the map as "ply", "glb", "nerfstudio", "nav2", "spatiallm", "boxes", "coco3d", "mesh" or "rerun".

        Raises:
            ConfigError: E-OPTION. InputError: what the map lacks. MissingDependencyError: E-EXTRA. OutputError.
        """
        from .exporting import export_map

        export_map(self.scene, to, Path(path))

    def set_scale(self, object: str | None = None, **length_m: float) -> CognitiveMap:
        """A copy of the map whose scale follows from one known length.

        >>> m.set_scale("door_1", height=2.03)  # doctest: +SKIP
        >>> m.set_scale(camera_height=1.5)  # doctest: +SKIP

        Args:
            object: id of the known object. length_m: `height`, `length` or `width` of it, or `camera_height`.

        Raises:
            ConfigError: E-OPTION, E-UNKNOWN-ID, E-SCALE-NO-FLOOR.
        """
        from .edit import scale_by_option

        if len(length_m) != 1:
            raise ConfigError("E-OPTION", f"{len(length_m)} lengths were given.", "Give exactly one.")
        (edge, value), *_ = length_m.items()
        name = edge.replace("_", "-") if object is None else f"{object}.{edge}"
        return CognitiveMap(scale_by_option(self.scene, f"{name}={value!r}"), self._run)

    def visibility(self) -> Visibility:
        """What every frame shows of every object: ids (K), and visible shares (K, N) of 0 to 1, below 5 % as 0."""
        share = np.zeros((len(self.objects), len(self.scene.camera_path)))
        for k, thing in enumerate(self.objects):
            for frame, part in thing.seen:
                share[k, frame] = part
        return Visibility(tuple(o.id for o in self.objects), share)

    def free_spots(self, on: str, size: tuple[float, float], height: float = 0.3) -> tuple[Spot, ...]:
        """Free rectangles of a size on an object's top or the "floor"; see `cogmap.query.placement.free_spots`."""
        from .query.placement import free_spots

        return free_spots(self.scene, None if on == "floor" else self[on], size, height)

    def labelled(self, label: str) -> tuple[MapObject, ...]:
        """The objects of a label, in any number and by any of its names: "couches" finds what is called sofa."""
        from .data.nouns import same_thing

        return tuple(o for o in self.objects if o.label and same_thing(o.label) == same_thing(label))

    def find(self, text: str, client: Client | str | None = None) -> tuple[Match, ...]:
        """Objects that fit a description, each with a score of 0 to 1, the best first.

        Args:
            text: names and colours ("red chair"), or with a client anything: "something to sit on".
            client: a vision-language model as for `label`, or None to go by the objects' own names.

        Raises:
            ConfigError: E-OPTION, E-NO-KEY. RemoteError: E-REMOTE, E-REPLY.
        """
        from .clients.choice import open_client
        from .finding import find_by_model, find_by_words

        if client is None:
            return find_by_words(self.scene, text)
        return find_by_model(self.scene, text, open_client(client) if isinstance(client, str) else client)

    @overload
    def count(self, label: str, *, amodal: Literal[False] = False) -> int: ...

    @overload
    def count(self, label: str, *, amodal: Literal[True]) -> AmodalCount: ...

    def count(self, label: str, *, amodal: bool = False) -> int | AmodalCount:
        """How many objects have a label; with `amodal` also how many a pattern implies where no view shows.

        See `cogmap.query.counting.amodal_count`.
        """
        from .query.counting import amodal_count

        things = self.labelled(label)
        return amodal_count(self.scene, things) if amodal else len(things)

    def ask(self, question: str) -> Answer:
        """The answer to a question in words, from geometry: the wording of benchmarks and a few plain ones.

        What no template fits is "unknown": no model is asked. See `cogmap.qa.templates`.
        """
        from .qa.templates import ask

        return ask(self.scene, question)

    def occupancy(self, cell_m: float = 0.1) -> Occupancy:
        """Cells of space: occupied, free or unknown; see `cogmap.query.occupancy.occupancy`."""
        from .query.occupancy import occupancy

        return occupancy(self.scene, cell_m)

    def label(self, client: Client | str, n_frames: int = 8) -> CognitiveMap:
        """A copy of the map whose objects are named by a vision-language model; see `cogmap.naming.name_objects`.

        Args:
            client: a Client, or `openai:URL#MODEL`, `anthropic:MODEL`, `replay:FILE`; or `shape-prior` for guesses from
                size and shape that need no model (`cogmap.naming.guess_names`). n_frames: keyframes to show.

        Raises:
            ConfigError: E-OPTION, E-NO-KEY. InputError: E-NO-FRAMES. RemoteError: E-REMOTE, E-REPLY.
        """
        from .clients.choice import open_client
        from .naming import guess_names, name_objects

        if client == "shape-prior":
            return CognitiveMap(guess_names(self.scene), self._run)
        model = open_client(client) if isinstance(client, str) else client
        return CognitiveMap(name_objects(self.scene, model, n_frames), self._run)

    def align(self) -> CognitiveMap:
        """The map of the same surfaces set upright by their own planes: floor at 0, walls along the axes.

        For maps of scans and boxes that kept a tilted frame; objects are boxed anew.

        Raises:
            InputError: E-NO-VOXELS when the map holds no surfaces.
        """
        from .edit import realigned
        from .publish import rounded

        return CognitiveMap(rounded(realigned(self.scene)), self._run)

    def to_input(self, xyz_map: F64) -> F64:
        """Map points (..., 3) in the input's own frame and unit."""
        from .geometry.rigid import apply

        return apply(np.asarray(np.linalg.inv(self.scene.T_map_input), np.float64), xyz_map)

    def __repr__(self) -> str:
        s = self.scene
        return f"<CognitiveMap {len(s.objects)} objects, scale {s.scale.kind} ({s.scale.source}), {s.quality.status}>"
