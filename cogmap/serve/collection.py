"""A folder of maps: found by name, read once, held within a bound of memory, changed under their version."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..building import load
from ..cognitive_map import CognitiveMap
from ..errors import InputError
from ..mapfile import SUFFIX

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
MOST_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Held:
    """A map in memory, the version of its file, and about how many bytes it holds."""

    map: CognitiveMap
    version: str
    stamp: tuple[int, int]
    n_bytes: int


class Collection:
    """The maps of one folder. Names are those of its map folders, with or without `.cogmap`; safe in threads."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self.most_bytes = folder.resolve(), most_bytes
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Names of all maps, sorted."""
        found = [p.parent for p in self.folder.glob("*/map.json") if NAME.fullmatch(p.parent.name)]
        return sorted(p.name.removesuffix(SUFFIX) for p in found)

    def path(self, name: str | None) -> Path:
        """The folder of a map; of the only one where no name is given. Raises InputError E-NO-MAP with the names."""
        if name is None and len(names := self.names()) == 1:
            name = names[0]
        if name is not None and NAME.fullmatch(name):
            for folder in (self.folder / f"{name.removesuffix(SUFFIX)}{SUFFIX}", self.folder / name):
                if (folder / "map.json").is_file() and folder.resolve().parent == self.folder:
                    return folder
        some = ", ".join(self.names()[:20]) or "none yet"
        asked = "which map" if name is None else f"there is no map {name[:80]!r}"
        raise InputError("E-NO-MAP", f"{asked}.", f"Maps: {some}.")

    def get(self, name: str | None) -> Held:
        """A map and its version, read again where its file has changed since."""
        folder = self.path(name)
        with self._lock:
            stat = (folder / "map.json").stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            held = self._held.get(folder.name)
            if held is None or held.stamp != stamp:
                held = Held(load(folder), version_of(folder), stamp, _bytes_of(folder))
            self._held[folder.name] = held
            self._held.move_to_end(folder.name)
            while len(self._held) > 1 and sum(h.n_bytes for h in self._held.values()) > self.most_bytes:
                self._held.popitem(last=False)
            return held

    def change(self, name: str | None, version: str, edit: Callable[[CognitiveMap], CognitiveMap]) -> str:
        """Write a changed map in place of the one that was read, and return its new version.

        Raises:
            InputError: E-MAP-CHANGED when the map is not of the version any more that the caller read.
        """
        held, folder = self.get(name), self.path(name)
        with self._lock:
            if version != version_of(folder):
                remedy = "Read it again with describe, and send the version that it gives."
                raise InputError("E-MAP-CHANGED", "the map has changed since it was read.", remedy)
            edit(held.map).save(folder, overwrite=True)
            self._held.pop(folder.name, None)
            return version_of(folder)


def version_of(folder: Path) -> str:
    """The first 16 digits of the SHA-256 of a map's file."""
    return hashlib.sha256((folder / "map.json").read_bytes()).hexdigest()[:16]


def _bytes_of(folder: Path) -> int:
    """About how much memory a map takes: frames stay on disk, voxels unpack to about four times their file."""
    voxels = folder / "voxels.npz"
    return 4 * (voxels.stat().st_size if voxels.exists() else 0) + 20 * (folder / "map.json").stat().st_size
