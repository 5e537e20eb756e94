"""Batches: manifests, poison, kills, resuming by another runner, and the same bytes whoever ran them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import cogmap
from cogmap.batch.ledger import DONE, Ledger
from cogmap.batch.manifest import read_manifest
from cogmap.batch.run import run_batch
from cogmap.batch.worker import Limits
from cogmap.cli.app import app
from cogmap.cli.batch_verbs import amount
from cogmap.config import Config
from cogmap.errors import ConfigError, InputError, OutputError

# What a broken decoder does is put into the processes of a batch from outside: the name of a source says which.
POISON = """
import importlib.abc, importlib.machinery, os, sys, time

class Spoilt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "cogmap.capture.sniff":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            true = module.open_source
            def open_source(where, *a, **k):
                if "exit" in str(where.name):
                    os._exit(3)
                if "hang" in str(where.name):
                    time.sleep(3600)
                if "hog" in str(where.name):
                    held = [bytearray(100_000_000) for _ in range(40) if time.sleep(0.1) is None]
                return true(where, *a, **k)
            module.open_source = open_source
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Spoilt())
"""


def boxes(seed: int) -> str:
    rng = random.Random(seed)
    rows = [
        {"label": "chair", "center_m": [rng.uniform(0, 4), rng.uniform(0, 4), 0.4], "size_m": [0.5, 0.5, 0.8],
         "yaw_deg": 15 * i} for i in range(4)
    ]  # fmt: skip
    return json.dumps({"objects": rows})


def sources(folder: Path, n: int, *, poison: tuple[str, ...] = ()) -> Path:
    folder.mkdir(parents=True)
    for k in range(n):
        (folder / f"s{k:03d}.json").write_text(boxes(k))
    for k, kind in enumerate(poison):
        (folder / f"{kind}{k}.json").write_text("{" if kind == "corrupt" else boxes(1000 + k))
    return folder


@pytest.fixture
def spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(POISON)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{os.environ.get('PYTHONPATH', '')}")


def maps_of(out: Path) -> dict[str, bytes]:
    return {p.parent.name: p.read_bytes() for p in sorted((out / "maps").glob("*/map.json"))}


def test_manifests_of_every_kind_say_the_same(tmp_path: Path) -> None:
    sources(tmp_path / "captures", 2)
    rows = [{"id": "a b", "source": "captures/s000.json", "up": "z"}, {"source": "captures/s001.json", "split": "val"}]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "m.csv").write_text("id,source,up,split\na b,captures/s000.json,z,\n,captures/s001.json,,val\n")
    pq.write_table(
        pa.Table.from_pylist([{**dict.fromkeys(("id", "up", "split")), **r} for r in rows]), tmp_path / "m.parquet"
    )
    read = [read_manifest(tmp_path / f"m.{kind}") for kind in ("jsonl", "csv", "parquet")]
    assert read[0] == read[1] == read[2]
    (first, second), unknown = read[0]
    assert first.name == "a_b" and first.options == {"up": "z"} and second.options == {} and unknown == ("split",)
    assert Path(first.source) == tmp_path / "captures" / "s000.json"
    assert [i.name for i in read_manifest(tmp_path / "captures")[0]] == ["s000", "s001"]


@pytest.mark.parametrize(
    "name, text, what",
    [
        ("m.csv", "id,sauce\na,b\n", "row 1 has no source.*source"),
        ("m.jsonl", '{"source": "a"', "cannot read"),
        ("m.jsonl", "[1]", "row 1 is no object"),
        ("m.csv", "source\n", "no sources"),
        ("m.txt", "a", "CSV, JSONL, Parquet"),
    ],
)
def test_a_manifest_that_cannot_be_read_says_which_row(tmp_path: Path, name: str, text: str, what: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=f"E-MANIFEST.*{what}"):
        read_manifest(tmp_path / name)


def test_an_option_out_of_range_is_refused_before_anything_runs(tmp_path: Path) -> None:
    sources(tmp_path / "captures", 1)
    (tmp_path / "m.jsonl").write_text(json.dumps({"source": "captures/s000.json", "voxel_m": 99}))
    with pytest.raises(ConfigError, match="voxel_m"):
        run_batch(tmp_path / "m.jsonl", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_amounts() -> None:
    assert amount("8G", {"M": 1e6, "G": 1e9}, "x") == 8e9 and amount("15m", {"s": 1, "m": 60}, "x") == 900
    for wrong in ("8", "G", "8X", "-1G", "nan G"):
        with pytest.raises(ConfigError, match="E-OPTION"):
            amount(wrong, {"M": 1e6, "G": 1e9}, "max-memory")


@pytest.mark.usefixtures("spoilt")
def test_poison_ends_its_item_alone_after_exactly_its_tries(tmp_path: Path) -> None:
    poison = ("exit", "hang", "corrupt", "hog")
    captures, out = sources(tmp_path / "captures", 12, poison=poison), tmp_path / "out"
    since = time.monotonic()
    figures = run_batch(captures, out, jobs=2, limits=Limits(12.0, 900_000_000), retries=1)
    assert figures["done"] == 12 and figures["failed"] == 4 and time.monotonic() - since < 120
    failed = {r["name"]: r for r in pq.read_table(out / "failed.parquet").to_pylist()}
    codes = {name.rstrip("0123456789"): row["code"] for name, row in failed.items()}
    assert codes == {"exit": "E-CRASHED", "hang": "E-TIMEOUT", "corrupt": "E-SOURCE-UNKNOWN", "hog": "E-MEMORY"}
    assert {row["attempts"] for row in failed.values()} == {2}
    assert "exit 3" in failed["exit0"]["words"] and failed["hang1"]["stage"] == "starting"
    scenes = pq.read_table(out / "scenes-00000.parquet").to_pylist()
    assert [s["name"] for s in scenes] == [f"s{k:03d}" for k in range(12)] and {s["n_objects"] for s in scenes} == {4}
    assert len(pq.read_table(out / "objects-00000.parquet")) == 48
    assert not list((out / "maps").glob(".*")) and not list(Path("/tmp").glob(f"cogmap-batch-*/{os.getpid()}"))
    again = run_batch(captures, out, jobs=1)
    assert again["made_now"] == 0 and again["left_as_they_were"] == 16


def test_a_batch_that_is_killed_goes_on_and_makes_each_map_once(tmp_path: Path) -> None:
    captures, out, calm = sources(tmp_path / "captures", 30), tmp_path / "out", tmp_path / "calm"
    command = [sys.executable, "-m", "cogmap", "batch", str(captures), "-o", str(out), "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(600):
        if len(Ledger(out).all(DONE)) >= 5:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    time.sleep(1.0)  # its worker ends when its pipe does
    made = set(Ledger(out).all(DONE))
    assert 5 <= len(made) < 30
    stamps = {name: (out / "maps" / f"{name}.cogmap" / "run.json").stat().st_mtime_ns for name in made}
    (out / "maps" / ".s029.cogmap-stray").mkdir()
    figures = run_batch(captures, out, jobs=2)
    assert figures["done"] == 30 and figures["made_now"] == 30 - len(made)
    assert all((out / "maps" / f"{n}.cogmap" / "run.json").stat().st_mtime_ns == s for n, s in stamps.items())
    run_batch(captures, calm)
    assert maps_of(out) == maps_of(calm) and len(maps_of(out)) == 30
    assert not list((out / "maps").glob(".*"))


def test_sigterm_stops_a_batch_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    captures, out = sources(tmp_path / "captures", 60), tmp_path / "out"
    command = [sys.executable, "-m", "cogmap", "batch", str(captures), "-o", str(out), "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    while len(Ledger(out).all(DONE)) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    since = time.monotonic()
    text = process.communicate(timeout=30)[0]
    assert process.returncode == 130 and json.loads(text)["stopped"] and time.monotonic() - since < 3
    assert all(cogmap.load(p) for p in (out / "maps").glob("*.cogmap"))


def test_the_same_content_is_mapped_once_and_both_names_get_it(tmp_path: Path) -> None:
    captures = sources(tmp_path / "captures", 1)
    (captures / "copy.json").write_bytes((captures / "s000.json").read_bytes())
    figures = run_batch(captures, tmp_path / "out")
    assert figures["done"] == 2 and len(set(maps_of(tmp_path / "out").values())) == 1


def test_another_config_or_content_never_reuses_a_map(tmp_path: Path) -> None:
    captures, out = sources(tmp_path / "captures", 3), tmp_path / "out"
    run_batch(captures, out)
    assert run_batch(captures, out)["made_now"] == 0
    assert run_batch(captures, out, config=Config(seed=1))["made_now"] == 3
    (captures / "s001.json").write_text(boxes(77))
    assert run_batch(captures, out, config=Config(seed=1))["made_now"] == 1
    (out / "maps" / "s002.cogmap" / "map.json").unlink()
    assert run_batch(captures, out, config=Config(seed=1))["made_now"] == 1


def test_only_failed_tries_those_again_that_failed(tmp_path: Path) -> None:
    captures, out = sources(tmp_path / "captures", 2, poison=("corrupt",)), tmp_path / "out"
    run = CliRunner().invoke(app, ["batch", str(captures), "-o", str(out), "-q"])
    assert run.exit_code == 5 and json.loads(run.stdout)["failed"] == 1
    assert run_batch(captures, out)["left_as_they_were"] == 3
    again = run_batch(captures, out, only_failed=True)
    assert again["left_as_they_were"] == 2 and again["failed"] == 1
    (captures / "corrupt0.json").write_text(boxes(5))
    (captures / "s009.json").write_text(boxes(9))
    mended = run_batch(captures, out, only_failed=True)
    assert mended["made_now"] == 1 and mended["failed"] == 0
    status = json.loads(CliRunner().invoke(app, ["batch", "--status", str(out)]).stdout)
    assert status == {"done": 3, "failed": 0, "codes": {}}


def test_two_batches_of_one_folder_do_not_run_at_once(tmp_path: Path) -> None:
    captures = sources(tmp_path / "captures", 1)
    with Ledger(tmp_path / "out").lock(), pytest.raises(OutputError, match="E-BATCH-RUNNING"):
        run_batch(captures, tmp_path / "out")


def test_a_damaged_marker_is_no_marker(tmp_path: Path) -> None:
    captures, out = sources(tmp_path / "captures", 2), tmp_path / "out"
    run_batch(captures, out)
    (out / DONE / "s000.json").write_text("{")
    assert run_batch(captures, out)["made_now"] == 1


def test_a_source_that_is_not_there_is_listed(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps({"source": "nowhere.mp4"}))
    figures = run_batch(tmp_path / "m.jsonl", tmp_path / "out")
    assert figures["failed"] == 1
    (row,) = pq.read_table(tmp_path / "out" / "failed.parquet").to_pylist()
    assert row["code"] == "E-SOURCE-MISSING" and "nowhere" in row["words"]


def test_a_uri_is_fetched(tmp_path: Path) -> None:
    captures = sources(tmp_path / "captures", 1)
    (tmp_path / "m.jsonl").write_text(json.dumps({"id": "far", "source": f"file://{captures}/s000.json"}))
    assert run_batch(tmp_path / "m.jsonl", tmp_path / "out")["done"] == 1


@pytest.mark.slow
@pytest.mark.usefixtures("spoilt")
def test_ray_loses_nothing_with_a_node_and_the_local_runner_resumes(tmp_path: Path) -> None:
    """Two hundred items, five in a hundred poison, on a real cluster of three nodes of which one is killed."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    poison = ("exit", "hang", "corrupt", "hog", "exit", "corrupt", "exit", "corrupt", "exit", "corrupt")
    captures, out, calm = sources(tmp_path / "captures", 190, poison=poison), tmp_path / "out", tmp_path / "calm"
    command = [sys.executable, str(script), str(captures), str(out)]
    env = {**os.environ, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    run = subprocess.run(command, capture_output=True, text=True, timeout=240, env=env)
    assert run.returncode == 0, run.stderr[-2000:]
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    assert told["others"] == [] and told["node_killed"]
    figures = run_batch(captures, out, jobs=2, limits=Limits(8.0, 900_000_000))
    assert figures["done"] == 190 and figures["failed"] == 10
    assert {r["attempts"] for r in pq.read_table(out / "failed.parquet").to_pylist()} == {2}
    run_batch(sources(tmp_path / "some", 40), calm)
    mine = maps_of(out)
    assert len(mine) == 190 and all(mine[name] == body for name, body in maps_of(calm).items())


DRIVER = """
import json, sys, threading, time
import psutil, ray
import ray._private.services as services
services.get_node_ip_address = lambda *a, **k: "127.0.0.1"
from ray.cluster_utils import Cluster
from cogmap.batch import run as batch_run
from cogmap.batch.ledger import DONE, Ledger
from cogmap.batch.worker import Limits
from pathlib import Path

if __name__ == "__main__":
    small = dict(object_store_memory=80 * 2**20, node_ip_address="127.0.0.1")
    cluster = Cluster(initialize_head=True, head_node_args=dict(num_cpus=0, include_dashboard=False, **small))
    nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(3)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    captures, out = sys.argv[1:]
    killed, others, stop = [], set(), threading.Event()

    def watch():
        while not stop.wait(0.5):
            if not killed and len(Ledger(Path(out)).all(DONE)) > 20:
                cluster.remove_node(nodes[2], allow_graceful=False)
                killed.append(True)
            for c in psutil.net_connections("tcp"):
                if c.status == "LISTEN" and c.pid and c.laddr.ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
                    name = " ".join(psutil.Process(c.pid).cmdline())[:60]
                    if "ray" in name:
                        others.add(name)
            if len(Ledger(Path(out)).all(DONE)) > 120:
                seen["batch"].stop.set()

    seen = {}
    def noted(batch):
        seen["batch"] = batch
    threading.Thread(target=watch, daemon=True).start()
    figures = batch_run.run_batch(captures, out, runner="ray", jobs=3, limits=Limits(8.0, 900_000_000), on_item=noted)
    stop.set()
    ray.shutdown()
    cluster.shutdown()
    print(json.dumps({**figures, "node_killed": bool(killed), "others": sorted(others)}))
"""
