"""The net for what comes: do two states of the code build the same maps?

    python -m benchmarks.same_maps FOLDER --save                # builds ten captures with this code, keeps the maps
    python -m benchmarks.same_maps FOLDER --against             # builds them again and names every field that differs
    python -m benchmarks.same_maps FOLDER --save --at COMMIT    # the same with the code of another commit
    python -m benchmarks.same_maps FOLDER --against A           # what was saved as A (a commit, or `here`)

Captures are written to FOLDER/captures once, by the code that runs this; every state reads the same files through its
public doors (`cogmap.build`, `cogmap.build_arrays`). Kept for each: `map.json`, voxels, and every text form. Maps are
compared by meaning: objects are paired by place, fields that one version of the schema lacks are named once, hashes and
versions are passed over. Exit 1 when something differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
FORMS = ("metric", "grid", "layout", "relations", "rationale", "aabb", "facts")
PASSED_OVER = {"source_sha256", "config_sha256", "files", "schema_version", "cogmap"}
BUILD = """
import json, sys
from pathlib import Path
import numpy as np
import cogmap
source, out, options = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
if options.pop("arrays", False):
    with np.load(source) as data:
        a = dict(data)
    m = cogmap.build_arrays(a["rgb"], a["depth"], a["K"], a["T_world_cam"], **options)
else:
    m = cogmap.build(source, **options)
m.save(out / "map.cogmap")
for form in sys.argv[4].split(","):
    try:
        text = m.to_text(form)
    except cogmap.CogmapError as error:
        text = error.code
    (out / f"{form}.txt").write_text(text, encoding="utf-8")
"""


# captures


def _walk(folder: Path, seed: int, clutter: str) -> list[Any]:
    from tests.references import SIZE, K
    from tests.rooms import make_room, render, walk_path, write_sevenscenes

    room = make_room(seed, clutter=clutter)
    shots = [render(room, T, K, SIZE) for T in walk_path(room, 48)]
    write_sevenscenes(folder, shots)
    return [room, shots]


def _masks(folder: Path, faults: bool) -> None:
    from tests.rooms.detector import Faults, detector
    from tests.test_masks import write_labels

    room, shots = _walk(folder / "scan", 5, "middle")
    write_labels(folder / "labels", detector(room, shots, Faults(edge_px=3) if faults else None), len(shots))


def _arrays(path: Path) -> None:
    from tests.references import SIZE, K
    from tests.rooms import make_room, noisy_depth, render, walk_path

    room = make_room(6)
    shots = [render(room, T, K, SIZE) for T in walk_path(room, 30)]
    depth = [noisy_depth(s.depth, i) for i, s in enumerate(shots)]
    T = np.array([s.T_world_cam for s in shots])
    np.savez(path, rgb=np.array([s.rgb for s in shots]), depth=np.array(depth), K=K, T_world_cam=T)


def _scan(path: Path) -> None:
    from tests.rooms.scans import counter_and_shelf

    np.savez(path, xyz=counter_and_shelf().xyz_input)


def _film(path: Path) -> None:
    from tests.references import small_film
    from tests.rooms import write_video

    write_video(path, small_film().pictures(), fps=10)


def _boxes(path: Path) -> None:
    rows = [
        {"label": "sofa", "center_m": [1, 2, 0.4], "size_m": [2.0, 0.9, 0.8], "yaw_deg": 20, "facing_deg": 110},
        {"label": "table", "center_m": [3, 2, 0.37], "size_m": [1.2, 0.8, 0.74], "yaw_deg": 0},
        {"label": "lamp", "center_m": [3, 2, 0.97], "size_m": [0.2, 0.2, 0.46], "yaw_deg": 0},
    ]
    path.write_text(json.dumps({"objects": rows}))


CAPTURES: dict[str, tuple[Callable[[Path], Any], str, dict[str, Any]]] = {
    "light": (lambda f: _walk(f / "scan", 2, "light"), "scan", {}),
    "middle": (lambda f: _walk(f / "scan", 3, "middle"), "scan", {}),
    "heavy": (lambda f: _walk(f / "scan", 4, "heavy"), "scan", {}),
    "true masks": (lambda f: _masks(f, False), "scan", {"labeler": "recorded:{}/labels"}),
    "faulty masks": (lambda f: _masks(f, True), "scan", {"labeler": "recorded:{}/labels"}),
    "scan": (lambda f: _scan(f / "scan.npz"), "scan.npz", {}),
    "film": (lambda f: _film(f / "room.mp4"), "room.mp4", {}),
    "boxes": (lambda f: _boxes(f / "boxes.json"), "boxes.json", {}),
    "arrays": (lambda f: _arrays(f / "frames.npz"), "frames.npz", {"arrays": True}),
}
REAL = {
    "kitchen": (SHARED / "clips" / "redkitchen_rgbd", {}),
    "desk": (SHARED / "clips" / "tum_fr3_office", {}),
}


def sources(folder: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Name, path and options of every capture; what is not there yet is written."""
    for name, (write, file, options) in CAPTURES.items():
        home = folder / "captures" / name.replace(" ", "_")
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            write(home)
            (home / "done").touch()
        yield name, home / file, {k: v.format(home) if isinstance(v, str) else v for k, v in options.items()}
    for name, (path, options) in REAL.items():
        if path.exists():
            yield name, path, dict(options)
        else:
            print(f"{name}: skipped, there is no {path}")


