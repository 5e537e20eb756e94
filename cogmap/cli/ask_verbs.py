"""`ask`: questions to a map, or to a folder of maps."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(ask)


def ask(
    map_path: Annotated[Path, typer.Argument(metavar="MAP|MAPS/")],
    question: Annotated[str | None, typer.Argument(help='"How far is the sofa from the tv?"')] = None,
    qa: Annotated[Path | None, typer.Option(help="Items, one JSON object a line.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Answer lines; default: stdout.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The record, not the sentence.")] = False,
) -> None:
    """Answer a question, or a file of items, from the geometry of a map; no model is asked."""
    from ..building import load
    from ..errors import ConfigError

    if (question is None) == (qa is None):
        raise ConfigError("E-OPTION", "give a question or --qa ITEMS.", 'cogmap ask MAP "How many chairs are there?"')
    if question is not None:
        found = load(map_path).ask(question)
        print(json.dumps(found.as_dict()) if as_json else found.sentence)
        sys.exit(0 if found.value is not None else 3)
    assert qa is not None
    text = "".join(json.dumps(row) + "\n" for row in answers(map_path, qa))
    if output is None:
        print(text, end="")
        return
    output.write_text(text, encoding="utf-8")
    print(output)


def answers(maps: Path, qa: Path) -> list[dict[str, Any]]:
    """The answer lines of a file of items; the maps of a folder are read once each."""
    from ..mapfile.read import read_map
    from ..qa.items import answer_item, read_items

    single = (maps / "map.json").exists() or maps.is_file()
    items = list(read_items(qa))
    out: dict[int, dict[str, Any]] = {}
    for name in dict.fromkeys(None if single else i.scene for i in items):
        where = maps if name is None else maps / f"{name}.cogmap"
        mine = [k for k, i in enumerate(items) if single or i.scene == name]
        if not single and (name is None or not where.exists()):
            reason = "the item names no scene" if name is None else f"there is no map {where.name}"
            out |= {k: {"id": items[k].id, "answer": None, "status": "unknown", "reason": reason} for k in mine}
            continue
        scene = read_map(where)
        out |= {k: answer_item(scene, items[k]) for k in mine}
    return [out[k] for k in range(len(items))]
