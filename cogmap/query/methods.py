"""The queries as methods of a map; each is one of `cogmap.query.table.QUERIES`."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.answers import Answer
from ..data.scene import SceneMap
from .sides import Viewpoint

Place = str | Sequence[float]


class Asked:
    """What `CognitiveMap` answers from its scene. Names may be ids, numbers (`#3`) or labels; see `docs/queries.md`."""

    scene: SceneMap

    def query(self, name: str, /, **arguments: object) -> Answer:
        """Any query by its name. Raises InputError E-ARGUMENT, E-QUERY with the closest names."""
        import difflib

        from ..errors import InputError
        from .table import QUERIES

        if name not in QUERIES:
            close = difflib.get_close_matches(name, QUERIES, 3) or list(QUERIES)
            raise InputError("E-QUERY", f"there is no query {name!r}.", f"Choose {', '.join(close)}.")
        return QUERIES[name].call(self.scene, **arguments)

    def size(self, name: str, edge: str = "longest") -> Answer:
        """An edge of a thing's box in metres: "longest", "length", "width" or "height"."""
        return self.query("size", name=name, edge=edge)

    def distance(self, a: Place, b: Place, mode: str = "surface") -> Answer:
        """Metres between two things or places: "surface", "center" or along the free "floor"."""
        return self.query("distance", a=a, b=b, mode=mode)

    def depth(self, frame: str | int, name: str) -> Answer:
        """Metres from a frame's camera along its view to the middle of a thing's box."""
        return self.query("depth", frame=frame, name=name)

    def area(self, name: str | None = None) -> Answer:
        """Square metres of the floor, a room, or what a thing covers."""
        return self.query("area", name=name)

    def height(self, name: str | None = None) -> Answer:
        """Metres from the floor to the ceiling, or to the top of a thing."""
        return self.query("height", name=name)

    def relation(self, a: str, b: str, frame: str = "world") -> Answer:
        """How a lies to b in a named frame of reference; see `query.sides.relation`."""
        return self.query("relation", a=a, b=b, frame=frame)

    def view_from(self, at: Place, facing: Place | None = None, heading_deg: float | None = None) -> Viewpoint | Answer:
        """An imagined viewer: `m.view_from("sofa_1", facing="tv_1").direction("door_1")`."""
        from .sides import view_from

        return view_from(self.scene, at, facing, heading_deg)

    def nearest(self, to: Place, label: str | None = None, k: int = 1) -> Answer:
        """The k things nearest to a place by the gap between surfaces."""
        return self.query("nearest", to=to, label=label, k=k)

    def within(self, of: Place, radius_m: float, label: str | None = None) -> Answer:
        """The things within a radius."""
        return self.query("within", of=of, radius_m=radius_m, label=label)

    def what_is_at(self, *point: float) -> Answer:
        """What stands at a point (x, y) or (x, y, z)."""
        return self.query("what_is_at", point=point)

    def appearance_order(self, names: Sequence[str]) -> Answer:
        """Names of things or kinds in the order in which they were first seen."""
        return self.query("appearance_order", names=list(names))

    def camera_motion(self, first: str | int, second: str | int) -> Answer:
        """The camera's step and turn between two frames, as the first sees it."""
        return self.query("camera_motion", first=first, second=second)

    def route(self, a: Place, b: Place, radius: float = 0.25) -> Answer:
        """The shortest way over the free floor for a round body: metres, points, turns in words."""
        return self.query("route", a=a, b=b, radius=radius)

    def refer(self, text: str, frame: str = "world") -> Answer:
        """The object that a description means, and all candidates where several fit."""
        return self.query("refer", text=text, frame=frame)

    def solve(self, steps: Sequence[str]) -> tuple[Answer, tuple[Answer, ...]]:
        """A chain of steps: the last answer, and every step's own."""
        from .referring import solve

        return solve(self.scene, steps)
