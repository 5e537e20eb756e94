"""What a model gains from a map: tables worked by hand, plans that cannot be bent, runs that are cut and go on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cogmap import CognitiveMap
from cogmap.cli.app import app
from cogmap.clients import base
from cogmap.clients.base import Ask, Client
from cogmap.clients.choice import open_client
from cogmap.errors import ConfigError, InputError, RemoteError
from cogmap.evaluation.arms import parse_arms
from cogmap.evaluation.run import PLAN, REPLIES, RESULTS, SAMPLES, compare
from cogmap.qa.paired import clustered, mcnemar, paired

from .maps import living_room, map_of
from .references import Reference


def test_mcnemar_is_that_of_a_table_worked_by_hand() -> None:
    # 1 and 7 discordant: 2 (C(8,0) + C(8,1)) / 2^8 = 18 / 256
    assert mcnemar(1, 7) == pytest.approx(18 / 256) and mcnemar(7, 1) == mcnemar(1, 7)
    assert mcnemar(0, 0) == 1.0 and mcnemar(3, 3) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 32)


def test_two_arms_are_compared_item_by_item_and_a_tie_is_called_one() -> None:
    first, second = [1, 0, 0, 1, 0, 0.5], [1, 1, 1, 1, 0, 0.7]
    scenes, choices = ["a", "a", "b", "b", "c", "c"], [True] * 5 + [False]
    found = paired(first, second, scenes, choices)
    assert found.n == 6 and found.gain == pytest.approx(2.2 / 6)
    assert (found.only_first, found.only_second) == (0, 2) and found.p == 0.5
    same = paired(first, first, scenes, choices)
    assert same.verdict == "tie" and same.gain == 0 and same.p == 1.0
    assert paired([0, 0], [1, 1], ["a", "a"], [True, True]).verdict == "tie"  # one scene proves nothing
    sure = paired([0] * 20, [1] * 20, [f"s{k}" for k in range(20)], [True] * 20)
    assert sure.verdict == "better" and (sure.low, sure.high) == (1, 1)


def test_scenes_are_drawn_whole() -> None:
    """Ten items of each of four scenes that agree among themselves are worth four draws, not forty."""
    values = np.repeat([0.0, 0.0, 1.0, 1.0], 10)
    whole = clustered(values, np.repeat(["a", "b", "c", "d"], 10).tolist())
    apart = clustered(values, [str(k) for k in range(40)])
    assert whole is not None and apart is not None
    assert whole == (0.0, 1.0) and apart[0] > 0.3 and apart[1] < 0.7
    assert clustered([1.0], ["a"]) is None


FAR, WHICH = "object_abs_distance", "object_rel_distance"
SOFA, CUP = ["A. sofa", "B. lamp"], ["A. cup", "B. bed"]
ITEMS = [
    {"id": 1, "scene": "a", "question_type": FAR, "question": "How far?", "answer": 2.0},
    {"id": 2, "scene": "a", "question_type": WHICH, "question": "Which?", "options": SOFA, "answer": "B"},
    {"id": 3, "scene": "b", "question_type": WHICH, "question": "Which?", "options": CUP, "answer": "A"},
    {"id": 4, "scene": "b", "question_type": "word", "question": "What colour?", "answer": "red"},
]


@pytest.fixture
def bench(tmp_path: Path) -> tuple[Path, Path]:
    CognitiveMap(living_room()).save(tmp_path / "maps" / "a.cogmap")
    CognitiveMap(map_of(("cup", (0, 0, 0.5), (0.1, 0.1, 0.1), 0))).save(tmp_path / "maps" / "b.cogmap")
    (tmp_path / "qa.jsonl").write_text("\n".join(map(json.dumps, ITEMS)))
    return tmp_path / "maps", tmp_path / "qa.jsonl"


def model(ask: Ask) -> str:
    """A model that is right where it is shown a map, and else says A."""
    with_map = "measured map" in ask.text
    if "How far?" in ask.text:
        return "2.0" if with_map else "3.0"
    if "sofa" in ask.text.rpartition("Which?")[2]:
        return "B" if with_map else "A"
    return "red" if "colour" in ask.text else "A"


def counting(answer: Callable[[Ask], str], stop_after: int = 10**9) -> tuple[Client, list[Ask]]:
    seen: list[Ask] = []

    def counted(ask: Ask) -> str:
        if len(seen) >= stop_after:
            raise RemoteError("E-REMOTE", "the line was cut.", "Try again.")
        seen.append(ask)
        return answer(ask)

    return Client("made up", counted), seen


def test_a_comparison_gives_the_table_worked_by_hand(bench: tuple[Path, Path], tmp_path: Path) -> None:
    client, seen = counting(model)
    out = compare(*bench, client, tmp_path / "out", arms="none,text,text+bev")
    arms = out["arms"]
    assert list(arms) == ["none", "text", "text+bev"] and out["n"] == 4
    # no map: 3.0 for 2.0 is off by a half, right at the limit 0.5 alone; A for B wrong, A for A right, red right
    assert arms["none"]["mean"] == pytest.approx((0.1 + 0 + 1 + 1) / 4)
    assert arms["text"]["mean"] == 1.0
    gain = arms["text"]["against_first"]
    assert gain["n"] == 4 and gain["gain"] == pytest.approx(1.9 / 4)
    assert (gain["only_first"], gain["only_second"], gain["p"]) == (0, 1, 1.0)
    assert arms["none"]["text_tokens"] < arms["text"]["text_tokens"] and arms["text+bev"]["image_tokens"] > 0
    assert len(seen) == 12 and all(a.images for a in seen[2::3]) and not any(a.images for a in seen[::3])
    for none, text in zip(seen[::3], seen[1::3]):
        assert text.text.endswith(none.text)  # arms differ in what stands before the question, and in nothing else


def test_a_run_that_is_cut_goes_on_and_ends_in_the_same_bytes(bench: tuple[Path, Path], tmp_path: Path) -> None:
    calm, _ = counting(model)
    compare(*bench, calm, tmp_path / "calm")
    cut, before = counting(model, stop_after=5)
    with pytest.raises(RemoteError):
        compare(*bench, cut, tmp_path / "out")
    assert (tmp_path / "out" / PLAN).exists() and not (tmp_path / "out" / RESULTS).exists()
    with (tmp_path / "out" / REPLIES).open("a") as file:
        file.write('{"key": "half a li')
    rest, after = counting(model)
    compare(*bench, rest, tmp_path / "out")
    assert len(before) + len(after) == 16
    for name in (PLAN, RESULTS, SAMPLES, REPLIES):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes(), name
    again, none = counting(model)
    compare(*bench, again, tmp_path / "out")
    assert none == []
    recorded = open_client(f"replay:{tmp_path / 'out' / REPLIES}")
    compare(*bench, recorded, tmp_path / "replayed")
    mine, theirs = (json.loads((tmp_path / d / RESULTS).read_text()) for d in ("replayed", "calm"))
    assert mine["arms"] == theirs["arms"]


def test_another_plan_needs_another_folder(bench: tuple[Path, Path], tmp_path: Path) -> None:
    client, _ = counting(model)
    compare(*bench, client, tmp_path / "out", arms="none,text")
    for options, what in (({"arms": "none"}, "arms"), ({"arms": "none,text", "rules": "lmms-eval"}, "rules")):
        with pytest.raises(InputError, match=f"E-PLAN-CHANGED.*{what}"):
            compare(*bench, client, tmp_path / "out", **options)  # type: ignore[arg-type]
    bench[1].write_text(bench[1].read_text().replace("How far?", "How far away?"))
    with pytest.raises(InputError, match="E-PLAN-CHANGED.*items_sha256"):
        compare(*bench, client, tmp_path / "out", arms="none,text")


def test_arms_with_pictures_show_the_same_frames(masked: Reference, tmp_path: Path) -> None:
    masked.map.save(tmp_path / "a.cogmap")
    (tmp_path / "qa.jsonl").write_text(json.dumps(ITEMS[0]))
    client, seen = counting(model)
    out = compare(
        tmp_path / "a.cogmap", tmp_path / "qa.jsonl", client, tmp_path / "out", arms="none,frames,frames+text", frames=3
    )
    _, frames, both = seen
    assert len(frames.images) == 3 and frames.images == both.images
    plan = json.loads((tmp_path / "out" / PLAN).read_text())
    assert "frames" in plan["maps"]["a"] and plan["frames"] == 3
    assert out["arms"]["frames"]["image_tokens"] > 0


def test_an_oracle_shows_the_true_map(bench: tuple[Path, Path], tmp_path: Path) -> None:
    client, seen = counting(model)
    compare(*bench, client, tmp_path / "out", arms="none,oracle:text", truth=bench[0])
    assert "measured map" in seen[1].text
    with pytest.raises(ConfigError, match="--truth"):
        compare(*bench, client, tmp_path / "out2", arms="none,oracle:text")


@pytest.mark.parametrize("arms", ["", "none,none", "text+photo", "oracle:nothing"])
def test_arms_that_are_none_are_refused(arms: str) -> None:
    with pytest.raises(ConfigError, match="E-OPTION"):
        parse_arms(arms)


def test_each_mode_of_eval_refuses_the_others_flags(bench: tuple[Path, Path], tmp_path: Path) -> None:
    maps, qa = map(str, bench)
    for command in (
        ["eval", maps, "--pred", "a", "--truth", "b"],
        ["eval", "--pred", maps, "--truth", maps, "--arms", "none"],
        ["eval", maps, "--qa", qa, "--client", "replay:x", "-o", "o", "--by-label"],
        ["eval", maps, "--qa", qa],
        ["eval", "--pred", maps],
    ):
        run = CliRunner().invoke(app, command)
        assert run.exit_code == 2 and "E-OPTION" in run.output, command
    client, _ = counting(model)
    compare(*bench, client, tmp_path / "rec", arms="none,text")
    recorded = f"replay:{tmp_path / 'rec' / REPLIES}"
    run = CliRunner().invoke(
        app, ["eval", maps, "--qa", qa, "--client", recorded, "-o", str(tmp_path / "o"), "--arms", "none,text"]
    )
    assert run.exit_code == 0 and "verdict" in run.stdout and "text" in run.stdout


@pytest.fixture
def moody(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[int]]]:
    """A service that answers every fifth request 429, 500, nothing, or half a reply, and else right."""
    monkeypatch.setattr(base, "WAITS_S", (0.01, 0.01, 0.01))
    asked: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(1)
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            words = "".join(p.get("text", "") for p in body["messages"][0]["content"])
            reply = json.dumps({"choices": [{"message": {"content": model(Ask(words))}}]}).encode()
            mood = len(asked) % 5
            if mood in (1, 2):
                self.send_response(429 if mood == 1 else 500)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            if mood == 3:
                self.send_response(200)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply[: len(reply) // 2])
                return
            self.send_response(200)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def test_a_moody_service_loses_no_item(bench: tuple[Path, Path], tmp_path: Path, moody: tuple[str, list[int]]) -> None:
    url, asked = moody
    got = compare(*bench, open_client(f"openai:{url}#tiny"), tmp_path / "out")
    calm, _ = counting(model)
    want = compare(*bench, calm, tmp_path / "calm")
    assert got["arms"] == want["arms"] and len(asked) > 16
