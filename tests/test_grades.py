"""Scores of replies by three sets of rules, and maps against the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats.qmc import Sobol
from typer.testing import CliRunner

import cogmap
from cogmap.cli.app import app
from cogmap.data.scene import Layout, SceneMap, Wall
from cogmap.errors import ConfigError
from cogmap.geometry import obb
from cogmap.geometry.rigid import about_z
from cogmap.qa.accuracy import accuracy
from cogmap.qa.score import Report, score, score_reply, step_scores

from .maps import living_room, map_of, random_map
from .references import Reference

NASTY = [  # reply, truth, options, score under official, lmms-eval, vlmevalkit; worked out by hand
    ("3", 3, None, 1, 1, 1),
    ("3.", 3, None, 1, 1, 1),
    ("3 chairs", 3, None, 1, 1, 1),
    ("There are 3 chairs", 3, None, 0, 1, 1),
    ("The gap between chair 1 and table 2 is 3 m", 3, None, 0, 0.0, 1),
    ("three", 3, None, 0, 1, 1),
    ("", 3, None, 0, 0, 0),
    ("about 2", 3, None, 0, 0.4, 0.4),
    ("2.7", 3, None, 0.9, 0.9, 0.9),
    ("1.5", 3, None, 0.1, 0.1, 0.1),
    ("6", 3, None, 0, 0, 0),
    ("<answer>3</answer> or 7", 3, None, 0, 1, 1),
    ("7</think> 3", 3, None, 0, 0, 1),
    ("3m", 3, None, 0, 1, 1),
    ("nan", 3, None, 0, 0, 0),
    ("-3", 3, None, 0, 0, 0),
    ("3,5", 3, None, 0, 1, 0.0),
    ("0", 0, None, 1, 1, 1),
    ("0.3", 0, None, 0, 0, 0.5),
    ("A", "A", "ABCD", 1, 1, 1),
    ("A.", "A", "ABCD", 1, 1, 1),
    ("a", "A", "ABCD", 1, 1, 1),
    ("A. chair", "A", "ABCD", 1, 1, 1),
    ("(A)", "A", "ABCD", 0, 0, 1),
    ("The answer is A", "A", "ABCD", 0, 0, 1),
    ("B or A", "A", "ABCD", 0, 0, 0),
    ("", "A", "ABCD", 0, 0, 0),
    ("chair", "A", "ABCD", 0, 0, 0),
    ("<answer>A</answer>", "A", "ABCD", 0, 0, 1),
    ("I think B.</think>A", "A", "ABCD", 0, 0, 1),
    ("A\nB", "A", "ABCD", 0, 0, 0),
    ("Option C", "C", "ABCD", 0, 0, 1),
]


@pytest.mark.parametrize("row", NASTY, ids=[repr(r[0]) + str(r[2]) for r in NASTY])
def test_nasty_replies_under_each_rule_set(row: tuple) -> None:
    reply, truth, options, *wanted = row
    got = [score_reply(reply, truth, options, rules) for rules in ("official", "lmms-eval", "vlmevalkit")]
    assert got == pytest.approx(wanted)


def test_a_report_names_its_rules_and_the_others() -> None:
    items = [
        {"id": 1, "question_type": "object_counting", "answer": 3, "options": None},
        {"id": 2, "question_type": "object_rel_distance", "answer": "B", "options": ["a", "b", "c", "d"]},
        *(
            {"id": 3 + k, "question_type": f"object_rel_direction_{level}", "answer": "A", "options": ["x", "y"]}
            for k, level in enumerate(("easy", "medium", "hard"))
        ),
    ]
    replies = {1: "I see 3", 2: "B", 3: "A", 4: "B"}
    told = score(items, replies)
    assert isinstance(told, Report) and told.rules == "official" and told.n == 5 and told.unparsed == 2
    assert told.overall == pytest.approx(np.mean([0, 1, 1 / 3]))  # the three levels count as one
    assert told.others == {
        "lmms-eval": pytest.approx(np.mean([1, 1, 1 / 3])),
        "vlmevalkit": pytest.approx(np.mean([1, 1, 1 / 3])),
    }
    assert told.rmse == {"object_counting": 3.0} and told.chance_adjusted["object_rel_distance"] == 1.0
    assert score(items[:3], replies, "lmms-eval").overall is None  # it fails where a level is missing
    with pytest.raises(ConfigError, match="E-OPTION"):
        score(items, replies, "best")


def test_single_answers_and_steps() -> None:
    assert cogmap.score_answer("A", "A", "choice") == 1 and cogmap.score_answer(2.7, 3, "number") == 0.9
    assert cogmap.score_answer(None, 3, "number") == 0 and cogmap.score_answer(True, True, "word") == 1
    assert step_scores(["chair_2", 1.0, "left"], ["Chair_2", 1.04, "right"]) == [1, 1, 0]
    assert step_scores(["a", 2.0], []) == [0, 0]


def random_box(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    R = Rotation.from_quat(rng.normal(size=4)).as_matrix()
    return rng.uniform(-0.5, 0.5, 3), rng.uniform(0.2, 1.5, 3), R


def test_overlap_of_boxes_is_exact_symmetric_and_never_above_one() -> None:
    rng, spread = np.random.default_rng(0), Sobol(3, seed=0).random(2**15) - 0.5
    for _ in range(40):
        a, b = random_box(rng), random_box(rng)
        got = obb.iou(*a, *b)
        points = (spread * a[1]) @ a[2].T + a[0]
        inside = (np.abs((points - b[0]) @ b[2]) <= b[1] / 2).all(1).mean() * np.prod(a[1])
        true = inside / (np.prod(a[1]) + np.prod(b[1]) - inside)
        assert got == pytest.approx(true, abs=0.002) and got == obb.iou(*b, *a) and 0 <= got <= 1
        assert obb.iou(*a, *a) == 1.0
    far, thin = np.array([1e4, -1e4, 3.0]), np.array([1.0, 2.0, 0.001])
    for yaw in (0.0, 0.3, np.pi / 2):
        turned = (far, thin[[1, 0, 2]], about_z(yaw + np.pi / 2))
        assert obb.iou(far, thin, about_z(yaw), *turned) == pytest.approx(1.0, abs=1e-9)
        assert obb.iou(far, thin, about_z(yaw), far, thin, about_z(yaw + np.pi)) == pytest.approx(1.0, abs=1e-9)
    unit = np.ones(3)
    assert obb.iou(np.zeros(3), unit, np.eye(3), np.array([0.5, 0, 0]), unit, np.eye(3)) == pytest.approx(1 / 3)
    assert obb.iou(np.zeros(3), unit, np.eye(3), np.array([1.0, 0, 0]), unit, np.eye(3)) == 0


def test_gaps_of_tilted_boxes_agree_with_dense_samples() -> None:
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 25)] * 3), -1).reshape(-1, 3)
    grid = grid[(np.abs(grid) > 0.499).any(1)]
    from scipy.spatial import cKDTree

    for _ in range(60):
        a, b = random_box(rng), random_box(rng)
        b = (b[0] + rng.uniform(-2, 2, 3), b[1], b[2])
        got = obb.gap(*a, *b)
        P, Q = ((grid * s) @ R.T + c for c, s, R in (a, b))
        near = float(np.min(cKDTree(P).query(Q)[0]))
        assert got <= near + 1e-9 and (got == 0 or near - got < 0.08)
        assert got == pytest.approx(obb.gap(*b, *a), abs=1e-9)


PERFECT = {"precision@0.25": 1, "precision@0.5": 1, "recall@0.25": 1, "recall@0.5": 1, "box_iou": 1, "center_error_m": 0,
           "size_error_m": 0, "yaw_error_deg": 0, "over_segmentation": 1, "under_segmentation": 1, "duplicates": 0,
           "false_positives@0.25": 0, "count_error": 0, "missed_lost": 0}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_a_copy_is_perfect_in_any_order(seed: int) -> None:
    scene = random_map(seed, 10)
    told = accuracy(scene, scene).figures
    for key, value in PERFECT.items():
        assert told[key] in (value, None), key
    shuffled = replace(scene, objects=tuple(np.random.default_rng(seed).permutation(np.array(scene.objects, object))))
    assert json.dumps(accuracy(shuffled, scene).figures) == json.dumps(told)


def test_a_copy_of_built_maps_is_perfect(light: Reference, suite: Reference) -> None:
    for ref in (light, suite):
        told = accuracy(ref.scene, ref.scene).figures
        assert told["recall@0.5"] == told["wall_f1"] == told["free_iou"] == told["occupied_iou"] == 1
        assert told["path_error_m"] == told["area_error"] == 0 and told["turn_error_deg"] < 1e-4


def test_what_a_double_a_split_and_a_merge_cost() -> None:
    truth = living_room()
    double = replace(truth, objects=(*truth.objects, replace(truth.objects[0], id="again", number=99)))
    told = accuracy(double, truth).figures
    assert (told["false_positives@0.25"], told["duplicates"], told["recall@0.5"]) == (1, 1, 1)
    rows = [
        ("sofa", (0.0, 0.0, 0.4), (2.0, 1.0, 0.8), 0),
        ("chair", (3.0, 0, 0.4), (0.5, 0.5, 0.8), 0),
        ("chair", (3.6, 0, 0.4), (0.5, 0.5, 0.8), 0),
    ]
    whole = map_of(*rows)
    halves = [("sofa", (x, 0.0, 0.4), (1.0, 1.0, 0.8), 0) for x in (-0.5, 0.5)]
    split = accuracy(map_of(*halves, *rows[1:]), whole).figures
    assert split["over_segmentation"] == pytest.approx((2 + 1 + 1) / 3) and split["missed_split"] == 1
    merged = accuracy(map_of(rows[0], ("chair", (3.3, 0, 0.4), (1.1, 0.5, 0.8), 0)), whole).figures
    assert merged["under_segmentation"] == pytest.approx((1 + 2) / 2) and merged["missed_merged"] >= 1
    assert (
        accuracy(map_of(), whole).figures["recall@0.5"] == 0 and accuracy(whole, map_of()).figures["recall@0.5"] is None
    )


def walled(scene: SceneMap, *at: float) -> SceneMap:
    return replace(
        scene, layout=Layout(walls=tuple(Wall(f"wall_{k}", (x, -2.0), (x, 2.0), 2.5, 1.0) for k, x in enumerate(at)))
    )


def test_walls_on_the_wrong_side_are_no_walls() -> None:
    scene = living_room()
    assert accuracy(walled(scene, 0.05), walled(scene, 0.0)).figures["wall_f1"] == 1
    for off in (5.0, -5.0, 0.3, -0.3):
        assert accuracy(walled(scene, off), walled(scene, 0.0)).figures["wall_f1"] == 0
    assert accuracy(walled(scene, 0.0, 3.0), walled(scene, 0.0)).figures["wall_f1"] == pytest.approx(2 / 3)


def test_an_alignment_is_stated_with_what_it_leaves(light: Reference) -> None:
    angle, scale = 0.7, 1.3
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    rows = [(o.label, (c * o.box.center_m[0] - s * o.box.center_m[1] + 2, s * o.box.center_m[0] + c * o.box.center_m[1] - 1,
             scale * o.box.center_m[2]), tuple(scale * v for v in o.box.size_m), float(np.degrees(o.box.yaw + angle)))
            for o in living_room().objects if o.label != "chair"]  # fmt: skip
    moved = map_of(*rows)
    truth = replace(living_room(), objects=tuple(o for o in living_room().objects if o.label != "chair"))
    assert accuracy(moved, truth).figures["recall@0.5"] < 0.5
    told = accuracy(moved, truth, align="similarity").figures
    assert told["recall@0.5"] == 1 and told["align_residual_m"] < 1e-6 and told["yaw_error_deg"] < 1e-4


def test_the_verb_grades_maps_boxes_and_folders(tmp_path: Path) -> None:
    runner = CliRunner()
    scene = cogmap.CognitiveMap(living_room())
    for folder in ("pred", "truth"):
        for name in ("a", "b"):
            scene.save(tmp_path / folder / f"{name}.cogmap")
    scene.export("boxes", tmp_path / "boxes.json")
    one = runner.invoke(
        app, ["eval", "--pred", str(tmp_path / "pred/a.cogmap"), "--truth", str(tmp_path / "boxes.json"), "--json"]
    )
    assert json.loads(one.stdout)["recall@0.5"] == 1
    many = runner.invoke(app, ["eval", "--pred", str(tmp_path / "pred"), "--truth", str(tmp_path / "truth"), "--json"])
    told = json.loads(many.stdout)
    assert told["n_scenes"] == 2 and told["recall@0.5"] == 1 and told["recall@0.5_interval"] == [1, 1]
    text = runner.invoke(app, ["eval", "--pred", str(tmp_path / "pred"), "--truth", str(tmp_path / "truth")])
    assert "recall@0.5: 1" in text.stdout
    wrong = runner.invoke(app, ["eval", "--pred", str(tmp_path / "pred"), "--truth", str(tmp_path / "nothing")])
    assert wrong.exit_code != 0


def test_yes_and_no_are_scored_as_words_under_all_rules() -> None:
    items = [{"id": k, "question_type": "exists", "answer": a, "options": None} for k, a in enumerate(("no", "yes"))]
    for rules in ("official", "lmms-eval", "vlmevalkit"):
        report = cogmap.score(items, {0: "No, there is none.", 1: "<answer>Yes</answer>"}, rules=rules)
        assert report.overall == 1.0 and report.unparsed == 0 and report.rmse == {}
        report = cogmap.score(items, {0: "yes", 1: ""}, rules=rules)
        assert report.overall == 0.0 and report.unparsed == 1
