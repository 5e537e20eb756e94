"""Fronts: given ones turn with the map, seen backrests and walls show theirs, and round tables have none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cogmap.building import build
from cogmap.stages.facing import from_backrest

from .references import Reference
from .rooms.judge import boxes_against

WITH_BACK = ("chair", "sofa", "bed", "cabinet", "shelf")


def test_things_look_away_from_their_back_and_from_their_wall(masked: Reference) -> None:
    scene, room, T = masked.scene, masked.room, masked.T_map_room
    assert room is not None
    overlap, match = boxes_against(scene, room, T)
    turn = np.arctan2(T[1, 0], T[0, 0])
    known = 0
    for k, thing in enumerate(room.things):
        facing = scene.objects[match[k]].facing
        if overlap[k] < 0.5 or thing.label not in WITH_BACK:
            assert overlap[k] < 0.5 or facing is None
        elif facing is not None:
            off = (facing - (thing.yaw - np.pi / 2 + turn) + np.pi) % (2 * np.pi) - np.pi
            assert abs(np.degrees(off)) < 10, thing.label
            known += 1
    assert known >= 6


def test_a_given_front_turns_with_the_map_and_the_pose_round_trips(tmp_path: Path) -> None:
    rows = [
        {"label": "sofa", "center_m": [1, 2, 0.4], "size_m": [1.8, 0.9, 0.8], "yaw_deg": 20, "facing_deg": 110},
        {"label": "table", "center_m": [3, 2, 0.4], "size_m": [1, 1, 0.75], "yaw_deg": 0},
    ]
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps({"objects": rows}))
    m = build(file)
    assert np.isclose(np.degrees(m["sofa_1"].facing), 110, atol=1e-3) and m["table_1"].facing is None
    m.save(tmp_path / "a.cogmap")
    turned = [
        {**r, "center_m": [-r["center_m"][1], r["center_m"][0], r["center_m"][2]], "yaw_deg": r["yaw_deg"] + 90}
        for r in rows
    ]
    turned[0]["facing_deg"] = 200
    file.write_text(json.dumps({"objects": turned}))
    other = build(file)["sofa_1"]
    assert other.facing is not None and abs((np.degrees(other.facing) - 200 + 180) % 360 - 180) < 10
    pose = m["sofa_1"].pose
    assert pose.shape == (4, 4) and np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3))
    assert np.allclose(pose @ [1, 0, 0, 1], [1 + np.cos(np.radians(110)), 2 + np.sin(np.radians(110)), 0.4, 1])


def test_a_round_table_has_no_front() -> None:
    from cogmap.data.scene import Box

    angle = np.linspace(0, 2 * np.pi, 200)
    top = np.stack([0.5 * np.cos(angle), 0.5 * np.sin(angle), np.full(200, 0.75)], axis=1)
    leg = np.stack([0.05 * np.cos(angle), 0.05 * np.sin(angle), np.linspace(0, 0.7, 200)], axis=1)
    assert from_backrest(Box((0, 0, 0.375), (1.0, 1.0, 0.75), 0.0), np.concatenate([top, leg])) is None
