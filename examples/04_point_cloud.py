"""A scan, a PLY of points or a mesh, becomes a map: set upright on its floor, cut into objects.

python 04_point_cloud.py [SCAN.ply]

Without a scan the sample is fused and written as PLY first, lying on its side and in centimetres, as exports often do:
up, floor and unit are found, and `to_input` leads back into the scan's own frame.
"""

import sys
from pathlib import Path

import numpy as np

import cogmap
from cogmap.data.points import PointCloud

if len(sys.argv) > 1:
    m = cogmap.build(sys.argv[1])
else:
    place = Path("cogmap-sample")
    if not place.exists():
        cogmap.write_sample(place)
    voxels = cogmap.build(place / "scan").scene.voxels
    lying = np.column_stack([voxels.mean_map[:, 0], -voxels.mean_map[:, 2], voxels.mean_map[:, 1]])
    m = cogmap.build(PointCloud(100 * lying, voxels.rgb))

for issue in m.quality.warnings:
    print(f"{issue.code}: {issue.effect}")
print(m.to_text("metric", max_tokens=300))
largest = max(m.objects, key=lambda o: o.box.size_m[0])
print(
    f"the middle of {largest.id} in the scan's own frame: {np.round(m.to_input([largest.box.center_m])[0], 1).tolist()}"
)
