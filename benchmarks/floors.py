"""Floors: is the floor found, is up right, and are they doubted where nothing shows them?

    python -m benchmarks.floors [--rooms 20] [--frames 60]

Synthetic rooms with known truth, set upright from a thin sample of noisy depth as a build does, nothing fused:

- `ahead`: RGB-D walks that look ahead, so that the floor lies in front of the cameras; floor within 1 cm, proven.
- `rolled`: single frames with the camera rolled by 0 to 25 degrees: tilt under 1.5 degrees, or W-GRAVITY-UNSURE.
- `table`, `shelves`, `stairs`, `mezzanine`: what is not the floor, or not the only one, with and without metres: the
  right floor (a landing counts as one), or W-FLOOR-NOT-SEEN with under 2 % of the surface below height 0.

Writes `benchmarks/results/floors.json`; exit 1 when a row is wrong and not doubted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cogmap.geometry.camera import normals_of_depth, unproject
from cogmap.geometry.rigid import apply
from cogmap.stages.align import align
from cogmap.stages.surface_samples import SurfaceSample, scaled
from tests.rooms import Room, Shot, Thing, make_room, noisy_depth, render
from tests.rooms.camera import look_at

RESULTS = Path(__file__).parent / "results" / "floors.json"
K = np.array([[195.0, 0, 120], [0, 195, 90], [0, 0, 1]])
SIZE = (180, 240)
CLUTTERS = ("light", "middle", "heavy")


def sample_of(
    shots: Sequence[Shot], seed: int, noise: float = 0.002, keep: Callable[[Shot], np.ndarray] | None = None
) -> SurfaceSample:
    """What `sample_surface` draws of these frames, their world turned and shifted at random."""
    rng = np.random.default_rng(seed)
    Q, R = np.linalg.qr(rng.normal(size=(3, 3)))
    Q = Q * np.sign(np.diag(R))
    Q[:, 0] *= np.sign(np.linalg.det(Q))
    W = np.eye(4)
    W[:3, :3], W[:3, 3] = Q, rng.normal(size=3)
    xyz, normals, poses = [], [], []
    for i, shot in enumerate(shots):
        depth = noisy_depth(shot.depth, seed + i, share=noise)
        if keep is not None:
            depth = np.where(keep(shot), depth, 0).astype(np.float32)
        T = W @ shot.T_world_cam
        p, n = unproject(depth, shot.K), normals_of_depth(depth, shot.K, 3)
        p, n = p[::2, ::2].reshape(-1, 3), n[::2, ::2].reshape(-1, 3)
        good = np.isfinite(n).all(1)
        xyz.append(apply(T, p[good]))
        normals.append(n[good] @ T[:3, :3].T)
        poses.append(T)
    return SurfaceSample(np.concatenate(xyz), np.concatenate(normals), np.array(poses))


def judged(
    shots: Sequence[Shot], seed: int, *, metric: bool = True, floors: Sequence[float] = (0.0,), **options
) -> dict[str, Any]:
    """Tilt in degrees, height of the nearest true floor in metres, what is doubted, and the share below height 0."""
    sample = sample_of(shots, seed, **options)
    size = 1.0
    if not metric:
        middle = sample.T_world_cam[:, :3, 3].mean(0)
        size = 2.0 / float(np.median(np.linalg.norm(sample.xyz_world - middle, axis=1)))
    found = align(scaled(sample, size), metric=metric)
    up_true = sample.T_world_cam[0][:3, :3] @ shots[0].T_world_cam[:3, :3].T @ [0, 0, 1.0]
    tilt = float(np.degrees(np.arccos(np.clip((found.T_map_world[:3, :3] @ up_true)[2], -1, 1))))
    camera = (found.T_map_world @ scaled(sample, size).T_world_cam[0])[2, 3] / size
    offs = [float(shots[0].T_world_cam[2, 3] - floor - camera) for floor in floors]
    z = apply(found.T_map_world, scaled(sample, size).xyz_world)
    cells = np.unique(np.floor(z / 0.05).astype(int), axis=0)[:, 2] * 0.05 + 0.025
    return {
        "tilt_deg": round(tilt, 2),
        "floor_off_m": round(min(offs, key=abs), 3),
        "proven": found.floor.proven,
        "log_odds": round(float(found.floor.log_odds), 2),
        "unsure": any(i.code == "W-GRAVITY-UNSURE" for i in found.losses),
        "below": round(float((cells < -0.1).mean()), 4),
        "scale": None if metric or not found.floor.proven else round(found.floor.metres.factor * size, 3),
        "sigma": None if metric or not found.floor.proven else round(found.floor.metres.rel_sigma, 3),
    }


def walk(room: Room, n: int, *, height: float = 1.5, drop: float = 0.1) -> list[Shot]:
    """A walk round the middle of a room, looking across it."""
    rng = np.random.default_rng(room.seed)
    phase, out = rng.uniform(0, 6.28, 3), []
    for t in np.linspace(0, 1, n, endpoint=False):
        a = 2 * np.pi * t + phase[0]
        eye = np.array([room.width / 2 + 0.3 * room.width * np.cos(a), room.depth / 2 + 0.3 * room.depth * np.sin(a)])
        aim = a + np.pi + 0.5 * np.sin(6 * np.pi * t + phase[1])
        target = np.array([*(eye + 2.4 * np.array([np.cos(aim), np.sin(aim)])), height - drop])
        out.append(render(room, look_at(np.array([*eye, height]), target, 0.02 * np.sin(9 * t)), K, SIZE))
    return out


def ahead(n: int) -> Iterator[dict[str, Any]]:
    for seed in range(n):
        room = make_room(300 + seed, clutter=CLUTTERS[seed % 3])
        height = float(np.random.default_rng(seed).uniform(1.2, 1.8))
        yield judged(walk(room, 24, height=height), seed)


def rolled(n: int) -> Iterator[dict[str, Any]]:
    for seed in range(n):
        rng = np.random.default_rng(500 + seed)
        room = make_room(400 + seed, clutter=CLUTTERS[seed % 3])
        eye = np.array([rng.uniform(0.6, room.width - 0.6), rng.uniform(0.6, room.depth - 0.6), rng.uniform(1.2, 1.8)])
        to = np.array([room.width / 2, room.depth / 2, 0]) + np.array([*rng.uniform(-1, 1, 2), rng.uniform(0.2, 1.2)])
        roll = float(np.radians(25 * seed / max(n - 1, 1) * rng.choice([-1, 1])))
        yield {"roll_deg": round(np.degrees(roll)), **judged([render(room, look_at(eye, to, roll), K, SIZE)], seed)}


def table(seed: int) -> tuple[list[Shot], dict[str, object]]:
    """A table with what stands on it, filmed alone from a chair."""
    room = make_room(600 + seed, clutter="heavy")
    k = next(i for i, t in enumerate(room.things) if t.label in ("table", "desk"))
    top = room.things[k]
    z = top.center[2] + top.size[2] / 2
    on = [i for i, t in enumerate(room.things) if i == k or t.center[2] - t.size[2] / 2 > z - 0.02]
    shots = []
    for a in np.linspace(-0.7, 0.7, 16):
        eye = top.center + np.array([1.0 * np.sin(a), -1.0 * np.cos(a), 0]) * [1, 1, 0]
        shots.append(
            render(room, look_at(np.array([*eye[:2], z + 0.5]), np.array([*top.center[:2], z]), 0.03 * a), K, SIZE)
        )
    return shots, {"keep": lambda s: np.isin(s.thing, on) & (unproject_z(s) > z - 0.04), "floors": (0.0,)}


def unproject_z(shot: Shot) -> np.ndarray:
    """Heights (H, W) of the pixels of a frame."""
    return apply(shot.T_world_cam, unproject(shot.depth, shot.K).reshape(-1, 3))[:, 2].reshape(shot.depth.shape)


def shelves(seed: int) -> tuple[list[Shot], dict[str, object]]:
    """A wall of shelves at eye height, seen from near by: no floor in view."""
    rng, things = np.random.default_rng(seed), []
    for k in range(6):
        boards = [
            (np.array([0, 0, h]), np.array([0.96, 0.34, 0.03])) for h in np.arange(0.1, 2.3, rng.uniform(0.28, 0.4))
        ]
        sides = [(np.array([s * 0.48, 0, 1.15]), np.array([0.03, 0.34, 2.3])) for s in (-1, 1)]
        things.append(
            Thing("shelf", np.array([0.5 + k, 0.18, 1.15]), np.array([1.0, 0.34, 2.3]), 0.0, [*boards, *sides])
        )
    room = replace(make_room(seed), things=things, width=6.0, depth=4.0)
    eyes = [np.array([x, 1.25, 1.5 + 0.05 * np.sin(9 * x)]) for x in np.linspace(0.8, 5.2, 20)]
    return [render(room, look_at(e, e + [0.2 * np.sin(7 * e[0]), -1, -0.02], 0.02), K, SIZE) for e in eyes], {}


def stairs(seed: int) -> tuple[list[Shot], dict[str, object]]:
    """A flight of stairs, walked towards."""
    rise, going = 0.17, 0.28
    steps = [
        (np.array([0, (k + 0.5) * going, (k + 1) * rise / 2]), np.array([1.2, going, (k + 1) * rise]))
        for k in range(12)
    ]
    flight = Thing("stairs", np.array([3.0, 2.0, 0.0]), np.array([1.2, 12 * going, 12 * rise]), 0.0, steps)
    room = replace(make_room(seed), things=[flight], width=6.0, depth=6.0, height=4.5)
    eyes = [np.array([3.0 + 0.1 * np.sin(5 * t), 0.4 + 1.2 * t, 1.5]) for t in np.linspace(0, 1, 16)]
    return [render(room, look_at(e, e + [0.2 * np.sin(9 * e[1]), 1, -0.2], 0.02), K, SIZE) for e in eyes], {}


def mezzanine(seed: int) -> tuple[list[Shot], dict[str, object]]:
    """A gallery 2.6 m over a room, walked along, both in view."""
    room = replace(make_room(seed, width=8.0, depth=7.0, clutter="middle"), height=6.0)
    room = replace(room, screens=[(np.array([room.width / 2, 0.9, 2.5]), np.array([room.width, 1.8, 0.2]))])
    eyes = [np.array([x, 0.9, 4.1]) for x in np.linspace(1.0, room.width - 1, 20)]
    looks = [e + [np.sin(3 * e[0]), 1.0 * np.cos(1.5 * e[0]) + 0.4, -0.35] for e in eyes]
    return [render(room, look_at(e, t, 0.02), K, SIZE) for e, t in zip(eyes, looks)], {"floors": (0.0, 2.6)}


HARD = {"table": table, "shelves": shelves, "stairs": stairs, "mezzanine": mezzanine}


def hard() -> Iterator[tuple[str, dict[str, object]]]:
    for name, make in HARD.items():
        for seed in range(3):
            shots, options = make(seed)
            for metric in (True, False):
                noise = 0.002 if metric else 0.01
                yield (
                    f"{name} {'metres' if metric else 'no metres'}",
                    judged(shots, seed, metric=metric, noise=noise, **options),
                )


def main() -> None:
    """Run, print, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--frames", type=int, default=60)
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    for kind, found in (
        [("ahead", r) for r in ahead(asked.rooms)] + [("rolled", r) for r in rolled(asked.frames)] + list(hard())
    ):
        if kind == "rolled":
            good = bool(found["tilt_deg"] < 1.5)
            doubted = bool(found["unsure"])
        else:
            near = 0.01 if kind == "ahead" else 0.05
            good = bool(found["proven"]) and abs(found["floor_off_m"]) < near and found["tilt_deg"] < 2
            doubted = kind != "ahead" and not found["proven"] and found["below"] < 0.02
        verdict = "right" if good else "doubted" if doubted else "WRONG"
        rows.append({"kind": kind, "verdict": verdict, **found})
        print(f"{kind:22}{verdict:9}", {k: v for k, v in found.items() if v is not None}, flush=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    for kind in dict.fromkeys(str(r["kind"]) for r in rows):
        said = [r["verdict"] for r in rows if r["kind"] == kind]
        print(f"{kind:22}", {v: said.count(v) for v in ("right", "doubted", "WRONG")})
    sys.exit(any(r["verdict"] == "WRONG" for r in rows))


if __name__ == "__main__":
    main()
