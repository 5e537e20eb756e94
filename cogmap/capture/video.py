"""Video files through PyAV: the container is chosen by content, damage is counted, frames come upright."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .._checks import U8
from ..data.capture import THUMBNAIL_PX, Capture, CaptureFrame, SourceReport, Thumbnail
from ..data.issues import Issue
from ..errors import InputError
from ..geometry.camera import pinhole_K
from .hdr import HLG, PQ, tone_mapped
from .pictures import to_rgb

REORDER = 4
MOST_READ_ERRORS = 32
ALPHA = ("rgba", "bgra", "argb", "abgr", "yuva420p", "pal8")


@dataclass
class Tally:
    """Damage met while decoding: bad packets, frames left out until the next clean keyframe, lost times."""

    bad_packets: int = 0
    skipped: int = 0
    gaps: list[tuple[float, float]] = field(default_factory=list)

    def losses(self) -> tuple[Issue, ...]:
        """As losses; nothing when the stream was clean."""
        if self.bad_packets + self.skipped == 0:
            return ()
        where = ", ".join(f"{a:.1f} to {b:.1f} s" for a, b in self.gaps[:5]) or "unknown times"
        effect = f"{self.bad_packets} damaged packets, {self.skipped} frames left out at {where}"
        return (Issue("W-VIDEO-DAMAGED", max(self.bad_packets, self.skipped), "capture", effect),)


@dataclass(frozen=True)
class Stream:
    """Where the pictures are: file, demuxer, stream index, sorted presentation stamps, seconds a stamp, width over
    height of a pixel."""

    path: Path
    demuxer: str
    index: int
    stamps: tuple[int, ...]
    second: float
    pixel_ratio: float = 1.0

    def time_s(self, position: int) -> float:
        """Seconds of a frame after the first."""
        return (self.stamps[position] - self.stamps[0]) * self.second


def open_video(path: Path, demuxer: str, intrinsics: tuple[float, float, float, float] | None = None) -> Capture:
    """Open a video; nothing is decoded yet.

    Args:
        demuxer: FFmpeg's name of the container, from `sniff`. intrinsics: of the upright picture, or None.

    Raises:
        InputError: E-VIDEO-NO-INDEX, E-VIDEO-OPEN, E-VIDEO-NO-STREAM, E-VIDEO-NO-FRAMES.
    """
    if demuxer == "mov":
        _need_index(path)
    stream, notes = _listed(path, demuxer)
    tally = Tally()
    K = None if intrinsics is None else pinhole_K(*intrinsics)

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        wanted = None if indices is None else set(indices)
        for position, picture in _in_order(_decoded(stream, Tally()), stream, wanted):
            yield CaptureFrame(
                index=position,
                time_s=stream.time_s(position),
                rgb=_upright(picture, stream.pixel_ratio),
                K=K,
                name=f"{path.name}#{position}",
            )

    def thumbnails() -> Iterator[Thumbnail]:
        fresh = Tally()
        for position, picture in _in_order(_decoded(stream, fresh), stream, None):
            yield Thumbnail(position, stream.time_s(position), _small(picture, stream.pixel_ratio))
        tally.bad_packets, tally.skipped, tally.gaps = fresh.bad_packets, fresh.skipped, fresh.gaps

    report = SourceReport(kind="video", notes=tuple(notes))
    return Capture(
        str(path), len(stream.stamps), report, frames, thumbnails=thumbnails, late_losses=lambda: tally.losses()
    )


def _need_index(path: Path) -> None:
    """Raise E-VIDEO-NO-INDEX when an MP4 holds no `moov` box: the usual interrupted recording."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if head[4:8] == b"moov":
                return
            length = int.from_bytes(head[8:16], "big") if length == 1 else length
            if length < 8:
                break
            at += length
    remedy = "Copy it again; an interrupted recording can be repaired with a whole clip of the same camera."
    raise InputError("E-VIDEO-NO-INDEX", "the MP4 has no index (moov): it was cut before its end.", remedy, path)


