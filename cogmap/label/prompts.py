"""What to look for: a user's list of things, in the singular, with the other words for each."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.nouns import singular
from ..errors import ConfigError


@dataclass(frozen=True)
class Prompts:
    """What a detector is asked for.

    Attributes:
        texts: every wording, the user's and its synonyms. names: what a find by that wording is called: the user's
            first word for the thing, in the singular.
    """

    texts: tuple[str, ...]
    names: tuple[str, ...]


def parse_objects(text: str) -> Prompts:
    """The prompts of `chairs, sofa|couch, tv`: commas between things, bars between words for one.

    Raises:
        ConfigError: E-OBJECTS when nothing is named, or a name is longer than 60 characters.
    """
    texts: list[str] = []
    names: list[str] = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        words = [singular(w) for w in part.split("|") if w.strip()]
        if not words or max(map(len, words)) > 60:
            raise ConfigError("E-OBJECTS", f"{part[:60]!r} names no thing.", 'Write --objects "chair, sofa|couch".')
        for word in words:
            if word not in texts:
                texts.append(word)
                names.append(words[0])
    if not texts:
        raise ConfigError("E-OBJECTS", "no objects are named.", 'Write --objects "chair, table, door".')
    return Prompts(tuple(texts), tuple(names))
