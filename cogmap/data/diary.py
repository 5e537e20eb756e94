"""What is noted while a map is built: what went wrong, how long each stage took, how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from .issues import Issue

OnProgress = Callable[[str, int, int], None]
STAGES = (
    "open", "choose frames", "check", "reconstruct", "movers", "align", "fuse", "agree", "holes", "surfaces",
    "instances", "visibility", "boxes", "layout",
)  # fmt: skip


@dataclass
class Diary:
    """Losses and seconds by stage, gathered while a map is built.

    `on_progress` is called at the end of every stage with its name, how many stages are behind it, and how many there
    are; what it raises ends the build.
    """

    losses: list[Issue] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    on_progress: OnProgress | None = None
    _since: float = field(default_factory=time.perf_counter)

    def done(self, stage: str, losses: Iterable[Issue] = ()) -> None:
        """Note the end of a stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
        self.losses += list(losses)
        if self.on_progress is not None and stage in STAGES:
            self.on_progress(stage, STAGES.index(stage) + 1, len(STAGES))

    def copy(self) -> Diary:
        """What is noted so far, to go on from twice."""
        return replace(self, losses=list(self.losses), seconds=dict(self.seconds))
