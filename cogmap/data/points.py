"""Points that come without cameras: scans and labelled clouds."""

from __future__ import annotations

from dataclasses import dataclass

from .._checks import F64, I32, U8, shaped


@dataclass(frozen=True)
class PointCloud:
    """A scan in its own frame.

    Attributes:
        xyz_input: (P, 3) float64, metres, the file's own axes turned z up.
        rgb: (P, 3) uint8 or None.
        instance_id: (P,) int32, 0 = none, or None.
        instance_labels: text behind id 1, 2, ...
    """

    xyz_input: F64
    rgb: U8 | None = None
    instance_id: I32 | None = None
    instance_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = shaped("xyz_input", self.xyz_input, "P", 3)["P"]
        if self.rgb is not None:
            shaped("rgb", self.rgb, n, 3)
        if self.instance_id is not None:
            shaped("instance_id", self.instance_id, n)
