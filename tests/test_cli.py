"""The command line: results on stdout, talk on stderr, exit codes; three times in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cogmap.cli.app import app
from cogmap.cli.outputs import delivered
from cogmap.config import Config, settled, with_options
from cogmap.errors import ConfigError, OutputError

from .rooms import make_room, render, walk_path, write_sevenscenes

K = np.array([[130.0, 0, 80], [0, 130, 60], [0, 0, 1]])


@dataclass(frozen=True)
class Done:
    """What one command line left: exit code and both streams."""

    returncode: int
    stdout: str
    stderr: str


def run(*args: object) -> Done:
    """In this process."""
    done = CliRunner().invoke(app, [str(a) for a in args])
    return Done(done.exit_code, done.stdout, done.stderr)


def process(*args: object) -> Done:
    """In a process of its own."""
    command = [sys.executable, "-c", "from cogmap.cli import main; main()", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = make_room(0)
    folder = tmp_path_factory.mktemp("cli") / "scan"
    write_sevenscenes(folder, [render(room, T, K, (120, 160)) for T in walk_path(room, 12)])
    return folder


def test_build_render_validate_edit(scan: Path) -> None:
    done = process("build", scan, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    path = Path(told["map"])
    assert path == scan.parent / "scan.cogmap" and told["objects"] > 3
    expected = {"map.json", "map.yaml", "map.txt", "voxels.npz", "bev.png", "bev.svg", "scene.ply", "report.html"}
    assert expected | {"run.json", "frames", "depth"} == {p.name for p in path.iterdir()}
    assert run("build", scan).returncode == 7
    assert process("validate", path).stdout.startswith("valid")
    assert run("render", path, "--as", "metric").stdout == (path / "map.txt").read_text()
    assert json.loads(run("render", path, "--as", "json").stdout)["units"] == "m"
    assert run("render", path, "--as", "poem").returncode == 2
    assert run("edit", "scale", path, "object_1.height=1.0", "-o", scan.parent / "b.cogmap").returncode == 0
    assert run("edit", "scale", path, "sofa_9.height=1.0").returncode == 2
    assert run("export", path, "--to", "ply", "-o", scan.parent / "a.ply").returncode == 0
    assert "is " in run("render", path, "--as", "relations").stdout
    assert run("render", path, "--as", "slices", "-n", 4, "-o", scan.parent / "slices").returncode == 0
    assert len(list((scan.parent / "slices").glob("*.png"))) == 4
    assert "left out" in run("render", path, "--max-tokens", 200, "--question", "object_1").stdout
    assert run("edit", "move", path, "object_1", "--dx", 1, "-o", scan.parent / "c.cogmap").returncode == 0
    assert run("diff", path, scan.parent / "c.cogmap").stdout.startswith("moved: object_1 moved by +1.00")
    asked = json.loads(run("prompt", path, "How many?", "--for", "anthropic").stdout)
    assert asked[0]["content"][-1]["text"] == "Question: How many?"
    assert json.loads(run("prompt", path, "How many?", "--estimate").stdout)["exact"] is False


def test_inspect_answers_without_building(scan: Path) -> None:
    told = json.loads(run("inspect", scan, "--json").stdout)
    keys = ("camera_convention", "pose_direction", "depth_unit_m", "scale_source", "gravity_source")
    assert [told[k] for k in keys] == ["opencv", "camera-to-world", 0.001, "sensor", "none"]


def test_errors_are_one_line_with_their_exit_code(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    done = process("build", tmp_path / "a.mp4")
    assert done.returncode == 3 and done.stdout == "" and run("build", tmp_path / "a.mp4") == done
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("E-SOURCE-EMPTY") and "a.mp4" in done.stderr
    assert run("build", tmp_path / "a.mp4", "--set", "fuse.voxl_m=1").returncode == 2
    assert run("build", tmp_path / "a.mp4", "--scale", "tall").returncode == 2


def test_import_boxes(tmp_path: Path) -> None:
    boxes = {"objects": [{"label": "no", "center_m": [0, 0, 1], "size_m": [1, 1, 2], "yaw_deg": 0}]}
    (tmp_path / "b.json").write_text(json.dumps(boxes))
    assert run("import", tmp_path / "b.json", "-o", tmp_path / "b.cogmap").returncode == 0
    assert '"no"' not in run("render", tmp_path / "b.cogmap").stdout
    assert "no_1" in run("render", tmp_path / "b.cogmap").stdout


def test_bench_voxel_compares_the_columns() -> None:
    done = run("bench", "voxel", "--points", "20000", "--edge", "0.1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["reference", "cpu", "cuda"]
    assert "the same cells and counts" in lines[1] and "million points a second" in lines[0]


def verbs(group: Any, path: str = "") -> dict[str, Any]:
    """Every verb of the command line by name, those of groups too."""
    out: dict[str, Any] = {}
    for name, command in group.commands.items():
        out |= verbs(command, f"{path}{name} ") if hasattr(command, "commands") else {f"{path}{name}": command}
    return out


def test_every_verb_and_option_says_what_it_is_for() -> None:
    found = verbs(get_command(app))
    assert len(found) > 20 and {"build", "edit scale"} <= set(found)
    bare = [f"{v} {p.name}" for v, c in found.items() for p in c.params if not getattr(p, "help", None)]
    assert not bare and all(c.help for c in found.values())


def test_slips_are_answered_with_what_was_meant(tmp_path: Path) -> None:
    assert "Did you mean 'build'?" in run("biuld", "a.mp4").stderr
    assert "--overwrite" in run("build", "a.mp4", "--overwrit").stderr
    wrong = run("build", "a.mp4", "--set", "voxel_m=abc")
    assert wrong.returncode == 2 and "E-OPTION voxel_m must be float, got 'abc'" in wrong.stderr
    assert "Did you mean voxel_m?" in run("build", "a.mp4", "--set", "voxle_m=0.1").stderr
    assert run("--version").stdout.startswith("cogmap 0.")
    boxes = tmp_path / "boxes.json"
    boxes.write_text('{"objects": [{"label": "desk", "center_m": [0, 0, 0.4], "size_m": [1, 1, 0.8]}]}')
    assert run("import", boxes, "-o", tmp_path / "a" / "b.cogmap").returncode == 0
    done = run("render", tmp_path / "a" / "b.cogmap", "--as", "metrc")
    assert done.returncode == 2 and "Did you mean metric?" in done.stderr


def test_outputs_are_looked_at_before_work_and_get_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    early = run("build", tmp_path / "none.mp4", "-o", tmp_path / "file" / "x.cogmap")
    assert early.returncode == 7 and "E-OUTPUT-DENIED" in early.stderr  # before the missing source
    boxes = tmp_path / "boxes.json"
    boxes.write_text('{"objects": [{"label": "desk", "center_m": [0, 0, 0.4], "size_m": [1, 1, 0.8]}]}')
    path = tmp_path / "boxes.cogmap"
    assert run("build", boxes, "--only", "map").returncode == 0
    assert {p.name for p in path.iterdir()} == {"map.json", "map.yaml", "run.json"}
    assert run("build", boxes, "--only", "words").returncode == 2
    for form, name in (("bev", "p.png"), ("metric", "p.txt")):
        assert run("render", path, "--as", form, "-o", tmp_path / "new" / "er" / name).returncode == 0
        assert (tmp_path / "new" / "er" / name).stat().st_size > 50
    with pytest.raises(OutputError) as caught:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        delivered(b"\x89PNG", None, picture=True)
    assert caught.value.code == "E-OUTPUT-TERMINAL"


def test_options_come_from_files_variables_and_flags_in_that_order(tmp_path: Path) -> None:
    (tmp_path / "cogmap.toml").write_text("max_frames = 50\n[fuse]\nvoxel_m = 0.05\n")
    (tmp_path / "mine.yaml").write_text("fuse: {voxel_m: 0.04}\nkeyframes: 3\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    config, origin = settled(tmp_path / "mine.yaml", inner, {"COGMAP_KEYFRAMES": "5", "COGMAP_KERNELS": "sim"})
    assert (config.max_frames, config.voxel_m, config.keyframes) == (50, 0.04, 5)
    assert origin == {
        "max_frames": str(tmp_path / "cogmap.toml"),
        "voxel_m": str(tmp_path / "mine.yaml"),
        "keyframes": "COGMAP_KEYFRAMES",
    }
    (tmp_path / "mine.yaml").write_text("prompt: {voxel_m: 0.04}\n")
    with pytest.raises(ConfigError, match="Did you mean fuse.voxel_m"):
        settled(tmp_path / "mine.yaml", inner, {})
    with pytest.raises(ConfigError, match="max_frames must be 2 to"):
        settled(None, inner, {"COGMAP_MAX_FRAMES": "1"})
    shown = json.loads(run("config", "--json", "--origin").stdout)
    assert shown["fuse"]["voxel_m"] == {"value": 0.02, "origin": "default"}


def test_threads_are_limited_before_anything_counts_them(tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text('{"objects": [{"label": "desk", "center_m": [0, 0, 0.4], "size_m": [1, 1, 0.8]}]}')
    code = (
        "import sys; from typer.testing import CliRunner; from cogmap.cli.app import app;"
        "assert 'numpy' not in sys.modules;"
        f"print(CliRunner().invoke(app, ['build', {str(boxes)!r}, '--threads', '1', '-q']).exit_code);"
        "import numba, cogmap_kernels._check as c; print(c.threads(None), numba.config.NUMBA_NUM_THREADS)"
    )
    plain = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["0", "1", "1"], done.stderr


def test_an_old_name_of_an_option_warns() -> None:
    with pytest.warns(DeprecationWarning, match="commercial_only"):
        assert with_options(Config(), {"commercial_ok": True}).commercial_only
