"""Learn `cogmap/label/shape_prior.json` from annotated boxes, and say how far it can be trusted.

    python -m benchmarks.train_shape_prior FOLDER

FOLDER holds JSON files of scenes with `object_bbox`: per class boxes with `axesLengths`, `normalizedAxes` (rows are the
axes), `min` and `max`. Judged by five folds that keep scenes together; every fold learns standardisation anew. Writes
the numbers that are shipped (no box can be read from them) and `benchmarks/results/shape_prior.json`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from cogmap.label.shape_prior import NUMBERS, OTHER, ShapePrior, features_of, products

RESULTS = Path(__file__).parent / "results" / "shape_prior.json"
LEAST_EXAMPLES = 12
STRENGTH = 3.0
FOLDS = 5
BINS = 10
STANDING = ("chair", "table", "sofa", "bed", "stool", "refrigerator", "toilet", "bookshelf", "trash can", "washer")
SAME = {"tv": "monitor", "trash can": "bin", "bookshelf": "shelf", "shoe rack": "shelf"}


def read_boxes(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, 5), labels (N,) and the scene (N,) of every upright box."""
    features, labels, scenes = [], [], []
    for path in sorted(folder.glob("*.json")):
        for scene, found in sorted(json.loads(path.read_text()).items()):
            rows = [(name, box) for name, boxes in found["object_bbox"].items() for box in boxes]
            standing = [box["min"][2] for name, box in rows if name in STANDING]
            if not standing:
                continue
            floor = float(np.median(standing))
            for name, box in rows:
                axes = np.abs(np.array(box["normalizedAxes"]).reshape(3, 3)[:, 2])
                up = int(axes.argmax())
                if axes[up] < 0.99:
                    continue
                width, length = np.sort(np.delete(box["axesLengths"], up))
                row = features_of(*np.array([[length], [width], [box["axesLengths"][up]], [box["min"][2] - floor]]))
                features.append(row[0])
                labels.append(SAME.get(name, name))
                scenes.append(f"{path.stem}/{scene}")
    often = Counter(labels)
    kept = [name if often[name] >= LEAST_EXAMPLES else OTHER for name in labels]
    return np.array(features), np.array(kept), np.array(scenes)


def learn(features: np.ndarray, labels: np.ndarray) -> ShapePrior:
    """Fit the regression on some boxes."""
    mean, deviation = features.mean(0), features.std(0)
    model = LogisticRegression(C=STRENGTH, max_iter=5000).fit(products((features - mean) / deviation), labels)
    return ShapePrior(tuple(model.classes_.tolist()), mean, deviation, model.coef_, model.intercept_)


def judge(features: np.ndarray, labels: np.ndarray, scenes: np.ndarray) -> dict[str, object]:
    """Figures over boxes of scenes that were not learned from."""
    names = sorted(set(labels.tolist()))
    truth = np.array([names.index(text) for text in labels])
    share = np.zeros((len(labels), len(names)))
    for train, test in GroupKFold(FOLDS).split(features, groups=scenes):
        prior = learn(features[train], labels[train])
        columns = [names.index(text) for text in prior.labels]
        share[np.ix_(test, columns)] = prior.probabilities(features[test])
    order = np.argsort(-share, axis=1)
    best, right = share.max(1), order[:, 0] == truth
    bin_of = np.minimum((best * BINS).astype(int), BINS - 1)
    curve = [
        {"said": round(float(best[bin_of == b].mean()), 3), "right": round(float(right[bin_of == b].mean()), 3)}
        | {"boxes": int((bin_of == b).sum())}
        for b in range(BINS)
        if (bin_of == b).any()
    ]
    return {
        "boxes": len(labels),
        "scenes": len(set(scenes.tolist())),
        "labels": len(names),
        "top-1": round(float(right.mean()), 3),
        "top-3": round(float((order[:, :3] == truth[:, None]).any(1).mean()), 3),
        "most frequent label": round(float(np.bincount(truth).max() / len(truth)), 3),
        "expected calibration error": round(
            sum(abs(c["said"] - c["right"]) * c["boxes"] for c in curve) / len(best), 3
        ),
        "reliability": curve,
        "top-1 by label": {
            name: round(float(right[truth == k].mean()), 2) for k, name in enumerate(names) if (truth == k).any()
        },
    }


def main(folder: Path) -> None:
    """Read, judge, learn from all, write both files."""
    features, labels, scenes = read_boxes(folder)
    report = judge(features, labels, scenes)
    print(json.dumps(report, indent=1))
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    prior = learn(features, labels)
    numbers = {name: np.round(getattr(prior, name), 3).tolist() for name in ("mean", "deviation", "weight", "bias")}
    text = json.dumps({"labels": list(prior.labels), **numbers}, separators=(",", ":"))
    NUMBERS.write_text(text.replace("],[", "],\n["))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
