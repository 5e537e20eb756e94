"""The map pair of Nav2: a grey PGM picture of the free floor and its YAML."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.scene import FREE, OCCUPIED, SceneMap
from ..errors import InputError

GREY = {FREE: 254, OCCUPIED: 0}
UNKNOWN_GREY = 205


def export_nav2(scene: SceneMap, path: Path) -> None:
    """Write NAME.yaml and NAME.pgm beside it: origin is the lower left corner, resolution metres a pixel.

    What the map has to say against itself stands in comments of the YAML.

    Raises:
        InputError: E-NO-FLOOR when the map holds no free floor; E-NO-SCALE when its lengths are not metres.
    """
    grid = scene.freespace
    if grid is None:
        raise InputError("E-NO-FLOOR", "the map holds no free floor.", "Build it from a capture or a scan.")
    if scene.scale.kind != "metric":
        raise InputError("E-NO-SCALE", "the map has no metres.", "Set its scale first: cogmap edit scale.")
    picture = np.full(grid.cells.shape, UNKNOWN_GREY, np.uint8)
    for cell, grey in GREY.items():
        picture[grid.cells == cell] = grey
    rows, columns = grid.cells.shape[0], grid.cells.shape[1]
    named = path if path.suffix == ".yaml" else path.with_name(path.name + ".yaml")
    image = named.with_name(named.stem + ".pgm")
    image.write_bytes(f"P5\n{columns} {rows}\n255\n".encode("ascii") + picture[::-1].tobytes())
    x, y = grid.origin_map
    doubts = [w for w in scene.quality.warnings if w.severity == "degraded"]
    said = "".join(f"# {w.code}: {w.effect}\n" for w in doubts)
    named.write_text(
        f"{said}image: {image.name}\nmode: trinary\nresolution: {grid.cell_m:g}\norigin: [{x:.4f}, {y:.4f}, 0]\n"
        "negate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.1\n",
        encoding="utf-8",
    )
