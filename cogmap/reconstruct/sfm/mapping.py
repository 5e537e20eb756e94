"""From verified matches to cameras and sparse points: pycolmap's mappers, and the focal rule."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..._checks import F64
from .features import Features, Match

FOCAL_GUESS = 0.85  # of the long side: the median of real indoor clips is 0.82, COLMAP assumes 1.2
FOCAL_RANGE = (0.4, 2.0)
MOST_RADIAL = 0.3
GROWTH_BEFORE_GLOBAL = 1.3  # COLMAP's 1.1 adjusts everything three times as often for the same cameras


@dataclass(frozen=True)
class Problem:
    """Pictures, their features and matches.

    Attributes:
        names: picture names, unique, in order. camera_of: (N,) which camera took each. cameras: pycolmap cameras.
        matches: verified pairs. seed: of everything random.
        T_cam_world: per picture a pose to keep, or None when poses are asked for.
        keep_intrinsics: whether the cameras' parameters are given and stay.
    """

    names: Sequence[str]
    camera_of: Sequence[int]
    cameras: Sequence[Any]
    features: Sequence[Features]
    matches: Sequence[Match]
    seed: int = 0
    T_cam_world: Sequence[F64] | None = None
    keep_intrinsics: bool = False


def guessed_camera(width: int, height: int) -> Any:
    """A pycolmap camera with one radial term and the focal length that indoor clips have most often."""
    import pycolmap

    focal = FOCAL_GUESS * max(width, height)
    return pycolmap.Camera(model="SIMPLE_RADIAL", width=width, height=height, params=[focal, width / 2, height / 2, 0])


def given_camera(width: int, height: int, K: F64) -> Any:
    """A pycolmap pinhole camera with given intrinsics (3, 3) in pixels of that size."""
    import pycolmap

    params = [float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])]
    camera = pycolmap.Camera(model="PINHOLE", width=width, height=height, params=params)
    camera.has_prior_focal_length = True
    return camera


def write_database(path: Path, problem: Problem) -> None:
    """Store a problem as a COLMAP database: image k + 1 is picture k."""
    import pycolmap

    with pycolmap.Database.open(path) as db:
        for number, camera in enumerate(problem.cameras, 1):
            camera.camera_id = number
            camera.has_prior_focal_length = problem.keep_intrinsics
            db.write_camera(camera, use_camera_id=True)
            rig = pycolmap.Rig(rig_id=number)
            rig.add_ref_sensor(camera.sensor_id)
            db.write_rig(rig, use_rig_id=True)
        for k, name in enumerate(problem.names):
            number = problem.camera_of[k] + 1
            image = pycolmap.Image(name=name, camera_id=number, image_id=k + 1)
            image.frame_id = k + 1
            frame = pycolmap.Frame(frame_id=k + 1, rig_id=number)
            frame.add_data_id(image.data_id)
            db.write_frame(frame, use_frame_id=True)
            db.write_image(image, use_image_id=True)
            db.write_keypoints(k + 1, problem.features[k].uv)
        for m in problem.matches:
            i, j = m.pair
            db.write_matches(i + 1, j + 1, m.geometry.inlier_matches)
            db.write_two_view_geometry(i + 1, j + 1, m.geometry)


def solve(problem: Problem, mapper: str = "incremental") -> list[Any]:
    """pycolmap reconstructions of a problem, the one with most pictures first; one thread, fixed seed."""
    import pycolmap

    with tempfile.TemporaryDirectory(prefix="cogmap-sfm-") as folder:
        database = Path(folder) / "matches.db"
        write_database(database, problem)
        pycolmap.set_random_seed(problem.seed)
        if problem.T_cam_world is not None:
            return [_triangulate(problem, database, Path(folder))]
        if mapper == "global":
            if not problem.keep_intrinsics:
                pycolmap.calibrate_view_graph(database)
            found = pycolmap.global_mapping(database, folder, folder, _global_options(problem))
        else:
            found = pycolmap.incremental_mapping(database, folder, folder, _incremental_options(problem))
    return sorted(found.values(), key=lambda r: (-r.num_reg_images(), -r.num_points3D()))


def _incremental_options(problem: Problem) -> Any:
    import pycolmap

    options = pycolmap.IncrementalPipelineOptions()
    options.num_threads = options.mapper.num_threads = 1
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = problem.seed
    options.extract_colors = False
    options.min_model_size = 3
    options.max_num_models = 3
    options.mapper.init_min_tri_angle = 4.0
    options.mapper.init_min_num_inliers = 50
    options.ba_global_frames_ratio = options.ba_global_points_ratio = GROWTH_BEFORE_GLOBAL
    refine = not problem.keep_intrinsics
    options.ba_refine_focal_length = options.ba_refine_extra_params = refine
    options.mapper.abs_pose_refine_focal_length = options.mapper.abs_pose_refine_extra_params = False
    return options


def _global_options(problem: Problem) -> Any:
    import pycolmap

    options = pycolmap.GlobalPipelineOptions()
    options.num_threads = options.mapper.num_threads = 1
    options.random_seed = options.mapper.random_seed = problem.seed
    options.mapper.rotation_averaging.random_seed = problem.seed
    options.mapper.global_positioning.random_seed = problem.seed
    options.mapper.bundle_adjustment.ceres.solver_options.num_threads = 1
    refine = not problem.keep_intrinsics
    options.mapper.bundle_adjustment.refine_focal_length = refine
    options.mapper.bundle_adjustment.refine_extra_params = refine
    return options


def _triangulate(problem: Problem, database: Path, folder: Path) -> Any:
    """Sparse points of pictures whose poses are given and stay."""
    import pycolmap

    model = pycolmap.Reconstruction()
    for camera in problem.cameras:
        model.add_camera_with_trivial_rig(camera)
    assert problem.T_cam_world is not None
    for k, name in enumerate(problem.names):
        image = pycolmap.Image(name=name, keypoints=problem.features[k].uv.astype(np.float64), image_id=k + 1)
        image.camera_id = problem.camera_of[k] + 1
        T = problem.T_cam_world[k]
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(T[:3, :4]))
    options = _incremental_options(problem)
    return pycolmap.triangulate_points(model, database, folder, folder, True, options, False)


def intrinsics_are_sound(model: Any) -> bool:
    """Whether every used focal length and radial term is one that cameras have."""
    for camera in model.cameras.values():
        if not camera.model_name.endswith("RADIAL"):
            continue
        ratio = camera.mean_focal_length() / max(camera.width, camera.height)
        if not FOCAL_RANGE[0] <= ratio <= FOCAL_RANGE[1] or abs(camera.params[3]) > MOST_RADIAL:
            return False
    return True
