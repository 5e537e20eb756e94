"""The gate sees a model that look-alike places folded onto itself."""

from __future__ import annotations

import numpy as np
import pytest

from cogmap.reconstruct.sfm import gate, mapping
from cogmap.reconstruct.sfm.features import Features, Match

SIZE = (640, 480)
K = np.array([[520.0, 0, 320], [0, 520, 240], [0, 0, 1]])


def walk(n: int) -> list[np.ndarray]:
    """Camera-from-world poses of a sideways walk."""
    poses = []
    for i in range(n):
        T = np.eye(4)
        T[:3, 3] = [-0.2 * i, 0.02 * i, 0]
        poses.append(T)
    return poses


def problem(poses: list[np.ndarray]) -> mapping.Problem:
    """What the cameras see of a wall of points, matched between pictures up to three apart."""
    import pycolmap

    rng = np.random.default_rng(0)
    points = np.c_[rng.uniform(-3, 6, (400, 1)), rng.uniform(-1.5, 1.5, (400, 1)), rng.uniform(3, 5, (400, 1))]
    features = []
    for T in poses:
        cam = points @ T[:3, :3].T + T[:3, 3]
        uv = (cam @ K.T)[:, :2] / cam[:, 2:] + rng.normal(0, 0.4, (400, 2))
        features.append(Features(uv.astype(np.float32), np.zeros((400, 128), np.uint8)))
    matches = []
    for i in range(len(poses)):
        for j in range(i + 1, min(i + 4, len(poses))):
            both = np.arange(400, dtype=np.uint32)
            geometry = pycolmap.TwoViewGeometry()
            geometry.inlier_matches = np.stack([both, both], axis=1)
            matches.append(Match((i, j), geometry, 400, 0.05, False))
    names = [f"{i:03d}.png" for i in range(len(poses))]
    return mapping.Problem(names, [0] * len(poses), [mapping.given_camera(*SIZE, K)], features, matches)


def model(poses: list[np.ndarray], given: mapping.Problem) -> object:
    """A pycolmap model with these poses."""
    import pycolmap

    out = pycolmap.Reconstruction()
    given.cameras[0].camera_id = 1
    out.add_camera_with_trivial_rig(given.cameras[0])
    for k, name in enumerate(given.names):
        image = pycolmap.Image(name=name, keypoints=given.features[k].uv.astype(np.float64), image_id=k + 1)
        image.camera_id = 1
        out.add_image_with_trivial_frame(image, pycolmap.Rigid3d(poses[k][:3, :4]))
    return out


def test_a_true_model_has_no_tears() -> None:
    poses = walk(12)
    given = problem(poses)
    assert gate.tears(model(poses, given), given.features, given.matches) == []


@pytest.mark.parametrize("at", [4, 7])
def test_a_folded_model_is_torn_where_it_folds(at: int) -> None:
    poses = walk(12)
    given = problem(poses)
    folded = [T.copy() for T in poses]
    turn = np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]])
    for T in folded[at + 1 :]:
        T[:3, :3] = turn @ T[:3, :3]
        T[:3, 3] += [1.5, 0, 0.7]
    verdict = gate.untorn(gate.Verdict((), 1.0, 9.0), model(folded, given), given)
    assert verdict.torn and "torn apart" in verdict.broken[0]
    assert at in gate.tears(model(folded, given), given.features, given.matches)
