"""Every query of a map as a tool: JSON schemas for agents, calls that answer in JSON whatever is asked.

The tools are the rows of `cogmap.query.table.QUERIES`, and `describe` and `find`. A result says the frame of reference,
unit, standard error and evidence; one without a value says why. What is wrong with a call is data too: `{"error":
{"code", "problem", "remedy"}}`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..cognitive_map import CognitiveMap
from ..data.answers import Answer
from ..errors import CogmapError, InputError
from ..mapfile.convert import frame_name
from ..query.table import QUERIES, validated

Form = Literal["openai", "anthropic", "gemini", "mcp"]
PAGE = 40
MOST_TEXT, MOST_ITEMS, MOST_DEPTH = 500, 64, 4
RENAMED = {"perspective": "direction"}


class Arguments(BaseModel):
    """Arguments of a tool; others than these are refused."""

    model_config = ConfigDict(extra="forbid")


class _Describe(Arguments):
    page: int = Field(0, ge=0, le=10_000, description=f"{PAGE} objects a page, from 0")


class _Find(Arguments):
    text: str = Field(description="what is looked for, in words: something to sit on")


def describe(m: CognitiveMap, page: int = 0) -> dict[str, Any]:
    """What a map holds: status, unit, room, frames, and a page of its objects with boxes."""
    scene, first = m.scene, page * PAGE
    rooms = [{"id": r.id, "area": round(r.area_m2, 2)} for r in scene.layout.rooms]
    shown = scene.objects[first : first + PAGE]
    out: dict[str, Any] = {
        "status": scene.quality.status,
        "warnings": [{"code": w.code, "effect": w.effect} for w in scene.quality.warnings if w.severity != "note"],
        "unit": scene.scale.unit,
        "length_error": f"{100 * scene.scale.rel_sigma:.0f} %",
        "frame": "world: x right, y forward, z up, floor at 0",
        "rooms": rooms,
        "openings": [o.id for o in scene.layout.openings],
        "frames": len(scene.camera_path),
        "n_objects": len(scene.objects),
        "objects": [_row(o) for o in shown],
    }
    if first + PAGE < len(scene.objects):
        out["next_page"] = page + 1
    if not shown:
        out["reason"] = "the map holds no objects" if not scene.objects else f"page {page} is behind the last object"
    return out


def _row(o: Any) -> dict[str, Any]:
    """One object in one line."""
    return {
        "id": o.id,
        "number": o.number,
        "label": o.label,
        "center": [round(float(v), 2) for v in o.box.center_m],
        "size": [round(float(v), 2) for v in o.box.size_m],
        "yaw_deg": round(math.degrees(o.box.yaw)),
        "sigma": round(float(o.sigma_m), 3),
        "partial": o.partial,
    }


def find(m: CognitiveMap, text: str) -> dict[str, Any]:
    """Objects that fit some words, the best first."""
    found = m.find(text)[:PAGE]
    rows = [{**_row(f.thing), "score": round(float(f.score), 3)} for f in found]
    out: dict[str, Any] = {"frame": "world", "unit": m.scene.scale.unit, "found": rows}
    return out if rows else {**out, "reason": f"no label fits {text!r}; describe lists what there is"}


OWN: dict[str, tuple[str, type[BaseModel], Callable[..., dict[str, Any]]]] = {
    "describe": ("What the map holds: status, unit, rooms, frames, and its objects with boxes.", _Describe, describe),
    "find": ("Objects that fit some words, the best first.", _Find, find),
}


def result_of(answer: Answer) -> dict[str, Any]:
    """An answer as JSON: always with unit, sigma, frame and evidence; with a reason where there is no value."""
    out: dict[str, Any] = {
        "value": _plain(answer.value),
        "unit": answer.unit,
        "sigma": answer.sigma,
        "status": answer.status,
        "frame": answer.frame,
        "sentence": answer.sentence,
        "evidence": {
            "ids": list(answer.ids),
            "frames": [frame_name(k) for k in answer.frames],
            "points": _plain(answer.points),
        },
    }
    if answer.candidates:
        out["candidates"] = list(answer.candidates)
    if answer.details:
        out["details"] = {k: round(float(v), 4) for k, v in answer.details.items()}
    if answer.reason or answer.value in (None, ()):
        out["reason"] = answer.reason or answer.sentence
    return out


def _plain(value: Any) -> Any:
    """Tuples as lists, numbers to a tenth of a millimetre; what is not finite is null."""
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


def call(m: CognitiveMap, name: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Call a tool on a map. Never raises for what a caller can get wrong: `{"error": {...}}` says what it was."""
    try:
        given = checked(arguments)
        name = RENAMED.get(name, name)
        if name in OWN:
            _, model, function = OWN[name]
            return function(m, **validated(name, model, given))
        return result_of(m.query(name, **given))
    except CogmapError as error:
        return error_of(error)
    except RecursionError:
        return error_of(InputError("E-ARGUMENT", "the arguments are nested too deep.", "Send plain values."))


