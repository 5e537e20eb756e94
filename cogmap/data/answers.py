"""What a question to a map gives back: a value with its unit, error and evidence, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

AnswerStatus = Literal["ok", "ambiguous", "unknown", "scale_unknown"]
Value = float | int | str | bool | tuple[Any, ...] | None


@dataclass(frozen=True)
class Answer:
    """An answer that follows from geometry.

    Attributes:
        query: the name of the query. value: number, word, id, or a tuple of these; None where it is unknown.
        unit: "m", "m2", "deg", "s", "map units", "map units2", or None for what has none.
        sentence: the answer in words. status: "ok"; "ambiguous" (`candidates` are ids that fit); "unknown" (`reason`
            says why); "scale_unknown" (a length of a map without metres: in map units, only ratios mean something).
        sigma: standard error of a number, from boxes and scale. frame: the frame of reference that it holds in.
        ids, frames, points: evidence: entities, positions of kept frames, places in the map frame in metres.
        details: further numbers by name.
    """

    query: str
    value: Value
    unit: str | None
    sentence: str
    status: AnswerStatus = "ok"
    sigma: float | None = None
    frame: str = "world"
    ids: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()
    points: tuple[tuple[float, ...], ...] = ()
    candidates: tuple[str, ...] = ()
    reason: str = ""
    details: dict[str, float] = field(default_factory=dict)

    def __float__(self) -> float:
        """The value, where it is a number."""
        if isinstance(self.value, (int, float)):
            return float(self.value)
        raise TypeError(f"this answer is no number: {self.sentence}")

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data, without what is empty."""
        return {k: v for k, v in vars(self).items() if v not in ((), "", {}, None) or k in ("value", "unit")}


def unknown(query: str, reason: str, *, candidates: tuple[str, ...] = ()) -> Answer:
    """The answer to what the map cannot tell, with the reason."""
    return Answer(query, None, None, f"The map cannot tell: {reason}.", "unknown", reason=reason, candidates=candidates)
