"""The map itself: objects, layout, free floor, cameras, quality."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from .._checks import F64, I32, Array, positive, shaped
from ..errors import InputError
from .frames import FrameStore
from .issues import Issue
from .reconstruction import Scale
from .voxels import Voxels

if TYPE_CHECKING:
    from shapely import Polygon

Status = Literal["ok", "degraded"]
FREE, OCCUPIED, UNKNOWN = 1, 2, 0


@dataclass(frozen=True)
class Obb:
    """A box with a full rotation (3, 3) whose columns are its axes; only imports make it."""

    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]
    rotation: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Box:
    """An upright box: centre, size along its own x, own y and height, yaw about +z from +x in radians.

    The longer floor side is the box's x; yaw lies in (-pi/2, pi/2].
    """

    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]
    yaw: float
    obb: Obb | None = None

    def __post_init__(self) -> None:
        for value in self.size_m:
            positive("box size", value)

    @property
    def floor_corners(self) -> F64:
        """The four corners (4, 2) seen from above, counter-clockwise."""
        from ..geometry.box import corners_xy

        return corners_xy(np.array(self.center_m), np.array(self.size_m), self.yaw)

    @property
    def corners(self) -> F64:
        """The eight corners (8, 3): the bottom four counter-clockwise from above, then the four over them."""
        levels = [np.column_stack([self.floor_corners, np.full(4, z)]) for z in (self.low, self.top)]
        return np.concatenate(levels)

    @property
    def low(self) -> float:
        """Height of the bottom over the floor."""
        return self.center_m[2] - self.size_m[2] / 2

    @property
    def top(self) -> float:
        """Height of the top over the floor."""
        return self.center_m[2] + self.size_m[2] / 2


class _Boxed:
    """What has a box: its outline from above and the heights that it reaches from and to."""

    box: Box

    @property
    def outline(self) -> F64:
        """The corners (4, 2) of its box seen from above."""
        return self.box.floor_corners

    @cached_property
    def polygon(self) -> Polygon:
        """The outline as a polygon, made once; of one that crosses itself the convex hull."""
        from ..geometry.solids import polygon

        return polygon(self.outline)

    @property
    def low(self) -> float:
        """Height of the bottom over the floor."""
        return self.box.low

    @property
    def top(self) -> float:
        """Height of the top over the floor."""
        return self.box.top


@dataclass(frozen=True)
class MapObject(_Boxed):
    """One object of the map; see docs/conventions.md for every field."""

    number: int
    id: str
    label: str | None
    labels: tuple[tuple[str, float, str], ...]
    box: Box
    footprint_map: F64
    facing: float | None
    color_name: str | None
    n_points: int
    seen: tuple[tuple[int, float], ...]
    first_seen_s: float | None
    sigma_m: float
    confidence: float
    partial: bool
    completed: bool = False

    def __post_init__(self) -> None:
        shaped("footprint_map", self.footprint_map, "F", 2)

    @property
    def noun(self) -> str | None:
        """The last word of the label in lower case: "Kitchen Table" is a table; None without a label."""
        words = (self.label or "").lower().split()
        return words[-1] if words else None

    @property
    def outline(self) -> F64:
        """The outline (F, 2) seen from above; the corners of its box where none was measured."""
        return self.footprint_map if len(self.footprint_map) > 2 else self.box.floor_corners

    @property
    def pose(self) -> F64:
        """Object to map (4, 4): origin at the centre of the box, x along its front where it has one, else its length.

        A box with a full rotation and no front keeps that rotation.
        """
        from ..geometry.rigid import about_z, from_rotation

        obb = self.box.obb
        if obb is not None and self.facing is None:
            return from_rotation(np.array(obb.rotation, np.float64), np.array(obb.center_m))
        return from_rotation(about_z(self.box.yaw if self.facing is None else self.facing), np.array(self.box.center_m))

    @property
    def first_seen(self) -> int | None:
        """Position of the first frame that shows it, or None."""
        return self.seen[0][0] if self.seen else None


@dataclass(frozen=True)
class Wall:
    """A wall as a floor segment in metres, its height and the share of it that was seen."""

    id: str
    from_m: tuple[float, float]
    to_m: tuple[float, float]
    height_m: float
    seen_share: float


@dataclass(frozen=True)
class Opening(_Boxed):
    """A door or window in a wall, boxed like an object."""

    number: int
    id: str
    kind: str
    wall: str | None
    box: Box


@dataclass(frozen=True)
class Room:
    """A room: outline (R, 2) counter-clockwise in metres, area, and the share of its floor that was seen."""

    id: str
    polygon_m: F64
    area_m2: float
    coverage: float


@dataclass(frozen=True)
class Layout:
    """Floor, walls, openings and rooms; None where nothing was measured."""

    floor_area_m2: float | None = None
    floor_area_range_m2: tuple[float, float] | None = None
    ceiling_height_m: float | None = None
    walls: tuple[Wall, ...] = ()
    openings: tuple[Opening, ...] = ()
    rooms: tuple[Room, ...] = ()


@dataclass(frozen=True)
class FreeSpace:
    """Bird's-eye grid `cells[iy, ix]` of uint8: 0 unknown, 1 free, 2 occupied; row 0 at the smallest y."""

    cell_m: float
    origin_map: tuple[float, float]
    cells: Array

    def __post_init__(self) -> None:
        shaped("cells", self.cells, "R", "C")


