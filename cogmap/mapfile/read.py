"""Read and check a map folder."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from .._checks import I32
from ..data.frames import FrameStore
from ..data.issues import Issue
from ..data.scene import SceneMap
from ..data.voxels import Voxels
from ..errors import InputError
from . import strict_yaml
from .convert import from_file
from .schema import MapFile
from .upgrade import upgraded


def read_map(path: Path) -> SceneMap:
    """A scene map from a map folder, a bare `map.json` or its YAML twin.

    Raises:
        InputError: E-MAP-MISSING, E-MAP-JSON, E-MAP-SCHEMA with the field's path, E-MAP-VERSION, E-MAP-HASH.
    """
    folder = path if path.is_dir() else path.parent
    file = path / "map.json" if path.is_dir() else path
    parts = read_parts(file)
    scene = from_file(parts)
    if (folder / "voxels.npz").exists() and path.is_dir():
        _check_hash(folder / "voxels.npz", parts.files.get("voxels.npz"))
        voxels, object_of_voxel = load_voxels(folder / "voxels.npz")
        scene = replace(scene, voxels=voxels, object_of_voxel=object_of_voxel)
    if (folder / "depth" / "frames.json").exists() and path.is_dir():
        poses = np.array([c.T_map_cam for c in scene.camera_path])
        scene = replace(scene, frames=FrameStore(folder / "depth").posed(poses))
    return scene


def read_parts(file: Path) -> MapFile:
    """The checked parts of a `map.json`; see `read_map` for the errors."""
    if not file.exists():
        raise InputError("E-MAP-MISSING", "there is no map.json here.", "Give a map folder that cogmap wrote.", file)
    try:
        text = file.read_text(encoding="utf-8")
        is_yaml = file.suffix in (".yaml", ".yml")
        data = strict_yaml.parse(text) if is_yaml else json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError("E-MAP-JSON", f"not readable: {error}.", "Restore the file.", file) from error
    version = str(data.get("schema_version", "")) if isinstance(data, dict) else ""
    major = version.partition(".")[0]
    if major.isdigit() and int(major) > 1:
        raise InputError("E-MAP-VERSION", f"the map has version {version}, this reads 1.x.", "Update cogmap.", file)
    try:
        return MapFile.model_validate(upgraded(data) if isinstance(data, dict) else data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise InputError("E-MAP-SCHEMA", f"{where}: {first['msg']}.", "Mend that field.", file) from error


def notices(folder: Path) -> list[Issue]:
    """What of a map folder is not as it was written: files that changed, went or came, a `map.json` edited by hand.

    Raises:
        InputError: as `read_parts`.
    """
    from .write import hashes

    kept, now = read_parts(folder / "map.json").files, hashes(folder)
    changed = [f"{name} changed" for name in sorted(kept) if name in now and now[name] != kept[name]]
    changed += [f"{name} is gone" for name in sorted(set(kept) - set(now))]
    changed += [f"{name} is new" for name in sorted(set(now) - set(kept))]
    run = folder / "run.json"
    told = json.loads(run.read_text(encoding="utf-8")).get("map_sha256") if run.exists() else None
    if told is not None and told != hashlib.sha256((folder / "map.json").read_bytes()).hexdigest():
        changed.insert(0, "map.json was edited by hand: map.txt and the pictures show the map before")
    twin = folder / "map.yaml"
    if twin.exists() and read_parts(twin) != read_parts(folder / "map.json"):
        changed.append("map.yaml differs from map.json")
    return [Issue("W-FILES-STALE", 1, "validate", text) for text in changed]


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _check_hash(path: Path, expected: str | None) -> None:
    if expected is not None and hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise InputError("E-MAP-HASH", "the file differs from what map.json recorded.", "Build the map again.", path)


def load_voxels(path: Path) -> tuple[Voxels, I32]:
    """Voxels and the object of each, from `voxels.npz`. Raises InputError E-VOXELS when they cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError("E-VOXELS", f"not readable: {error}.", "Build the map again.", path) from error
    object_of_voxel = arrays.pop("object_of_voxel")
    voxel_m = float(arrays.pop("voxel_m"))
    arrays.pop("allow_pickle", None)
    return Voxels(voxel_m=voxel_m, **arrays), object_of_voxel
