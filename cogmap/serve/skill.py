"""The page that an agent reads first: when to build a map, when to ask it, and what its answers are worth."""

from __future__ import annotations

from pathlib import Path

from ..errors import OutputError

SKILL = """---
name: cogmap
description: Answer questions about where things are in a room (distances, sizes, counts, directions, routes, what is
  left of what) from a metric map built from a video, RGB-D capture, posed pictures or a scan, not from looking.
---

# cogmap: where things are, in metres

Pictures do not show distances. Build a map once, then ask it: answers come from geometry, with an error and evidence.

## When to map

- A question needs metres, directions, counts over a whole room, a route, or a view from somewhere else.
- `cogmap inspect SOURCE` says what a source holds, and `cogmap inspect SOURCE --check` whether its numbers fit.
- `cogmap build SOURCE -o room.cogmap` writes a map folder. A video takes minutes, RGB-D and scans less.
- Names need a labeler: `--labeler recorded:FOLDER`, or `grounding-dino` with `--objects "chair, table"`. Without one
  objects are `object_3`; look at `cogmap render room.cogmap --as bev -o bev.png` and the marked frames to name them:
  `cogmap edit relabel room.cogmap object_3 chair`.
- One question about one picture, with no lengths in it, needs no map.

## When to ask

- `cogmap ask room.cogmap "How far is the chair from the door?"` answers common questions.
- In Python: `m = cogmap.load("room.cogmap")`, then `m.query(NAME, **arguments)`; `cogmap tools --schema` lists names
  and arguments. `cogmap serve FOLDER` gives the same as an MCP server.
- Begin with `describe`. Name things by id (`chair_1`), number (`#3`) or label; a label that fits several is answered
  with the candidates.
- `distance` is the gap between surfaces; ask `mode="center"` only where middles are meant.
- The whole map as text for a prompt: `cogmap render room.cogmap --as metric --max-tokens 800`.

## Which frame to name

Left, right, front and behind mean nothing without one.

- `world`: x right and y forward of the first camera, z up, floor at 0.
- `camera:f003`: as the picture f003 shows it. Use it when a person speaks of a picture.
- `object:sofa_1`: as the sofa faces. Only for things with a front.
- From a place: `perspective` (in Python `direction`) with `at` and `facing`: "standing at the door, facing the bed".

## What an answer is worth

- `sigma` is one standard error, in the unit of the value. Two things whose values differ by less than both sigmas are
  equal.
- `status: scale_unknown`: lengths are in map units, only ratios mean something. One known length mends it:
  `cogmap edit scale room.cogmap camera-height=1.5`.
- `status: unknown`: the map cannot tell, and `reason` says why. Say so; do not guess.
- A map that is `degraded` lists codes: `W-FLOOR-NOT-SEEN` heights are from the lowest surface; `W-GRAVITY-UNSURE` up
  may be off; `W-POSES-DROPPED` parts of the capture are missing. `cogmap validate room.cogmap` checks its files.
- `partial: true`: the box is a lower bound, a side of it was never seen.
- What no camera saw is unknown, not free. A count is of what was seen.
"""


def write_skill(folder: Path) -> Path:
    """Write SKILL.md into a folder and return its path. Raises OutputError E-OUTPUT-DENIED."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "SKILL.md").write_text(SKILL, encoding="utf-8")
    except OSError as error:
        raise OutputError("E-OUTPUT-DENIED", f"cannot write: {error}.", "Choose a writable -o.", folder) from error
    return folder / "SKILL.md"
