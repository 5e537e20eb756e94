"""What a reconstructor gives: windows of frames with depth, cameras and a scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from .._checks import F32, F64, I32, U8, shaped
from ..errors import InputError
from .issues import Issue

SURE = 0.03
ScaleKind = Literal["metric", "relative"]


@dataclass(frozen=True)
class Scale:
    """How lengths relate to metres.

    Attributes:
        kind: "metric" or "relative" (then lengths are map units).
        source: "sensor", "model", "known-object", "camera-height", "assumed", "import" or "none".
        rel_sigma: relative standard error of the scale; 0 when there is none to state.
    """

    kind: ScaleKind
    source: str
    rel_sigma: float

    def __post_init__(self) -> None:
        if self.kind not in ("metric", "relative") or not 0 <= self.rel_sigma < 10:
            raise InputError("E-SCALE", f"not a scale: {self.kind}, {self.rel_sigma}.", "See docs/conventions.md.")

    @property
    def unit(self) -> str:
        """What lengths are called: "m", or "map units"."""
        return "m" if self.kind == "metric" else "map units"

    @property
    def rough(self) -> bool:
        """Whether lengths are about what they say: their error is above 3 %."""
        return self.rel_sigma > SURE

    @property
    def hundredth(self) -> str:
        """What a hundredth of the unit is called: "cm", or "hundredths of a map unit"."""
        return "cm" if self.kind == "metric" else "hundredths of a map unit"


@dataclass(frozen=True)
class Window:
    """A few frames as arrays; lengths in the unit of the reconstruction's world.

    Attributes:
        rgb: (N, H, W, 3) uint8.
        depth: (N, H, W) float32 z-depth, 0 = unknown. confidence: (N, H, W) float32, raw.
        K: (N, 3, 3). T_world_cam: (N, 4, 4) float64.
        index: (N,) int32 positions in the source. time_s: (N,) float64.
        instance_id: (N, H, W) int32, 0 = none, or None.
        picture: (N, H', W', 3) uint8, the same views in more pixels, for people and models, or None.
        part: number of the connected part these frames belong to; every part has a world of its own.
    """

    rgb: U8
    depth: F32
    confidence: F32
    K: F64
    T_world_cam: F64
    index: I32
    time_s: F64
    instance_id: I32 | None = None
    picture: U8 | None = None
    part: int = 0

    def __post_init__(self) -> None:
        n = shaped("rgb", self.rgb, "N", "H", "W", 3)
        size = (n["N"], n["H"], n["W"])
        shaped("depth", self.depth, *size)
        shaped("confidence", self.confidence, *size)
        shaped("K", self.K, n["N"], 3, 3)
        shaped("T_world_cam", self.T_world_cam, n["N"], 4, 4)
        shaped("index", self.index, n["N"])


@dataclass(frozen=True)
class Correction:
    """What is known of all frames only when the last one is: `moves` (N, 4, 4), a similarity of the world for each
    frame in their order, or None; and figures for the provenance."""

    moves: F64 | None
    told: dict[str, str | int | float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Reconstruction:
    """Windows in the order of their frames, read once, and what is known of the whole.

    Attributes:
        windows: iterator of windows.
        scale: scale of the world's unit.
        up_world: (3,) unit vector or None when it must be found.
        rel_noise: standard error of a depth as a share of it.
        losses: what was dropped on the way.
        provenance: names, versions and figures worth keeping.
        late_losses: called after the last window: what turned out damaged or missing only then.
        corrected: called after the last window: how frames move once loops are closed.
    """

    windows: Iterator[Window]
    scale: Scale
    up_world: F64 | None = None
    rel_noise: float = 0.005
    losses: tuple[Issue, ...] = ()
    provenance: dict[str, str | int | float | None] = field(default_factory=dict)
    late_losses: Callable[[], tuple[Issue, ...]] = tuple
    corrected: Callable[[], Correction | None] = lambda: None
