"""The command line: results on stdout, talk on stderr, exit codes; three times in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cogmap.cli.app import app

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
