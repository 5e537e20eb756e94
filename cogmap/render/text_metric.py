"""`metric` text: one line per object, whole centimetres, and the parser that reads it back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..data.scene import Box, MapObject, SceneMap
from ..errors import InputError

COLUMNS = "number id x y z length width height yaw color"
LABEL_CHARACTERS = 40
LEAST_GUESS = 0.5
ABOUT_DEG = 15
AT_ORIGIN_CM = 5
LOOKS_DOWN = 0.2


@dataclass(frozen=True)
class MetricRow:
    """One parsed line: lengths in metres (map units if relative), yaw in degrees."""

    number: int
    id: str
    center_m: tuple[float, float, float]
    size_m: tuple[float, float, float]
    yaw_deg: float
    color_name: str | None
    label: str | None


def clean_label(text: str) -> str:
    """Labels are untrusted: one line, no control characters, no quotes, at most 40 characters."""
    one_line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\"]+", " ", text)
    return re.sub(r"\s+", " ", one_line).strip()[:LABEL_CHARACTERS]


def render_metric(scene: SceneMap) -> str:
    """The map as a table in centimetres (hundredths of a map unit when the scale is relative)."""
    lines = _header(scene)
    for o in scene.objects:
        label = f' "{name}"' if (name := _name(o)) and name != o.id.rpartition("_")[0] else ""
        color = (o.color_name or "-").replace(" ", "-")
        lines.append(f"{o.number} {o.id} {_numbers(o.box)} {color}{label}")
    for d in scene.layout.openings:
        lines.append(f"{d.number} {d.id} {_numbers(d.box)} -")
    return "\n".join(lines) + "\n"


def _name(thing: MapObject) -> str | None:
    """The label; of an object without one the guess that is likelier than not, with a question mark."""
    if thing.label is not None:
        return clean_label(thing.label)
    likely = thing.labels and thing.labels[0][1] >= LEAST_GUESS
    return clean_label(thing.labels[0][0]) + "?" if likely else None


def _numbers(box: Box) -> str:
    values = [round(100 * v) for v in (*box.center_m, *box.size_m)]
    return " ".join(str(v) for v in (*values, round(float(np.degrees(box.yaw)))))


def _header(scene: SceneMap) -> list[str]:
    s = scene.scale
    if s.kind == "metric":
        unit, trust = "cm", f"scale from {s.source}, lengths {'≈' if s.rough else ''}±{s.rel_sigma:.0%}"
    else:
        unit, trust = (
            "hundredths of a map unit",
            "no scale: units are not metres, compare lengths only with one another",
        )
    layout = scene.layout
    lines = [
        f"# map: units {unit}; {trust}",
        axes_line(scene),
        "# yaw: degrees counter-clockwise from +x to the object's length; x y z is the middle of the box",
    ]
    if layout.floor_area_m2 is not None:
        ceiling = "" if layout.ceiling_height_m is None else f", ceiling {round(100 * layout.ceiling_height_m)}"
        square = "m2" if s.kind == "metric" else "square units"
        lines.append(f"# room: floor {layout.floor_area_m2:.1f} {square}{ceiling}, {len(layout.walls)} walls seen")
    if any(o.label is None and _name(o) for o in scene.objects):
        lines.append('# a name with "?" is a guess from size and shape alone')
    if scene.quality.status != "ok":
        lines.append("# degraded: " + ", ".join(sorted({w.code for w in scene.quality.warnings})))
    return [*lines, f"# {COLUMNS}"]


def zero_text(scene: SceneMap) -> str:
    """What height 0 is."""
    if scene.said("W-FRAME-KEPT"):
        return "z=0 as in the source"
    return "floor z=0" if scene.floor_seen else "z=0 is the lowest surface seen: no floor was seen"


def axes_line(scene: SceneMap) -> str:
    """What the axes are, what height 0 is, and where the first camera stood and looked, where there is one."""
    line = f"# axes: x right, y forward, z up; {zero_text(scene)}"
    if not scene.camera_path:
        return line
    T = scene.camera_path[0].T_map_cam
    x, y = np.round(100 * T[:2, 3]).astype(int).tolist()
    place = "origin under the first camera" if max(abs(x), abs(y)) <= AT_ORIGIN_CM else f"first camera at x {x} y {y}"
    ahead = T[:2, 2]
    if np.linalg.norm(ahead) < LOOKS_DOWN:
        return f"{line}; {place}, which looked down or up"
    turn = float(np.degrees(np.arctan2(ahead[1], ahead[0])))
    looked = "about along +y" if abs(turn - 90) <= ABOUT_DEG else f"along {round(turn)} degrees from +x"
    return f"{line}; {place}, which looked {looked}"


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are neither blank nor comments, each with its number from 1."""
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield n, line


def matched_lines(text: str, pattern: str, what: str) -> Iterator[re.Match[str]]:
    """The match of every line that is neither blank nor a comment. Raises InputError E-TEXT-LINE with its number."""
    for n, line in numbered_lines(text):
        match = re.fullmatch(pattern, line)
        if match is None:
            raise InputError("E-TEXT-LINE", f"line {n} is no {what}: {line[:60]!r}.", "See docs/forms.md.")
        yield match


def header_of(text: str, pattern: str, what: str) -> re.Match[str]:
    """The match of the first line. Raises InputError E-TEXT-LINE when it is no header of the form."""
    first = text.partition("\n")[0]
    match = re.match(pattern, first)
    if match is None:
        raise InputError("E-TEXT-LINE", f"line 1 is no header of {what}: {first[:60]!r}.", "See docs/forms.md.")
    return match


def parse_metric(text: str) -> list[MetricRow]:
    """Read `metric` text back to the printed precision.

    Raises:
        InputError: E-TEXT-LINE with the number of the first bad line.
    """
    rows = []
    for n, line in numbered_lines(text):
        match = re.fullmatch(r'(\d+) ([a-z0-9_]+)((?: -?\d+){7}) (\S+)(?: "([^"]*)")?', line)
        if match is None:
            raise InputError("E-TEXT-LINE", f"line {n} is no object: {line[:60]!r}.", f"Expected: {COLUMNS}.")
        v = [int(x) for x in match[3].split()]
        color = None if match[4] == "-" else match[4].replace("-", " ")
        center = (v[0] / 100, v[1] / 100, v[2] / 100)
        size = (v[3] / 100, v[4] / 100, v[5] / 100)
        rows.append(MetricRow(int(match[1]), match[2], center, size, float(v[6]), color, match[5]))
    return rows