def error_of(error: CogmapError) -> dict[str, Any]:
    """An error as data."""
    return {"error": {"code": error.code, "problem": error.problem, "remedy": error.remedy}}


def checked(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments that are small and plain. Raises InputError E-ARGUMENT."""
    if arguments is None:
        return {}
    if not isinstance(arguments, Mapping):
        raise InputError("E-ARGUMENT", "arguments are no object.", "Send names and values.")
    _small(dict(arguments), 0)
    return {str(k): v for k, v in arguments.items()}


def _small(value: Any, depth: int) -> None:
    """Raises InputError E-ARGUMENT for long texts and lists, deep nesting, and numbers that are not finite."""
    if depth > MOST_DEPTH:
        raise InputError("E-ARGUMENT", "the arguments are nested too deep.", "Send plain values.")
    if isinstance(value, str) and (len(value) > MOST_TEXT or not value.isprintable()):
        problem = f"a text is over {MOST_TEXT} characters, or not printable."
        raise InputError("E-ARGUMENT", problem, "Send a short plain text.")
    if isinstance(value, (int, float)) and not (math.isfinite(value) and abs(value) < 1e9):
        raise InputError("E-ARGUMENT", "a number is not finite or absurdly large.", "Send metres and degrees.")
    if isinstance(value, (list, tuple, dict)):
        if len(value) > MOST_ITEMS:
            raise InputError("E-ARGUMENT", f"a list is over {MOST_ITEMS} long.", "Ask in parts.")
        parts = [*value, *value.values()] if isinstance(value, dict) else list(value)
        for part in parts:
            _small(part, depth + 1)


def definitions() -> dict[str, tuple[str, dict[str, Any]]]:
    """What each tool is for, and the JSON Schema (2020-12) of its arguments."""
    out = {name: (about, model.model_json_schema()) for name, (about, model, _) in OWN.items()}
    out |= {name: (query.about, query.arguments.model_json_schema()) for name, query in QUERIES.items()}
    return {name: (about, bare(schema)) for name, (about, schema) in out.items()}


def bare(schema: Any) -> Any:
    """A schema without what costs tokens and says nothing: titles that repeat names, null for what may be left out."""
    if isinstance(schema, list):
        return [bare(v) for v in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: bare(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
    kinds = [kind for kind in out.get("anyOf", ()) if kind != {"type": "null"}]
    if "anyOf" in out and len(kinds) < len(out["anyOf"]):
        out |= {"anyOf": kinds} if len(kinds) > 1 else kinds[0]
        out = {k: v for k, v in out.items() if not (k == "default" and v is None or k == "anyOf" and len(kinds) == 1)}
    return out


def schemas(form: Form = "openai") -> list[dict[str, Any]]:
    """The tools as a provider's request holds them. Raises InputError E-OPTION for another provider."""
    rows = definitions().items()
    if form == "openai":
        return [
            {"type": "function", "function": {"name": n, "description": about, "parameters": s}}
            for n, (about, s) in rows
        ]
    if form == "anthropic":
        return [{"name": n, "description": about, "input_schema": s} for n, (about, s) in rows]
    if form == "gemini":
        return [
            {
                "function_declarations": [
                    {"name": n, "description": about, "parameters_json_schema": s} for n, (about, s) in rows
                ]
            }
        ]
    if form == "mcp":
        return [{"name": n, "description": about, "inputSchema": s} for n, (about, s) in rows]
    raise InputError("E-OPTION", f"there is no tool form {form!r}.", "Choose openai, anthropic, gemini or mcp.")
