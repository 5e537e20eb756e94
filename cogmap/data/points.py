"""Points that come without cameras: scans and labelled clouds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .._checks import F64, I32, U8, shaped
from .issues import Issue


@dataclass(frozen=True)
class PointCloud:
    """A scan in its own frame.

    Attributes:
        xyz_input: (P, 3) float64, metres, the file's own axes turned z up.
        rgb: (P, 3) uint8 or None.
        instance_id: (P,) int32, 0 = none, or None.
        instance_labels: text behind id 1, 2, ...
        unit: what the file says of its lengths: "m", "cm", "mm", "ft", "relative", or None.
        issues: what was noticed while it was read.
    """

    xyz_input: F64
    rgb: U8 | None = None
    instance_id: I32 | None = None
    instance_labels: tuple[str, ...] = ()
    unit: str | None = None
    issues: tuple[Issue, ...] = ()

    def __post_init__(self) -> None:
        n = shaped("xyz_input", self.xyz_input, "P", 3)["P"]
        if self.rgb is not None:
            shaped("rgb", self.rgb, n, 3)
        if self.instance_id is not None:
            shaped("instance_id", self.instance_id, n)


@dataclass(frozen=True)
class GivenBox:
    """A box from outside, in the file's frame and unit.

    Attributes:
        label: text or None. center_m, size_m: (3,) middle and full extents along its own axes.
        yaw_deg: turn about the up axis, or None. rotation: (3, 3) whose columns are its axes, or None.
        facing_deg: direction of its front about the up axis, or None. id: its own id, or None.
    """

    label: str | None
    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]
    yaw_deg: float | None = None
    rotation: tuple[tuple[float, float, float], ...] | None = None
    facing_deg: float | None = None
    id: str | None = None


@dataclass(frozen=True)
class GivenBoxes:
    """A list of boxes and, where the file has one, a layout in the form of `map.json`.

    `unit` and `issues` as of a PointCloud. `counts`: how many of a label the file counts where that is not the number
    of its boxes.
    """

    boxes: tuple[GivenBox, ...]
    layout: dict[str, Any] = field(default_factory=dict)
    unit: str | None = None
    issues: tuple[Issue, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
