"""Maps for agents: tools with schemas, the protocol's own client over every wire, hostile calls, builds on demand."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import jsonschema
import numpy as np
import pytest
from mcp import Client, MCPError, StdioServerParameters
from typer.testing import CliRunner

from cogmap import CognitiveMap
from cogmap.cli.app import app
from cogmap.errors import ConfigError, InputError, SecurityError
from cogmap.prompt.budget import estimate_tokens
from cogmap.query.table import QUERIES
from cogmap.serve.jobs import Jobs
from cogmap.serve.server import Service, run_http, server_of
from cogmap.serve.skill import SKILL
from cogmap.serve.tools import call, schemas

from .maps import living_room
from .references import K, Reference
from .rooms import make_room, render, walk_path, write_sevenscenes

QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("list", {}),
    ("describe", {}),
    ("find", {"text": "sofa"}),
    ("count", {"label": "chair"}),
    ("count", {"label": "sofas"}),
    ("size", {"name": "sofa_1"}),
    ("size", {"name": "sofa_1", "edge": "height"}),
    ("distance", {"a": "sofa_1", "b": "shelf_1"}),
    ("distance", {"a": "sofa_1", "b": "shelf_1", "mode": "center"}),
    ("distance", {"a": "sofa_1", "b": [0, 0, 0]}),
    ("relation", {"a": "sofa_1", "b": "shelf_1"}),
    ("perspective", {"at": "sofa_1", "facing": "shelf_1", "target": "lamp_1"}),
    ("perspective", {"at": [0, 0], "heading_deg": 90, "target": "shelf_1", "among": "clock"}),
    ("nearest", {"to": "sofa_1", "k": 2}),
    ("what_is_at", {"point": [0, 0, 0]}),
    ("refer", {"text": "the thing nearest to the shelf"}),
    ("solve", {"steps": ["nearest sofa to shelf_1", "distance from it to shelf_1"]}),
    ("text", {"form": "metric"}),
    ("text", {"form": "metric", "max_tokens": 120, "question": "How far is the sofa from the shelf?"}),
    ("size", {"name": "unicorn"}),
]


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    CognitiveMap(living_room()).save(tmp_path / "maps" / "room.cogmap")
    return tmp_path / "maps"


@pytest.fixture
def http(maps: Path) -> Iterator[str]:
    """The server over HTTP in a process of its own."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "cogmap", "serve", str(maps), "--http", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "COGMAP_TOKEN": ""})
    try:
        for _ in range(300):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(10)


async def answers(target: Any, **options: Any) -> list[Any]:
    async with Client(target, **options) as client:
        return [(await client.call_tool(name, arguments)).structured_content for name, arguments in QUESTIONS]


def test_twenty_questions_get_the_same_answers_over_every_wire(maps: Path, http: str) -> None:
    service = Service(maps)
    want = [service.call(name, arguments) for name, arguments in QUESTIONS]
    assert sum("error" in w for w in want) == 0 and want[-1]["status"] == "unknown" and want[-1]["reason"]
    assert want[7]["unit"] == "m" and want[7]["sigma"] is not None and want[7]["evidence"]["ids"]
    stdio = StdioServerParameters(command=sys.executable, args=["-m", "cogmap", "serve", str(maps)])
    for target, options in (
        (server_of(service), {}),
        (server_of(service), {"mode": "legacy"}),
        (stdio, {}),
        (http, {}),
    ):
        got = anyio.run(lambda target=target, options=options: answers(target, **options))
        assert json.loads(json.dumps(got)) == json.loads(json.dumps(want))


def test_the_list_of_tools_is_short_and_its_schemas_are_schemas(maps: Path) -> None:
    async def listed() -> Any:
        async with Client(server_of(Service(maps))) as client:
            return (await client.list_tools()).tools

    tools = anyio.run(listed)
    rows = [t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in tools]
    assert estimate_tokens(json.dumps(rows)) < 3000 and len(tools) >= 18
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.description and tool.input_schema["type"] == "object"
    wanted = (
        "list describe find what_is_at distance size count relation perspective route free_spots bev frame text edit"
    )
    assert {*wanted.split(), "start_mapping", "job"} <= {t.name for t in tools}


@pytest.mark.parametrize("form", ["openai", "anthropic", "gemini", "mcp"])
def test_every_query_is_a_tool_in_the_form_of_each_provider(form: Any) -> None:
    run = CliRunner().invoke(app, ["tools", "--schema", "--for", form])
    rows = json.loads(run.stdout)
    assert rows == schemas(form)
    for name in (*QUERIES, "describe", "find"):
        assert f'"{name}"' in run.stdout
    if form == "anthropic":
        from anthropic.types import ToolParam
        from pydantic import TypeAdapter

        TypeAdapter(list[ToolParam]).validate_python(rows)
    if form == "gemini":
        from google.genai.types import Tool

        assert [Tool.model_validate(r).function_declarations for r in rows]
    if form == "openai":
        from openai.types.chat import ChatCompletionToolParam
        from pydantic import TypeAdapter

        TypeAdapter(list[ChatCompletionToolParam]).validate_python(rows)


