"""What the forms of a map cost: seconds for 10,000 objects, tokens for 40, bytes and milliseconds of a picture of 60.

    python -m benchmarks.forms

Tokens by a real tokenizer of the o200k family (bpe-openai, which brings its own vocabulary). Objects of a hall: one a
square metre, a third of them on or over others. Writes `benchmarks/results/forms.json`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cogmap import CognitiveMap
from cogmap.data.scene import SceneMap
from cogmap.mapfile.convert import to_file
from cogmap.prompt.budget import estimate_tokens
from cogmap.prompt.compose import TEXTS
from tests.maps import map_of

RESULTS = Path(__file__).parent / "results" / "forms.json"
LABELS = ("chair", "table", "lamp", "shelf", "sofa", "plant", "monitor", "trash can")
LEVELS_M = (0.0, 0.0, 0.0, 0.72, 1.5)
TURNS = (0, 30, 45, 90)
VIEW = {"ego": {"at": (0.0, 0.0), "heading": 0.0}}


def hall(n: int, seed: int = 0, per_m2: float = 1.0) -> SceneMap:
    """n things in a square hall, some on top of others."""
    rng = np.random.default_rng(seed)
    side = float(np.sqrt(n / per_m2))
    rows = []
    for _ in range(n):
        height = float(rng.uniform(0.2, 1.8))
        at = (*rng.uniform(0, side, 2).tolist(), float(rng.choice(LEVELS_M)) + height / 2)
        size = (float(rng.uniform(0.2, 1.2)), float(rng.uniform(0.2, 0.8)), height)
        rows.append((str(rng.choice(LABELS)), at, size, float(rng.choice(TURNS))))
    return map_of(*rows)


def seconds(run: Callable[[], Any], times: int = 3) -> float:
    """Median seconds of a call."""
    took = []
    for _ in range(times):
        since = time.perf_counter()
        run()
        took.append(time.perf_counter() - since)
    return round(median(took), 3)


def main() -> None:
    """Measure, print, write."""
    import bpe_openai

    def tokens(text: str) -> int:
        return len(bpe_openai.get_encoding("o200k_base").encode(text))

    many, room, sixty = CognitiveMap(hall(10_000)), CognitiveMap(hall(40)), CognitiveMap(hall(60))
    forms = [f for f in TEXTS if f != "rationale"]
    out: dict[str, Any] = {"seconds for 10,000 objects": {}, "tokens for 40 objects": {}}
    for form in forms:
        out["seconds for 10,000 objects"][form] = seconds(lambda form=form: many.to_text(form, **VIEW.get(form, {})))
        text = room.to_text(form, **VIEW.get(form, {}))
        out["tokens for 40 objects"][form] = {"o200k": tokens(text), "estimated": estimate_tokens(text)}
    objects = to_file(room.scene).model_dump(mode="json")["objects"]
    for name, indent in (("indented JSON", 2), ("compact JSON", None)):
        text = json.dumps(objects, indent=indent)
        out["tokens for 40 objects"][name] = {"o200k": tokens(text), "estimated": estimate_tokens(text)}
    out["edges of 10,000 objects"] = len(many.graph().edges)
    picture = sixty.to_image("bev", 896)
    out["picture of 60 objects"] = {"bytes": len(picture), "seconds": seconds(lambda: sixty.to_image("bev", 896), 9)}
    text = json.dumps(out, indent=1)
    print(text)
    RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
