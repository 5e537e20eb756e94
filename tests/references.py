"""Six captures and the maps that cogmap builds of them, made once and kept until a source changes.

A test that only reads a map takes one of these, by the fixture of that name, instead of building its own. They are kept
in `.test_cache/HASH`, HASH being that of the sources; a run of two workers builds each once.

| name | the capture |
|---|---|
| `light` | room 0, 60 RGB-D frames, geometry alone |
| `middle` | room 1 in middle clutter, 60 RGB-D frames, geometry alone |
| `masked` | the same frames with true masks |
| `movie` | 30 frames of an H.264 film of room 7, nothing but the film |
| `scan` | points of a counter and a shelf that touch, in a room |
| `suite` | two rooms joined by a door, 120 RGB-D frames |
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock

import cogmap
from cogmap import CognitiveMap, pipeline
from cogmap.config import Config
from cogmap.data.detections import Labeler
from cogmap.data.points import PointCloud
from cogmap.data.reconstruction import Reconstruction, Scale, Window
from cogmap.data.scene import SceneMap

from .rooms import (
    Film,
    Room,
    Shot,
    film,
    make_room,
    make_suite,
    noisy_depth,
    render,
    rgbd_window,
    suite_path,
    walk_path,
    write_video,
)
from .rooms.detector import detector
from .rooms.scans import counter_and_shelf
from .rooms.suite import DOOR_M, THICK_M, door_y

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("COGMAP_TEST_CACHE", ROOT / ".test_cache"))
KEPT = 3
K = np.array([[260.0, 0, 160], [0, 260, 120], [0, 0, 1]])
SIZE = (240, 320)


def windows(room: Room, poses: np.ndarray, shots: Sequence[Shot] = ()) -> Iterator[Window]:
    """RGB-D of a room in the frame of its fourth camera; `shots` are its pictures where they are drawn already."""
    for i, T in enumerate(poses):
        shot = shots[i] if len(shots) else render(room, T, K, SIZE)
        yield rgbd_window(shot, i, noisy_depth(shot.depth, i), poses[3])


def mapped(room: Room, poses: np.ndarray, labeler: Labeler | None = None, shots: Sequence[Shot] = ()) -> SceneMap:
    """The map of an RGB-D walk through a room."""
    reconstruction = Reconstruction(windows(room, poses, shots), Scale("metric", "sensor", 0.01))
    return pipeline.map_reconstruction(reconstruction, Config(), pipeline.Diary(), labeler=labeler)


@dataclass(frozen=True)
class Reference:
    """A map with the key to its capture.

    Attributes:
        source: the capture as a file, where it is one. room, poses: the key; poses (N, 4, 4) in the room's frame.
    """

    name: str
    map: CognitiveMap
    source: Path | None = None
    room: Room | None = None
    poses: np.ndarray | None = None

    @property
    def scene(self) -> SceneMap:
        """The record behind the map."""
        return self.map.scene

    @cached_property
    def T_map_room(self) -> np.ndarray:
        """Room to map (4, 4) of an RGB-D walk."""
        assert self.poses is not None
        return self.scene.T_map_input @ np.linalg.inv(self.poses[3])

    @cached_property
    def shots(self) -> list[Shot]:
        """What the cameras of an RGB-D walk see, without noise; drawn once and kept."""
        assert self.room is not None and self.poses is not None
        kept = CACHE / sources_hash() / f"shots {self.name}.npz"
        with FileLock(f"{kept}.lock"):
            if not kept.exists():
                drawn = [render(self.room, T, K, SIZE) for T in self.poses]
                np.savez(kept, **{k: np.array([getattr(s, k) for s in drawn]) for k in ("rgb", "depth", "thing")})
        with np.load(kept) as a:
            return [Shot(*row, K, T) for *row, T in zip(a["rgb"], a["depth"], a["thing"], self.poses)]


def two_rooms(seed: int = 5) -> Room:
    """Two rooms and a door between them that ends below the ceiling."""
    room = make_suite(seed, n_rooms=2)
    gap, middle = door_y(room.depth, 1), room.width / 2
    lintel = (np.array([middle, gap, (room.height + 2) / 2]), np.array([THICK_M, DOOR_M, room.height - 2]))
    return replace(room, screens=[*room.screens, lintel])


def small_film(n: int = 30) -> Film:
    """A third of a walk at 320 x 240: enough for cameras, quick to map."""
    whole = film(make_room(7), 3 * n)
    return Film(whole.room, whole.poses[:n], K, SIZE)


def walk(seed: int, clutter: str) -> tuple[Room, np.ndarray]:
    """A room and 60 poses in it."""
    room = make_room(seed, clutter=clutter)
    return room, walk_path(room, 60)


def _masked(folder: Path) -> CognitiveMap:
    room, poses = walk(1, "middle")
    shots = [render(room, T, K, SIZE) for T in poses]
    return CognitiveMap(mapped(room, poses, detector(room, shots), shots))


def _movie(folder: Path) -> CognitiveMap:
    write_video(folder / "room.mp4", small_film().pictures(), fps=10)
    return cogmap.build(folder / "room.mp4")


def _scan(folder: Path) -> CognitiveMap:
    cloud: PointCloud = counter_and_shelf()
    np.savez(folder / "scan.npz", xyz=cloud.xyz_input, rgb=cloud.rgb)
    return cogmap.build(folder / "scan.npz")


def _walked(seed: int, clutter: str) -> Callable[[Path], CognitiveMap]:
    return lambda folder: CognitiveMap(mapped(*walk(seed, clutter)))


Key = tuple[Room | None, np.ndarray | None]
RECIPES: dict[str, tuple[Callable[[Path], CognitiveMap], Callable[[], Key], str | None]] = {
    "light": (_walked(0, "light"), lambda: walk(0, "light"), None),
    "middle": (_walked(1, "middle"), lambda: walk(1, "middle"), None),
    "masked": (_masked, lambda: walk(1, "middle"), None),
    "movie": (_movie, lambda: (small_film().room, small_film().poses), "room.mp4"),
    "scan": (_scan, lambda: (None, None), "scan.npz"),
    "suite": (
        lambda folder: CognitiveMap(mapped(two_rooms(), suite_path(two_rooms(), 120, n_rooms=2))),
        lambda: (two_rooms(), suite_path(two_rooms(), 120, n_rooms=2)),
        None,
    ),
}


@cache
def reference(name: str) -> Reference:
    """One of the six: read where it is kept, else built, by one process at a time."""
    build, key, file = RECIPES[name]
    home = CACHE / sources_hash()
    folder, done = home / name, home / f"{name}.done"
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(str(home / f"{name}.lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder).save(folder / "map.cogmap")
            done.touch()
            _forget_old()
    room, poses = key()
    return Reference(name, cogmap.load(folder / "map.cogmap"), folder / file if file else None, room, poses)


@cache
def sources_hash() -> str:
    """Hash of all that decides these maps: sources, recipes, Python and its libraries."""
    digest = hashlib.sha256(f"{sys.version} {np.__version__} {np.show_config('dicts')}".encode())
    files = [*(ROOT / "cogmap").rglob("*.py"), *(ROOT / "kernels").rglob("*.py"), *(ROOT / "tests/rooms").rglob("*.py")]
    for path in sorted([*files, Path(__file__), ROOT / "constraints.txt"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old() -> None:
    """Keep the maps of the last few states of the sources."""
    homes = sorted((p for p in CACHE.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    for old in homes[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
