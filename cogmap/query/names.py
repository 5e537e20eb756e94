"""Which entities of a map a name means: ids, numbers, labels in any number and by any of their names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ..data.nouns import same_thing, singular
from ..data.scene import MapObject, Opening, Room, SceneMap, Wall

Entity = MapObject | Opening | Room | Wall
ARTICLES = re.compile(r"^(?:the|a|an|this|that|my|your)\s+", re.IGNORECASE)
LEAST_SCORE = 0.2


def bare(text: str) -> str:
    """A name without article, quotes and spaces at its ends."""
    return ARTICLES.sub("", text.strip().strip("\"'.?! ")).strip()


def resolve(scene: SceneMap, name: str) -> tuple[Entity, ...]:
    """The entities that a name means, in the order of the map; empty where nothing is called so.

    In this order: an id; a number (`#3`, `3`); a label in any number; another word for a label; a label that other
    votes gave. The first that fits something decides, so that a monitor is no tv where there are both.
    """
    text = bare(name)
    try:
        return (scene.entity(text.lower().replace(" ", "_")),)
    except LookupError:
        pass
    everything: list[MapObject | Opening] = [*scene.objects, *scene.layout.openings]
    number = re.fullmatch(r"#?(\d+)|(?:object|number)\s*#?(\d+)", text.lower())
    if number:
        wanted = int(number[1] or number[2])
        return tuple(e for e in everything if e.number == wanted)
    word, kind = singular(text), same_thing(text)
    for one_name, wanted_name in ((singular, word), (same_thing, kind)):
        found = tuple(e for e in everything if (label := _label(e)) and one_name(label) == wanted_name)
        if found:
            return found
    if word in ("room", "wall"):
        return tuple(scene.layout.rooms) if word == "room" else tuple(scene.layout.walls)
    return tuple(o for o in scene.objects if any(same_thing(t) == kind and s >= LEAST_SCORE for t, s, _ in o.labels))


def boxes_of(scene: SceneMap, name: str) -> list[MapObject | Opening]:
    """The boxed things that a name means."""
    return [e for e in resolve(scene, name) if isinstance(e, (MapObject, Opening))]


def closest(scene: SceneMap, name: str) -> tuple[str, ...]:
    """Names of the map that look like a name that nothing bears."""
    names = {o.id for o in scene.objects} | {label for o in scene.objects if (label := o.label)}
    return tuple(difflib.get_close_matches(bare(name).lower(), sorted(names), 3))


def _label(entity: MapObject | Opening) -> str | None:
    return entity.label if isinstance(entity, MapObject) else entity.kind


def ids(entities: Iterable[Entity]) -> tuple[str, ...]:
    """Their ids."""
    return tuple(e.id for e in entities)


def called(entity: Entity) -> str:
    """How a sentence calls an entity: its label where it has one, with its id."""
    label = entity.label if isinstance(entity, MapObject) else None
    return f"the {label} ({entity.id})" if label else entity.id
