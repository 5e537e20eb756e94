"""What a capture hands over: frames one by one, and how its numbers are to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from .._checks import F32, F64, I32, U8, Bool, shaped
from .issues import Issue


@dataclass(frozen=True)
class SourceReport:
    """The five answers that every source gives, and what was noticed while opening it.

    Attributes:
        kind: the reader that took the source, e.g. "video" or "sevenscenes".
        camera_convention: axes of the camera as stored in the source.
        pose_direction: "camera-to-world", "world-to-camera" or "none".
        depth_unit_m: metres per stored depth unit, or None without depth.
        scale_source: "sensor", "none" or what the source claims.
        gravity_source: "sensor", "user", "none".
        notes: (code, count, place, effect) of everything that was dropped, turned or assumed.
    """

    kind: str
    camera_convention: str = "opencv"
    pose_direction: str = "none"
    depth_unit_m: float | None = None
    scale_source: str = "none"
    gravity_source: str = "none"
    notes: tuple[Issue, ...] = ()


@dataclass(frozen=True)
class CaptureFrame:
    """One frame: upright, pinhole, sRGB.

    Attributes:
        index: position in the source, from 0.
        time_s: presentation time in seconds.
        rgb: (H, W, 3) uint8.
        depth_m: (h, w) float32 z-depth in metres, 0 where unknown, or None.
        K: (3, 3) of `rgb`, pixels, or None. K_depth: (3, 3) of `depth_m`.
        T_rgb_depth: (4, 4) depth-camera points to colour-camera points.
        T_input_cam: (4, 4) camera to the input's world; of the depth camera where there is one.
        instance_id: (h, w) int32 on the depth's pixels, 0 = none, or None.
        usable: (H, W) bool, False where the picture holds nothing (alpha 0), or None when all of it counts.
        name: the file or stream position the frame came from.
    """

    index: int
    time_s: float
    rgb: U8
    depth_m: F32 | None = None
    K: F64 | None = None
    K_depth: F64 | None = None
    T_rgb_depth: F64 | None = None
    T_input_cam: F64 | None = None
    instance_id: I32 | None = None
    usable: Bool | None = None
    name: str = ""

    def __post_init__(self) -> None:
        shaped(f"rgb of {self.name or self.index}", self.rgb, "H", "W", 3)


THUMBNAIL_PX = 160


@dataclass(frozen=True)
class Thumbnail:
    """A frame made small: position, time in seconds, grey (h, w) uint8 its long side 160 pixels."""

    index: int
    time_s: float
    grey: U8


@dataclass(frozen=True)
class Capture:
    """Lazy access to the frames of one source.

    Attributes:
        path: the source as given.
        n_frames: how many frames the source holds.
        report: how the source is to be read.
        frames: called with ascending indices (or None for all), yields those frames in that order.
        posed: whether every frame has `T_input_cam`; has_depth: whether it has `depth_m`.
        ordered: whether neighbours in the list are neighbours in time.
        gravity_input: (3,) up direction in the input's world where a sensor gives it.
        instance_labels: text behind instance id 1, 2, ...
        thumbnails: a cheaper way through all frames for choosing some of them, or None.
        positions: (N, 3) of the cameras in the input's world, where they are known without reading frames.
        late_losses: called after frames were read: what turned out damaged or missing only then.
    """

    path: str
    n_frames: int
    report: SourceReport
    frames: Callable[[Sequence[int] | None], Iterator[CaptureFrame]]
    posed: bool = False
    has_depth: bool = False
    ordered: bool = True
    gravity_input: F64 | None = None
    instance_labels: tuple[str, ...] = field(default=())
    thumbnails: Callable[[], Iterator[Thumbnail]] | None = None
    positions: F64 | None = None
    late_losses: Callable[[], tuple[Issue, ...]] = tuple
