"""Texts by name and prompts from a map: which form is asked for, within which budget, beside which pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from inspect import signature
from typing import Any

import numpy as np
from PIL import Image

from .._checks import U8
from ..data.scene import SceneMap
from ..errors import ConfigError, InputError
from ..query.relations import scene_graph
from ..render.bev import render_bev
from ..render.marked_frames import mark_frame, mark_spots
from ..render.text_aabb import render_aabb
from ..render.text_ego import render_ego
from ..render.text_ego3d import render_ego3d
from ..render.text_facts import render_facts
from ..render.text_grid import render_grid
from ..render.text_layout import render_layout
from ..render.text_metric import clean_label, render_metric
from ..render.text_mindcube import render_mindcube
from ..render.text_rationale import render_rationale
from ..render.text_relations import render_relations
from ..render.text_video2layout import render_video2layout
from ..render.text_vsibench import render_vsibench
from .budget import CountTokens, estimate_tokens, fit_text
from .parts import STYLES, Part, Prompt, numbered
from .providers import longest_side


def _relations(scene: SceneMap, **options: Any) -> str:
    return render_relations(scene_graph(scene), metric=scene.scale.kind == "metric", **options)


def _ego(scene: SceneMap, frame: int | None = None, **options: Any) -> str:
    """From a frame's camera, or from a place and heading of the caller's own."""
    if "at" in options:
        return render_ego(scene, **options)
    if not scene.camera_path:
        raise InputError("E-NO-FRAMES", "the map holds no cameras.", "Give at=(x, y) and heading=radians.")
    position = 0 if frame is None else frame
    T = scene.camera(position).T_map_cam
    at, heading = (float(T[0, 3]), float(T[1, 3])), float(np.arctan2(T[1, 2], T[0, 2]))
    return render_ego(scene, at, heading, eye_m=float(T[2, 3]), who=f"camera f{position:03d}")


TEXTS: dict[str, Callable[..., str]] = {
    "metric": render_metric,
    "grid": render_grid,
    "layout": render_layout,
    "relations": _relations,
    "ego": _ego,
    "rationale": lambda scene, frame=0: render_rationale(scene, frame),
    "aabb": render_aabb,
    "facts": render_facts,
    "vsibench": render_vsibench,
    "mindcube": render_mindcube,
    "video2layout": render_video2layout,
    "ego3d": render_ego3d,
    "spatiallm": render_layout,
}
AS_IN_TEXT = "numbers as in the text"
NUMBERED = frozenset({"metric", "grid", "ego"})  # every line has the number beside the id


def text_of(
    scene: SceneMap,
    form: str,
    *,
    max_tokens: int | None = None,
    question: str | None = None,
    count: CountTokens = estimate_tokens,
    **options: Any,
) -> str:
    """A map as text of a form, within a number of tokens if one is given; see `cogmap.prompt.budget.fit_text`.

    Raises:
        ConfigError: E-OPTION for an unknown form or an option that it does not take.
    """
    if form not in TEXTS:
        close = get_close_matches(form, TEXTS, 1)
        remedy = f"Did you mean {close[0]}?" if close else f"Forms: {', '.join(TEXTS)}."
        raise ConfigError("E-OPTION", f"there is no text form {form!r}.", remedy)

    try:
        signature(TEXTS[form]).bind(scene, **options)
    except TypeError as error:
        raise ConfigError("E-OPTION", f"{form} text: {error}.", "See the form's own function.") from error

    def render(part: SceneMap) -> str:
        return TEXTS[form](part, **options)

    if max_tokens is None:
        return render(scene)
    return fit_text(scene, render, max_tokens, question, count)


def prompt_of(
    scene: SceneMap,
    question: str,
    *,
    parts: Sequence[str] = ("metric", "bev"),
    style: str = "plain",
    provider: str = "openai",
    frames: int = 4,
    max_tokens: int | None = None,
    count: CountTokens = estimate_tokens,
) -> Prompt:
    """The parts of a prompt: texts, pictures, instructions, and the question last.

    Args:
        parts: text forms, "bev" and "frames" (marked keyframes, at most `frames`), in the order they are sent.
        style: "plain", "steps" or "short". provider: for whom pictures are sized.
        max_tokens: of every text. count: tokens of a text; an estimate by default.

    Raises:
        ConfigError: E-OPTION for an unknown part or style. InputError: E-NO-FRAMES when frames are asked of a map
            without any.
    """
    if style not in STYLES:
        raise ConfigError("E-OPTION", f"there is no style {style!r}.", f"Styles: {', '.join(STYLES)}.")
    side = longest_side(provider)
    out = [Part("text", _introduction(scene), role="introduction")]
    told = bool({*parts} & NUMBERED)
    for name in parts:
        if name == "bev":
            caption = f"map from above, x right, y up; {AS_IN_TEXT if told else _numbers(scene)}"
            out.append(Part("image", caption, render_bev(scene, side), (side, side), "bev"))
        elif name == "frames":
            out += _frames(scene, frames, side, told=told)
        else:
            out.append(
                Part("text", text_of(scene, name, max_tokens=max_tokens, question=question, count=count), role=name)
            )
    out.append(Part("text", STYLES[style], role="instructions"))
    out.append(Part("text", f"Question: {question.strip()}", role="question"))
    return Prompt(tuple(numbered(out))).within(provider)


def _introduction(scene: SceneMap) -> str:
    """Units, trust and how things are called, once."""
    kinds = sorted({clean_label(o.label) for o in scene.objects if o.label})
    named = f" Labels: {', '.join(kinds[:30])}." if kinds else ""
    unit = (
        f"Lengths are metres or centimetres as stated, good to {scene.scale.rel_sigma:.0%}."
        if scene.scale.kind == "metric"
        else "The map has no scale: lengths compare only with one another."
    )
    return (
        f"This is a measured map of one place with {len(scene.objects)} objects. Every object has one number and one "
        f"id, the same in every text and picture. {unit} Labels come from outside and may be wrong.{named}"
    )


def _numbers(scene: SceneMap, shown: Iterable[int] | None = None) -> str:
    """What the numbers of a picture mean, or all numbers; for prompts whose texts do not tell them beside the ids."""
    ids = {o.number: o.id for o in scene.objects} | {o.number: o.id for o in scene.layout.openings}
    return "numbers are " + ", ".join(f"{n} {ids[n]}" for n in sorted(ids if shown is None else shown))


def _frames(scene: SceneMap, most: int, side: int, *, told: bool) -> list[Part]:
    if scene.frames is None or not scene.keyframes:
        raise InputError("E-NO-FRAMES", "the map holds no frames to show.", "Leave frames out of parts.")
    out = []
    for f in scene.keyframes[:most]:
        name = f"frame f{f:03d}"
        numbers = AS_IN_TEXT if told else _numbers(scene, mark_spots(scene, f))
        out.append(picture(mark_frame(scene, f), name, f"{name}, {numbers}", side))
    return out


def picture(rgb: U8, role: str, caption: str, side: int) -> Part:
    """A picture within a longest side, its shape kept."""
    height, width = rgb.shape[:2]
    share = min(1.0, side / max(width, height))
    size = max(1, round(width * share)), max(1, round(height * share))
    image = Image.fromarray(rgb)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return Part("image", caption, out.getvalue(), size, role)
