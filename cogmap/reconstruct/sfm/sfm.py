"""A clip without depth into windows with cameras and depth: the order of the steps."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..._checks import F64
from ...data.capture import Capture
from ...data.issues import Issue
from ...data.reconstruction import Reconstruction, Scale, Window
from ...errors import MissingDependencyError
from ...geometry.camera import pinhole_K
from ...geometry.lens import Lens, undistorted
from ...geometry.rigid import from_rotation, inverse
from . import gate, mapping, pairs, stereo
from .features import Features, Match, describe_clip, extract_features, match_pairs
from .given import check_given_poses
from .workspace import Pictures, at_depth_size, shrunk, store_pictures

PICTURE_SIDE = 960


@dataclass(frozen=True)
class Sparse:
    """Registered cameras and points: which picture each view is, K (V, 3, 3), radial (V,), poses (V, 4, 4)."""

    picture: tuple[int, ...]
    K: F64
    radial: tuple[float, ...]
    T_world_cam: F64
    cloud: stereo.SparseCloud
    verdict: gate.Verdict


def reconstruct_sfm(
    capture: Capture,
    indices: Sequence[int],
    *,
    intrinsics: tuple[float, float, float, float] | None = None,
    seed: int = 0,
) -> Reconstruction:
    """Cameras by structure from motion, depth by plane sweep; given intrinsics and poses are kept.

    Args:
        capture: any capture; its depth is not looked at. indices: frames to use, ascending.
        intrinsics: (fx, fy, cx, cy) of the pictures as the capture gives them.

    Returns:
        Windows of one frame each, in the capture's own world where poses are given; relative scale.

    Raises:
        TrustError: E-TOO-FEW-FRAMES, E-NO-TEXTURE, E-NO-OVERLAP, E-NO-PARALLAX.
        MissingDependencyError: E-PYCOLMAP where its wheel does not exist.
    """
    _need_pycolmap()
    gate.refuse_few(len(indices), capture.path)
    folder = Path(tempfile.mkdtemp(prefix="cogmap-pictures-"))
    try:
        pictures = store_pictures(capture, indices, folder)
        if intrinsics is not None:
            pictures = replace(pictures, K=_given_K(capture, pictures, intrinsics))
        problem = _matched(pictures, capture, seed)
        sparse = _mapped(problem, capture.path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    lost = len(pictures.names) - len(sparse.picture)
    losses = (Issue("W-FRAMES-LOST", lost, "reconstruct", "their place could not be found"),) if lost else ()
    f = float(sparse.K[0, 0, 0] / max(pictures.size[sparse.picture[0]]))
    return Reconstruction(
        windows=_windows(pictures, sparse, folder),
        scale=Scale("relative", "none", 0.0),
        up_world=capture.gravity_input if capture.posed else None,
        rel_noise=stereo.REL_NOISE,
        losses=losses,
        provenance={
            "reconstructor": "sfm",
            "model": None,
            "registered": len(sparse.picture),
            "frames": len(pictures.names),
            "sparse_points": len(sparse.cloud.xyz),
            "viewing_angle_deg": round(sparse.verdict.angle_deg, 2),
            "focal_over_long_side": round(f, 4),
        },
    )


def _need_pycolmap() -> None:
    try:
        import pycolmap
    except ImportError as error:
        remedy = "It has no wheel for this machine; give a capture with depth and poses instead."
        raise MissingDependencyError("E-PYCOLMAP", "structure from motion needs pycolmap.", remedy) from error
    pycolmap.logging.minloglevel = 3


def _given_K(capture: Capture, pictures: Pictures, given: tuple[float, float, float, float]) -> tuple[F64, ...]:
    """Intrinsics of the source's pictures at the stored sizes."""
    first = next(iter(capture.frames([pictures.index[0]]))).rgb.shape
    return tuple(np.diag([w / first[1], h / first[0], 1.0]) @ pinhole_K(*given) for w, h in pictures.size)


def _matched(pictures: Pictures, capture: Capture, seed: int) -> mapping.Problem:
    stored = extract_features(pictures.folder, pictures.names, pictures.folder / "features.db")
    features = list(stored)
    stored.close()
    features = [_inside_mask(f, pictures, k) if k in pictures.masked else f for k, f in enumerate(features)]
    cameras, camera_of, kept = _cameras(pictures)
    each = [cameras[c] for c in camera_of]
    first = pairs.neighbour_pairs(len(features), ordered=capture.ordered)
    matches = match_pairs(features, each, first, seed)
    posed = capture.posed and all(T is not None for T in pictures.T_world_cam)
    if not posed:
        gate.refuse_motionless(matches, capture.path)
    given = [T for T in pictures.T_world_cam if T is not None]
    if posed:
        check_given_poses(given, features, matches, each, capture.path)
    matches += _loops(features, each, set(first), seed) if len(features) >= pairs.ALL_PAIRS_BELOW else []
    poses = [inverse(T) for T in given] if posed else None
    return mapping.Problem(pictures.names, camera_of, cameras, features, matches, seed, poses, kept)


def _inside_mask(features: Features, pictures: Pictures, k: int) -> Features:
    width, height = pictures.size[k]
    mask = pictures.mask(k, (height, width))
    column, row = (np.clip(features.uv[:, a].astype(int), 0, n - 1) for a, n in ((0, width), (1, height)))
    good = mask[row, column]
    return Features(features.uv[good], features.descriptor[good])


