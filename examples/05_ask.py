"""Spatial questions are answered from the geometry: value, unit, error, evidence; no model is asked.

python 05_ask.py [MAP]
"""

import sys
from pathlib import Path

import cogmap

if len(sys.argv) > 1:
    m = cogmap.load(sys.argv[1])
else:
    place = Path("cogmap-sample")
    if not place.exists():
        cogmap.write_sample(place)
    m = cogmap.build(place / "scan", labeler=f"recorded:{place / 'masks'}")

a, b, c = (o.id for o in m.objects[:3])
answers = [
    m.ask("How many chairs are there?"),
    m.distance(a, b),
    m.relation(a, b, frame="object:" + c),
    m.view_from(a, facing=b).direction(c),
    m.nearest(a),
    m.route(a, b, radius=0.2),
    m.refer(f"the largest thing near {a}"),
    *m.solve([f"nearest chair to {c}", f"distance from it to {b}"])[1],  # an answer a step
]
for found in answers:
    sigma = "" if found.sigma is None else f" ± {found.sigma:.2f}"
    print(f"[{found.status}] {found.sentence}{sigma}")
