"""Names from a model that is shown numbers: strict reading, votes over views, services behind one shape.

No model answers here: a scripted one knows the truth, replies are recorded, and the services are local servers.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cogmap
from cogmap.clients.anthropic import anthropic_client
from cogmap.clients.base import Ask, Client
from cogmap.clients.choice import open_client
from cogmap.cognitive_map import CognitiveMap
from cogmap.errors import ConfigError, InputError, RemoteError
from cogmap.naming import parse_names, tidy

from .references import Reference
from .rooms.judge import boxes_against


@pytest.fixture(scope="module")
def room_map(light: Reference) -> tuple[CognitiveMap, dict[int, str]]:
    """A map without labels, and the true name of every object that is a thing of the room."""
    scene, room = light.scene, light.room
    assert room is not None
    overlap, match = boxes_against(scene, room, light.T_map_room)
    names = {scene.objects[m].number: room.things[k].label for k, m in enumerate(match) if overlap[k] >= 0.3}
    return light.map, names


def asked(ask: Ask) -> list[int]:
    assert ask.images[0].startswith(b"\x89PNG")
    return [int(n) for n in ask.text.rpartition("Numbers: ")[2].split(", ")]


def test_names_come_from_the_votes_of_all_views(room_map: tuple[CognitiveMap, dict[int, str]]) -> None:
    m, names = room_map
    turn = iter(range(100))

    def answer(ask: Ask) -> str:
        lie = next(turn) == 1  # one view in eight calls everything a cat
        return "\n".join(f"{n}: {'cat' if lie else names.get(n, 'unknown')}" for n in asked(ask))

    named = m.label(Client("scripted", answer))
    right = {o.number: o.label == names[o.number] for o in named.objects if o.number in names and o.label}
    assert len(right) >= 0.7 * len(names)
    assert np.mean(list(right.values())) >= 0.8
    assert [o.number for o in named.objects] == [o.number for o in m.objects]
    assert all(re.fullmatch(r"[a-z0-9_]+_\d+", o.id) for o in named.objects)
    assert all(
        o.labels[0][2] == "scripted" and sum(s for _, s, _ in o.labels) <= 1.001 for o in named.objects if o.label
    )
    assert all(o.label is None for o in m.objects)


def test_a_name_does_not_override_what_another_source_said(room_map: tuple[CognitiveMap, dict[int, str]]) -> None:
    first = room_map[0].label(Client("first", lambda ask: "\n".join(f"{n}: sofa" for n in asked(ask))))
    second = first.label(Client("second", lambda ask: "\n".join(f"{n}: bed" for n in asked(ask))))
    shown = [o for o in second.objects if o.label]
    assert shown and all(o.label == "sofa" and [t for t, _, _ in o.labels] == ["sofa", "bed"] for o in shown)


def test_replies_are_read_strictly() -> None:
    reply = '3: Chair\n- 4. "a coffee table"\n#5) unknown\n6: lamp\n3: sofa\nHere you are\n7: <b>x</b>\n4:'
    names, refused = parse_names(reply, {3: 1.0, 4: 1.0, 5: 1.0, 7: 1.0})
    assert names == {3: "chair", 4: "coffee table"}
    assert refused == 5
    assert tidy("The  Potted   plant.") == "potted plant"
    assert tidy("x" * 41) is None and tidy("ignore\x00this") is None and tidy("stuhl für gäste") == "stuhl für gäste"


def test_replies_without_any_name_and_replays_that_end(
    room_map: tuple[CognitiveMap, dict[int, str]], tmp_path: Path
) -> None:
    m, _ = room_map
    with pytest.raises(RemoteError, match="E-REPLY"):
        m.label(Client("mute", lambda ask: "I cannot see any picture."))
    (tmp_path / "r.json").write_text('["1: chair"]')
    with pytest.raises(RemoteError, match="E-REPLAY-END.*r.json"):
        m.label(f"replay:{tmp_path / 'r.json'}")
    (tmp_path / "r.json").write_text('{"a": 1}')
    with pytest.raises(InputError, match="E-REPLAY"):
        open_client(f"replay:{tmp_path / 'r.json'}")
    for wrong in ("gpt", "openai:http://x", "replay:"):
        with pytest.raises(ConfigError, match="openai:URL#MODEL"):
            open_client(wrong)


@contextmanager
def service(reply: Any, status: int = 200) -> Iterator[tuple[str, list[tuple[str, dict[str, str], Any]]]]:
    """A local server that answers every POST with one JSON and keeps what it was sent."""
    seen: list[tuple[str, dict[str, str], Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(reply).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def test_services_are_asked_in_their_own_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cogmap.clients.base.WAITS_S", (0.01,))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-2")
    with service({"choices": [{"message": {"content": "1: chair"}}]}) as (url, seen):
        assert open_client(f"openai:{url}/v1#tiny").answer(Ask("what?", (b"png",))) == "1: chair"
        path, headers, body = seen[0]
        assert path == "/v1/chat/completions" and headers["authorization"] == "Bearer sk-1" and body["model"] == "tiny"
        assert [p["type"] for p in body["messages"][0]["content"]] == ["image_url", "text"]
    with service({"content": [{"type": "text", "text": "1: sofa"}]}) as (url, seen):
        assert anthropic_client("tiny", url).answer(Ask("what?", (b"png",))) == "1: sofa"
        assert seen[0][1]["x-api-key"] == "sk-2"
        assert [p["type"] for p in seen[0][2]["messages"][0]["content"]] == ["image", "text"]
    with service({"error": "no"}, 401) as (url, _), pytest.raises(RemoteError, match="401") as refused:
        open_client(f"openai:{url}#tiny").answer(Ask("what?"))
    assert "sk-1" not in str(refused.value)
    with service({"odd": 1}) as (url, _), pytest.raises(RemoteError, match="E-REPLY"):
        open_client(f"openai:{url}#tiny").answer(Ask("what?"))
    with pytest.raises(RemoteError, match="E-REMOTE"):
        open_client("openai:http://127.0.0.1:9#tiny").answer(Ask("what?"))
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(ConfigError, match="E-NO-KEY"):
        open_client("anthropic:tiny")


def test_something_to_sit_on_is_ranked_by_a_model_and_chairs_by_their_name(tmp_path: Path) -> None:
    rows = [
        {"label": name, "center_m": [i, 0, 0.4], "size_m": [0.5, 0.5, 0.8]}
        for i, name in enumerate(["lamp", "chair", "couch"])
    ]
    (tmp_path / "boxes.json").write_text(json.dumps({"objects": rows}))
    m = cogmap.build(tmp_path / "boxes.json")
    asked: list[Ask] = []

    def answer(ask: Ask) -> str:
        asked.append(ask)
        return "2: 95\n3: 90\n1: 0\n9: 50\nnonsense"

    ranked = m.find("something to sit on", Client("judge", answer))
    assert [(o.label, score) for o, score in ranked] == [("chair", 0.95), ("couch", 0.9)]
    assert '"something to sit on"' in asked[0].text and "1: lamp" in asked[0].text and asked[0].images == ()
    assert [o.label for o, _ in m.find("the sofas")] == ["couch"] and m.find("a bed") == ()
    with pytest.raises(RemoteError, match="E-REPLY"):
        m.find("anything", Client("mute", lambda ask: "I cannot say."))
