"""Real clips beside the checkout: skipped, with the reason, where they are absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cogmap
from cogmap.errors import TrustError

CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not CLIPS.exists(), reason=f"no real clips at {CLIPS}")]


def share_registered(m: cogmap.CognitiveMap) -> float:
    p = m.scene.provenance
    return float(p["registered"] or 0) / float(p["frames"] or 1)


@pytest.mark.parametrize("name", ["redkitchen_video/redkitchen.mp4", "tum_fr3_office"])
def test_working_clips_register(name: str) -> None:
    assert share_registered(cogmap.build(CLIPS / name)) >= 0.95


@pytest.mark.parametrize(
    ("name", "code"),
    [("hallway_84", "E-NO-TEXTURE"), ("bedroom_static_camera/bedroom.mp4", "E-NO-PARALLAX")],
)
def test_hopeless_clips_are_refused_with_the_reason(name: str, code: str) -> None:
    with pytest.raises(TrustError) as caught:
        cogmap.build(CLIPS / name)
    assert caught.value.code == code and caught.value.exit_code == 4


def test_kitchen_from_its_sensor_stands_level() -> None:
    m = cogmap.build(CLIPS / "redkitchen_rgbd")
    v, of = m.scene.voxels, m.scene.object_of_voxel
    assert v is not None and of is not None
    low = v.mean_map[v.mean_map[:, 2] < 0.05].astype(float)
    A = np.column_stack([low[:, :2], np.ones(len(low))])
    slope = np.linalg.lstsq(A, low[:, 2], rcond=None)[0][:2]
    assert np.degrees(np.arctan(np.linalg.norm(slope))) < 1.5
    for k, thing in enumerate(m.objects):
        if thing.box.size_m[0] * thing.box.size_m[1] < 1.0:
            continue
        mine = v.mean_map[of == k, :2].astype(float)
        for wall in m.layout.walls:
            a, b = np.array(wall.from_m), np.array(wall.to_m)
            n = np.array([b[1] - a[1], a[0] - b[0]]) / np.linalg.norm(b - a)
            assert (np.abs((mine - a) @ n) < 0.05).mean() < 0.5, (thing.id, wall.id)


@pytest.mark.slow
def test_office_loop_registers_whole() -> None:
    m = cogmap.build(CLIPS / "office_loop", max_frames=240)
    assert m.scene.provenance["registered"] == 237


@pytest.mark.slow
def test_kitchen_from_colour_alone_against_its_sensor() -> None:
    from benchmarks.eval_reconstruction import compare

    figures = compare(CLIPS / "redkitchen_rgbd")
    assert figures["camera_rmse_m"] <= 0.06
    assert abs(figures["focal_px"] / 526 - 1) <= 0.03
    assert figures["surface_median_m"] <= 0.025
    assert figures["complete_10cm"] >= 0.75 and figures["kept"] >= 0.25
