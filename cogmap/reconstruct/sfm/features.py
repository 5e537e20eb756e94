"""SIFT features of pictures, and matches between two of them that one camera motion explains."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, overload

import numpy as np

from ..._checks import F32, F64, U8

MOST_FEATURES = 3072
PEAK_THRESHOLD = 0.003
LEAST_INLIERS = 15
MOST_TRIALS = 2000
WORKERS = 2
KEPT = 100
MOST_SAMPLED = 60_000
FAR_APART = 4
COARSE_FEATURES = 1024
COARSE_MATCHES = 6
MOST_RATIO = 0.8
MOST_ANGLE = 0.7
DESCRIPTOR_LENGTH = 512.0


class Features(NamedTuple):
    """uv (F, 2) float32 pixels, first pixel's centre at 0.5; descriptor (F, 128) uint8, L1-root SIFT."""

    uv: F32
    descriptor: U8


@dataclass(frozen=True)
class Match:
    """Two pictures and what they share.

    Attributes:
        pair: positions of the pictures, first < second.
        geometry: pycolmap's two-view geometry, its inliers as rows of both feature lists.
        n_inliers: how many there are. moved: median shift of the inliers over the picture's width.
        planar: whether one homography explains the pair (a plane, or a camera that only turns).
        step: how far that homography is from a turn: for a step along a flat thing its length over the distance, 0
            where not planar. stretch: the same over how far things moved: about 1 for a step, under a half for a turn
            seen with a focal length that is a quarter off.
    """

    pair: tuple[int, int]
    geometry: Any
    n_inliers: int
    moved: float
    planar: bool
    step: float = 0.0
    stretch: float = 0.0


class StoredFeatures(Sequence[Features]):
    """The features of pictures in a database file, read when they are asked for; the last hundred stay in memory."""

    def __init__(self, database: Path, names: Sequence[str]) -> None:
        import pycolmap

        self._names, self._lock = names, Lock()
        self._db = pycolmap.Database.open(database)
        self._id_of = {image.name: image.image_id for image in self._db.read_all_images()}
        self._read = lru_cache(KEPT)(self._read_one)

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, k: int) -> Features: ...
    @overload
    def __getitem__(self, k: slice) -> list[Features]: ...
    def __getitem__(self, k: int | slice) -> Features | list[Features]:
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(len(self)))]
        if not 0 <= k < len(self):
            raise IndexError(k)
        with self._lock:
            return self._read(self._names[k])

    def close(self) -> None:
        """Let go of the file and of what was kept."""
        self._read.cache_clear()
        self._db.close()

    def _read_one(self, name: str) -> Features:
        return _read(self._db, self._id_of[name]) if name in self._id_of else _no_features()


def extract_features(folder: Path, names: Sequence[str], database: Path) -> StoredFeatures:
    """SIFT of picture files, in the order of their names.

    Pictures are worked on in parallel; each is deterministic on its own, so only the order of storing
    would differ from run to run, and names settle that.
    """
    import pycolmap

    options = pycolmap.FeatureExtractionOptions()
    options.use_gpu = False
    options.num_threads = WORKERS
    options.sift.max_num_features = MOST_FEATURES
    options.sift.peak_threshold = PEAK_THRESHOLD
    pycolmap.extract_features(
        database,
        folder,
        list(names),
        pycolmap.CameraMode.PER_IMAGE,
        pycolmap.ImageReaderOptions(),
        options,
        pycolmap.Device.cpu,
    )
    return StoredFeatures(database, names)


def _read(db: Any, image_id: int) -> Features:
    keypoints = np.asarray(db.read_keypoints(image_id), np.float32)
    if len(keypoints) == 0:
        return _no_features()
    return Features(keypoints[:, :2].copy(), np.asarray(db.read_descriptors(image_id).data, np.uint8))


def _no_features() -> Features:
    return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8))


def mutual_nearest(a: U8, b: U8) -> Any:
    """Rows (M, 2) uint32 of descriptors (A, 128) and (B, 128) that are each other's nearest, ascending in a.

    A pair counts when its angle is below 0.7 radians and below 0.8 of the angle to the second nearest
    (Lowe, IJCV 2004). Dot products of 8-bit numbers are exact in float32, whatever order they are summed in.
    """
    if len(a) == 0 or len(b) < 2:
        return np.zeros((0, 2), np.uint32)
    dots = a.astype(np.float32) @ b.astype(np.float32).T
    rows, best, largest = np.arange(len(a)), dots.argmax(1), dots.max(0)
    top = dots[rows, best]
    dots[rows, best] = -1
    angle, next_angle = (np.arccos(np.minimum(d / DESCRIPTOR_LENGTH**2, 1.0)) for d in (top, dots.max(1)))
    good = (top == largest[best]) & (angle <= MOST_ANGLE) & (angle < MOST_RATIO * next_angle)
    return np.stack([rows[good], best[good]], axis=1).astype(np.uint32)


