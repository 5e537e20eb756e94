"""Questions with one right answer are made from a map, answered, and scored by a benchmark's own rules.

python 06_questions_and_scores.py

Here a "model" that always says the first option, or one metre, stands where yours goes.
"""

from pathlib import Path

import cogmap
from cogmap.qa.generate import generate

place = Path("cogmap-sample")
if not place.exists():
    cogmap.write_sample(place)
m = cogmap.build(place / "scan", labeler=f"recorded:{place / 'masks'}")

items = generate(m.scene, per_type=3, seed=1, name="sample")
print(f"{len(items)} questions of {len({i['question_type'] for i in items})} types, for example:")
print(" ", items[0]["question"], "->", items[0]["answer"])
print(" ", items[0]["rationale"])

replies = {item["id"]: "A" if item["options"] else "1.0" for item in items}
for rules in ("official", "lmms-eval", "vlmevalkit"):
    report = cogmap.score(items, replies, rules=rules)
    print(f"{rules}: {report.overall:.3f}, {report.unparsed} replies could not be read")
