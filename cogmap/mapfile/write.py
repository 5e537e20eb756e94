"""Write a map folder: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from .._checks import I32
from ..data.scene import SceneMap
from ..data.voxels import Voxels
from ..errors import OutputError
from .convert import to_file

HOLDERS = ("map.json", "map.yaml", "run.json")
VOXEL_FIELDS = ("key", "mean_map", "lo_map", "hi_map", "rgb", "n_points", "n_views", "confidence", "normal")


def write_map(
    scene: SceneMap, target: Path, *, derived: Callable[[Path], None], run: dict[str, object], overwrite: bool = False
) -> None:
    """Publish a map folder: written aside, synced, then swapped in.

    Args:
        derived: called with the folder being written, adds pictures and texts.
        run: what may differ from run to run; becomes `run.json`.

    Raises:
        OutputError: E-OUTPUT-EXISTS, E-OUTPUT-DENIED; nothing is left half-written.
    """
    free_for(target, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise OutputError("E-OUTPUT-DENIED", f"cannot write: {error}.", "Choose a writable -o.", target) from error
    try:
        _fill(scene, aside, derived, run)
        os.chmod(aside, 0o755)
        _swap(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def free_for(target: Path, *, overwrite: bool) -> None:
    """Whether a map can be written there; those who build one ask before hours are spent on it.

    Raises:
        OutputError: E-OUTPUT-EXISTS where something is there that may not be replaced, E-OUTPUT-DENIED where nothing
            can be written.
    """
    if target.exists() and not overwrite:
        raise OutputError("E-OUTPUT-EXISTS", "the output exists.", "Add --overwrite or choose another -o.", target)
    if target.exists() and not (target / "map.json").exists():
        remedy = "Refused to replace a folder that is no map; choose another -o."
        raise OutputError("E-OUTPUT-EXISTS", "the output exists and is no map.", remedy, target)
    place = next(p for p in target.absolute().parents if p.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise OutputError("E-OUTPUT-DENIED", f"nothing can be written to {place}.", "Choose a writable -o.", target)


def _fill(scene: SceneMap, folder: Path, derived: Callable[[Path], None], run: dict[str, object]) -> None:
    if scene.frames is not None:
        (folder / "depth").mkdir()
        scene.frames.copy_to(folder / "depth")
    if scene.voxels is not None and scene.object_of_voxel is not None:
        save_voxels(folder / "voxels.npz", scene.voxels, scene.object_of_voxel)
    parts = to_file(scene)
    derived(folder)
    parts.files = hashes(folder)
    text = json.dumps(parts.model_dump(mode="json"), indent=1, ensure_ascii=False)
    (folder / "map.yaml").write_text(
        yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120),
        encoding="utf-8",
    )
    (folder / "map.json").write_text(text + "\n", encoding="utf-8")
    run = {**run, "map_sha256": _sha256(folder / "map.json")}
    (folder / "run.json").write_text(json.dumps(run, indent=1, default=str) + "\n", encoding="utf-8")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            _sync(path)
    _sync(folder)


def save_voxels(path: Path, voxels: Voxels, object_of_voxel: I32) -> None:
    """Plain arrays, no pickle; the same voxels give the same bytes."""
    arrays = {name: getattr(voxels, name) for name in (*VOXEL_FIELDS, "instance_id")}
    np.savez_compressed(
        path,
        voxel_m=np.float64(voxels.voxel_m),
        origin_map=voxels.origin_map,
        object_of_voxel=object_of_voxel,
        allow_pickle=False,
        **arrays,
    )


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a map folder by its path in it, but for those that hold such hashes themselves."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): _sha256(p) for p in files if p.name not in HOLDERS or p.parent != folder}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(aside: Path, target: Path) -> None:
    """Put the finished folder in place; an old map is moved away first and removed last."""
    old = None
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        os.replace(target, old / "map")
    try:
        os.replace(aside, target)
    except OSError:
        if old is not None:
            os.replace(old / "map", target)
        raise
    finally:
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
    _sync(target.parent)
