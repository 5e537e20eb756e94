"""Copies that differ in what was changed and in nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap import CognitiveMap, pipeline
from cogmap._checks import equal
from cogmap.config import Config
from cogmap.data.reconstruction import Reconstruction, Scale
from cogmap.errors import ConfigError, InputError

from .maps import living_room
from .references import windows
from .rooms import make_room, walk_path


def test_a_move_and_a_removal_are_all_that_differs() -> None:
    m = CognitiveMap(living_room())
    before = m.to_text("metric")
    n = m.edit().move("chair_2", dx=1.0).remove("lamp_1").done()
    assert m.to_text("metric") == before
    assert [(c.id, c.kind) for c in m.diff(n)] == [("chair_2", "moved"), ("lamp_1", "removed")]
    assert "+1.00" in m.diff(n)[0].text and m.diff(m) == ()
    assert ("lamp_1", "on") not in {(e.subject, e.relation) for e in n.graph().edges}
    near = {(e.subject, e.relation, e.object) for e in n.graph().edges}
    assert ("table_1", "near", "chair_2") not in near and ("table_1", "near", "chair_1") in near


def test_names_joins_turns_and_undo() -> None:
    m = CognitiveMap(living_room())
    edit = m.edit().relabel("box_1", "crate").rename("sofa_1", "couch_9").move("table_1", turn_deg=30)
    n = edit.done()
    assert n["box_1"].label == "crate" and n["couch_9"].label == "sofa"
    assert {(c.id, c.kind) for c in m.diff(n)} == {
        ("box_1", "relabelled"), ("couch_9", "added"), ("sofa_1", "removed"), ("table_1", "turned"),
    }  # fmt: skip
    assert edit.log[-1] == "move table_1 by 0, 0, 0, turn 30"
    assert "turned" not in {c.kind for c in m.diff(edit.undo().done())}
    one = m.edit().merge("chair_1", "chair_2").done()
    assert len(one.objects) == len(m.objects) - 1 and one["chair_1"].box.size_m[0] == pytest.approx(2.45)
    for wrong in (lambda: m.edit().remove("ghost"), lambda: m.edit().merge("chair_1", "chair_1")):
        with pytest.raises(InputError, match="E-UNKNOWN-ID"):
            wrong()
    with pytest.raises(ConfigError, match="E-OPTION"):
        m.edit().rename("chair_1", "chair_2")


def test_voxels_and_floor_go_along(tmp_path: object) -> None:
    room = make_room(1)
    reconstruction = Reconstruction(windows(room, walk_path(room, 24)), Scale("metric", "sensor", 0.01))
    m = CognitiveMap(pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary()))
    thing = max((o for o in m.objects if o.box.size_m[2] < 1.2), key=lambda o: o.n_points)
    k = m.objects.index(thing)
    gone = m.edit().remove(thing.id).done().scene
    of, voxels = m.scene.object_of_voxel, m.scene.voxels
    assert of is not None and voxels is not None and gone.voxels is not None and gone.object_of_voxel is not None
    assert len(gone.voxels) == len(voxels) - int((of == k).sum())
    assert gone.object_of_voxel.max() == len(gone.objects) - 1
    far = m.edit().move(thing.id, dx=20.0).done().scene
    assert far.voxels is not None and far.object_of_voxel is not None
    mine = far.voxels.mean_map[far.object_of_voxel == k]
    assert np.allclose(mine.mean(0) - voxels.mean_map[of == k].mean(0), [20, 0, 0], atol=0.02)
    packed = far.voxels.key.astype(np.int64) @ [1, 1 << 21, 1 << 42]
    assert (np.diff(packed) > 0).all()
    assert equal(m.edit().done().scene, m.scene)
