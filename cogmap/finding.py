"""Which objects fit a description: by their own words, or as a vision-language model judges."""

from __future__ import annotations

import re
from typing import NamedTuple

from .clients.base import Ask, Client
from .data.nouns import same_thing
from .data.scene import MapObject, SceneMap
from .errors import RemoteError
from .label.shape_prior import SOURCE
from .naming import png
from .render.marked_frames import mark_frame
from .render.text_metric import clean_label
from .stages.colour import COLORS

LINE = re.compile(r"\s*(?:[-*]\s*)?#?(\d{1,6})\s*[:.)\-]\s*(\d{1,3})\s*%?\s*")
MOST_FRAMES = 4
NOTHING = ("", "none", "nothing")


class Match(NamedTuple):
    """An object and how well it fits, 0 to 1."""

    thing: MapObject
    score: float


def find_by_words(scene: SceneMap, text: str) -> tuple[Match, ...]:
    """Objects whose names are all words of a description but its colours, the best first.

    A name counts with its share of the votes; a colour in the description halves what is of another colour. Guesses by
    shape are no names.
    """
    words = re.findall(r"[\w-]+", text.lower())
    asked = {same_thing(" ".join(words[a:b])) for a in range(len(words)) for b in range(a + 1, len(words) + 1)}
    colours = {name for name in COLORS if name in text.lower()}
    found = []
    for thing in scene.objects:
        named = [score for name, score, source in thing.labels if source != SOURCE and same_thing(name) in asked]
        if named:
            found.append(Match(thing, max(named) * (0.5 if colours and thing.color_name not in colours else 1.0)))
    return tuple(sorted(found, key=lambda m: (-m.score, m.thing.number)))


def find_by_model(scene: SceneMap, text: str, client: Client) -> tuple[Match, ...]:
    """Objects that a model gives more than 0 of 100 points for a description, the best first.

    It is shown at most four marked keyframes, where the map holds any, and a line about every object.

    Raises:
        RemoteError: the service fails, or no line of its reply is a number and its points (E-REPLY).
    """
    frames = scene.keyframes[:MOST_FRAMES] if scene.frames is not None else ()
    reply = client.answer(Ask(question(scene, text), tuple(png(mark_frame(scene, f)) for f in frames)))
    by_number = {o.number: o for o in scene.objects}
    points: dict[int, int] = {}
    for line in filter(str.strip, reply.splitlines()):
        match = LINE.fullmatch(line)
        if match and int(match[1]) in by_number and int(match[2]) <= 100:
            points.setdefault(int(match[1]), int(match[2]))
    if not points and reply.strip().lower().strip(".") not in NOTHING:
        raise RemoteError("E-REPLY", "no line of the reply rates an object.", "Choose a model that follows the form.")
    ranked = sorted(points.items(), key=lambda p: (-p[1], p[0]))
    return tuple(Match(by_number[n], p / 100) for n, p in ranked if p > 0)


def question(scene: SceneMap, text: str) -> str:
    """What the model is asked about a description."""
    rows = []
    for o in scene.objects:
        size = " x ".join(f"{v:.2f}" for v in o.box.size_m)
        rows.append(f"{o.number}: {clean_label(o.label or 'unknown')}, {o.color_name or 'no colour'}, {size}")
    return (
        "The pictures show numbered things of one place. They are, with colour and length x width x height:\n"
        + "\n".join(rows)
        + f'\nHow well does each fit this description: "{clean_label(text)}"?\n'
        "Answer with one line for each thing that fits at all and nothing else, in this form:\n"
        "NUMBER: points from 0 to 100\n"
        "Write none when nothing fits."
    )
