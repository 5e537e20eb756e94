"""Items of a benchmark answered from maps: a question with its options in, a letter or a number out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..data.answers import Answer, unknown
from ..data.nouns import same_thing
from ..data.scene import SceneMap
from ..errors import InputError
from .solvers import measures_name
from .templates import parse

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OPTION = re.compile(r"^\s*\(?([A-Za-z])\s*[.):]\s*(.*?)\s*$", re.DOTALL)


class Item(BaseModel):
    """A question: `options` are texts with or without their letters, or None; `scene` names a map of a folder."""

    model_config = ConfigDict(extra="allow")
    id: str | int
    question: str
    question_type: str | None = None
    options: list[str] | None = None
    scene: str | None = None
    answer: str | float | int | bool | None = None

    @property
    def is_number(self) -> bool:
        """Whether the truth is a number."""
        return isinstance(self.answer, (int, float)) and not isinstance(self.answer, bool)


def read_items(path: Path) -> Iterator[Item]:
    """The items of a JSONL file. Raises InputError E-ITEMS with the number of the first line that is none."""
    for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield Item.model_validate(json.loads(line))
        except (ValueError, ValidationError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise InputError("E-ITEMS", f"line {n} is no item: {first}.", "One JSON object a line.", path) from error


def answer_item(scene: SceneMap, item: Item) -> dict[str, Any]:
    """The answer line of an item: `answer` is a letter, a word, or a number in the question's own unit (centimetres for
    sizes); `value` and `unit` are SI; None with a `reason` where the map or the wording does not tell."""
    parsed = parse(item.question)
    found = unknown("ask", "no template fits this question") if parsed is None else parsed.solve(scene)
    row: dict[str, Any] = {"id": item.id, "answer": None, "value": found.value, "unit": found.unit,
                           "evidence": list(found.ids), "status": found.status}  # fmt: skip
    if found.frames:
        row["frames"] = list(found.frames)
    if found.value is None or parsed is None:
        return {**row, "reason": found.reason or found.sentence}
    if item.options:
        letter = chosen(found, item.options)
        reason = {} if letter else {"reason": f"no option says {found.value!r}"}
        return {**row, "answer": letter, **reason, **({} if letter else {"status": "unknown"})}
    if isinstance(found.value, bool):
        return {**row, "answer": "yes" if found.value else "no"}
    if isinstance(found.value, (int, float)):
        whole = isinstance(found.value, int)
        return {**row, "answer": found.value if whole else round(found.value * parsed.per_si, 4)}
    return {**row, "answer": ", ".join(found.value) if isinstance(found.value, tuple) else found.value}


def chosen(found: Answer, options: list[str]) -> str | None:
    """The letter of the option that says the value: the same words, the same list, or the nearest number."""
    texts = [option_text(o, k) for k, o in enumerate(options)]
    value = found.value
    if isinstance(value, tuple):
        wanted = [_word(str(v)) for v in value]
        fits = [k for k, t in enumerate(texts) if [_word(p) for p in t.split(",")] == wanted]
    elif isinstance(value, bool):
        fits = [k for k, t in enumerate(texts) if _word(t) == ("yes" if value else "no")]
    elif isinstance(value, (int, float)):
        return _nearest_number(float(value), texts)
    else:
        fits = [k for k, t in enumerate(texts) if _word(t) == _word(str(value))]
    return LETTERS[fits[0]] if len(fits) == 1 else None


def option_text(option: str, position: int) -> str:
    """An option without its letter, where the letter is that of its place."""
    match = OPTION.match(option)
    return match[2] if match and match[1].upper() == LETTERS[position] else option.strip()


def _nearest_number(value: float, texts: list[str]) -> str | None:
    found = [re.search(r"-?\d+(?:\.\d+)?", t) for t in texts]
    numbers = [abs(float(m[0]) - value) for m in found if m]
    if len(numbers) != len(texts) or numbers.count(min(numbers)) > 1:
        return None
    return LETTERS[numbers.index(min(numbers))]


def _word(text: str) -> str:
    return same_thing(measures_name(text.strip().lower().rstrip(".")))


def written(rows: list[dict[str, Any]]) -> str:
    """Rows as JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