def _look_alike(a: Features, b: Features) -> bool:
    """Whether the largest features of two pictures already match here and there: a sixteenth of the work."""
    coarse = mutual_nearest(a.descriptor[-COARSE_FEATURES:], b.descriptor[-COARSE_FEATURES:])
    return len(coarse) >= COARSE_MATCHES


def match_pairs(
    features: Sequence[Features], cameras: Sequence[Any], pairs: Sequence[tuple[int, int]], seed: int
) -> list[Match]:
    """Match and verify pairs of pictures; pairs without a common motion are left out.

    Args:
        features, cameras: one a picture; cameras are pycolmap's. pairs: positions, first < second.
        seed: of RANSAC; each pair starts from it afresh, so the order of work changes nothing.
    """

    def verified(pair: tuple[int, int], found: Any) -> Match | None:
        return _verified(features, cameras, pair, found, seed)

    out: list[Match | None] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = []
        for i, j in pairs:
            if j - i > FAR_APART and not _look_alike(features[i], features[j]):
                continue
            found = mutual_nearest(features[i].descriptor, features[j].descriptor)
            if len(found) >= LEAST_INLIERS:
                waiting.append(pool.submit(verified, (i, j), found))
        out = [w.result() for w in waiting]
    return [m for m in out if m is not None]


def _verified(
    features: Sequence[Features], cameras: Sequence[Any], pair: tuple[int, int], found: Any, seed: int
) -> Match | None:
    import pycolmap

    i, j = pair
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = seed
    options.min_num_inliers = LEAST_INLIERS
    options.ransac.max_num_trials = MOST_TRIALS
    uv_i, uv_j = features[i].uv.astype(np.float64), features[j].uv.astype(np.float64)
    geometry = pycolmap.estimate_two_view_geometry(cameras[i], uv_i, cameras[j], uv_j, found, options)
    inliers = np.asarray(geometry.inlier_matches)
    if len(inliers) < LEAST_INLIERS:
        return None
    shift = np.linalg.norm(uv_i[inliers[:, 0]] - uv_j[inliers[:, 1]], axis=1)
    kinds = pycolmap.TwoViewGeometryConfiguration
    planar = geometry.config in (int(kinds.PLANAR), int(kinds.PANORAMIC), int(kinds.PLANAR_OR_PANORAMIC))
    moved = float(np.median(shift))
    step = _step(geometry.H, cameras[i], cameras[j]) if planar else 0.0
    focal = float(cameras[i].calibration_matrix()[0, 0])
    stretch = step / max(moved / focal, 1e-6)
    return Match(pair, geometry, len(inliers), moved / cameras[i].width, planar, step, stretch)


def _step(H: Any, camera_i: Any, camera_j: Any) -> float:
    """Logarithm of the ratio of the outer singular values of K_j^-1 H K_i: 0 for a turn, about t / d for a step t along
    a plane at distance d."""
    K_i, K_j = (np.asarray(c.calibration_matrix()) for c in (camera_i, camera_j))
    s = np.linalg.svd(np.linalg.solve(K_j, np.asarray(H, np.float64) @ K_i), compute_uv=False)
    return float(np.log(s[0] / max(float(s[2]), 1e-12)))


def describe_clip(features: Sequence[Features], seed: int, words: int = 64) -> F32:
    """One unit vector (N, words * 128) a picture from a vocabulary of the clip itself.

    VLAD (Jegou et al., CVPR 2010) over k-means of the clip's own descriptors, with square-root scaling.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    each = min(120, max(1, MOST_SAMPLED // max(len(features), 1)))
    sample = [f.descriptor[rng.permutation(len(f.descriptor))[:each]] for f in features if len(f.descriptor)]
    every = np.concatenate(sample).astype(np.float32)
    with threadpool_limits(1):
        model = KMeans(min(words, len(every)), n_init=1, max_iter=20, random_state=seed).fit(every)
        return np.array([_vlad(f.descriptor[:1500], model) for f in features], np.float32)


def _vlad(descriptor: U8, model: Any) -> F64:
    centers = model.cluster_centers_.astype(np.float64)
    out = np.zeros_like(centers)
    if len(descriptor):
        d = descriptor.astype(np.float32)
        word = model.predict(d)
        np.add.at(out, word, d - centers[word])
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    flat = np.sign(out) * np.sqrt(np.abs(out))
    return np.asarray(flat.ravel() / max(float(np.linalg.norm(flat)), 1e-9))
