"""Names of kinds of things: singular and plural, and other words for one kind.

The table of synonyms holds words that the label sets of ScanNet, ScanNet++, ARKitScenes and COCO use for one kind.
"""

from __future__ import annotations

import re

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
    "tvs": "tv",
    "buses": "bus",
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


def plural(text: str) -> str:
    """A name for several: only its last word is changed, and never one that is in the plural."""
    if singular(text) != " ".join(text.lower().split()):
        return text
    head, space, last = text.rpartition(" ")
    many = {one: more for more, one in IRREGULAR.items()}.get(last.lower())
    if last.lower() in ALWAYS_S:
        many = last
    elif many is None:
        sibilant = last.lower().endswith(("s", "sh", "ch", "x"))
        to_ies = last.lower().endswith("y") and not last.lower().endswith(("ay", "ey", "oy", "uy"))
        many = f"{last[:-1]}ies" if to_ies else f"{last}{'es' if sibilant else 's'}"
    return f"{head}{space}{many}"


def same_thing(text: str) -> str:
    """One word for all names of a kind of thing: `couches` and `sofa` both give `sofa`."""
    name = singular(text)
    return _CANONICAL.get(name, _CANONICAL.get(text.strip().lower(), name))
