"""Which reader takes a source: its content decides, not its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..data.capture import Capture
from ..data.points import GivenBoxes, PointCloud
from ..errors import InputError
from . import boxes, colmap, frames_npz, images, nerfstudio, pointcloud, sevenscenes, tum, video

Opened = Capture | PointCloud | GivenBoxes
Intrinsics = tuple[float, float, float, float]

PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II*\x00": "TIFF", b"MM\x00*": "TIFF"}
VIDEO_ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mts", ".gif", ".3gp")
SHORTEST = 16


def open_source(source: Path | Sequence[Path], intrinsics: Intrinsics | None = None, *, fps: float = 1.0) -> Opened:
    """Open a source with the reader that recognises it; a list of files is a folder of pictures.

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
    return _open_folder(source, intrinsics, fps) if source.is_dir() else _open_file(source, intrinsics)


def _open_folder(path: Path, intrinsics: Intrinsics | None, fps: float) -> Opened:
    if sevenscenes.accepts(path):
        return sevenscenes.open_sevenscenes(path, intrinsics)
    if tum.accepts(path):
        return tum.open_tum(path, intrinsics)
    if nerfstudio.accepts(path):
        return nerfstudio.open_nerfstudio(path)
    if colmap.accepts(path):
        return colmap.open_colmap(path)
    return images.open_images(images.picture_files(path), path, fps=fps, intrinsics=intrinsics)


def _open_file(path: Path, intrinsics: Intrinsics | None) -> Opened:
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
        return nerfstudio.open_nerfstudio(path)
    if boxes.accepts(path):
        return boxes.read_boxes(path)
    raise InputError("E-SOURCE-UNKNOWN", *_unknown(head, path), path)


def demuxer_of(head: bytes) -> str | None:
    """FFmpeg's name of the container that a file's first 1024 bytes show; only those that cogmap opens."""
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


def _unknown(head: bytes, path: Path) -> tuple[str, str]:
    """What a file seems to be, and what to do instead."""
    for magic, name in PICTURES.items():
        if head.startswith(magic):
            return f"this is a {name} picture.", "Pass a folder of frames."
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "this is a WebP picture.", "Convert an animation to MP4, or pass a folder of frames."
    text = all(b in (9, 10, 13) or 32 <= b < 127 for b in head[:256])
    looks = "plain text" if text else "bytes that no reader knows"
    claimed = f", not the video that {path.suffix} promises" if path.suffix.lower() in VIDEO_ENDINGS else ""
    return f"this is {looks}{claimed}.", "Give a video, a folder, a PLY, an NPZ or a boxes JSON."
