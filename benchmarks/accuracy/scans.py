"""Objects of annotated scans: found by geometry alone, against plain voxel components on the same points.

    python -m benchmarks.accuracy.scans FOLDER

FOLDER holds point clouds (PLY or NPZ) with an instance id of every point, 0 = none. The annotated box of an instance is
that of its points. Geometry sees the same points without ids. Figures of each scan, kept apart: objects at IoU 0.5 by
box and by points, precision, and how well boxes of the given ids reproduce the annotated ones. No scan is part of the
project.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import cogmap_kernels
import numpy as np

from cogmap import pipeline
from cogmap.capture.sniff import open_source
from cogmap.config import Config
from cogmap.data.points import PointCloud
from cogmap.data.scene import MapObject, SceneMap
from cogmap.geometry.box import fit_rectangle, iou
from cogmap.stages.boxes import make_objects
from cogmap.stages.surfaces import find_surfaces

LEAST_POINTS = 100


def annotated(cloud: PointCloud) -> dict[int, tuple[np.ndarray, np.ndarray, float]]:
    """Centre, size and yaw of the points of every instance of at least 100 points."""
    assert cloud.instance_id is not None
    out = {}
    for k in np.unique(cloud.instance_id[cloud.instance_id > 0]).tolist():
        p = cloud.xyz_input[cloud.instance_id == k]
        if len(p) >= LEAST_POINTS:
            center, size, yaw = fit_rectangle(p[:, :2])
            z = float(p[:, 2].min()), float(p[:, 2].max())
            out[k] = np.append(center, sum(z) / 2), np.append(size, max(z[1] - z[0], 0.01)), yaw
    return out


def scored(objects: tuple[MapObject, ...], truth: dict[int, tuple[np.ndarray, np.ndarray, float]]) -> dict[str, float]:
    """Objects found at IoU 0.5, precision, and the median of the best overlaps."""
    table = np.array(
        [
            [iou(*t, np.array(o.box.center_m), np.array(o.box.size_m), o.box.yaw) for o in objects]
            for t in truth.values()
        ]
    ).reshape(len(truth), len(objects))
    best = table.max(1, initial=0.0)
    hits = len(np.unique(table.argmax(1)[best >= 0.5])) if table.size else 0
    return {
        "objects": len(objects),
        "found": int((best >= 0.5).sum()),
        "of": len(truth),
        "precision": hits / max(len(objects), 1),
        "median IoU": float(np.median(best)) if len(best) else 0.0,
    }


def by_points(scene: SceneMap, cloud: PointCloud) -> int:
    """Instances whose points and those of one object overlap by half of all that either holds."""
    assert scene.voxels is not None and scene.object_of_voxel is not None and cloud.instance_id is not None
    nearest = cogmap_kernels.nearest(cloud.xyz_input, scene.voxels.mean_map)[1]
    thing = scene.object_of_voxel[nearest]
    found = 0
    for k in annotated(cloud):
        mine = cloud.instance_id == k
        of = thing[mine & (thing >= 0)]
        if len(of):
            best = np.bincount(of).argmax()
            found += (mine & (thing == best)).sum() >= 0.5 * (mine | (thing == best)).sum()
    return int(found)


def components(scene: SceneMap) -> tuple[MapObject, ...]:
    """Plain 26-components of the same voxels once the room is taken away, at least 50 voxels each."""
    assert scene.voxels is not None
    index = np.flatnonzero(find_surfaces(scene.voxels, outside=False).kind == 0)
    label = cogmap_kernels.components(scene.voxels.key[index])
    out = np.full(len(scene.voxels), -1, np.int32)
    for n, k in enumerate(np.flatnonzero(np.bincount(label) >= 50)):
        out[index[label == k]] = n
    return make_objects(scene.voxels, out)[0]


def measured(cloud: PointCloud) -> dict[str, dict[str, float]]:
    """All figures of one scan."""
    truth = annotated(cloud)
    bare = pipeline.map_points(replace(cloud, instance_id=None), Config(), pipeline.Diary())
    given = pipeline.map_points(cloud, Config(), pipeline.Diary())
    return {
        "geometry": {**scored(bare.objects, truth), "found by points": by_points(bare, cloud)},
        "plain components": scored(components(bare), truth),
        "given ids": scored(given.objects, truth),
    }


def main(folder: Path) -> None:
    """Print the figures of every annotated scan of a folder."""
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".ply", ".npz")):
        cloud = open_source(path)
        if isinstance(cloud, PointCloud) and cloud.instance_id is not None:
            print(path.name, json.dumps(measured(cloud)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
