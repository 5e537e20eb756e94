"""The accuracy of rooms as a picture: recall and precision by clutter and by way, median with least and most.

    python -m benchmarks.accuracy.plot

Reads `benchmarks/results/accuracy_rooms.json` and writes `accuracy_rooms.png` beside it.
"""

from __future__ import annotations

import json
from typing import Any

from .rooms import RESULTS

COLORS = ("#0072b2", "#56b4e9", "#009e73", "#999999", "#bbbbbb", "#dddddd")
WAYS = ("true masks", "faulty masks", "geometry", "plain components", "DBSCAN 6 cm / 10", "scikit-learn HDBSCAN")


def main() -> None:
    """Draw."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    table: dict[str, Any] = json.loads((RESULTS / "accuracy_rooms.json").read_text())
    seeds = table.pop("median, least, most over seeds")
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.4), layout="constrained", sharey=True)
    for axis, figure_of in zip(axes, ("recall 0.5", "precision 0.5")):
        for k, way in enumerate(WAYS):
            middle, low, high = zip(*(rows[way][figure_of] for rows in table.values()))
            at = [c + (k - 2.5) * 0.14 for c in range(len(table))]
            ends = [[m - a for m, a in zip(middle, low)], [b - m for m, b in zip(middle, high)]]
            axis.bar(at, middle, 0.13, yerr=ends, color=COLORS[k], label=way, ecolor="#333333", capsize=2)
        axis.set_xticks(range(len(table)), list(table))
        axis.set_title(f"{figure_of.split()[0]} at IoU 0.5, {seeds} rooms each", fontsize=10)
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=len(WAYS))
    figure.savefig(RESULTS / "accuracy_rooms.png", dpi=110)


if __name__ == "__main__":
    main()
