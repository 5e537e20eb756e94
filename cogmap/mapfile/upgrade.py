"""Older versions of `map.json` become the present one: one step a version, each from dictionary to dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..data.issues import CODES
from .schema import VERSION


def _to_1_1(data: dict[str, Any]) -> dict[str, Any]:
    """1.1 says whether part of an object was filled in where the depth had a hole; before, nothing was."""
    listed = data.get("objects")
    if not isinstance(listed, list):
        return data
    objects = [{"completed": False, **o} if isinstance(o, dict) else o for o in listed]
    return {**data, "objects": objects}


def _to_1_2(data: dict[str, Any]) -> dict[str, Any]:
    """1.2 says how grave each warning is; before, the table of codes did."""
    quality = data.get("quality")
    if not isinstance(quality, dict) or not isinstance(quality.get("warnings"), list):
        return data
    rows = [{"severity": _severity(w), **w} if isinstance(w, dict) else w for w in quality["warnings"]]
    return {**data, "quality": {**quality, "warnings": rows}}


def _severity(warning: dict[str, Any]) -> str:
    known = CODES.get(str(warning.get("code")))
    return "note" if known is None else known.severity


STEPS: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "1.0": ("1.1", _to_1_1),
    "1.1": ("1.2", _to_1_2),
}


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """The data at the present version; what is newer, or no version at all, is returned as it is."""
    version = data.get("schema_version")
    while isinstance(version, str) and version in STEPS and version != VERSION:
        version, step = STEPS[version]
        data = {**step(data), "schema_version": version}
    return data
