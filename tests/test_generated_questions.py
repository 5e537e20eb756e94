"""Generated items against a checker of its own: it reads the map file and the question, and imports nothing of
`cogmap.query` or `cogmap.qa` to work out an answer."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree
from typer.testing import CliRunner

import cogmap
from cogmap.cli.app import app
from cogmap.errors import ConfigError
from cogmap.qa.generate import TYPES, generate
from cogmap.qa.items import Item, answer_item, written

from .maps import living_room
from .references import Reference
from .test_official_questions import ANNOTATIONS, FILES, real

RUNNER = CliRunner()


class Checker:
    """A map file as plain boxes by name."""

    def __init__(self, path: Path) -> None:
        data = json.loads((path / "map.json").read_text())
        self.data = data
        self.boxes: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
        self.first: dict[str, int] = {}
        self.objects = data["objects"]
        for o in data["objects"]:
            box = o["box"]
            yaw = np.radians(box["yaw_deg"])
            R = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
            own = (np.array(box["center_m"]), np.array(box["size_m"]), R)
            if box.get("obb"):
                own = (
                    np.array(box["obb"]["center_m"]),
                    np.array(box["obb"]["size_m"]),
                    np.array(box["obb"]["rotation"]),
                )
            for name in {o["id"], o.get("label") or o["id"]}:
                self.boxes.setdefault(name, []).append(own)
            o["upright"] = box["size_m"][2]

    def one(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        (box,) = self.boxes[name]
        return box

    def shell(self, name: str) -> np.ndarray:
        c, s, R = self.one(name)
        grid = np.stack(
            np.meshgrid(*[np.linspace(-v / 2, v / 2, max(int(np.ceil(v / 0.05)), 1)) for v in s]), -1
        ).reshape(-1, 3)
        outer = grid[(np.abs(grid) > s / 4).any(1)]
        return (outer if len(outer) else grid) @ R.T + c

    def gap(self, a: str, b: str) -> float:
        return float(np.min(cKDTree(self.shell(a)).query(self.shell(b))[0]))

    def turn(self, a: str, b: str, c: str) -> float:
        A, B, C = (self.one(n)[0][:2] for n in (a, b, c))
        angles = [np.arctan2(*(P - A)[::-1]) for P in (B, C)]
        return float(np.degrees((angles[0] - angles[1] + np.pi) % (2 * np.pi) - np.pi))

    def answer(self, item: dict[str, Any]) -> Any:
        """The value that is right, worked out anew."""
        q, kind = item["question"].split("\n")[0], item["question_type"]
        if kind == "object_counting":
            (label,) = re.findall(r"How many (.+)\(s\)", q)
            return sum(o.get("label") == label for o in self.objects)
        if kind == "exists":
            (label,) = re.findall(r"Is there an? (.+) in this room", q)
            return "yes" if any(o.get("label") == label for o in self.objects) else "no"
        if kind == "object_size_estimation":
            (name,) = re.findall(r"height\) of the (.+), measured", q)
            return 100 * float(self.one(name)[1].max())
        if kind == "room_size_estimation":
            return self.data["layout"]["floor_area_m2"]
        if kind in ("object_abs_distance", "multi_step"):
            a, b = re.findall(r"between the (.+?) and the (?:object closest to the )?(.+?) \(in meters", q)[0]
            if kind == "multi_step":
                others = [o["id"] for o in self.objects if self.one(o["id"])[0] is not self.one(b)[0]]
                b = min(others, key=lambda i: self.gap(i, b))
            return self.gap(a, b)
        if kind == "object_rel_distance":
            listed, to = re.findall(r"objects \((.+)\) is the closest to the (.+)\?", q)[0]
            return min(listed.split(", "), key=lambda n: self.gap(n, to))
        if kind.startswith("object_rel_direction"):
            a, b, c = re.findall(r"standing by the (.+) and facing the (.+), is the (.+?) to (?:the left|my)", q)[0]
            turn = self.turn(a, b, c)
            side = "right" if turn > 0 else "left"
            front = "front" if abs(turn) < 90 else "back"
            return {"easy": side, "medium": "back" if abs(turn) > 135 else side, "hard": f"{front}-{side}"}[
                kind.rsplit("_", 1)[1]
            ]
        if kind == "scene_simulation":
            a, b, c = re.findall(
                r"(?:stand at|standing at) (.+?) (?:facing|looking towards) (.+?), where is (.+?)\?", q
            )[0]
            A, B, C = (self.one(n)[0] for n in (a, b, c))
            f = (B - A) / np.linalg.norm(B - A)
            r = np.array([f[1], -f[0], 0]) / np.hypot(f[0], f[1])
            eighth = int(((np.degrees(np.arctan2((C - A) @ r, (C - A) @ f)) % 360) + 22.5) // 45) % 8
            return ("front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left")[eighth]
        if kind == "ordering":
            names = re.findall(r"tallest: (.+)\?", q)[0].split(", ")
            tall = {o.get("label") or o["id"]: o["upright"] for o in self.objects} | {
                o["id"]: o["upright"] for o in self.objects
            }
            return ", ".join(sorted(names, key=lambda n: tall[n]))
        if kind == "counterfactual":
            a, metres, way, b = re.findall(
                r"If the (.+) were moved ([\d.]+) meters (\w+) on .*middle of the (.+) \(in", q
            )[0]
            x, y = {"right": (1, 0), "left": (-1, 0), "ahead": (0, 1), "back": (0, -1)}[way]
            return float(np.linalg.norm(self.one(a)[0] + float(metres) * np.array([x, y, 0]) - self.one(b)[0]))
        if kind == "camera_displacement":
            f, g = (int(k) - 1 for k in re.findall(r"frame (\d+) of", q))
            T = [np.array(c["T_map_cam"])[:3, 3] for c in self.data["camera_path"]]
            return float(np.linalg.norm(T[f] - T[g]))
        names = re.findall(r"in the video: (.+)\?", q)[0].split(", ")
        seen = {n: o["seen"][0]["frame"] for o in self.objects for n in (o["id"], o.get("label"))}
        return ", ".join(sorted(names, key=lambda n: seen[n]))


def wrong(items: list[dict[str, Any]], folder: Path) -> list[tuple[Any, Any]]:
    """Items whose answer the checker works out otherwise."""
    checkers: dict[str, Checker] = {}
    out = []
    for item in items:
        checker = checkers.setdefault(item["scene"], Checker(folder / f"{item['scene']}.cogmap"))
        right = checker.answer(item)
        if item["options"]:
            texts = [o.partition(". ")[2] for o in item["options"]]
            assert len(set(texts)) == len(texts) and texts.count(right) == 1
            right = "ABCDEF"[texts.index(right)]
        same = (
            item["answer"] == right
            if isinstance(right, str)
            else abs(item["answer"] - right) <= 2e-3 * max(1, abs(right))
        )
        if not same:
            out.append((item, right))
    return out


def made(folder: Path, *options: str) -> list[dict[str, Any]]:
    told = RUNNER.invoke(app, ["qa", str(folder), "-o", str(folder / "qa.jsonl"), *options])
    assert told.exit_code == 0, told.output
    return [json.loads(line) for line in (folder / "qa.jsonl").read_text().splitlines()]


def test_items_of_a_room_and_of_a_built_map_are_right(light: Reference, tmp_path: Path) -> None:
    cogmap.CognitiveMap(living_room()).save(tmp_path / "hand.cogmap")
    light.map.save(tmp_path / "built.cogmap")
    items = made(tmp_path, "--per-type", "4", "--seed", "3")
    kinds = Counter(i["question_type"] for i in items if i["scene"] == "built")
    assert {
        "object_abs_distance",
        "object_rel_direction_hard",
        "counterfactual",
        "camera_displacement",
        "ordering",
    } <= set(kinds)
    assert wrong(items, tmp_path) == []
    assert all(i["rationale"] and i["provenance"]["ids"] is not None for i in items)


def test_the_same_seed_gives_the_same_bytes_and_another_other_items() -> None:
    scene = living_room()
    a, b, c = (written(generate(scene, per_type=3, seed=s)) for s in (1, 1, 2))
    assert a == b and a != c
    with pytest.raises(ConfigError, match="E-OPTION.*ordering"):
        generate(scene, "orderings")


def test_the_map_answers_what_it_asks(light: Reference) -> None:
    for scene in (living_room(), light.scene):
        for row in generate(scene, per_type=3, seed=5):
            item = Item.model_validate({k: v for k, v in row.items() if k != "answer"})
            assert answer_item(scene, item)["answer"] == row["answer"], row


def test_the_checker_stands_alone() -> None:
    """The class above names nothing of query or qa; only what is under test is imported from there."""
    tree = ast.parse(Path(__file__).read_text())
    (checker,) = (n for n in tree.body if isinstance(n, ast.ClassDef))
    used = {n.id for n in ast.walk(checker) if isinstance(n, ast.Name)}
    assert not used & {"generate", "written", "answer_item", "Item", "TYPES", "cogmap"}


@real
@pytest.mark.real
def test_items_of_annotated_scenes_are_right_and_balanced(tmp_path: Path) -> None:
    for file in FILES:
        scenes = json.loads((ANNOTATIONS / file).read_text())
        (tmp_path / file).write_text(json.dumps(dict(list(scenes.items())[::2])))
        RUNNER.invoke(app, ["import", str(tmp_path / file), "--format", "vsi-meta", "--all", "-o", str(tmp_path)])
    items = made(tmp_path, "--per-type", "5", "--seed", "1")
    assert len(items) > 2500 and wrong(items, tmp_path) == []
    assert set(TYPES) - {i["question_type"] for i in items} == {"obj_appearance_order", "camera_displacement"}
    for kind in ("object_rel_direction_hard", "object_rel_direction_easy", "scene_simulation"):
        letters = Counter(i["answer"] for i in items if i["question_type"] == kind)
        n, k = sum(letters.values()), len(letters)
        assert all(abs(v - n / k) < 4 * np.sqrt(n / k * (1 - 1 / k)) for v in letters.values()), (kind, letters)
