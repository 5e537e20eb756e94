"""Scans that lie anyhow: is up found, and the floor at zero?

    python -m benchmarks.upright [--rooms 20] [--turns 5]

Bare points of synthetic rooms as they are and under random rotations and shifts. Right is a tilt under 3 degrees with
the true floor within 3 cm of height 0; wrong is anything else that says `ok`. Exit 1 when a scan is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np
from scipy.spatial.transform import Rotation

import cogmap
from cogmap.data.points import PointCloud

from .honest import scan_of

TILT_DEG, FLOOR_M, SHIFT_M = 3.0, 0.03, 20.0


def judged(xyz: np.ndarray, rgb: np.ndarray, T: np.ndarray) -> tuple[str, float, float]:
    """How the scan that T (4, 4) moved ends, its tilt in degrees and the height of the true floor."""
    m = cogmap.build(PointCloud(xyz @ T[:3, :3].T + T[:3, 3], rgb))
    whole = m.scene.T_map_input @ T
    tilt = float(np.degrees(np.arccos(np.clip(whole[2, 2] / np.linalg.norm(whole[:3, 2]), -1, 1))))
    floor = float((np.column_stack([xyz[:, :2], np.zeros(len(xyz)), np.ones(len(xyz))]) @ whole[2]).mean())
    if tilt < TILT_DEG and abs(floor) < FLOOR_M:
        return "right", tilt, floor
    return "wrong and ok" if m.quality.status == "ok" else "wrong, told", tilt, floor


def main() -> None:
    """Build all, print what is not right."""
    parser = argparse.ArgumentParser(description="Whether scans stand upright on their floor.")
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    ends: Counter[str] = Counter()
    for seed in range(asked.rooms):
        xyz, rgb, _ = scan_of(seed)
        rng = np.random.default_rng(seed)
        for k in range(asked.turns + 1):
            T = np.eye(4)
            if k:
                T[:3, :3], T[:3, 3] = Rotation.random(rng=rng).as_matrix(), rng.uniform(-SHIFT_M, SHIFT_M, 3)
            end, tilt, floor = judged(xyz, rgb, T)
            ends[end] += 1
            if end != "right":
                print(f"room {seed}, turn {k}: {end}, tilt {tilt:.1f} degrees, floor at {floor:+.3f} m", flush=True)
    print(dict(ends))
    sys.exit(bool(ends["wrong and ok"]))


if __name__ == "__main__":
    main()
