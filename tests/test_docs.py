"""The code in README and docs runs; links lead somewhere; the changelog knows the version."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import cogmap

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
