"""Scores of answers by the rules that evaluators use, each to the letter, named in every report.

Three rule sets score the same replies differently: "official" (thinking-in-space, 51e089c3) reads the first word,
"lmms-eval" (75571cfe) the first number anywhere, "vlmevalkit" (e8e78f05) a tag, else the last number.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ConfigError

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
RULES = ("official", "lmms-eval", "vlmevalkit")
CHOICE = (
    "object_rel_distance", "object_rel_direction_easy", "object_rel_direction_medium", "object_rel_direction_hard",
    "route_planning", "obj_appearance_order",
)  # fmt: skip
NUMBER = ("object_counting", "object_abs_distance", "object_size_estimation", "room_size_estimation")
LEVELS = ("object_rel_direction_easy", "object_rel_direction_medium", "object_rel_direction_hard")
COUNTED = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
WORDS = {word: number for number, word in enumerate(COUNTED)}
ANY_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Report:
    """What a set of answers is worth under one set of rules.

    Attributes:
        overall: mean of the types, direction's three levels as one. by_type: accuracy, or mean relative accuracy.
        unparsed: replies without an answer in them. n: items. others: the overall score under the other rule sets.
        rmse: root mean square error of the numbers by type; a reply without one counts as 0.
        chance_adjusted: accuracy of choices by type, 0 for chance and 1 for all right.
    """

    rules: str
    overall: float | None
    by_type: dict[str, float]
    unparsed: int
    n: int
    others: dict[str, float | None] = field(default_factory=dict)
    rmse: dict[str, float] = field(default_factory=dict)
    chance_adjusted: dict[str, float] = field(default_factory=dict)


def score(items: Sequence[Mapping[str, Any]], answers: Mapping[Any, str], rules: str = "official") -> Report:
    """Score replies by item id.

    Args:
        items: with `id`, `question_type`, `answer` (the truth: a letter or a number) and `options` or None.
        answers: the text of each reply; an item without one counts as unparsed and wrong.

    Raises:
        ConfigError: E-OPTION for rules that are not one of `RULES`.
    """
    if rules not in RULES:
        raise ConfigError("E-OPTION", f"there are no rules {rules!r}.", f"Choose {', '.join(RULES)}.")
    overall, by_type, unparsed = _scored(items, answers, rules)
    others = {other: _scored(items, answers, other)[0] for other in RULES if other != rules}
    return Report(rules, overall, by_type, unparsed, len(items), others, _rmse(items, answers, rules),
                  _adjusted(items, by_type))  # fmt: skip


def score_reply(reply: str, truth: str | float, options: Sequence[str] | None = None, rules: str = "official") -> float:
    """0 to 1 for one reply: right or wrong for a choice, mean relative accuracy for a number; 0 if unreadable."""
    if options:
        return float((choice_in(reply, len(options), rules) or "").lower() == str(truth).strip().lower())
    if not _is_number(truth):
        return float(word_in(reply) == str(truth).strip().lower())
    number = number_in(reply, rules)
    return 0.0 if number is None else relative_accuracy(number, float(truth), rules)


def word_in(reply: str) -> str | None:
    """The word that a reply gives, in lower case: what it tags as its answer, else its first; or None. Ours: none of
    the benchmarks whose rules these are asks for words."""
    text = _after_thinking(reply)
    tag = re.findall(r"<answer>\s*(.*?)\s*</answer>", text, re.DOTALL | re.IGNORECASE)
    found = re.match(r"\W*([\w'-]+)", tag[-1] if tag else text)
    return found[1].lower() if found else None


def _is_number(truth: str | float) -> bool:
    """Whether a truth is a number rather than a word."""
    try:
        return math.isfinite(float(truth))
    except ValueError:
        return False


def score_answer(
    pred: str | float | bool | None, truth: str | float | bool, kind: str, rules: str = "official"
) -> float:
    """0 to 1 for one answer of a kind: "choice" (a letter), "number", or "word" (words equal, ignoring case).

    Raises:
        ConfigError: E-OPTION for another kind.
    """
    text = "" if pred is None else ("yes" if pred else "no") if isinstance(pred, bool) else str(pred)
    wanted = ("yes" if truth else "no") if isinstance(truth, bool) else truth
    if kind == "choice":
        return score_reply(text, wanted, LETTERS, rules)
    if kind == "number":
        return score_reply(text, wanted, None, rules)
    if kind == "word":
        return float(text.strip().strip(".").lower() == str(wanted).strip().lower())
    raise ConfigError("E-OPTION", f"there is no kind {kind!r}.", "Choose choice, number or word.")


def relative_accuracy(answer: float, truth: float, rules: str = "official") -> float:
    """Share of the ten limits 0.50, 0.55, ... 0.95 for which `|answer - truth| / truth <= 1 - limit` (VSI-Bench, 2024).

    Where the truth is 0, "vlmevalkit" takes the absolute error, the others pass only an exact answer.
    """
    limits = np.linspace(0.5, 0.95, 10)
    if truth == 0:
        off = abs(answer) if rules == "vlmevalkit" else (0.0 if answer == 0 else math.inf)
    else:
        off = abs(answer - truth) / abs(truth) if rules == "vlmevalkit" else abs(answer - truth) / truth
    return float((off <= 1 - limits).mean())


def choice_in(reply: str, n: int, rules: str) -> str | None:
    """The letter that a reply chooses, in upper case, or None."""
    if rules in ("official", "lmms-eval"):
        first = reply.strip().split(" ")[0].rstrip(".").strip()
        return first.upper() if first else None
    text = _after_thinking(reply)
    tag = re.findall(r"<answer>\s*(.*?)\s*</answer>", text, re.DOTALL | re.IGNORECASE)
    letters = "".join(LETTERS[: max(n, 1)])
    for candidate in [*(tag[-1:]), *reversed([line for line in text.splitlines() if line.strip()][-2:])]:
        match = re.match(
            rf"^\W*(?:answer\W+|option\W+)?\(?([{letters}])\)?(?:[.):\s]|$)", candidate.strip(), re.IGNORECASE
        )
        if match:
            return match[1].upper()
    named = re.findall(rf"(?:answer|option|choice)(?: is|:)?\s*\(?([{letters}])\b", text, re.IGNORECASE)
    if named:
        return str(named[-1]).upper()
    alone = set(re.findall(rf"(?<![A-Za-z])([{letters}])(?![A-Za-z])", text))
    return alone.pop() if len(alone) == 1 else None


def number_in(reply: str, rules: str) -> float | None:
    """The number that a reply gives, or None."""
    if rules == "official":
        first = reply.strip().split(" ")[0].rstrip(".").strip()
        try:
            value = float(first)
        except ValueError:
            return None
        return value if math.isfinite(value) else None
    if rules == "lmms-eval":
        found = re.search(rf"{ANY_NUMBER.pattern}|\b(?:{'|'.join(WORDS)})\b", reply.lower())
        return None if found is None else _value(found[0])
    text = _after_thinking(reply)
    tag = re.findall(r"<answer>\s*(.*?)\s*</answer>", text, re.DOTALL | re.IGNORECASE)
    every = re.findall(rf"{ANY_NUMBER.pattern}|\b(?:{'|'.join(WORDS)})\b", (tag[-1] if tag else text).lower())
    return _value(every[-1]) if every else None


def _value(word: str) -> float:
    return float(WORDS[word]) if word in WORDS else float(word)


def _after_thinking(reply: str) -> str:
    return reply.rpartition("</think>")[2]


def _scored(
    items: Sequence[Mapping[str, Any]], answers: Mapping[Any, str], rules: str
) -> tuple[float | None, dict[str, float], int]:
    """Overall, by type, unparsed."""
    rows: dict[str, list[float]] = defaultdict(list)
    unparsed = 0
    for item in items:
        reply, options = str(answers.get(item["id"]) or ""), item.get("options")
        unparsed += _read(reply, item, rules) is None
        rows[item["question_type"]].append(score_reply(reply, item["answer"], options, rules))
    by_type = {kind: float(np.mean(v)) for kind, v in sorted(rows.items())}
    levels = [by_type[k] for k in LEVELS if k in by_type]
    means = [v for k, v in by_type.items() if k not in LEVELS]
    if levels and (rules != "vlmevalkit" or len(levels) == len(LEVELS)):
        means.append(float(np.mean(levels)))
    elif levels:
        means += levels
    missing_level = rules == "lmms-eval" and 0 < len(levels) < len(LEVELS)  # it fails there
    return (None if missing_level or not means else float(np.mean(means))), by_type, unparsed


def _read(reply: str, item: Mapping[str, Any], rules: str) -> str | float | None:
    """What a reply says to an item, or None where it cannot be read."""
    if item.get("options"):
        return choice_in(reply, len(item["options"]), rules)
    return number_in(reply, rules) if _is_number(item["answer"]) else word_in(reply)


def _rmse(items: Sequence[Mapping[str, Any]], answers: Mapping[Any, str], rules: str) -> dict[str, float]:
    off: dict[str, list[float]] = defaultdict(list)
    for item in items:
        if not item.get("options") and _is_number(item["answer"]):
            number = number_in(str(answers.get(item["id"]) or ""), rules)
            off[item["question_type"]].append((number or 0.0) - float(item["answer"]))
    return {kind: float(np.sqrt(np.mean(np.square(v)))) for kind, v in sorted(off.items())}


def _adjusted(items: Sequence[Mapping[str, Any]], by_type: Mapping[str, float]) -> dict[str, float]:
    chance: dict[str, list[float]] = defaultdict(list)
    for item in items:
        if item.get("options"):
            chance[item["question_type"]].append(1 / len(item["options"]))
    return {k: (by_type[k] - float(np.mean(v))) / (1 - float(np.mean(v))) for k, v in chance.items() if np.mean(v) < 1}


def step_scores(expected: Sequence[Any], given: Sequence[Any], tolerance: float = 0.05) -> list[float]:
    """1 or 0 for every step of a chain: words equal, numbers within a relative tolerance; missing steps are 0."""
    out = []
    for k, want in enumerate(expected):
        have = given[k] if k < len(given) else None
        if isinstance(want, (int, float)) and isinstance(have, (int, float)):
            out.append(float(abs(have - want) <= tolerance * max(abs(want), 1e-9)))
        else:
            out.append(float(have is not None and str(have).strip().lower() == str(want).strip().lower()))
    return out
