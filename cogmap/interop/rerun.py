"""A recording for the rerun viewer: surfaces, boxes, walls and the cameras in the time of the video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .._optional import needed
from ..data.palette import color_of
from ..data.scene import MapObject, Opening, SceneMap
from ..errors import OutputError

EXTRA = 'Run: pip install "cogmap[view]".'
MOST_POINTS = 2_000_000
PICTURES_A_SECOND = 2.0
WALL_COLOR, OPENING_COLOR, PATH_COLOR = (120, 120, 120), (60, 140, 220), (0, 90, 160)


def export_rerun(scene: SceneMap, path: Path) -> None:
    """Write a `.rrd` recording with its blueprint; a cache for the installed viewer, never an archive.

    Entities: `map` (z up), `map/surfaces`, `map/objects`, `map/openings`, `map/walls`, `map/path`, `map/camera`
    (OpenCV axes) and `map/camera/picture`, at most two a second on the timeline `video`.

    Raises:
        MissingDependencyError: E-EXTRA. OutputError: E-OUTPUT-DENIED when it cannot be written.
    """
    rr = needed("rerun", EXTRA)
    recording = rr.RecordingStream("cogmap")
    try:
        recording.save(path, default_blueprint=_blueprint(scene))
    except RuntimeError as error:
        raise OutputError("E-OUTPUT-DENIED", f"cannot write: {error}.", "Choose another -o.", path) from error
    _record(rr, recording, scene)
    recording.flush()
    recording.disconnect()


def open_viewer(scene: SceneMap) -> None:
    """Show the map in the rerun viewer, which is started where none runs. Raises MissingDependencyError E-EXTRA."""
    rr = needed("rerun", EXTRA)
    recording = rr.RecordingStream("cogmap")
    recording.spawn(default_blueprint=_blueprint(scene))
    _record(rr, recording, scene)
    recording.flush()


def _blueprint(scene: SceneMap) -> Any:
    """The map on the left; on the right, where there are frames, what the camera sees with the boxes over it."""
    rrb = needed("rerun.blueprint", EXTRA)
    views = [rrb.Spatial3DView(origin="map", name="map")]
    if scene.frames is not None:
        views.append(rrb.Spatial2DView(origin="map/camera/picture", name="camera", contents="map/**"))
    return rrb.Blueprint(rrb.Horizontal(*views, column_shares=[3, 2][: len(views)]), collapse_panels=True)


def _record(rr: Any, recording: Any, scene: SceneMap) -> None:
    recording.log("map", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    _surfaces(rr, recording, scene)
    if scene.objects:
        texts = [f"{o.number} {o.label or o.id}" for o in scene.objects]
        recording.log(
            "map/objects", _boxes(rr, scene.objects, texts, [color_of(o.number) for o in scene.objects]), static=True
        )
    if scene.layout.openings:
        openings = scene.layout.openings
        texts = [f"{o.number} {o.id}" for o in openings]
        recording.log("map/openings", _boxes(rr, openings, texts, [OPENING_COLOR] * len(openings)), static=True)
    if scene.layout.walls:
        outlines = [[(*w.from_m, 0), (*w.to_m, 0), (*w.to_m, w.height_m), (*w.from_m, w.height_m), (*w.from_m, 0)]
                    for w in scene.layout.walls]  # fmt: skip
        recording.log("map/walls", rr.LineStrips3D(outlines, colors=WALL_COLOR), static=True)
    if scene.camera_path:
        path = np.array([c.T_map_cam[:3, 3] for c in scene.camera_path])
        recording.log("map/path", rr.LineStrips3D([path], colors=PATH_COLOR), static=True)
        _cameras(rr, recording, scene)


def _surfaces(rr: Any, recording: Any, scene: SceneMap) -> None:
    if scene.voxels is not None:
        step = -(-len(scene.voxels) // MOST_POINTS) or 1
        v = scene.voxels
        points = rr.Points3D(v.mean_map[::step], colors=v.rgb[::step], radii=v.voxel_m / 2)
        recording.log("map/surfaces", points, static=True)


def _boxes(
    rr: Any,
    things: tuple[MapObject, ...] | tuple[Opening, ...],
    texts: list[str],
    colors: list[tuple[int, int, int]],
) -> Any:
    """All boxes of a kind as one batch: hundreds of entities make the viewer slow."""
    half = np.array([o.box.yaw for o in things]) / 2
    turns = np.stack([0 * half, 0 * half, np.sin(half), np.cos(half)], axis=1)
    sizes = np.array([o.box.size_m for o in things])
    centers = np.array([o.box.center_m for o in things])
    return rr.Boxes3D(centers=centers, sizes=sizes, quaternions=turns, labels=texts, colors=colors)


def _cameras(rr: Any, recording: Any, scene: SceneMap) -> None:
    last = -np.inf
    for camera in scene.camera_path:
        recording.set_time("video", duration=camera.time_s)
        recording.log(
            "map/camera", rr.Transform3D(translation=camera.T_map_cam[:3, 3], mat3x3=camera.T_map_cam[:3, :3])
        )
        if scene.frames is None or camera.time_s - last < 1 / PICTURES_A_SECOND:
            continue
        last = camera.time_s
        rgb, K = scene.frames.picture(camera.frame)
        size = [rgb.shape[1], rgb.shape[0]]
        axes = rr.ViewCoordinates.RDF
        recording.log("map/camera/picture", rr.Pinhole(image_from_camera=K, resolution=size, camera_xyz=axes))
        jpeg = scene.frames.picture_path(camera.frame).read_bytes()
        recording.log("map/camera/picture", rr.EncodedImage(contents=jpeg, media_type="image/jpeg"))
