"""The honest table: right inputs of every kind, and whether their maps say `ok`.

    python -m benchmarks.honest [--each 6]

RGB-D files, arrays, posed pictures with depth (transforms.json), scans with ids, without and as a mesh, boxes. Floor in
view, poses, units and K as the format promises. Writes `benchmarks/results/honest.json`; exit 1 when under 95 % are
`ok` or one is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import cogmap
from cogmap.data.points import PointCloud
from cogmap.geometry.camera import unproject
from cogmap.geometry.rigid import apply

from .liars import SIZE, K, built, room_frames

RESULTS = Path(__file__).parent / "results" / "honest.json"


def scan_of(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, colours and ids (0 = room) of a room."""
    from tests.rooms import make_room, render, walk_path

    room = make_room(seed, clutter=("light", "middle", "heavy")[seed % 3])
    shots = [render(room, T, K, SIZE) for T in walk_path(room, 24)]
    xyz = np.concatenate([apply(s.T_world_cam, unproject(s.depth, K).reshape(-1, 3)) for s in shots])[::6]
    ids = np.concatenate([np.maximum(s.thing + 1, 0).ravel() for s in shots])[::6]
    rgb = np.concatenate([s.rgb.reshape(-1, 3) for s in shots])[::6]
    return xyz + np.random.default_rng(seed).normal(0, 0.004, xyz.shape), rgb, ids


def files(seed: int, place: Path) -> cogmap.CognitiveMap:
    """The 7-Scenes layout."""
    return built(room_frames(seed), "files", place / "files")


def arrays(seed: int, place: Path) -> cogmap.CognitiveMap:
    """A model's tensors."""
    return built(room_frames(seed), "arrays", place)


def transforms(seed: int, place: Path) -> cogmap.CognitiveMap:
    """nerfstudio's transforms.json with depth in millimetres."""
    from PIL import Image

    frames, rows = room_frames(seed), []
    for i, (rgb, depth, T) in enumerate(zip(frames.rgb, frames.depth, frames.T)):
        Image.fromarray(rgb).save(place / f"{i:03d}.png")
        Image.fromarray(np.round(1000 * depth).astype(np.uint16)).save(place / f"{i:03d}.depth.png")
        pose = (T @ np.diag([1.0, -1, -1, 1])).tolist()
        rows.append({"file_path": f"{i:03d}.png", "depth_file_path": f"{i:03d}.depth.png", "transform_matrix": pose})
    data = {"fl_x": 120, "fl_y": 120, "cx": 80, "cy": 60, "w": 160, "h": 120, "frames": rows}
    (place / "transforms.json").write_text(json.dumps(data))
    return cogmap.build(place)


def scan(seed: int, place: Path) -> cogmap.CognitiveMap:
    """A scan without ids."""
    xyz, rgb, _ = scan_of(seed)
    return cogmap.build(PointCloud(xyz, rgb))


def scan_with_ids(seed: int, place: Path) -> cogmap.CognitiveMap:
    """A scan whose things are known."""
    xyz, rgb, ids = scan_of(seed)
    np.savez(place / "a.npz", xyz=xyz, rgb=rgb, instance_id=ids)
    return cogmap.build(place / "a.npz")


def mesh(seed: int, place: Path) -> cogmap.CognitiveMap:
    """Boxes of a room as triangles: floor, walls, things."""
    from tests.rooms import make_room

    room = make_room(seed)
    corners, faces = [], []

    def add(center: np.ndarray, size: np.ndarray, yaw: float, sides: list[int]) -> None:
        signs = np.array([[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
        c, s = np.cos(yaw), np.sin(yaw)
        p = (signs * size) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + center
        quads = [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5)]
        n = 8 * len(corners)
        for k in sides:
            a, b, d, e = (n + i for i in quads[k])
            faces.extend([(a, b, d), (a, d, e)])
        corners.append(p)

    whole = np.array([room.width, room.depth, room.height])
    add(whole / 2, whole, 0.0, [0, 2, 3, 4, 5])
    for t in room.things:
        c, s = np.cos(t.yaw), np.sin(t.yaw)
        for p, q in t.parts:
            add(
                np.array([t.center[0] + c * p[0] - s * p[1], t.center[1] + s * p[0] + c * p[1], p[2]]),
                q,
                t.yaw,
                [*range(6)],
            )
    rows = np.concatenate(corners)
    head = f"ply\nformat ascii 1.0\nelement vertex {len(rows)}\nproperty float x\nproperty float y\nproperty float z\n"
    head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    body = "\n".join(" ".join(f"{v:.5f}" for v in row) for row in rows)
    (place / "a.ply").write_text(head + body + "\n" + "\n".join(f"3 {a} {b} {c}" for a, b, c in faces) + "\n")
    return cogmap.build(place / "a.ply")


def boxes(seed: int, place: Path) -> cogmap.CognitiveMap:
    """The answer key of a room as a list of boxes."""
    from tests.rooms import make_room

    rows: list[dict[str, Any]] = [
        {
            "label": t.label,
            "center_m": t.center.tolist(),
            "size_m": t.size.tolist(),
            "yaw_deg": float(np.degrees(t.yaw)),
        }
        for t in make_room(seed).things
    ]
    (place / "boxes.json").write_text(json.dumps({"objects": rows}))
    return cogmap.build(place / "boxes.json")


KINDS: dict[str, Callable[[int, Path], cogmap.CognitiveMap]] = {
    f.__name__: f for f in (files, arrays, transforms, scan, scan_with_ids, mesh, boxes)
}


def main() -> None:
    """Build all, print a row a kind."""
    parser = argparse.ArgumentParser(description="Whether maps of right inputs say ok.")
    parser.add_argument("--each", type=int, default=6)
    asked = parser.parse_args()
    rows = []
    for kind, make in KINDS.items():
        ends: Counter[str] = Counter()
        for seed in range(asked.each):
            with tempfile.TemporaryDirectory() as place:
                try:
                    m = make(seed, Path(place))
                    end = m.quality.status
                    codes = [w.code for w in m.quality.warnings if end == "ok" or w.severity == "degraded"]
                except cogmap.CogmapError as error:
                    end, codes = "refused", [error.code]
            ends[end] += 1
            rows.append({"kind": kind, "seed": seed, "end": end, "codes": codes})
            if end != "ok":
                print(f"    {kind} {seed}: {end} {codes}")
        print(f"{kind:14} " + ", ".join(f"{n} {end}" for end, n in ends.most_common()), flush=True)
    ok = np.mean([r["end"] == "ok" for r in rows])
    print(f"{ok:.0%} ok of {len(rows)}")
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    sys.exit(bool(ok < 0.95 or any(r["end"] == "refused" for r in rows)))


if __name__ == "__main__":
    main()