def test_what_is_wrong_with_a_call_is_data_with_a_code() -> None:
    m = CognitiveMap(living_room())
    for name, arguments, code in (
        ("nonsense", {}, "E-QUERY"),
        ("distance", {"a": "sofa_1"}, "E-ARGUMENT"),
        ("distance", {"a": "sofa_1", "b": "shelf_1", "c": 1}, "E-ARGUMENT"),
        ("distance", {"a": "sofa_1", "b": "shelf_1", "mode": "vibes"}, "E-ARGUMENT"),
        ("distance", {"a": "x" * 501, "b": "shelf_1"}, "E-ARGUMENT"),
        ("distance", {"a": "sofa_1", "b": [float("nan"), 0, 0]}, "E-ARGUMENT"),
        ("describe", {"page": -1}, "E-ARGUMENT"),
        ("count", [1, 2], "E-ARGUMENT"),
    ):
        out = call(m, name, arguments)  # type: ignore[arg-type]
        assert out["error"]["code"] == code and out["error"]["remedy"], (name, out)
    assert call(m, "find", {"text": "a submarine"})["reason"]
    assert call(m, "describe", {"page": 7})["reason"]
    assert call(m, "free_spots", {"size_m": [90, 90]})["reason"]


def hostile(rng: random.Random, depth: int = 0) -> Any:
    """A value that somebody could send: sizes, nesting, escapes, unicode, types."""
    texts = ["", "../../etc/passwd", "%2e%2e%2f", "\x00", "\u202eabc", "😀" * 30, "a" * 5000, "'; DROP TABLE", "NaN",
             "{}", "#-1", "camera:f999999", "object:", "\n\n", "\ud800", "sofa_1", "cogmap://x"]  # fmt: skip
    kinds = [
        lambda: rng.choice(texts),
        lambda: rng.choice([0, -1, 1e308, 1 << 70, float("inf"), float("nan"), True, None, 0.5]),
        lambda: [hostile(rng, depth + 1) for _ in range(rng.choice([0, 1, 3, 100]))] if depth < 3 else [],
        lambda: {rng.choice(texts): hostile(rng, depth + 1) for _ in range(3)} if depth < 3 else {},
    ]
    return rng.choice(kinds)()


def test_hostile_calls_get_coded_errors_and_the_service_lives(maps: Path) -> None:
    service, rng = Service(maps), random.Random(8)
    definitions = service.definitions()
    for _ in range(400):
        name = rng.choice([*definitions, "__class__", "", "rm -rf", "call"])
        known = list(definitions.get(name, ("", {"properties": {}}))[1]["properties"])
        keys = [*known, *rng.choice([[], ["__proto__"], ["map"]])]
        out = service.call(name, rng.choice([{k: hostile(rng) for k in keys}, hostile(rng)]))
        assert "error" not in out or re.fullmatch(r"E-[A-Z-]+", out["error"]["code"]), out
        json.dumps(out).encode()
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert service.call("count", {"label": deep})["error"]["code"] == "E-ARGUMENT"
    assert service.call("count", {"label": "sofa"})["value"] >= 1


