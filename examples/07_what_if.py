"""A map is changed by hand, or imagined otherwise, and says what that changes.

python 07_what_if.py
"""

from pathlib import Path

import cogmap

place = Path("cogmap-sample")
if not place.exists():
    cogmap.write_sample(place)
m = cogmap.build(place / "scan", labeler=f"recorded:{place / 'masks'}")

chair = next(o.id for o in m.objects if o.label == "chair")
table = next(o.id for o in m.objects if o.label == "table")
print("before:", m.distance(chair, table).sentence)

n = m.edit().move(chair, dx=0.5, turn_deg=90).relabel(table, "dining table").done()
for change in m.diff(n):
    print(f"{change.kind}: {change.text}")
moved = next(o.id for o in n.objects if o.label == "dining table")
print("after:", n.distance(chair, moved).sentence)

# A tape measure says that the table is 74 cm high: every length of the map follows.
k = m.set_scale(table, height=0.74)
print(f"scale {k.scale.kind} from {k.scale.source}, lengths within {k.scale.rel_sigma:.0%}")