# building


def built(folder: Path, state: str, code: Path, only: set[str]) -> None:
    """Build every capture with the code of a checkout."""
    env = {**os.environ, "PYTHONPATH": f"{code}{os.pathsep}{code / 'kernels'}", "NUMBA_NUM_THREADS": "1"}
    env["NUMBA_CACHE_DIR"] = str(folder / "compiled" / state)
    for name, path, options in sources(folder):
        if only and name not in only:
            continue
        out = folder / state / name.replace(" ", "_")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        command = [sys.executable, "-c", BUILD, str(path), str(out), json.dumps(options), ",".join(FORMS)]
        done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            (out / "refused.txt").write_text(done.stderr.strip().splitlines()[-1] + "\n")
        print(f"{state}: {name} {'refused' if done.returncode else 'built'}", flush=True)


def checkout(folder: Path, commit: str) -> tuple[str, Path]:
    """(short hash, folder) of a worktree of a commit."""
    short = subprocess.run(
        ["git", "rev-parse", "--short", commit], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    tree = (folder / "code" / short).resolve()
    if not tree.exists():
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
        command = ["git", "worktree", "add", "--detach", str(tree), commit]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return short, tree


# comparing


def differences(a: Path, b: Path) -> list[str]:
    """What two builds of one capture differ in, a line a field."""
    refused = [(x / "refused.txt").read_text().strip() if (x / "refused.txt").exists() else None for x in (a, b)]
    if refused != [None, None]:
        return [] if refused[0] == refused[1] else [f"refusal: {refused[0]} | {refused[1]}"]
    before, after = (json.loads((x / "map.cogmap" / "map.json").read_text()) for x in (a, b))
    out = _objects(before.pop("objects"), after.pop("objects")) + list(_fields("", before, after))
    out += _voxels(a / "map.cogmap" / "voxels.npz", b / "map.cogmap" / "voxels.npz")
    for form in FORMS:
        x, y = ((p / f"{form}.txt").read_text(encoding="utf-8").splitlines() for p in (a, b))
        gone, new = Counter(x) - Counter(y), Counter(y) - Counter(x)
        if gone or new:
            shown = [f"- {line}" for line in list(gone)[:2]] + [f"+ {line}" for line in list(new)[:2]]
            out.append(f"text {form}: {sum(gone.values())} lines gone, {sum(new.values())} new: {'  '.join(shown)}")
    return out


def _objects(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> list[str]:
    """Objects paired by the places of their middles, then field by field."""
    from scipy.optimize import linear_sum_assignment

    out = [] if len(a) == len(b) else [f"objects: {len(a)} | {len(b)}"]
    if not a or not b:
        return out
    middles = [np.array([o["box"]["center_m"] for o in rows]) for rows in (a, b)]
    gap = np.linalg.norm(middles[0][:, None] - middles[1][None], axis=2)
    rows, columns = linear_sum_assignment(np.minimum(gap, 1.0))
    for i, j in zip(rows.tolist(), columns.tolist()):
        if gap[i, j] > 0.5:
            out.append(f"objects: {a[i]['id']} has no partner")
        else:
            out += _fields(f"objects.{a[i]['id']}", a[i], b[j])
    return out


def _fields(where: str, a: Any, b: Any) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            at = f"{where}.{key}".lstrip(".")
            if key in PASSED_OVER:
                continue
            if key not in a or key not in b:
                yield f"{at}: only {'before' if key in a else 'after'}"
            else:
                yield from _fields(at, a[key], b[key])
    elif _numbers(a) and _numbers(b) and np.shape(a) == np.shape(b):
        if a != b:
            yield f"{where}: off by {np.abs(np.subtract(a, b)).max():.6g}"
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for k, (x, y) in enumerate(zip(a, b)):
            yield from _fields(f"{where}.{k}", x, y)
    elif a != b:
        yield f"{where}: {str(a)[:80]} | {str(b)[:80]}"


def _numbers(x: Any) -> bool:
    try:
        return np.asarray(x).dtype.kind in "if" and not isinstance(x, bool)
    except ValueError:
        return False


def _voxels(a: Path, b: Path) -> list[str]:
    if not (a.exists() and b.exists()):
        return [] if a.exists() == b.exists() else ["voxels: in one map only"]
    with np.load(a) as x, np.load(b) as y:
        names = [k for k in sorted(set(x.files) & set(y.files))]
        return [f"voxels.{k}: {x[k].shape} | {y[k].shape}" for k in names if not np.array_equal(x[k], y[k])]


def alike(differing: list[str]) -> list[str]:
    """Lines of one field of many objects or cameras drawn together."""
    kinds = Counter(".".join(p for p in line.partition(":")[0].split(".") if not any(c.isdigit() for c in p))
                    for line in differing)  # fmt: skip
    first = {".".join(p for p in x.partition(":")[0].split(".") if not any(c.isdigit() for c in p)): x
             for x in reversed(differing)}  # fmt: skip
    return [f"{n} x {kind}: e.g. {first[kind]}" if n > 1 else first[kind] for kind, n in kinds.items()]


def main() -> None:
    """Save or compare."""
    parser = argparse.ArgumentParser(description="Do two states of the code build the same maps?")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--save", action="store_true")
    parser.add_argument(
        "--against", nargs="?", const="saved", help="a state that was saved; without a name, the last one"
    )
    parser.add_argument("--at", help="a commit whose code builds, instead of the code as it is")
    parser.add_argument("--only", default="", help="names of captures, by commas")
    parser.add_argument("--as", dest="name", help="the name that the state is kept under")
    asked = parser.parse_args()
    folder, only = asked.folder.resolve(), {x for x in asked.only.split(",") if x}
    folder.mkdir(parents=True, exist_ok=True)
    state, code = checkout(folder, asked.at) if asked.at else ("here", ROOT)
    state = asked.name or state
    last = folder / "saved"
    if asked.save:
        built(folder, state, code, only)
        last.write_text(state)
    if asked.against is None:
        return
    before = last.read_text() if asked.against == "saved" else asked.against
    if not asked.save:
        state = "now" if state == before else state
        built(folder, state, code, only)
    differing = 0
    for name in [*CAPTURES, *REAL]:
        a, b = (folder / s / name.replace(" ", "_") for s in (before, state))
        if a.exists() and b.exists() and (not only or name in only):
            found = differences(a, b)
            differing += bool(found)
            print(f"{name}: {'the same' if not found else f'{len(found)} fields differ'}")
            for line in alike(found):
                print(f"    {line}")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
