"""`map.json`, version 1.2: the published schema, as pydantic models.

Angles are degrees, lengths metres (map units when the scale is relative). Unknown fields of a future
minor version are kept when a map is read and written.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

VERSION = "1.2"

Vec2 = tuple[FiniteFloat, FiniteFloat]
Vec3 = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Row4 = tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
Mat3 = tuple[Vec3, Vec3, Vec3]
Mat4 = tuple[Row4, Row4, Row4, Row4]
Size3 = tuple[
    Annotated[FiniteFloat, Field(gt=0)], Annotated[FiniteFloat, Field(gt=0)], Annotated[FiniteFloat, Field(gt=0)]
]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")


class ScalePart(_Part):
    """How lengths relate to metres."""

    kind: Literal["metric", "relative"]
    source: str
    rel_sigma: Annotated[FiniteFloat, Field(ge=0)]


class ObbPart(_Part):
    """A fully rotated box; columns of the rotation are its axes."""

    center_m: Vec3
    size_m: Size3
    rotation: Mat3


class BoxPart(_Part):
    """An upright box; yaw counter-clockwise from +x in (-90, 90]."""

    center_m: Vec3
    size_m: Size3
    yaw_deg: Annotated[FiniteFloat, Field(gt=-90.0005, le=90.0005)]
    obb: ObbPart | None = None


class SeenPart(_Part):
    """A kept frame and the visible share in it."""

    frame: str
    share: Share


class ObjectPart(_Part):
    """One object."""

    number: Annotated[int, Field(ge=1)]
    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    label: str | None
    labels: list[tuple[str, FiniteFloat, str]] = []
    box: BoxPart
    footprint_m: list[Vec2]
    facing_deg: FiniteFloat | None = None
    color_name: str | None = None
    n_points: Annotated[int, Field(ge=0)] = 0
    seen: list[SeenPart] = []
    first_seen_s: FiniteFloat | None = None
    sigma_m: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    confidence: Share = 1.0
    partial: bool = False
    completed: bool = False


class WallPart(_Part):
    """A wall segment on the floor."""

    id: str
    from_m: Vec2
    to_m: Vec2
    height_m: FiniteFloat
    seen_share: Share


class OpeningPart(_Part):
    """A door or window."""

    number: int
    id: str
    kind: str
    wall: str | None
    center_m: Vec3
    size_m: Size3
    yaw_deg: FiniteFloat


class RoomPart(_Part):
    """A room's outline, area and the share of its floor that was seen."""

    id: str
    polygon_m: list[Vec2]
    area_m2: Annotated[FiniteFloat, Field(ge=0)]
    coverage: Share


class LayoutPart(_Part):
    """Floor, ceiling, walls, openings, rooms."""

    floor_area_m2: FiniteFloat | None = None
    floor_area_range_m2: Vec2 | None = None
    ceiling_height_m: FiniteFloat | None = None
    walls: list[WallPart] = []
    openings: list[OpeningPart] = []
    rooms: list[RoomPart] = []


class FreeSpacePart(_Part):
    """Bird's-eye grid; the first row lies at the smallest y; "." free, "#" occupied, "?" unknown."""

    cell_m: Annotated[FiniteFloat, Field(gt=0)]
    origin_m: Vec2
    rows: list[Annotated[str, Field(pattern=r"^[.#?]*$")]]


class CameraPart(_Part):
    """One kept frame: intrinsics of the stored picture and camera-to-map pose, OpenCV axes."""

    frame: str
    index: int
    time_s: FiniteFloat
    K: Mat3
    T_map_cam: Mat4
    size_px: tuple[int, int] | None = None


class WarningPart(_Part):
    """One loss or assumption; what was measured and expected, for programs, and the option that mends it."""

    code: str
    count: int
    place: str
    effect: str
    severity: Literal["note", "degraded"]
    measured: FiniteFloat | str | None = None
    expected: FiniteFloat | str | None = None
    option: str | None = None


class EditPart(_Part):
    """One change by hand: what, when (UTC), and the hash of the map that it was made from."""

    what: str
    at: str
    from_sha256: str


class QualityPart(_Part):
    """Whether the map is whole, and every loss."""

    status: Literal["ok", "degraded"]
    warnings: list[WarningPart] = []


class FramePart(_Part):
    """The map frame, stated."""

    x: Literal["right"] = "right"
    y: Literal["forward"] = "forward"
    z: Literal["up"] = "up"


class MapFile(_Part):
    """The whole `map.json`."""

    schema_version: Annotated[str, Field(pattern=r"^1\.\d+$")] = VERSION
    units: Literal["m", "relative"]
    frame: FramePart = FramePart()
    scale: ScalePart
    T_map_input: Mat4
    objects: list[ObjectPart]
    layout: LayoutPart = LayoutPart()
    freespace: FreeSpacePart | None = None
    camera_path: list[CameraPart] = []
    keyframes: list[str] = []
    parts: list[dict[str, object]] = []
    tracks: list[dict[str, object]] = []
    quality: QualityPart
    edits: list[EditPart] = []
    provenance: dict[str, str | int | float | None] = {}
    files: dict[str, str] = {}


def json_schema() -> str:
    """The JSON Schema (2020-12) of `map.json`, as text."""
    return json.dumps(MapFile.model_json_schema(), indent=1, sort_keys=True) + "\n"
