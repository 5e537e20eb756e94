"""A comparison of arms: planned before the first request, resumed where it was cut, computed from its replies alone."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._files import put_text
from .._version import __version__
from ..building import load
from ..clients.base import Ask, Client
from ..cognitive_map import CognitiveMap
from ..errors import ConfigError, InputError
from ..mapfile import SUFFIX
from ..prompt.budget import estimate_tokens
from ..prompt.parts import Prompt
from ..qa.items import Item, read_items
from ..qa.paired import paired
from ..qa.score import RULES, score, score_answer, score_reply
from .arms import Arm, frames_hash, parse_arms, prompt_for

PLAN, REPLIES, RESULTS, SAMPLES = "plan.json", "replies.jsonl", "results.json", "samples.jsonl"
TEST = "paired differences to the first arm; McNemar's exact test for choices; 95 % intervals by drawing scenes"


def compare(
    maps: Path,
    qa: Path,
    client: Client,
    out: Path,
    *,
    arms: str = "none,text,bev,text+bev",
    truth: Path | None = None,
    rules: str = "official",
    frames: int = 8,
    provider: str = "openai",
    on_reply: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Ask a model every item in every arm, and say what each arm gains over the first.

    Replies are kept in `out` under a fingerprint of model, rules, words and pictures: what changed is asked anew, what
    did not is not. The plan (arms, items, maps, rules, test) is written before the first request; a folder with
    another plan is refused.

    Args:
        maps, truth: a map, or a folder of `SCENE.cogmap`; of `truth` for arms that begin with `oracle:`.
        frames: pictures that arms with frames show, the same ones in all. provider: for whom pictures are sized.

    Raises:
        ConfigError: E-OPTION. InputError: E-ITEMS, E-NO-MAP, E-PLAN-CHANGED. RemoteError: the service fails for good;
            what it answered before is kept.
    """
    if rules not in RULES:
        raise ConfigError("E-OPTION", f"there are no rules {rules!r}.", f"Choose {', '.join(RULES)}.")
    asked = parse_arms(arms)
    if any(a.oracle for a in asked) and truth is None:
        raise ConfigError("E-OPTION", "an oracle arm needs the true maps.", "Add --truth MAPS.")
    items = list(read_items(qa))
    shelf = Shelf(maps, truth, asked)
    plan = {
        "cogmap": __version__,
        "model": client.name,
        "arms": [asdict(a) for a in asked],
        "items": len(items),
        "items_sha256": hashlib.sha256(qa.read_bytes()).hexdigest(),
        "rules": rules,
        "frames": frames,
        "provider": provider,
        "test": TEST,
        "maps": shelf.versions(items, frames),
    }
    plan = json.loads(json.dumps(plan))
    planned(out, plan)
    kept = Replies(out / REPLIES)
    rows = []
    for n, item in enumerate(items):
        for arm in asked:
            made = prompt_for(shelf.of(item, arm), arm, item, frames=frames, provider=provider)
            rows.append(asked_once(client, kept, item, arm, made, rules, provider))
        if on_reply is not None:
            on_reply(n + 1, len(items))
    results = {"plan_sha256": _sha(plan), **summary(items, asked, rows, rules)}
    put_text(out / SAMPLES, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))
    put_text(out / RESULTS, json.dumps(results, indent=1) + "\n")
    return results


class Shelf:
    """The maps that items are about, each read once."""

    def __init__(self, maps: Path, truth: Path | None, arms: Sequence[Arm]) -> None:
        self.folders = {False: maps, True: truth}
        self.arms = arms
        self._read: dict[Path, CognitiveMap] = {}

    def of(self, item: Item, arm: Arm) -> CognitiveMap | None:
        """The map that an arm shows of an item's scene. Raises InputError E-NO-MAP."""
        if not arm.parts:
            return None
        path = self.path(item, oracle=arm.oracle)
        if path not in self._read:
            self._read[path] = load(path)
        return self._read[path]

    def path(self, item: Item, *, oracle: bool) -> Path:
        """Where the map of an item's scene is. Raises InputError E-NO-MAP."""
        folder = self.folders[oracle]
        assert folder is not None
        if (folder / "map.json").is_file():
            return folder
        path = folder / f"{item.scene}{SUFFIX}"
        if item.scene is None or not (path / "map.json").is_file():
            problem = f"there is no map of {item.scene!r}." if item.scene else f"item {item.id} names no scene."
            raise InputError("E-NO-MAP", problem, "Name maps SCENE.cogmap.", folder)
        return path

    def versions(self, items: Sequence[Item], frames: int) -> dict[str, str]:
        """SHA-256 of every map that is shown, and of its pictures, by its name."""
        out = {}
        for arm in self.arms:
            for item in items:
                m = self.of(item, arm)
                if m is not None:
                    path = self.path(item, oracle=arm.oracle)
                    name = f"{'oracle:' if arm.oracle else ''}{path.stem}"
                    if name not in out:
                        body = hashlib.sha256((path / "map.json").read_bytes()).hexdigest()
                        out[name] = f"{body[:32]} frames {frames_hash(m, frames)[:32]}"
        return dict(sorted(out.items()))


