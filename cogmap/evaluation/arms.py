"""Arms: what a model is shown besides the question."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .._checks import U8
from ..cognitive_map import CognitiveMap
from ..errors import ConfigError
from ..mapfile.convert import frame_name
from ..prompt.compose import TEXTS, picture, prompt_of
from ..prompt.parts import Part, Prompt, numbered
from ..prompt.providers import longest_side
from ..qa.items import LETTERS, Item, option_text

ORACLE = "oracle:"
PARTS = {"text": "metric"}
PICTURES = ("bev", "frames", "marked")
CHOICE = "Answer with the option's letter from the given choices directly."
NUMBER = "Please answer the question using a single number."
WORD = "Please answer the question using a single word or phrase."


@dataclass(frozen=True)
class Arm:
    """One way to ask: `parts` are text forms, "bev", "frames" (as filmed) and "marked" (with numbers).

    `oracle` says that they are of the true map, so that errors of mapping and of reasoning come apart.
    """

    name: str
    parts: tuple[str, ...]
    oracle: bool = False


def parse_arms(text: str) -> tuple[Arm, ...]:
    """Arms of "none,text,bev,text+bev,frames,oracle:text". Raises ConfigError E-OPTION."""
    arms = []
    for name in [t.strip() for t in text.split(",") if t.strip()]:
        parts = tuple(PARTS.get(p, p) for p in name.removeprefix(ORACLE).split("+") if p != "none")
        for part in parts:
            if part not in TEXTS and part not in PICTURES:
                known = ", ".join(("none", *PARTS, *PICTURES, *TEXTS))
                raise ConfigError("E-OPTION", f"there is no arm of {part!r}.", f"Join {known} with +.")
        arms.append(Arm(name, parts, name.startswith(ORACLE)))
    if len({a.name for a in arms}) < max(len(arms), 1):
        raise ConfigError("E-OPTION", f"{text!r} names no arms, or one twice.", "Write none,text,bev,text+bev.")
    return tuple(arms)


def prompt_for(m: CognitiveMap | None, arm: Arm, item: Item, *, frames: int, provider: str) -> Prompt:
    """The prompt of an item in an arm; arms differ in what stands before the question, and in nothing else."""
    asked = Part("text", question_of(item), role="question")
    if m is None or not arm.parts:
        return Prompt((asked,))
    said = [p for p in arm.parts if p not in ("frames", "marked")]
    shown: list[Part] = []
    if said:
        made = prompt_of(m.scene, item.question, parts=said, provider=provider)
        shown += [p for p in made.parts if p.role not in ("question", "instructions")]
    side = longest_side(provider)
    if "frames" in arm.parts:
        shown += [picture(rgb, f"frame {n}", f"frame {n}", side) for n, rgb in raw_frames(m, frames).items()]
    if "marked" in arm.parts:
        marked = m.mark_frames(frames).items()
        shown += [picture(rgb, f"frame {n}", f"frame {n}, numbers as in the map", side) for n, rgb in marked]
    return Prompt(tuple(numbered([*shown, asked])))


def raw_frames(m: CognitiveMap, most: int) -> dict[str, U8]:
    """The keyframes as filmed, by name: the same for every arm."""
    if m.scene.frames is None:
        return {}
    return {frame_name(k): m.scene.frames.rgb(k) for k in m.scene.keyframes[:most]}


def frames_hash(m: CognitiveMap, most: int) -> str:
    """SHA-256 of the pictures that arms with frames show."""
    digest = hashlib.sha256()
    for name, rgb in raw_frames(m, most).items():
        digest.update(name.encode() + rgb.tobytes())
    return digest.hexdigest()


def question_of(item: Item) -> str:
    """The question with its options and how to answer: a letter, a number, or a word."""
    if item.options:
        rows = [f"{LETTERS[k]}. {option_text(o, k)}" for k, o in enumerate(item.options)]
        return "\n".join([item.question, "Options:", *rows, CHOICE])
    return f"{item.question}\n{NUMBER if item.is_number else WORD}"