def _cameras(pictures: Pictures) -> tuple[list[Any], list[int], bool]:
    """One camera for each size and each given K; which one took each picture; whether intrinsics are given."""
    kinds: dict[tuple[Any, ...], int] = {}
    cameras: list[Any] = []
    camera_of: list[int] = []
    for size, K in zip(pictures.size, pictures.K):
        key = (*size, *(() if K is None else np.round(K, 3).ravel().tolist()))
        if key not in kinds:
            kinds[key] = len(cameras)
            cameras.append(mapping.guessed_camera(*size) if K is None else mapping.given_camera(*size, K))
        camera_of.append(kinds[key])
    return cameras, camera_of, all(K is not None for K in pictures.K)


def _loops(features: Sequence[Features], cameras: Sequence[Any], done: set[pairs.Pair], seed: int) -> list[Match]:
    """Proven loops of the clip, and the matches round them."""
    candidates = pairs.loop_candidates(describe_clip(features, seed), done)
    loops = pairs.proven_loops(match_pairs(features, cameras, candidates, seed))
    return loops + match_pairs(features, cameras, pairs.pairs_round(loops, len(features), done | set(candidates)), seed)


def _mapped(problem: mapping.Problem, path: str) -> Sparse:
    """The first model that passes the gate: incremental, with the focal length held, then global.

    A model that look-alike places folded onto itself is solved again without loops; folded still, it is refused.
    """
    refused: list[gate.Verdict] = []
    for mapper, held in (("incremental", False), ("incremental", True), ("global", True)):
        if held and problem.keep_intrinsics and mapper == "incremental":
            continue
        tried = replace(problem, keep_intrinsics=problem.keep_intrinsics or held)
        while True:
            model, verdict = _attempt(tried, mapper, problem)
            if verdict is not None and not verdict.broken:
                return _sparse(model, verdict)
            refused += [] if verdict is None else [verdict]
            alone = pairs.without_loops(tried.matches)
            if verdict is None or not verdict.torn or len(alone) == len(tried.matches):
                break
            tried = replace(tried, matches=alone)
        if problem.T_cam_world is not None:
            break
    raise gate.refusal(problem.features, problem.matches, max(refused, key=lambda v: v.share, default=None), path)


def _attempt(tried: mapping.Problem, mapper: str, problem: mapping.Problem) -> tuple[Any, gate.Verdict | None]:
    """The largest model of a problem and its verdict by all matches, loops too; (None, None) where none comes out."""
    models = mapping.solve(tried, mapper)
    if not models:
        return None, None
    posed = problem.T_cam_world is not None
    verdict = gate.judge(models[0], len(problem.names), posed=posed)
    return models[0], verdict if posed else gate.untorn(verdict, models[0], problem)


def _sparse(model: Any, verdict: gate.Verdict) -> Sparse:
    images = sorted((i for i in model.images.values() if i.has_pose), key=lambda i: i.image_id)
    row = {image.image_id: v for v, image in enumerate(images)}
    ids = sorted(model.points3D.keys())
    xyz = np.array([model.points3D[p].xyz for p in ids], np.float64).reshape(-1, 3)
    seen = {(row[e.image_id], k) for k, p in enumerate(ids) for e in model.points3D[p].track.elements}
    K, radial, T = [], [], []
    for image in images:
        camera = model.cameras[image.camera_id]
        K.append(np.asarray(camera.calibration_matrix()))
        radial.append(float(camera.params[3]) if camera.model_name == "SIMPLE_RADIAL" else 0.0)
        M = np.asarray(image.cam_from_world().matrix())
        T.append(inverse(from_rotation(M[:, :3], M[:, 3])))
    cloud = stereo.SparseCloud(xyz, np.array(sorted(seen), np.int32).reshape(-1, 2))
    picture = tuple(i.image_id - 1 for i in images)
    return Sparse(picture, np.array(K), tuple(radial), np.array(T), cloud, verdict)


def _windows(pictures: Pictures, sparse: Sparse, folder: Path) -> Iterator[Window]:
    """Depth of every registered picture, one window each; the pictures' folder goes with the last."""
    try:
        views = _views(pictures, sparse)
        stereo.sweep(views, folder)
        for v, (depth, confidence) in enumerate(stereo.checked_depths(views, folder)):
            k = sparse.picture[v]
            rgb = undistorted(pictures.read(k), sparse.K[v], Lens("OPENCV", (sparse.radial[v],)))[0]
            small, K = at_depth_size(rgb, sparse.K[v])
            depth = np.where(pictures.mask(k, depth.shape), depth, 0).astype(np.float32)
            yield Window(
                rgb=small[None],
                depth=depth[None],
                confidence=confidence[None],
                K=K[None],
                T_world_cam=sparse.T_world_cam[v][None],
                index=np.array([pictures.index[k]], np.int32),
                time_s=np.array([pictures.time_s[k]]),
                picture=shrunk(rgb, PICTURE_SIDE)[None],
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _views(pictures: Pictures, sparse: Sparse) -> list[stereo.View]:
    near = stereo.choose_neighbours(sparse.cloud, sparse.T_world_cam[:, :3, 3])
    ranges = stereo.depth_ranges(sparse.cloud, sparse.T_world_cam)
    views = []
    for v, k in enumerate(sparse.picture):
        small, K = at_depth_size(
            undistorted(pictures.read(k), sparse.K[v], Lens("OPENCV", (sparse.radial[v],)))[0], sparse.K[v]
        )
        grey = np.asarray(Image.fromarray(small).convert("L"))
        views.append(stereo.View(grey, K, sparse.T_world_cam[v], *ranges[v], near[v]))
    return views