class Replies:
    """Replies by fingerprint, one JSON line each, written as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_key: dict[str, str] = {}
        if path.exists():
            whole = [line for line in path.read_text(encoding="utf-8").split("\n")[:-1] if line]
            for line in whole:  # a line that was cut off has no end
                row = json.loads(line)
                self.by_key[row["key"]] = row["reply"]
            path.write_text("".join(line + "\n" for line in whole), encoding="utf-8")

    def add(self, key: str, ask: str, reply: str) -> None:
        """Keep one reply; `ask` is what `replay` finds it by."""
        self.by_key[key] = reply
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "ask": ask, "reply": reply}, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def asked_once(
    client: Client, kept: Replies, item: Item, arm: Arm, made: Prompt, rules: str, provider: str
) -> dict[str, Any]:
    """The sample of one item in one arm, asked for only where no reply to just this is kept."""
    ask = Ask(made.text, tuple(p.png for p in made.parts if p.kind == "image"))
    key = hashlib.sha256(f"{client.name}\n{rules}\n{made.fingerprint}".encode()).hexdigest()
    over = None
    try:
        made.to(provider)
    except ConfigError as error:
        over = error.problem
    if over is None and key not in kept.by_key:
        kept.add(key, ask.fingerprint, client.answer(ask))
    reply = kept.by_key.get(key, "")
    cost = made.estimate(provider)
    return {
        "id": item.id,
        "arm": arm.name,
        "scene": item.scene or "",
        "type": item.question_type or "",
        "prompt_sha256": made.fingerprint,
        "reply": reply,
        "score": score_of(reply, item, rules),
        "text_tokens": cost.text,
        "image_tokens": cost.image,
        "reply_tokens": estimate_tokens(reply),
        **({} if over is None else {"over_limit": over}),
    }


def score_of(reply: str, item: Item, rules: str) -> float:
    """0 to 1 for one reply: a choice, a number, or a word that has to be the same; 0 without a truth."""
    truth = item.answer
    if truth is None:
        return 0.0
    if item.options or item.is_number:
        return score_reply(reply, truth, item.options, rules)
    return score_answer(reply.strip().rstrip("."), truth, "word", rules)


def summary(
    items: Sequence[Item], arms: Sequence[Arm], rows: Sequence[Mapping[str, Any]], rules: str
) -> dict[str, Any]:
    """Scores of every arm, and what it gains over the first."""
    ruled = [i for i in items if i.options or i.is_number]
    data = [{**i.model_dump(), "question_type": i.question_type or ""} for i in ruled]
    by_arm = {a.name: [r for r in rows if r["arm"] == a.name] for a in arms}
    first = by_arm[arms[0].name]
    out: dict[str, Any] = {"n": len(items), "rules": rules, "arms": {}}
    for name, mine in by_arm.items():
        report = score(data, {r["id"]: r["reply"] for r in mine}, rules)
        gain = paired(
            [r["score"] for r in first],
            [r["score"] for r in mine],
            [r["scene"] for r in mine],
            [bool(i.options) for i in items],
        )
        images = [r["image_tokens"] for r in mine]
        out["arms"][name] = {
            "mean": sum(r["score"] for r in mine) / max(len(mine), 1),
            "overall": report.overall,
            "by_type": report.by_type,
            "other_rules": report.others,
            "unparsed": report.unparsed,
            "over_limit": sum("over_limit" in r for r in mine),
            "text_tokens": sum(r["text_tokens"] for r in mine),
            "image_tokens": None if None in images else sum(images),
            "reply_tokens": sum(r["reply_tokens"] for r in mine),
            **({} if mine is first else {"against_first": gain.as_dict()}),
        }
    return out


def planned(out: Path, plan: dict[str, Any]) -> None:
    """Write the plan, or check that the one that is there says the same. Raises InputError E-PLAN-CHANGED."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / PLAN
    if not file.exists():
        put_text(file, json.dumps(plan, indent=1) + "\n")
        return
    before = json.loads(file.read_text(encoding="utf-8"))
    changed = sorted(k for k in {*before, *plan} if before.get(k) != plan.get(k))
    if changed:
        problem = f"the plan in this folder is another: {', '.join(changed)}."
        raise InputError("E-PLAN-CHANGED", problem, "Take another -o for another plan.", file)


def _sha(plan: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
