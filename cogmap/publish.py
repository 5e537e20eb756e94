"""What a published map folder holds beside the map: texts and pictures, each derived from it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from ._checks import U8
from .data.scene import SceneMap
from .mapfile.convert import frame_name, from_file, to_file
from .mapfile.export_ply import export_ply
from .mapfile.write import write_map
from .render.bev import render_bev, render_bev_svg
from .render.marked_frames import mark_frame
from .render.report_html import render_report
from .render.text_metric import render_metric


def rounded(scene: SceneMap) -> SceneMap:
    """The scene map as its file will say it, so that saving and loading change nothing."""
    from dataclasses import replace

    import numpy as np

    plain = from_file(to_file(scene))
    frames = None
    if scene.frames is not None:
        frames = scene.frames.posed(np.array([c.T_map_cam for c in plain.camera_path]))
    return replace(plain, voxels=scene.voxels, object_of_voxel=scene.object_of_voxel, frames=frames)


def publish(
    scene: SceneMap, target: Path, *, run: dict[str, object], overwrite: bool = False, derived: bool = True
) -> None:
    """Write the folder of a map, with what is derived from it or without; see `mapfile.write.write_map` for errors."""

    def add(folder: Path) -> None:
        if derived:
            write_derived(scene, folder)

    write_map(scene, target, derived=add, run=run, overwrite=overwrite)


def write_derived(scene: SceneMap, folder: Path) -> None:
    """`map.txt`, `bev.png`, `bev.svg`, `frames/`, `scene.ply` and `report.html` into a folder that exists."""
    (folder / "map.txt").write_text(render_metric(scene), encoding="utf-8")
    (folder / "bev.png").write_bytes(render_bev(scene))
    (folder / "bev.svg").write_text(render_bev_svg(scene), encoding="utf-8")
    pictures: list[tuple[str, bytes]] = []
    if scene.frames is not None and scene.voxels is not None:
        (folder / "frames").mkdir(exist_ok=True)
        for frame in scene.keyframes:
            data = jpeg(mark_frame(scene, frame))
            (folder / "frames" / f"{frame_name(frame)}.jpg").write_bytes(data)
            pictures.append((f"{frame_name(frame)}, {scene.camera_path[frame].time_s:.1f} s", data))
    if scene.voxels is not None:
        export_ply(scene, folder / "scene.ply")
    (folder / "report.html").write_text(render_report(scene, pictures), encoding="utf-8")


def jpeg(rgb: U8) -> bytes:
    """JPEG bytes of a picture (H, W, 3) uint8."""
    out = BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=90)
    return out.getvalue()
