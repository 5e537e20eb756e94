"""The order of the stages: the one module that knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ._checks import F64, I32, Bool
from .config import UNITS_M, Config, parse_scale
from .data.detections import Labeler
from .data.diary import Diary
from .data.frames import FrameStore
from .data.issues import Issue
from .data.points import GivenBoxes, PointCloud
from .data.reconstruction import Reconstruction, Scale
from .data.scene import CameraPose, Layout, Quality, SceneMap
from .data.voxels import Voxels
from .errors import TrustError
from .geometry.rigid import from_rotation, rotation_between
from .label.prompts import parse_objects
from .label.remembered import remembered
from .mapfile.convert import layout_from
from .stages import (
    box_frame,
    boxes,
    completion,
    convexity,
    facing,
    freespace,
    fuse,
    holes,
    instances,
    layout,
    masks,
    movers,
    openings,
    regions,
    scale,
    scan_frame,
    stored,
    surfaces,
    visibility,
)
from .stages.align import UP, align
from .stages.surface_samples import sample_surface, scaled

Search = Callable[[Voxels, Bool, instances.InstanceOptions], I32]
RELATIVE_RANGE = 2.0
FLOOR_CELLS = 1.5
SEARCHES: dict[str, Search] = {
    "regions": regions.find_regions,
    "convexity": convexity.convex_instances,
    "hdbscan": instances.clustered_instances,
}


def map_reconstruction(
    reconstruction: Reconstruction,
    config: Config,
    diary: Diary,
    labels: tuple[str, ...] = (),
    labeler: Labeler | None = None,
) -> SceneMap:
    """Store, align, scale, fuse and cut a reconstruction into a scene map.

    Raises:
        TrustError: no frame with usable depth. ConfigError: an impossible scale option.
    """
    store, ids, labels_given, parts = stored.store_windows(reconstruction.windows, reconstruction.rel_noise)
    correction = reconstruction.corrected()
    if correction is not None:
        reconstruction = replace(reconstruction, provenance={**reconstruction.provenance, **correction.told})
        if correction.moves is not None:
            store.move(correction.moves)
    ids, apart = stored.largest_part(store, ids, parts)
    diary.done("reconstruct", (*reconstruction.losses, *reconstruction.late_losses(), *apart))
    if labeler is not None:
        labeler = remembered(labeler, store.folder / "masks")
        wanted = parse_objects(config.objects).texts if config.objects else ()
        hidden, labeler = movers.hide_movers(store, labeler, wanted)
        hid = [Issue("W-MOVERS-HIDDEN", hidden, "movers", "people or animals in view")] if hidden else []
        diary.done("movers", hid)
    T_map_world, new_scale = place(store, reconstruction, config, diary)
    cloud = fuse.fuse_frames(store, config.voxel_m, instances=ids if labels_given else None)
    diary.done("fuse")
    cloud, dropped = fuse.agree_with_views(cloud, store)
    note = [Issue("W-VOXELS-DROPPED", dropped, "fuse", "most rays pass through them")] if dropped else []
    diary.done("agree", note)
    if labeler is not None:
        if holes.fill_holes(store, labeler):
            cloud = holes.with_filled(cloud, store)
        diary.done("holes")
    scene = cut(cloud, store, new_scale, config, diary, given=labels_given, labels=labels, labeler=labeler)
    told = {} if labeler is None else labeler.provenance
    return finish(scene, T_map_world, replace(reconstruction, provenance={**reconstruction.provenance, **told}), diary)


def place(store: FrameStore, reconstruction: Reconstruction, config: Config, diary: Diary) -> tuple[F64, Scale]:
    """Find the map frame and move the store's poses and depths into it.

    Returns:
        T_map_world (4, 4), a similarity; the scale of the map.
    """
    sample = sample_surface(store)
    if len(sample.xyz_world) < 100:
        raise TrustError("E-EMPTY-CLOUD", "no surface came out of the frames.", "Check depth and intrinsics.")
    first = 1.0
    if reconstruction.scale.kind == "relative":
        first = RELATIVE_RANGE / float(
            np.median(np.linalg.norm(_relative(sample.xyz_world, sample.T_world_cam), axis=1))
        )
    metric = reconstruction.scale.kind == "metric"
    alignment = align(scaled(sample, first), up_of(config, reconstruction), metric=metric)
    given = given_camera_height(config)
    factor, new_scale, losses = scale.scale_factor(reconstruction.scale, alignment.floor, given)
    S = np.diag([factor] * 3 + [1.0]) @ alignment.T_map_world @ np.diag([first] * 3 + [1.0])
    poses = np.array([store.header(i)[3] for i in range(len(store))])
    moved = np.array(S @ poses)
    moved[:, :3, :3] /= factor * first
    store.place(moved, factor * first)
    diary.done("align", (*alignment.losses, *losses))
    return S, new_scale


def _relative(xyz: F64, T: F64) -> F64:
    """Points seen from the middle of the cameras."""
    return np.asarray(xyz - T[:, :3, 3].mean(0))


def up_of(config: Config, reconstruction: Reconstruction | None = None) -> F64 | None:
    """Up in the input's frame: the user's option, else what the capture knows, else None."""
    if config.up is not None:
        axis = np.eye(3)["xyz".index(config.up[-1])]
        return -axis if config.up.startswith("-") else axis
    return None if reconstruction is None else reconstruction.up_world


def given_camera_height(config: Config) -> float | None:
    """Metres of `--scale camera-height=1.5`, or None."""
    known = None if config.scale is None else parse_scale(config.scale)
    return known.length_m if known is not None and known.id is None else None


def cut(
    cloud: Voxels,
    store: FrameStore | None,
    new_scale: Scale,
    config: Config,
    diary: Diary,
    *,
    given: bool = False,
    labels: tuple[str, ...] = (),
    labeler: Labeler | None = None,
    coloured: bool = True,
) -> SceneMap:
    """From voxels in the map frame to objects, layout, free floor and camera path."""
    noise = noise_of(store)
    room = surfaces.find_surfaces(cloud, noise_m=noise, outside=store is not None)
    if config.planes:
        cloud = surfaces.flattened(cloud, room)
    diary.done("surfaces", scale.check_ceiling(new_scale, room.ceiling_m))
    options = instances.options_for(noise, cloud.voxel_m)
    if given:
        found, named = instances.given_instances(cloud), instances.given_labels(cloud, labels)
    else:
        search = SEARCHES[clustering_for(config, store)]
        found, named = _instances(cloud, room, store, labeler, options, search, noise, diary)
    diary.done("instances")
    seen, share = None, None
    if store is not None:
        share = visibility.find_visibility(cloud, found, store)
        seen = share.seen()
    diary.done("visibility")
    times = None if store is None else [store.header(i)[1] for i in range(len(store))]
    least = (0.0, 0.0) if given else (options.min_edge_m, options.min_second_m)
    objects, object_of_voxel = boxes.make_objects(
        cloud, found, labels=named, seen=seen, times_s=times, noise_m=noise, least_m=least, has_color=coloured
    )
    if store is not None:
        objects = completion.complete_objects(objects, room, store, noise, cloud, object_of_voxel)
    objects = facing.find_facings(objects, cloud, object_of_voxel, room.walls)
    diary.done("boxes")
    grid = freespace.empty_grid(cloud, max(config.cell_m, FLOOR_CELLS * cloud.voxel_m))
    plan, floor = Layout(), freespace.find_freespace(cloud, room, grid)
    if store is not None:
        plan = layout.find_layout(cloud, room, floor, freespace.crossed_by_rays(grid, store))
        gaps = openings.find_gaps(cloud, room, store)
        plan = replace(plan, openings=openings.make_openings(gaps, room, layout.wall_ids(room), objects))
    elif freespace.has_floor(floor):  # a scan has no rays: inside is where its floor was seen and things stand
        plan = layout.find_layout(cloud, room, floor, freespace.closed_floor(floor))
    diary.done("layout")
    return SceneMap(
        objects=objects,
        layout=plan,
        freespace=floor,
        voxels=cloud,
        object_of_voxel=object_of_voxel,
        camera_path=() if store is None else camera_path(store),
        keyframes=() if share is None or store is None else visibility.choose_keyframes(share, store, config.keyframes),
        frames=store,
        scale=new_scale,
        T_map_input=np.eye(4),
        quality=Quality("ok"),
    )


def clustering_for(config: Config, store: FrameStore | None) -> str:
    """How objects are found without masks: `auto` cuts scans by convexity and frames into regions."""
    if config.clustering != "auto":
        return config.clustering
    return "convexity" if store is None else "regions"


def _instances(
    cloud: Voxels,
    room: surfaces.Surfaces,
    store: FrameStore | None,
    labeler: Labeler | None,
    options: instances.InstanceOptions,
    search: Search,
    noise_m: float,
    diary: Diary,
) -> tuple[I32, masks.Labels]:
    """Object of every voxel (V,) and labels by object: those of masks first, then what geometry finds in the rest."""
    if labeler is None or store is None:
        return search(cloud, room.kind == 0, options), {}
    lifted = masks.instances_from_masks(cloud, room.kind != 0, store, labeler, options)
    rest = search(cloud, (room.kind == 0) & (lifted.object_of_voxel < 0) & ~lifted.rim, options)
    margin = max(3 * noise_m, 2 * cloud.voxel_m)
    alone = Issue("W-MASKS-ALONE", lifted.n_alone, "instances", "masks that other frames do not confirm")
    diary.done("instances", [alone] if lifted.n_alone else [])
    return instances.beside(*instances.adopted(cloud, lifted.object_of_voxel, rest, margin)), lifted.labels


def noise_of(store: FrameStore | None) -> float:
    """Standard error of a surface point in map units: what the frames' depth says of itself, 0 for scans.

    Plane sweep errs by 1 % of it (half of its surfaces lie within 0.8 % of a sensor's), sensors by half as much.
    """
    if store is None or len(store) == 0:
        return 0.0
    depths = [
        np.median(d[d > 0])
        for d in (store[i].depth for i in range(0, len(store), max(1, len(store) // 12)))
        if (d > 0).any()
    ]
    return store.rel_noise * float(np.median(depths)) if depths else 0.0


def camera_path(store: FrameStore) -> tuple[CameraPose, ...]:
    """Cameras of all kept frames."""
    heads = [store.header(i) for i in range(len(store))]
    return tuple(CameraPose(i, *h, store.size(i)[::-1]) for i, h in enumerate(heads))


def finish(scene: SceneMap, T_map_input: F64, reconstruction: Reconstruction | None, diary: Diary) -> SceneMap:
    """Add provenance and quality."""
    provenance = {} if reconstruction is None else dict(reconstruction.provenance)
    quality = Quality("ok").with_issues(*diary.losses)
    return replace(scene, T_map_input=T_map_input, quality=quality, provenance=provenance)


def given_frame(config: Config, unit: str | None = None) -> F64:
    """The similarity (4, 4) that turns `up` to z and `unit` to metres, for inputs that keep their own frame."""
    up = up_of(config)
    R = np.eye(3) if up is None else rotation_between(up, UP)
    metres = UNITS_M.get(config.unit or unit or "m", 1.0)
    return np.asarray(from_rotation(R) @ np.diag([metres] * 3 + [1.0]), np.float64)


def map_points(cloud: PointCloud, config: Config, diary: Diary) -> SceneMap:
    """A scene map from a scan, set upright with its floor at 0 unless its frame is to be kept.

    Raises:
        InputError: E-UNIT when its lengths are those of no place.
    """
    cloud, found = fuse.cleaned(cloud)
    T, issues = _in_metres(cloud, config)
    numbered = cloud.instance_id is not None
    voxel_m = config.voxel_m if numbered else fuse.voxel_for(cloud, T, config.voxel_m)
    fused = fuse.fuse_points(cloud, T, voxel_m)
    upright, said = scan_frame.frame_of(fused, UP if config.up is not None else None, keep=config.keep_frame)
    if not np.array_equal(upright, np.eye(4)):
        T = upright @ T
        fused = fuse.fuse_points(cloud, T, voxel_m)
    diary.done("fuse", (*cloud.issues, *found, *issues, *said))
    relative = cloud.unit == "relative" and config.unit is None
    scene = cut(
        fused,
        None,
        Scale("relative", "none", 0.0) if relative else Scale("metric", "import", 0.01),
        config,
        diary,
        given=numbered,
        labels=cloud.instance_labels,
        coloured=cloud.rgb is not None,
    )
    return finish(scene, T, None, diary)


def _in_metres(cloud: PointCloud, config: Config) -> tuple[F64, list[Issue]]:
    """The similarity (4, 4) from the input to metres about its own middle where that is far away, `up` turned to z."""
    T = given_frame(config, cloud.unit)
    xyz = cloud.xyz_input[fuse.usable_points(cloud)]
    if len(xyz) < 3 or fuse.lies_flat(cloud):
        return T, []
    if cloud.unit == "relative" and config.unit is None:
        effect = "the file says that its lengths are map units, not metres"
        return T, [Issue("W-SCALE-UNKNOWN", 1, "scale", effect)]
    issues = []
    if config.unit is None and cloud.unit is None:
        unit = scan_frame.unit_of_extent(scan_frame.extent_of(xyz), config.place)
        T, issues = np.diag([unit.metres] * 3 + [1.0]) @ T, list(unit.issues)
    middle = T[:3, :3] @ np.median(xyz, axis=0)
    if np.abs(middle).max() > scan_frame.FAR_FROM_ZERO:
        T = from_rotation(np.eye(3), -np.round(middle * [1, 1, 0])) @ T
        issues.append(Issue("W-ORIGIN-MOVED", 1, "capture", f"the points lie at {np.round(middle).tolist()}"))
    return T, issues


def map_boxes(given: GivenBoxes, config: Config, diary: Diary) -> SceneMap:
    """A scene map from a list of boxes that keeps its own frame up to `up` and `unit`.

    Raises:
        InputError: E-UNIT when its lengths are those of no place.
    """
    T = given_frame(config, given.unit)
    issues = list(given.issues)
    relative = given.unit == "relative" and config.unit is None
    if relative:
        issues.append(Issue("W-SCALE-UNKNOWN", 1, "scale", "the file says that its lengths are map units, not metres"))
    elif config.unit is None and given.unit is None and given.boxes:
        unit = box_frame.unit_of_boxes(given.boxes, config.place)
        T, issues = np.diag([unit.metres] * 3 + [1.0]) @ T, [*issues, *unit.issues]
    objects = boxes.import_boxes(given.boxes, T)
    diary.done("boxes", (*issues, *box_frame.frame_issues(objects)))
    scene = SceneMap(
        objects=objects,
        layout=layout.moved_layout(layout_from(given.layout), T),
        freespace=None,
        voxels=None,
        object_of_voxel=None,
        camera_path=(),
        keyframes=(),
        frames=None,
        scale=Scale("relative", "none", 0.0) if relative else Scale("metric", "import", 0.01),
        T_map_input=np.eye(4),
        quality=Quality("ok"),
    )
    return finish(scene, T, None, diary)
