"""The scene graph against a hand-written key, and its sentences."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cogmap.data.scene import Edge, SceneMap
from cogmap.errors import InputError
from cogmap.query.relations import scene_graph
from cogmap.render.text_relations import parse_relations, render_relations, sentence

from .maps import living_room, map_of, random_map

HOLDS = [
    ("lamp_1", "on", "table_1"),
    ("table_1", "under", "lamp_1"),
    ("box_1", "under", "table_1"),
    ("books_1", "inside", "shelf_1"),
    ("picture_1", "above", "sofa_1"),
    ("sofa_1", "below", "picture_1"),
    ("chair_1", "left", "table_1"),
    ("chair_2", "right", "table_1"),
    ("sofa_1", "front", "table_1"),
    ("table_1", "behind", "sofa_1"),
    ("chair_1", "near", "table_1"),
    ("table_1", "near", "chair_2"),
    ("chair_1", "aligned", "chair_2"),
    ("shelf_1", "right", "chair_2"),
    ("chair_2", "left", "shelf_1"),
]
FAILS = [
    ("table_1", "on", "lamp_1"),
    ("box_1", "on", "table_1"),
    ("chair_1", "right", "table_1"),
    ("chair_1", "on", "table_1"),
    ("sofa_1", "near", "table_1"),
    ("lamp_1", "inside", "table_1"),
    ("box_1", "inside", "table_1"),
    ("table_1", "inside", "shelf_1"),
    ("shelf_1", "near", "sofa_1"),
    ("picture_1", "on", "sofa_1"),
    ("sofa_1", "above", "picture_1"),
    ("chair_1", "front", "table_1"),
    ("chair_1", "aligned", "table_1"),
    ("table_1", "left", "chair_1"),
    ("books_1", "under", "shelf_1"),
]


def said(scene: SceneMap) -> set[tuple[str, str, str]]:
    return {(e.subject, e.relation, e.object) for e in scene_graph(scene).edges}


@pytest.mark.parametrize("edge", HOLDS)
def test_what_holds_is_an_edge(edge: tuple[str, str, str]) -> None:
    assert edge in said(living_room())


@pytest.mark.parametrize("edge", FAILS)
def test_what_does_not_hold_is_none(edge: tuple[str, str, str]) -> None:
    assert edge not in said(living_room())


def test_between_and_symmetric_name_two() -> None:
    edges = scene_graph(living_room()).edges
    assert any(
        (e.subject, e.relation, {e.object, e.other}) == ("table_1", "between", {"chair_1", "chair_2"}) for e in edges
    )
    assert any(
        (e.subject, e.relation, {e.object, e.other}) == ("table_1", "symmetric", {"chair_1", "chair_2"}) for e in edges
    )
    assert not any(e.relation == "between" and e.subject == "sofa_1" for e in edges)


def test_every_edge_names_its_frame_and_margin_and_things_that_see_have_sides_of_their_own() -> None:
    scene = living_room()
    sees = [o if o.id != "sofa_1" else type(o)(**{**vars(o), "facing": -np.pi / 2}) for o in scene.objects]
    scene = type(scene)(**{**vars(scene), "objects": tuple(sees)})
    edges = scene_graph(scene).edges
    assert all(e.frame in ("world", *(f"object:{o.id}" for o in scene.objects)) and e.margin_m >= 0 for e in edges)
    of_sofa = {(e.subject, e.relation) for e in edges if e.frame == "object:sofa_1"}
    assert ("table_1", "front") in of_sofa  # it looks along -y, at the table
    assert any((e.subject, e.relation, e.object) == ("sofa_1", "facing", "table_1") for e in edges)


def test_ten_thousand_things_have_a_graph_that_grows_with_them() -> None:
    counts = []
    for n in (500, 2000):
        rng = np.random.default_rng(0)
        side = np.sqrt(n) * 1.5
        rows = [("box", (*rng.uniform(0, side, 2).tolist(), 0.2), (0.4, 0.4, 0.4), 0.0) for _ in range(n)]
        counts.append(len(scene_graph(map_of(*rows)).edges) / n)
    assert counts[1] < 1.2 * counts[0]


def test_sentences_are_true_and_differ_by_seed() -> None:
    graph = scene_graph(living_room())
    have = {(e.subject, e.relation, e.object, e.other, e.frame) for e in graph.edges}
    texts = [render_relations(graph, seed=s, most=12) for s in (1, 2)]
    assert texts[0] != texts[1]
    for text in (*texts, render_relations(graph), render_relations(graph, about="table_1", seed=3)):
        edges = parse_relations(text)
        assert edges and all((e.subject, e.relation, e.object, e.other, e.frame) in have for e in edges)
    about = parse_relations(render_relations(graph, about="table_1", seed=3))
    assert all("table_1" in (e.subject, e.object, e.other) for e in about)
    with pytest.raises(InputError, match="line 2"):
        parse_relations("# x\nchair_1 likes table_1, 3 cm apart.")


@pytest.mark.parametrize("seed", range(20))
def test_any_map_has_sentences_that_parse(seed: int) -> None:
    graph = scene_graph(random_map(seed, 12))
    have = {(e.subject, e.relation, e.object, e.other, e.frame) for e in graph.edges}
    for e in graph.edges:
        (back,) = parse_relations(sentence(e) + "\n")
        assert (back.subject, back.relation, back.object, back.other, back.frame) in have
        assert isinstance(back, Edge) and abs(back.distance_m - e.distance_m) <= 0.0051


def test_a_graph_of_many_is_made_in_seconds() -> None:
    since = time.perf_counter()
    scene_graph(random_map(0, 400))
    assert time.perf_counter() - since < 60  # a guard against squared growth, not a benchmark