@dataclass(frozen=True)
class CameraPose:
    """One kept frame: K (3, 3) of the stored image, camera-to-map (4, 4), (width, height) of the image in pixels."""

    frame: int
    index: int
    time_s: float
    K: F64
    T_map_cam: F64
    size_px: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        shaped("K", self.K, 3, 3)
        shaped("T_map_cam", self.T_map_cam, 4, 4)


@dataclass(frozen=True)
class Quality:
    """ "ok" or "degraded", and every issue behind it: degraded when one of them is."""

    status: Status
    warnings: tuple[Issue, ...] = ()

    def with_issues(self, *issues: Issue) -> Quality:
        """The same with more issues; the status never gets better."""
        worse = self.status == "degraded" or any(i.severity == "degraded" for i in issues)
        known = [i for i in issues if i not in self.warnings]
        return Quality("degraded" if worse else "ok", (*self.warnings, *known))


@dataclass(frozen=True)
class EditRecord:
    """One change by hand: what, when (UTC), and the hash of the map that it was made from."""

    what: str
    at: str
    from_sha256: str


@dataclass(frozen=True)
class Edge:
    """One relation that holds: `subject` is `relation` of `object` (and of `other`, for "between" and "symmetric").

    Attributes:
        frame: the frame of reference: "world" (x right, y ahead, z up) or "object:ID" (as seen from its front).
        distance_m: smallest gap between the surfaces. margin_m: how far the relation is from not holding.
        sigma_m: standard error of the gap, from both boxes and the scale.
    """

    subject: str
    relation: str
    object: str
    frame: str
    distance_m: float
    margin_m: float
    other: str | None = None
    sigma_m: float = 0.0


@dataclass(frozen=True)
class SceneGraph:
    """The relations of a map, sorted by subject, relation, object, other, frame."""

    edges: tuple[Edge, ...]

    def about(self, id: str) -> tuple[Edge, ...]:
        """The edges that name an id."""
        return tuple(e for e in self.edges if id in (e.subject, e.object, e.other))


@dataclass(frozen=True)
class SceneMap:
    """A whole map in the map frame: z up, floor at 0, metres unless the scale is relative."""

    objects: tuple[MapObject, ...]
    layout: Layout
    freespace: FreeSpace | None
    voxels: Voxels | None
    object_of_voxel: I32 | None
    camera_path: tuple[CameraPose, ...]
    keyframes: tuple[int, ...]
    frames: FrameStore | None
    scale: Scale
    T_map_input: F64
    quality: Quality
    provenance: dict[str, str | int | float | None] = field(default_factory=dict)
    parts: tuple[dict[str, object], ...] = ()
    tracks: tuple[dict[str, object], ...] = ()
    edits: tuple[EditRecord, ...] = ()

    def __post_init__(self) -> None:
        shaped("T_map_input", self.T_map_input, 4, 4)
        ids = [o.id for o in self.objects] + [o.id for o in self.layout.openings]
        if len(set(ids)) != len(ids):
            raise InputError("E-MAP-IDS", "two objects share an id.", "Give every object its own id.")

    def said(self, code: str) -> bool:
        """Whether a warning was raised."""
        return any(w.code == code for w in self.quality.warnings)

    @property
    def floor_seen(self) -> bool:
        """Whether height 0 is a floor that was seen."""
        return not self.said("W-FLOOR-NOT-SEEN")

    def thing(self, id: str) -> MapObject:
        """The object of an id. Raises InputError E-UNKNOWN-ID with the closest ids."""
        import difflib

        for thing in self.objects:
            if thing.id == id:
                return thing
        ids = [o.id for o in self.objects]
        close = difflib.get_close_matches(id, ids, 3) or ids[:8]
        raise InputError("E-UNKNOWN-ID", f"there is no object {id!r}.", f"Did you mean {', '.join(close)}?")

    def entity(self, id: str) -> MapObject | Opening | Room | Wall:
        """The object, opening, room or wall of an id. Raises LookupError where there is none."""
        layout = self.layout
        entities: list[MapObject | Opening | Room | Wall] = [
            *self.objects,
            *layout.openings,
            *layout.rooms,
            *layout.walls,
        ]
        for entity in entities:
            if entity.id == id:
                return entity
        raise LookupError(id)

    def camera(self, frame: int) -> CameraPose:
        """The camera of a kept frame. Raises InputError E-NO-FRAMES without any, E-FRAME for one that is not there."""
        if not self.camera_path:
            raise InputError("E-NO-FRAMES", "the map holds no cameras.", "Build it from a capture.")
        if not 0 <= frame < len(self.camera_path):
            last = len(self.camera_path) - 1
            raise InputError("E-FRAME", f"there is no frame {frame}.", f"Frames are 0 to {last}.")
        return self.camera_path[frame]
