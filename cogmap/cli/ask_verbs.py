"""`ask` and `eval`: questions to maps, and maps against the truth."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .outputs import delivered


def add_to(app: typer.Typer) -> None:
    """Register the verbs."""
    app.command()(ask)
    app.command("eval")(evaluate)
    app.command("qa")(questions)


def ask(
    map_path: Annotated[Path, typer.Argument(metavar="MAP|MAPS/", help="A map, or a folder of maps.")],
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
    delivered(text.encode(), output)
    if output is not None:
        print(output)


def answers(maps: Path, qa: Path) -> list[dict[str, Any]]:
    """The answer lines of a file of items; the maps of a folder are read once each."""
    from ..mapfile.read import read_map
    from ..qa.items import answer_item, read_items

    single = _is_map(maps)
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


def evaluate(
    maps: Annotated[Path | None, typer.Argument(metavar="MAP|MAPS/", help="With --qa: what a model is shown.")] = None,
    pred: Annotated[Path | None, typer.Option(help="A map, or a folder of maps, to be graded.")] = None,
    truth: Annotated[Path | None, typer.Option(help="The true map or boxes; a folder with the same names.")] = None,
    align: Annotated[str | None, typer.Option(help="none, yaw or similarity")] = None,
    labels: Annotated[Path | None, typer.Option(help="YAML: names of the map by names of the truth.")] = None,
    by_label: Annotated[bool, typer.Option("--by-label", help="Only things of one name may match.")] = False,
    qa: Annotated[Path | None, typer.Option(help="Items, one JSON object a line, for a model.")] = None,
    client: Annotated[str | None, typer.Option(help="openai:URL#MODEL, anthropic:MODEL, replay:FILE")] = None,
    arms: Annotated[str | None, typer.Option(help="none,text,bev,text+bev,frames,marked,oracle:text")] = None,
    rules: Annotated[str | None, typer.Option(help="official, lmms-eval or vlmevalkit")] = None,
    frames: Annotated[int | None, typer.Option(help="Pictures of arms with frames.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder of plan, replies and results.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Grade maps against the truth; or, with --qa, a model with and without them."""
    from ..errors import ConfigError

    of_models = {"--client": client, "--arms": arms, "--rules": rules, "--frames": frames, "-o": output, "MAPS": maps}
    of_maps = {"--pred": pred, "--align": align, "--labels": labels, "--by-label": by_label or None}
    for flag, value in (of_models if qa is None else of_maps).items():
        if value is not None:
            other = "needs --qa" if qa is None else "says nothing of --qa"
            raise ConfigError("E-OPTION", f"{flag} {other}.", "Grade maps by --pred and --truth, models by --qa.")
    if qa is not None:
        if maps is None or client is None or output is None:
            raise ConfigError(
                "E-OPTION", "--qa needs MAPS, --client and -o.", "cogmap eval MAPS/ --qa Q --client C -o O"
            )
        _gain(maps, truth, qa, client, output, arms, rules, frames, as_json=as_json)
        return
    if pred is None or truth is None:
        raise ConfigError("E-OPTION", "give --pred and --truth.", "cogmap eval --pred a.cogmap --truth t.json")
    _graded(pred, truth, align or "none", labels, by_label=by_label, as_json=as_json)