def posted(url: str, body: bytes, **headers: str) -> int:
    base = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, body, {**base, **{k.replace("_", "-"): v for k, v in headers.items()}})
    try:
        return int(urllib.request.urlopen(request, timeout=10).status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:  # the server hung up before it had read it all
        return 413


def test_foreign_pages_cut_and_oversized_bodies_are_refused_and_the_server_lives(http: str) -> None:
    ping = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'
    assert posted(http, ping, host="evil.example") == 421
    assert posted(http, ping, origin="http://evil.example") == 403
    assert posted(http, b'{"jsonrpc": "2.0"') == 400
    assert posted(http, b"[" * 100_000) == 400
    assert posted(http, b" " * 5_000_000) == 413
    assert anyio.run(lambda: answers(http))[3]["value"] >= 0


def test_a_token_is_asked_for_where_one_is_set(maps: Path) -> None:
    from starlette.testclient import TestClient

    from cogmap.serve.server import http_app

    with TestClient(http_app(Service(maps), "secret"), base_url="http://127.0.0.1:80") as client:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert client.post("/mcp", json=ping).status_code == 401
        assert client.post("/mcp", json=ping, headers={"authorization": "Bearer secret"}).status_code != 401


@pytest.mark.parametrize("address", ["0.0.0.0:80", "127.0.0.1", "example.org:80", ":80", "127.0.0.1:99999"])
def test_addresses_that_others_could_reach_are_refused(maps: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="E-ADDRESS"):
        run_http(Service(maps), address)


def test_pictures_are_small_and_a_resource_is_the_map(tmp_path: Path, masked: Reference) -> None:
    masked.map.save(tmp_path / "room.cogmap")
    service = Service(tmp_path)

    async def drawn() -> list[Any]:
        async with Client(server_of(service)) as client:
            (resource,) = (await client.list_resources()).resources
            text = (await client.read_resource(resource.uri)).contents[0].text
            with pytest.raises(MCPError, match="E-NO-MAP"):
                await client.read_resource("cogmap://..%2F..%2Fetc/map.json")
            frame = service.collection.get(None).map.scene.keyframes[0]
            tools = [await client.call_tool("bev", {}), await client.call_tool("frame", {"frame": f"f{frame:03d}"})]
            return [text, *(t.content[0] for t in tools)]

    text, bev, frame = anyio.run(drawn)
    assert json.loads(text) == json.loads((tmp_path / "room.cogmap" / "map.json").read_text())
    assert bev.mime_type == "image/png" and len(bev.data) < 134_000 and frame.mime_type == "image/jpeg"
    page = service.call("describe", {})
    assert page["n_objects"] == len(masked.map.objects) and len(page["objects"]) <= 40


def test_an_edit_asserts_the_version_that_was_read(maps: Path) -> None:
    service = Service(maps)
    version = service.call("describe", {})["version"]
    edit = {"version": version, "action": "relabel", "id": "sofa_1", "to": "couch"}
    after = service.call("edit", edit)
    assert after["version"] != version and service.call("describe", {})["version"] == after["version"]
    assert service.call("count", {"label": "couch"})["value"] == 1
    assert service.call("edit", edit)["error"]["code"] == "E-MAP-CHANGED"
    unknown = service.call("edit", {**edit, "version": after["version"], "id": "nobody"})
    assert unknown["error"]["code"] == "E-UNKNOWN-ID"
    assert service.call("edit", {"version": after["version"], "action": "merge", "id": "shelf_1"})["error"]


def finished(service: Service, id: str, seconds: float = 90.0) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = service.call("job", {"job": id})
        if state["state"] != "running":
            return state
        time.sleep(0.1)
    raise AssertionError(state)


def test_a_capture_below_sources_is_mapped_and_its_map_answers(tmp_path: Path) -> None:
    room = make_room(1)
    small = np.diag([0.5, 0.5, 1.0]) @ K
    write_sevenscenes(tmp_path / "captures" / "room", [render(room, T, small, (120, 160)) for T in walk_path(room, 12)])
    (tmp_path / "maps").mkdir()
    service = Service(tmp_path / "maps", tmp_path / "captures")
    started = service.call("start_mapping", {"source": "room", "name": "first"})
    assert started["state"] == "running"
    assert service.call("start_mapping", {"source": "room", "name": "second"})["error"]["code"] == "E-BUSY"
    done = finished(service, started["job"])
    assert done["state"] == "done" and done["done"] == done["total"] and service.call("list", {})["maps"] == ["first"]
    assert service.call("area", {"map": "first"}).get("error") and service.call("describe", {})["n_objects"] >= 1
    again = service.call("start_mapping", {"source": "room", "name": "first"})
    assert again["error"]["code"] == "E-NAME-TAKEN"
    cancelled = service.call("start_mapping", {"source": "room", "name": "third"})
    time.sleep(1.0)
    assert service.call("job", {"job": cancelled["job"], "cancel": True})["state"] == "cancelled"
    assert sorted(p.name for p in (tmp_path / "maps").iterdir()) == ["first.cogmap"]
    (tmp_path / "captures" / "empty").mkdir()
    failed = finished(service, service.call("start_mapping", {"source": "empty", "name": "fourth"})["job"])
    assert failed["state"] == "failed" and failed["error"]["code"].startswith("E-") and failed["error"]["remedy"]


def test_sources_outside_their_folder_and_links_out_of_it_are_refused(tmp_path: Path) -> None:
    for name in ("maps", "captures", "secret"):
        (tmp_path / name).mkdir()
    (tmp_path / "captures" / "link").symlink_to(tmp_path / "secret")
    jobs = Jobs(tmp_path / "maps", tmp_path / "captures")
    for source in ("../secret", str(tmp_path / "secret"), "link", "a/../../secret"):
        with pytest.raises(SecurityError, match="E-SOURCE-REFUSED"):
            jobs.start(source, "x", {})
    with pytest.raises(SecurityError, match="E-SOURCE-REFUSED"):
        Jobs(tmp_path / "maps", None).start("a", "x", {})
    for name in ("../x", "", "a/b", "x" * 200, ".hidden"):
        with pytest.raises(InputError, match="E-NAME"):
            jobs.start(".", name, {})


def test_the_skill_names_only_what_there_is(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["skill", "-o", str(tmp_path)]).exit_code == 0
    text = (tmp_path / "SKILL.md").read_text()
    assert text == SKILL and estimate_tokens(text) < 1200
    verbs = set(re.findall(r"`cogmap (\w+)", text))
    helped = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    assert len(verbs) >= 8 and all(f" {verb} " in helped for verb in verbs)
    flags = {(v, f) for v, rest in re.findall(r"`cogmap (\w+)([^`]*)`", text) for f in re.findall(r"(--[a-z-]+)", rest)}
    for verb, flag in flags:
        shown = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"}).stdout
        assert flag in shown, (verb, flag)
    for name in ("describe", "distance", "direction"):
        assert f"`{name}`" in text and (name in QUERIES or name == "describe")
    from cogmap.data.issues import CODES

    assert set(re.findall(r"`(W-[A-Z-]+)`", text)) <= set(CODES)
