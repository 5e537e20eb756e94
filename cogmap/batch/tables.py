"""What came of a batch as tables: scenes, objects and failures in Parquet, a summary, a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .._files import put, put_text
from .._optional import needed
from .._version import __version__
from .ledger import Ledger
from .manifest import REMEDY, Item

CARD = """# Maps of {done} captures

Made by cogmap {version}.

- `scenes-*.parquet`: a row for each map.
- `objects-*.parquet`: one for each object, with its box in the map's frame (z up, floor at 0, the scale's unit).
- `failed.parquet`: one for each capture that could not be mapped, with the reason.
- `maps/`: the map folders that the rows name.

{failed} captures failed. {degraded} maps are degraded: `warnings` says by what.
"""


def checked_tables() -> None:
    """Raises MissingDependencyError E-EXTRA where tables cannot be written."""
    needed("pyarrow.parquet", REMEDY)
    needed("psutil", REMEDY)


def write_tables(ledger: Ledger, items: list[Item], shard_rows: int, run: dict[str, Any]) -> None:
    """Write all tables anew from the maps and markers; each file is put in place by a rename. Rows go by name."""
    scenes, objects, failed = [], [], []
    for item in sorted(items, key=lambda i: i.name):
        marker, lost = ledger.done(item.name), ledger.failed(item.name)
        if marker is not None:
            scene, of_scene = _rows(ledger.out / marker["map"], item, marker)
            scenes.append(scene)
            objects += of_scene
        elif lost is not None:
            named = {k: lost[k] for k in ("code", "stage", "attempts", "words")}
            failed.append({"name": item.name, "source": item.source, **named})
    for old in (*ledger.out.glob("scenes-*.parquet"), *ledger.out.glob("objects-*.parquet")):
        old.unlink()
    for kind, rows in (("scenes", scenes), ("objects", objects)):
        for k in range(0, max(len(rows), 1), shard_rows):
            _parquet(ledger.out / f"{kind}-{k // shard_rows:05d}.parquet", rows[k : k + shard_rows], SCHEMAS[kind])
    _parquet(ledger.out / "failed.parquet", failed, SCHEMAS["failed"])
    degraded = sum(s["status"] != "ok" for s in scenes)
    card = CARD.format(done=len(scenes), failed=len(failed), degraded=degraded, version=__version__)
    put_text(ledger.out / "README.md", card)
    text = json.dumps({"cogmap": __version__, **run}, indent=1, default=str) + "\n"
    put_text(ledger.out / "run.json", text)


SCHEMAS: dict[str, dict[str, str]] = {
    "scenes": {
        "name": "string", "source": "string", "map": "string", "status": "string", "unit": "string",
        "scale_rel_sigma": "double", "n_objects": "int64", "n_frames": "int64", "area": "double", "warnings": "list",
    },
    "objects": {
        "scene": "string", "id": "string", "number": "int64", "label": "string", "x": "double", "y": "double",
        "z": "double", "length": "double", "width": "double", "height": "double", "yaw_rad": "double",
        "sigma": "double", "partial": "bool", "confidence": "double",
    },
    "failed": {
        "name": "string", "source": "string", "code": "string", "stage": "string", "attempts": "int64",
        "words": "string",
    },
}  # fmt: skip


def _rows(folder: Path, item: Item, marker: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of a map and those of its objects, from its file alone."""
    from ..mapfile.read import read_map

    scene = read_map(folder / "map.json")
    row = {
        "name": item.name,
        "source": item.source,
        "map": marker["map"],
        "status": scene.quality.status,
        "unit": scene.scale.unit,
        "scale_rel_sigma": scene.scale.rel_sigma,
        "n_objects": len(scene.objects),
        "n_frames": len(scene.camera_path),
        "area": float(sum(r.area_m2 for r in scene.layout.rooms)),
        "warnings": [w.code for w in scene.quality.warnings],
    }
    objects = []
    for o in scene.objects:
        (x, y, z), (length, width, height) = o.box.center_m, o.box.size_m
        objects.append({
            "scene": item.name, "id": o.id, "number": o.number, "label": o.label, "x": x, "y": y, "z": z,
            "length": length, "width": width, "height": height, "yaw_rad": o.box.yaw, "sigma": o.sigma_m,
            "partial": o.partial, "confidence": o.confidence,
        })  # fmt: skip
    return row, objects


def _parquet(path: Path, rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    """Write rows as one Parquet file."""
    pa, pq = needed("pyarrow", REMEDY), needed("pyarrow.parquet", REMEDY)
    kinds = {"string": pa.string(), "double": pa.float64(), "int64": pa.int64(), "bool": pa.bool_(),
             "list": pa.list_(pa.string())}  # fmt: skip
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    table = pa.Table.from_pylist(rows, schema=schema)
    put(path, lambda p: pq.write_table(table, p))
