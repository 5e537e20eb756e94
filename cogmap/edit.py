"""Whole-map changes that leave the original alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ._checks import F64, positive
from .config import Config, parse_scale
from .data.diary import Diary
from .data.points import PointCloud
from .data.reconstruction import Scale
from .data.scene import Box, CameraPose, FreeSpace, Layout, MapObject, Obb, Quality, SceneMap
from .data.voxels import Voxels
from .errors import ConfigError, InputError
from .pipeline import map_points
from .stages.scale import BEYOND, CHECKED_BY_SCALE, GIVEN_SIGMA, check_assumed, check_ceiling, of_known_objects, weighed

Vec3 = tuple[float, float, float]


def scale_by_option(scene: SceneMap, option: str, *, built: bool = False) -> SceneMap:
    """Apply `camera-height=1.5` or `ID.height=2.03` (also `.length`, `.width`) to a finished map.

    A copy keeps what was said of its scale before, and how it was set since; with `built` the map is not finished yet.

    Raises:
        ConfigError: E-OPTION when it cannot be read, E-UNKNOWN-ID with the ids, E-SCALE-NO-FLOOR.
    """
    known = parse_scale(option)
    if known.id is None:
        factor, source = known.length_m / _camera_height(scene), "camera-height"
    else:
        size = _box_of(scene, known.id).size_m[("length", "width", "height").index(known.edge)]
        factor, source = known.length_m / size, "known-object"
    scaled = rescaled(scene, factor, Scale("metric", source, GIVEN_SIGMA))
    return replace(scaled, quality=_without_scale(scene.quality) if built else _set_since(scene.quality, option))


def _without_scale(quality: Quality) -> Quality:
    """What is left to say of a map in the making when its scale is said anew."""
    return Quality("ok").with_issues(*(w for w in quality.warnings if w.code not in CHECKED_BY_SCALE))


def _set_since(quality: Quality, option: str) -> Quality:
    """The same issues; those of the scale say that it was set afterwards."""
    rows = (
        replace(w, effect=f"{w.effect}; set since by {option}") if w.code in CHECKED_BY_SCALE else w
        for w in quality.warnings
    )
    return Quality(quality.status, tuple(rows))


def _camera_height(scene: SceneMap) -> float:
    if not scene.camera_path or not scene.floor_seen:
        remedy = "Give an object's height instead."
        raise ConfigError("E-SCALE-NO-FLOOR", "camera-height needs a proven floor, none was seen.", remedy)
    return float(np.median([c.T_map_cam[2, 3] for c in scene.camera_path]))


def _box_of(scene: SceneMap, id: str) -> Box:
    boxes = {o.id: o.box for o in scene.objects} | {o.id: o.box for o in scene.layout.openings}
    if id not in boxes:
        listed = ", ".join(list(boxes)[:20]) or "none"
        raise ConfigError("E-UNKNOWN-ID", f"there is no object {id!r}.", f"Objects are: {listed}.")
    return boxes[id]


def scaled_by_known_objects(scene: SceneMap) -> SceneMap:
    """A map whose metres are a model's or assumed, weighed with the usual sizes of the things that are labelled.

    The same map where metres are measured or given, or too few such things are there. Where the two differ by more than
    three errors of both, one is a mistake: the map stays, with a warning.
    """
    found = of_known_objects(scene.objects) if scene.scale.source in ("model", "assumed") else None
    if found is None:
        return scene
    told = {"model": "the model's metres", "assumed": "the usual camera height"}[scene.scale.source]
    factor, scale, odds = weighed(scene.scale, *found, f"{told} and the usual sizes of things")
    if abs(np.log(found[0])) > BEYOND * np.hypot(scene.scale.rel_sigma, found[1].rel_sigma):
        return replace(scene, quality=scene.quality.with_issues(*odds))
    new = rescaled(scene, factor, scale)
    said = [w for w in scene.quality.warnings if w.code == "W-SCALE-DISAGREES"]
    said += [*check_assumed(scale), *odds, *check_ceiling(scale, new.layout.ceiling_height_m)]
    return replace(new, quality=_without_scale(scene.quality).with_issues(*said))


def rescaled(scene: SceneMap, factor: float, scale: Scale) -> SceneMap:
    """The map with every length multiplied and a new statement of its scale.

    Raises:
        InputError: E-RANGE when the factor is not above 0.
    """
    f = positive("factor", factor)
    T = np.diag([f, f, f, 1.0]) @ scene.T_map_input
    return replace(
        scene,
        objects=tuple(_scaled_object(o, f) for o in scene.objects),
        layout=_scaled_layout(scene.layout, f),
        freespace=None if scene.freespace is None else _scaled_grid(scene.freespace, f),
        voxels=None if scene.voxels is None else _scaled_voxels(scene.voxels, f),
        camera_path=tuple(_scaled_camera(c, f) for c in scene.camera_path),
        frames=None if scene.frames is None else scene.frames.scaled(f),
        scale=scale,
        T_map_input=T,
    )


def _times(v: tuple[float, ...], f: float) -> Vec3:
    return v[0] * f, v[1] * f, v[2] * f


def _scaled_box(box: Box, f: float) -> Box:
    obb = box.obb
    if obb is not None:
        obb = Obb(_times(obb.center_m, f), _times(obb.size_m, f), obb.rotation)
    return Box(_times(box.center_m, f), _times(box.size_m, f), box.yaw, obb)


def _scaled_object(o: MapObject, f: float) -> MapObject:
    return replace(o, box=_scaled_box(o.box, f), footprint_map=o.footprint_map * f, sigma_m=o.sigma_m * f)


def _scaled_layout(layout: Layout, f: float) -> Layout:
    span = layout.floor_area_range_m2

    def two(p: tuple[float, float]) -> tuple[float, float]:
        return p[0] * f, p[1] * f

    return Layout(
        floor_area_m2=None if layout.floor_area_m2 is None else layout.floor_area_m2 * f**2,
        floor_area_range_m2=None if span is None else (span[0] * f**2, span[1] * f**2),
        ceiling_height_m=None if layout.ceiling_height_m is None else layout.ceiling_height_m * f,
        walls=tuple(replace(w, from_m=two(w.from_m), to_m=two(w.to_m), height_m=w.height_m * f) for w in layout.walls),
        openings=tuple(replace(o, box=_scaled_box(o.box, f)) for o in layout.openings),
        rooms=tuple(replace(r, polygon_m=r.polygon_m * f, area_m2=r.area_m2 * f**2) for r in layout.rooms),
    )


def _scaled_grid(grid: FreeSpace, f: float) -> FreeSpace:
    return FreeSpace(grid.cell_m * f, (grid.origin_map[0] * f, grid.origin_map[1] * f), grid.cells)


def _scaled_voxels(v: Voxels, f: float) -> Voxels:
    moved = {n: (getattr(v, n) * np.float32(f)).astype(np.float32) for n in ("mean_map", "lo_map", "hi_map")}
    return replace(v, voxel_m=v.voxel_m * f, origin_map=np.asarray(v.origin_map * f, np.float64), **moved)


def _scaled_camera(c: CameraPose, f: float) -> CameraPose:
    T: F64 = c.T_map_cam.copy()
    T[:3, 3] *= f
    return replace(c, T_map_cam=T)


def realigned(scene: SceneMap) -> SceneMap:
    """The same surfaces set upright by their own planes; objects are boxed anew. See `CognitiveMap.align`."""
    v, of = scene.voxels, scene.object_of_voxel
    if v is None or of is None:
        raise InputError("E-NO-VOXELS", "the map holds no surfaces.", "Build it from a capture or a scan.")
    labels = tuple(o.label or "" for o in scene.objects)
    ids = (of + 1).astype(np.int32) if scene.objects else None
    cloud = PointCloud(v.mean_map.astype(np.float64), v.rgb, ids, labels)
    cloud = replace(cloud, unit="m")  # what it was measured in is settled
    new = map_points(cloud, Config(voxel_m=v.voxel_m), Diary())
    T = new.T_map_input
    cameras = tuple(replace(c, T_map_cam=np.asarray(T @ c.T_map_cam, np.float64)) for c in scene.camera_path)
    return replace(
        new,
        T_map_input=T @ scene.T_map_input,
        camera_path=cameras,
        keyframes=scene.keyframes,
        frames=None if scene.frames is None else scene.frames.posed(np.array([c.T_map_cam for c in cameras])),
        scale=scene.scale,
        quality=scene.quality.with_issues(*new.quality.warnings),
        provenance=scene.provenance,
        edits=scene.edits,
    )
