"""What to look for: a user's list of things, in the singular, with the other words for each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigError

SAME = (
    ("sofa", "couch", "settee"),
    ("tv", "television", "tv screen"),
    ("refrigerator", "fridge"),
    ("bin", "trash can", "trash bin", "garbage can", "wastebasket", "dustbin"),
    ("shelf", "bookshelf", "bookcase", "shelves"),
    ("cabinet", "cupboard"),
    ("wardrobe", "closet"),
    ("monitor", "computer monitor", "computer screen"),
    ("nightstand", "bedside table", "night table"),
    ("washer", "washing machine"),
    ("stove", "cooker"),
    ("picture", "painting", "photo frame"),
    ("plant", "potted plant", "houseplant"),
    ("curtain", "drape"),
    ("lamp", "light"),
)
IRREGULAR = {
    "bookshelves": "bookshelf",
    "shelves": "shelf",
    "knives": "knife",
    "people": "person",
    "mice": "mouse",
    "children": "child",
}
ALWAYS_S = ("glasses", "scissors", "trousers", "stairs", "headphones", "books", "shoes", "clothes", "jeans")
_CANONICAL = {word: row[0] for row in SAME for word in row}


def singular(text: str) -> str:
    """A lower-case name in the singular: only its last word is changed, and never one that is always plural."""
    words = re.sub(r"\s+", " ", text.strip().lower()).split(" ")
    last = words[-1]
    if last in ALWAYS_S:
        return " ".join(words)
    if last in IRREGULAR:
        return " ".join([*words[:-1], IRREGULAR[last]])
    for ending, instead in (("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("sses", "ss"), ("ies", "y")):
        if last.endswith(ending) and len(last) > len(ending) + 1:
            return " ".join([*words[:-1], last[: -len(ending)] + instead])
    if last.endswith("s") and not last.endswith(("ss", "us", "is")) and len(last) > 3:
        last = last[:-1]
    return " ".join([*words[:-1], last])


def same_thing(text: str) -> str:
    """One word for all names of a kind of thing: `couches` and `sofa` both give `sofa`."""
    name = singular(text)
    return _CANONICAL.get(name, _CANONICAL.get(text.strip().lower(), name))


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