def _listed(path: Path, demuxer: str) -> tuple[Stream, list[Issue]]:
    """Choose the stream and list its presentation stamps by demuxing alone."""
    import av

    try:
        with av.open(str(path), format=demuxer, metadata_errors="replace") as container:
            video = _choose_stream(container, path)
            shown = (p for p in _packets(container, video, Tally()) if p.size and not p.is_discard)  # edit lists
            every = (p.pts if p.pts is not None else p.dts for p in shown)
            stamps = [stamp for stamp in every if stamp is not None]
            if not stamps:
                raise InputError("E-VIDEO-NO-FRAMES", "no decodable frame.", "Record or copy it again.", path)
            second = float(video.time_base or 1e-3)
            stream = Stream(path, demuxer, video.index, tuple(sorted(set(stamps))), second, pixel_ratio(video))
            notes = _notes(container, video, stream, len(stamps))
            notes += _picture_notes(stream)
            return stream, notes
    except av.error.FFmpegError as error:
        raise InputError("E-VIDEO-OPEN", f"cannot be opened: {error.strerror}.", "Copy or convert it.", path) from error


def _choose_stream(container: Any, path: Path) -> Any:
    """The largest moving video stream, the first of equals; cover pictures never count."""
    import av

    cover = av.stream.Disposition.attached_pic
    moving = [s for s in container.streams.video if not s.disposition & cover and s.codec_context is not None]
    if not moving:
        found = sorted({s.type for s in container.streams}) or ["nothing"]
        problem = f"no video stream; found: {', '.join(found)}."
        raise InputError("E-VIDEO-NO-STREAM", problem, "Give the file that holds the pictures.", path)
    return max(moving, key=lambda s: (s.codec_context.width * s.codec_context.height, -s.index))


def _notes(container: Any, video: Any, stream: Stream, n_packets: int) -> list[Issue]:
    notes = []
    others = len(container.streams.video) - 1
    if others:
        notes.append(Issue("W-VIDEO-STREAMS", others, "capture", f"stream {video.index} of several was taken"))
    repeats = n_packets - len(stream.stamps)
    if repeats:
        notes.append(Issue("W-VIDEO-TIMES", repeats, "capture", "frames with a repeated time were dropped"))
    if stream.demuxer == "mpegts":
        notes.append(Issue("W-VIDEO-DURATION-UNVERIFIED", 1, "capture", "the container cannot prove its length"))
        return notes
    declared = _declared_s(container, video)
    last = stream.time_s(len(stream.stamps) - 1)
    step = last / max(len(stream.stamps) - 1, 1)
    if declared is not None and declared - last > max(3 * step, 0.02 * declared, 0.2):
        effect = f"cut: {last:.1f} of {declared:.1f} s are there, the rest is lost"
        notes.append(Issue("W-VIDEO-TRUNCATED", 1, "capture", effect))
    return notes


def _declared_s(container: Any, video: Any) -> float | None:
    if video.duration:
        return float(video.duration * video.time_base)
    return float(container.duration) / 1e6 if container.duration else None


def _picture_notes(stream: Stream) -> list[Issue]:
    """What the first frame says: turned, HDR, palette."""
    first = next(_decoded(stream, Tally()), None)
    if first is None:
        raise InputError("E-VIDEO-NO-FRAMES", "no decodable frame.", "Record or copy it again.", stream.path)
    notes = []
    if quarter_turns(first.rotation):
        notes.append(Issue("W-VIDEO-TURNED", 1, "capture", f"pictures turned by {first.rotation} degrees, once"))
    if stream.pixel_ratio != 1.0:
        effect = f"pixels are {stream.pixel_ratio:.3f} times as wide as high: pictures are stretched to what is shown"
        notes.append(Issue("W-VIDEO-PIXELS", 1, "capture", effect))
    if int(first.color_trc or 0) in (PQ, HLG):
        notes.append(Issue("W-VIDEO-HDR", 1, "capture", "HDR colours were tone-mapped to sRGB"))
    if stream.demuxer in ("gif", "webp"):
        notes.append(Issue("W-VIDEO-ANIMATION", 1, "capture", "an animation: few colours, low frame rate"))
    return notes