def _gain(
    maps: Path,
    truth: Path | None,
    qa: Path,
    client: str,
    output: Path,
    arms: str | None,
    rules: str | None,
    frames: int | None,
    *,
    as_json: bool,
) -> None:
    """What a model gains from maps, as a table."""
    from ..clients.choice import open_client
    from ..evaluation.run import compare

    given = {"arms": arms, "rules": rules, "frames": frames}
    options: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    provider = "anthropic" if client.startswith("anthropic") else "openai"
    out = compare(maps, qa, open_client(client), output, truth=truth, provider=provider, **options)
    if as_json:
        print(json.dumps(out))
        return
    print(f"{'arm':24}{'overall':>9}{'gain':>8}  {'95 % interval':18}{'p':>8}  verdict  unparsed  tokens")
    for name, row in out["arms"].items():
        gain = row.get("against_first")
        said = " " * 36 + "-      "
        if gain is not None:
            span = "" if gain["low"] is None else f"{gain['low']:+.3f} to {gain['high']:+.3f}"
            p = "" if gain["p"] is None else f"{gain['p']:.3f}"
            said = f"{gain['gain']:+8.3f}  {span:18}{p:>8}  {gain['verdict']:7}"
        overall = "-" if row["overall"] is None else f"{row['overall']:.3f}"
        tokens = row["text_tokens"] + (row["image_tokens"] or 0)
        print(f"{name:24}{overall:>9}{said}{row['unparsed']:>10}{tokens:>8}")
    print(f"{out['n']} items, rules {out['rules']}; plan, replies and samples in {output}", file=sys.stderr)


def _graded(pred: Path, truth: Path, align: str, labels: Path | None, *, by_label: bool, as_json: bool) -> None:
    """Figures of maps against the truth."""
    import yaml

    from ..errors import ConfigError, InputError
    from ..qa.accuracy import accuracy, bootstrap

    if align not in ("none", "yaw", "similarity"):
        raise ConfigError("E-OPTION", f"there is no alignment {align!r}.", "Choose none, yaw or similarity.")
    names = yaml.safe_load(labels.read_text()) if labels else None
    pairs = _pairs(pred, truth)
    if not pairs:
        raise InputError("E-NO-MAPS", "no map and truth of one name are there.", "Name both NAME.cogmap.", pred)
    rows = {
        name: accuracy(_scene(a), _scene(b), align=align, labels=names, by_label=by_label).figures
        for name, (a, b) in pairs.items()
    }
    if len(rows) == 1:
        figures = next(iter(rows.values()))
    else:
        figures = {"n_scenes": len(rows)}
        for key in next(iter(rows.values())):
            values = [
                r[key] for r in rows.values() if isinstance(r[key], (int, float)) and not isinstance(r[key], bool)
            ]
            if values:
                figures[key] = sum(values) / len(values)
                figures[f"{key}_interval"] = bootstrap(values)
    if as_json:
        print(json.dumps(figures))
        return
    for key, value in figures.items():
        print(f"{key}: {'-' if value is None else f'{value:.4g}' if isinstance(value, float) else value}")


def _is_map(path: Path) -> bool:
    """Whether a path is one map, not a folder of maps."""
    return path.is_file() or (path / "map.json").exists()


def _pairs(pred: Path, truth: Path) -> dict[str, tuple[Path, Path]]:
    """Maps and truths by name."""
    if _is_map(pred):
        return {pred.stem: (pred, truth)}
    return {p.stem: (p, truth / p.name) for p in sorted(pred.glob("*.cogmap")) if (truth / p.name).exists()}


def _scene(path: Path) -> Any:
    """A scene map of a map folder or file, or of a file of boxes."""
    from ..building import build
    from ..mapfile.read import read_map

    if path.is_dir() or path.name == "map.json":
        return read_map(path)
    return build(path).scene


def questions(
    map_path: Annotated[Path, typer.Argument(metavar="MAP|MAPS/", help="A map, or a folder of maps.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Items, one JSON object a line.")],
    types: Annotated[str, typer.Option(help="all, or names with commas between.")] = "all",
    per_type: Annotated[int, typer.Option(help="How many of each type, of each map.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
) -> None:
    """Make questions from a map, or from every map of a folder, with answers and how each follows."""
    from ..mapfile.read import read_map
    from ..qa.generate import generate
    from ..qa.items import written

    chosen = types if types == "all" else [t.strip() for t in types.split(",")]
    rows = []
    for path in [map_path] if _is_map(map_path) else sorted(map_path.glob("*.cogmap")):
        rows += generate(read_map(path), chosen, per_type, seed, path.stem)
    delivered(written(rows).encode(), output)
    print(output)
