"""An RGB-D capture with masks of a detector becomes a map with names.

python 02_rgbd_scan.py

Poses, depth and K come from the capture; the masks say what things are called. What is written beside the map can be
looked at: `report.html`, `bev.png`, `frames/`.
"""

from pathlib import Path

import cogmap

place = Path("cogmap-sample")
if not place.exists():
    cogmap.write_sample(place)

m = cogmap.build(place / "scan", labeler=f"recorded:{place / 'masks'}")
m.save("room.cogmap", overwrite=True)

for thing in m.objects:
    x, y, _ = thing.box.center_m
    length, width, height = thing.box.size_m
    print(f"#{thing.number} {thing.id}: at {x:+.2f} {y:+.2f}, {length:.2f} x {width:.2f} x {height:.2f} m")
print(f"{m.layout.floor_area_m2:.1f} m2 of floor, {len(m.layout.walls)} walls; look at room.cogmap/report.html")