def _packets(container: Any, video: Any, tally: Tally) -> Iterator[Any]:
    """Packets of a stream; read errors are counted and passed over."""
    import av

    source = container.demux(video)
    for _ in range(MOST_READ_ERRORS):
        try:
            yield from source
            return
        except av.error.FFmpegError:
            tally.bad_packets += 1
            source = container.demux(video)


def _decoded(stream: Stream, tally: Tally) -> Iterator[Any]:
    """Clean frames; after damage nothing until the next clean keyframe, for concealed pixels are no evidence."""
    import av

    with av.open(str(stream.path), format=stream.demuxer, metadata_errors="replace") as container:
        video: Any = container.streams[stream.index]
        video.thread_type = "SLICE"
        clean, last = True, 0.0
        for packet in _packets(container, video, tally):
            try:
                pictures = packet.decode()
            except av.error.FFmpegError:
                tally.bad_packets += 1
                clean = False
                continue
            for picture in pictures:
                now = float(picture.time or 0.0) - stream.stamps[0] * stream.second
                good = not picture.is_corrupt and (clean or picture.key_frame)
                if good and not clean:
                    tally.gaps.append((last, now))
                clean = good
                if good:
                    last = now
                    yield picture
                else:
                    tally.skipped += 1
        if not clean:
            tally.gaps.append((last, stream.time_s(len(stream.stamps) - 1)))


def _in_order(pictures: Iterator[Any], stream: Stream, wanted: set[int] | None) -> Iterator[tuple[int, Any]]:
    """(position, picture) in order of presentation, each position once; only wanted ones are held."""
    place = {stamp: k for k, stamp in enumerate(stream.stamps)}
    held: list[tuple[int, int, Any]] = []
    done = -1
    for n, picture in enumerate(pictures):
        position = place.get(picture.pts if picture.pts is not None else picture.dts, -1)
        if position > done and (wanted is None or position in wanted) and all(position != h[0] for h in held):
            heapq.heappush(held, (position, n, picture))
        if len(held) > REORDER:
            done, _, ready = heapq.heappop(held)
            yield done, ready
    while held:
        done, _, ready = heapq.heappop(held)
        yield done, ready


def _upright(picture: Any, ratio: float) -> U8:
    """(H, W, 3) uint8 sRGB, turned as the container says, alpha laid on neutral grey."""
    if int(picture.color_trc or 0) in (PQ, HLG):
        rgb = tone_mapped(picture.to_ndarray(format="rgb48le"), int(picture.color_trc))
    elif picture.format.name in ALPHA:
        rgb = to_rgb(Image.fromarray(picture.to_ndarray(format="rgba")))
    else:
        rgb = picture.to_ndarray(format="rgb24")
    return _turned(_shown(rgb, ratio), picture)


def _shown(rgb: U8, ratio: float) -> U8:
    """A picture as wide as it is shown: pixels that are not square are stretched, never squeezed."""
    if ratio == 1.0:
        return rgb
    h, w = rgb.shape[:2]
    size = (max(2, round(w * ratio)), h) if ratio > 1 else (w, max(2, round(h / ratio)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))


def pixel_ratio(video: Any) -> float:
    """Width over height of one pixel of a stream; 1 where the file says nothing or nonsense."""
    ratio = video.sample_aspect_ratio or video.codec_context.sample_aspect_ratio
    value = float(ratio) if ratio else 1.0
    return value if 0.1 < value < 10 and abs(value - 1) > 0.005 else 1.0


def _small(picture: Any, ratio: float) -> U8:
    """Grey, about 160 pixels wide, turned like the full picture."""
    width = picture.width * ratio
    scale = THUMBNAIL_PX / max(width, picture.height)
    size = {"width": max(2, round(width * scale)), "height": max(2, round(picture.height * scale))}
    grey = picture.reformat(format="gray", interpolation="AREA", **size).to_ndarray()
    return _turned(grey, picture)


def quarter_turns(rotation_deg: float) -> int:
    """Quarter turns counter-clockwise, 0 to 3, that a container's rotation asks for."""
    return round(rotation_deg / 90) % 4


def _turned(pixels: U8, picture: Any) -> U8:
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns(picture.rotation)))
