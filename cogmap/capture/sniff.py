"""Which reader takes a source: its content decides, not its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data.capture import Capture
from ..data.points import GivenBoxes, PointCloud
from ..errors import InputError
from . import boxes, colmap, frames_npz, images, nerfstudio, open3d_rgbd, pointcloud, sevenscenes, tum, video

Opened = Capture | PointCloud | GivenBoxes
Intrinsics = tuple[float, float, float, float]

PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II*\x00": "TIFF", b"MM\x00*": "TIFF"}
VIDEO_ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mts", ".gif", ".3gp")
# near misses: what it is, how to convert it
CONVERTED = {
    ".las": ("a LAS point cloud", "Convert it to PLY, for instance with pdal or CloudCompare."),
    ".laz": ("a LAZ point cloud", "Convert it to PLY, for instance with pdal or CloudCompare."),
    ".e57": ("an E57 scan", "Convert it to PLY, for instance with CloudCompare."),
    ".pcd": ("a PCD point cloud", "Convert it to PLY, for instance with Open3D."),
    ".xyz": ("a list of points as text", "Convert it to PLY, for instance with CloudCompare."),
    ".obj": ("an OBJ mesh", "Export it as PLY, for instance from Blender or MeshLab."),
    ".glb": ("a GLB scene", "Export it as PLY, for instance from Blender."),
    ".gltf": ("a glTF scene", "Export it as PLY, for instance from Blender."),
    ".usdz": ("a USDZ scene", "Export it as PLY, for instance from Blender."),
    ".stl": ("an STL mesh", "Export it as PLY, for instance from MeshLab."),
    ".r3d": (
        "a Record3D capture",
        "Export it from the app as EXR + JPG frames, or as transforms.json with nerfstudio.",
    ),
    ".bag": ("a ROS bag", "Write its colour, depth and poses in the TUM layout."),
    ".mcap": ("an MCAP recording", "Write its colour, depth and poses in the TUM layout."),
    ".db3": ("a ROS 2 bag", "Write its colour, depth and poses in the TUM layout."),
    ".svo": ("a ZED recording", "Export it with the ZED SDK as pictures, depth and poses in the TUM layout."),
    ".sens": ("a ScanNet recording", "Export it with ScanNet's SensReader."),
}
MAGIC = {b"LASF": ".las", b"ASTM-E57": ".e57", b"glTF": ".glb", b"#ROSBAG": ".bag", b"# .PCD": ".pcd"}
SHORTEST = 16


def open_source(
    source: Path | Sequence[Path],
    intrinsics: Intrinsics | None = None,
    *,
    fps: float = 1.0,
    depth_unit: float | None = None,
) -> Opened:
    """Open a source with the reader that recognises it; a list of files is a folder of pictures.

    `depth_unit` is metres in one step of stored depth, where the format's own is wrong.

    Raises:
        InputError: E-SOURCE-MISSING, E-SOURCE-EMPTY, E-SOURCE-UNKNOWN with what was found; else the
            reader's own errors.
    """
    if not isinstance(source, Path):
        files = [Path(p) for p in source]
        where = files[0].parent if files else Path()
        return images.open_images(files, where, fps=fps, intrinsics=intrinsics)
    if not source.exists():
        raise InputError("E-SOURCE-MISSING", "there is nothing here.", "Check the path.", source)
    if source.is_dir() and (source / "map.json").is_file():
        return boxes.read_boxes(source / "map.json")
    if source.is_dir():
        return _open_folder(source, intrinsics, fps, depth_unit)
    return _open_file(source, intrinsics, depth_unit)


def _open_folder(path: Path, intrinsics: Intrinsics | None, fps: float, depth_unit: float | None) -> Opened:
    if sevenscenes.accepts(path):
        return sevenscenes.open_sevenscenes(path, intrinsics, depth_unit)
    if tum.accepts(path):
        return tum.open_tum(path, intrinsics, depth_unit)
    if nerfstudio.accepts(path):
        return nerfstudio.open_nerfstudio(path, depth_unit)
    if colmap.accepts(path):
        return colmap.open_colmap(path)
    if open3d_rgbd.accepts(path):
        return open3d_rgbd.open_open3d(path, intrinsics, depth_unit)
    return images.open_images(images.picture_files(path), path, fps=fps, intrinsics=intrinsics)


def _open_file(path: Path, intrinsics: Intrinsics | None, depth_unit: float | None) -> Opened:
    if path.stat().st_size == 0:
        raise InputError("E-SOURCE-EMPTY", "the file is empty (0 bytes).", "Copy it again.", path)
    with path.open("rb") as file:
        head = file.read(1024)
    demuxer = demuxer_of(head)
    if demuxer is not None:
        return video.open_video(path, demuxer, intrinsics)
    if head.startswith(b"ply"):
        return pointcloud.read_ply(path)
    if head.startswith(b"PK\x03\x04"):
        return frames_npz.open_frames_npz(path) if frames_npz.accepts(path) else pointcloud.read_npz(path)
    if nerfstudio.accepts(path):
        return nerfstudio.open_nerfstudio(path, depth_unit)
    if boxes.accepts(path):
        return boxes.read_boxes(path)
    raise InputError("E-SOURCE-UNKNOWN", *_unknown(head, path), path)


def demuxer_of(head: bytes) -> str | None:
    """FFmpeg's name of the container that a file's first 1024 bytes show; only those that cogmap opens."""
    if head[4:8] == b"ftyp" and still_picture(head):
        return None
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if len(head) > 188 * 3 and all(head[188 * k] == 0x47 for k in range(4)):
        return "mpegts"
    return None


def still_picture(head: bytes) -> str | None:
    """ "HEIC" or "AVIF" of a file whose first bytes say that it holds a picture, not a film."""
    if head[4:8] != b"ftyp":
        return None
    size = max(16, min(int.from_bytes(head[:4], "big"), len(head)))
    brands = {head[8:12], *(head[k : k + 4] for k in range(16, size, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if head[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"hevc") else None


def _unknown(head: bytes, path: Path) -> tuple[str, str]:
    """What a file seems to be, and what to do instead."""
    for magic, name in PICTURES.items():
        if head.startswith(magic):
            return f"this is a {name} picture.", "Pass a folder of frames."
    still = still_picture(head)
    if still is not None:
        return f"this is a {still} picture.", "Convert it to JPEG, and pass a folder of frames."
    if path.suffix.lower() in CONVERTED or any(head.startswith(m) for m in MAGIC):
        kind = CONVERTED.get(path.suffix.lower()) or next(CONVERTED[e] for m, e in MAGIC.items() if head.startswith(m))
        return f"this is {kind[0]}.", kind[1]
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "this is a WebP picture.", "Convert an animation to MP4, or pass a folder of frames."
    text = all(b in (9, 10, 13) or 32 <= b < 127 for b in head[:256])
    looks = "plain text" if text else "bytes that no reader knows"
    claimed = f", not the video that {path.suffix} promises" if path.suffix.lower() in VIDEO_ENDINGS else ""
    return f"this is {looks}{claimed}.", "Give a video, a folder, a PLY, an NPZ or a boxes JSON."
