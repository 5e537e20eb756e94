"""The code in README and docs runs; links lead somewhere; the changelog knows the version."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cogmap
from cogmap.label.recorded import recorded_labeler
from cogmap.prompt.compose import TEXTS

from .maps import living_room
from .rooms import make_room, render, walk_path, write_sevenscenes

PUBLIC = [
    "CogmapError", "CognitiveMap", "Config", "ConfigError", "InputError", "OutputError", "TrustError", "build",
    "build_arrays", "load", "parse_metric", "sample_frames", "score", "score_answer", "write_sample",
]  # fmt: skip
ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
K = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.S | re.M)


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = make_room(0)
    shots = [render(room, T, K, (120, 160)) for T in walk_path(room, 16)]
    write_sevenscenes(tmp_path / "scan", shots)
    monkeypatch.chdir(tmp_path)
    names = {
        "rgb": np.array([s.rgb for s in shots]),
        "depth": np.array([s.depth for s in shots]),
        "T": np.array([s.T_world_cam for s in shots]),
        "masks": np.array([s.thing + 1 for s in shots]).clip(0),
        "labels": [t.label for t in room.things],
        "K": K,
    }
    code = blocks(ROOT / "README.md", "python")
    assert len(code) == 4
    for block in code:
        exec(compile(block, "README.md", "exec"), dict(names))
    assert (tmp_path / "copy.cogmap/map.json").exists() and (tmp_path / "bev.png").exists()


def test_readme_commands_exist() -> None:
    import typer

    from cogmap.cli.app import app

    group = typer.main.get_command(app)
    shell = "\n".join(blocks(ROOT / "README.md", ""))
    for line in re.findall(r"^cogmap (.*?)(?:\s+#.*)?$", shell, flags=re.M):
        verb, *rest = line.split()
        command = group.commands[verb]  # type: ignore[attr-defined]
        if rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest[0]]
        known = {o for p in command.params for o in p.opts}
        assert {w for w in rest if w.startswith("-")} <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_changelog_names_the_version() -> None:
    assert f"[{cogmap.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_public_names_are_these() -> None:
    assert cogmap.__all__ == PUBLIC
    assert [name for name in PUBLIC if getattr(cogmap, name, None) is None] == []


def test_samples_of_formats_are_read(tmp_path: Path) -> None:
    given, labels = (json.loads(b) for b in blocks(ROOT / "docs" / "formats.md", "json"))
    (tmp_path / "boxes.json").write_text(json.dumps(given))
    made = cogmap.build(tmp_path / "boxes.json")
    assert [o.label for o in made.objects] == ["table", "chair"] and "chair_7" in {o.id for o in made.objects}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    Image.fromarray(np.array([[0, 1], [2, 2]], np.uint8)).save(tmp_path / "000000.png")
    labeler = recorded_labeler(tmp_path)
    first, second = (labeler.detect(np.zeros((480, 640, 3), np.uint8), k) for k in (0, 5))
    assert first is not None and first.labels == ("chair", "table")
    assert second is not None and second.boxes is not None and len(second.boxes) == 1


def test_a_text_form_is_added_as_the_page_says() -> None:
    (code,) = blocks(ROOT / "docs" / "extending.md", "python")
    try:
        exec(compile(code, "extending.md", "exec"), {})
        lines = cogmap.CognitiveMap(living_room()).to_text("names").split()
        assert len(lines) == 9 and lines[0] in ("sofa_1", "shelf_1")
    finally:
        TEXTS.pop("names", None)


def test_every_page_is_reached_from_the_contents() -> None:
    contents = (ROOT / "mkdocs.yml").read_text()
    assert [p.name for p in (ROOT / "docs").glob("*.md") if f": {p.name}" not in contents] == []


EXAMPLES = sorted((ROOT / "examples").glob("[01]*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_are_short_and_need_no_checkout(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    imported = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert ast.get_docstring(tree) and len(text.splitlines()) <= 60
    assert not {m.split(".")[0] for m in imported} & {"tests", "benchmarks", "examples"}


@pytest.mark.slow
def test_examples_run(tmp_path: Path) -> None:
    assert len(EXAMPLES) == 10
    for path in EXAMPLES:
        done = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0 and done.stdout.strip(), f"{path.name}: {done.stderr[-800:]}"
