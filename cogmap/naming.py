"""Names from a vision-language model: it is shown marked frames and says what each number is."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from ._checks import U8
from .clients.base import Ask, Client
from .data.issues import Issue
from .data.scene import MapObject, SceneMap
from .errors import InputError, RemoteError
from .label.shape_prior import SOURCE, guess_labels
from .render.marked_frames import LEAST_SHARE, mark_frame
from .stages.boxes import number_objects

LINE = re.compile(r"\s*(?:[-*]\s*)?#?(\d{1,6})\s*[:.)\-]\s*(\S.*?)\s*")
NAME = re.compile(r"[^\W_](?:[\w '/-]{0,38}[^\W_])?")
NOTHING = ("unknown", "none", "unclear", "not visible", "n/a")
MOST_LABELS = 5


def name_objects(scene: SceneMap, client: Client, n_frames: int = 8) -> SceneMap:
    """The map with the names that a model gives the marked objects, by votes over views.

    Every keyframe is one question. A vote counts as much as the object is visible there. Names are added behind those
    that other sources gave: they name only what had no name. Ids follow the names.

    Raises:
        InputError: E-NO-FRAMES when the map holds no pictures. RemoteError: the service fails, or no line of any reply
            names an object (E-REPLY).
    """
    if scene.frames is None or not scene.keyframes:
        raise InputError("E-NO-FRAMES", "the map holds no frames to show.", "Build it from a capture.")
    votes: dict[int, dict[str, float]] = {}
    refused = 0
    for frame in scene.keyframes[:n_frames]:
        share = {o.number: s for o in scene.objects if (s := dict(o.seen).get(frame, 0.0)) > LEAST_SHARE}
        if not share:
            continue
        names, bad = parse_names(client.answer(Ask(question(sorted(share)), (png(mark_frame(scene, frame)),))), share)
        refused += bad
        for number, name in names.items():
            row = votes.setdefault(number, {})
            row[name] = row.get(name, 0.0) + share[number]
    if refused and not votes:
        raise RemoteError(
            "E-REPLY", f"none of {refused} lines names an object.", "Choose a model that follows the form."
        )
    objects = [_named(o, votes.get(o.number, {}), client.name) for o in scene.objects]
    loss = Issue("W-NAMES-REFUSED", refused, "labels", "lines of the model that name no object as asked")
    quality = scene.quality.with_issues(loss) if refused else scene.quality
    return replace(scene, objects=number_objects(objects), quality=quality)


def guess_names(scene: SceneMap) -> SceneMap:
    """The map with guesses from size and shape for objects that nothing has named: kept in `labels`, never as `label`.

    A map without metres stays as it is, with a warning.
    """
    if scene.scale.kind != "metric":
        loss = Issue("W-GUESS-NO-SCALE", 1, "labels", "sizes in metres are not known: no guesses by shape")
        return replace(scene, quality=scene.quality.with_issues(loss))
    guesses = guess_labels([o.box for o in scene.objects])
    objects = tuple(o if o.labels else replace(o, labels=row) for o, row in zip(scene.objects, guesses))
    return replace(scene, objects=objects)


def question(numbers: Sequence[int]) -> str:
    """What the model is asked about one marked picture."""
    listed = ", ".join(map(str, numbers))
    return (
        "Things in this picture are outlined and carry a number. Say what each numbered thing is.\n"
        "Answer with one line for each number and nothing else, in this form:\n"
        "NUMBER: name\n"
        "A name is one or two common English words in the singular, such as: chair, coffee table. "
        "Write unknown when you cannot tell.\n"
        f"Numbers: {listed}"
    )


def parse_names(reply: str, asked: dict[int, float]) -> tuple[dict[int, str], int]:
    """Names by number, and how many lines were refused: no form, a number that was not asked, two names for one."""
    names: dict[int, str] = {}
    refused = 0
    for line in filter(str.strip, reply.splitlines()):
        match = LINE.fullmatch(line)
        name = tidy(match[2]) if match else None
        if match is None or name is None or int(match[1]) not in asked or int(match[1]) in names:
            refused += 1
        elif name not in NOTHING:
            names[int(match[1])] = name
    return names, refused


def tidy(text: str) -> str | None:
    """A name in lower case without article and quotes, or None for what is no name of at most 40 characters."""
    name = re.sub(r"^(?:a|an|the)\s+", "", text.strip(" \t\"'`*.").lower())
    name = re.sub(r"\s+", " ", name)
    return name if NAME.fullmatch(name) or name in NOTHING else None


def _named(thing: MapObject, votes: dict[str, float], source: str) -> MapObject:
    ranked = sorted(votes.items(), key=lambda v: (-v[1], v[0]))
    whole = sum(votes.values())
    new = tuple((name, round(score / whole, 4), source) for name, score in ranked[:MOST_LABELS])
    labels = tuple(old for old in thing.labels if old[2] not in (source, *([SOURCE] if new else []))) + new
    if labels and labels[0][2] == SOURCE:
        return thing
    return replace(thing, labels=labels, label=labels[0][0] if labels else None)


def png(rgb: U8) -> bytes:
    """PNG bytes of a picture (H, W, 3)."""
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    return out.getvalue()
