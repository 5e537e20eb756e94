"""Every format a map can be exported to, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .data.scene import SceneMap
from .errors import ConfigError, OutputError
from .interop.open3d import export_mesh
from .interop.rerun import export_rerun
from .mapfile.export_boxes import export_boxes
from .mapfile.export_coco3d import export_coco3d
from .mapfile.export_glb import export_glb
from .mapfile.export_nav2 import export_nav2
from .mapfile.export_nerfstudio import export_nerfstudio
from .mapfile.export_ply import export_ply
from .render.text_layout import render_layout


def _spatiallm(scene: SceneMap, path: Path) -> None:
    path.write_text(render_layout(scene), encoding="utf-8")


EXPORTS: dict[str, Callable[[SceneMap, Path], None]] = {
    "ply": export_ply,
    "glb": export_glb,
    "nerfstudio": export_nerfstudio,
    "nav2": export_nav2,
    "spatiallm": _spatiallm,
    "boxes": export_boxes,
    "coco3d": export_coco3d,
    "mesh": export_mesh,
    "rerun": export_rerun,
}


def export_map(scene: SceneMap, to: str, path: Path) -> None:
    """Write a map in a format.

    Raises ConfigError E-OPTION for an unknown one, InputError for what is lacking,
    MissingDependencyError E-EXTRA for "mesh" without Open3D and "rerun" without rerun.
    """
    if to not in EXPORTS:
        raise ConfigError("E-OPTION", f"there is no export {to!r}.", f"Formats: {', '.join(EXPORTS)}.")
    try:
        EXPORTS[to](scene, path)
    except OSError as error:
        raise OutputError("E-OUTPUT-DENIED", f"cannot write: {error.strerror}.", "Choose another -o.", path) from error
