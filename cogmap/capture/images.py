"""A folder or list of pictures: natural order, EXIF turn, alpha as mask, broken files counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ..data.capture import Capture, CaptureFrame, Loss, SourceReport
from ..errors import InputError
from ..geometry.camera import pinhole_K
from .ordering import natural_key, natural_order
from .pictures import SUFFIXES, read_picture


def picture_files(folder: Path) -> list[Path]:
    """Picture files of a folder in natural order."""
    return natural_order(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)


def open_images(
    files: Sequence[Path],
    source: Path,
    *,
    fps: float = 1.0,
    intrinsics: tuple[float, float, float, float] | None = None,
) -> Capture:
    """Pictures as frames, in natural order of their names; times from the names when all are time stamps.

    Args:
        files: at least one. source: what the user gave. fps: of pictures without times.

    Raises:
        InputError: E-FOLDER-EMPTY with what was found; E-IMAGES-BROKEN when no file can be decoded.
    """
    ordered = sorted(files, key=lambda p: natural_key(p.name))
    if not ordered:
        raise InputError(
            "E-FOLDER-EMPTY", f"no picture here; found {_found(source)}.", "Give a folder of frames.", source
        )
    K = None if intrinsics is None else pinhole_K(*intrinsics)
    times = _times(ordered, fps)
    broken: dict[str, str] = {}
    noticed: Counter[str] = Counter()

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(ordered)) if indices is None else indices:
            try:
                rgb, usable, notes = read_picture(ordered[i])
            except InputError as error:
                broken[ordered[i].name] = error.problem
                continue
            noticed.update(n for n in notes if f"{n}:{ordered[i].name}" not in noticed)
            noticed.update(f"{n}:{ordered[i].name}" for n in notes)
            yield CaptureFrame(i, times[i], rgb, K=K, usable=usable, name=ordered[i].name)
        if len(broken) == len(ordered):
            raise InputError("E-IMAGES-BROKEN", "no picture can be decoded.", "Copy or export them again.", source)

    def late() -> tuple[Loss, ...]:
        out = [Loss(k, 1, "capture", _NOTICED[k]) for k in sorted(noticed) if k in _NOTICED]
        if broken:
            name, why = sorted(broken.items())[0]
            out.append(Loss("W-IMAGES-DROPPED", len(broken), "capture", f"cannot be decoded: {name}: {why}"))
        return tuple(out)

    report = SourceReport(kind="images", notes=tuple(_notes(ordered)))
    return Capture(str(source), len(ordered), report, frames, late_losses=late)


_NOTICED = {
    "W-IMAGE-PAGES": "only the first page or frame of a file is used",
    "W-IMAGE-PROFILE": "CMYK without a profile: colours are approximate",
}


def _found(source: Path) -> str:
    if not source.is_dir():
        return "no files"
    kinds = Counter(p.suffix.lower() or "no ending" for p in source.iterdir() if p.is_file())
    return ", ".join(f"{n} x {kind}" for kind, n in sorted(kinds.items())) or "an empty folder"


def _times(files: Sequence[Path], fps: float) -> list[float]:
    """Seconds from the names when every stem is a rising time stamp with a fraction, else position / fps."""
    stems = [p.stem for p in files]
    if all(re.fullmatch(r"\d+\.\d+", s) for s in stems):
        stamps = [float(s) for s in stems]
        if all(b > a for a, b in zip(stamps, stamps[1:])):
            return [s - stamps[0] for s in stamps]
    return [i / fps for i in range(len(files))]


def _notes(files: Sequence[Path]) -> list[Loss]:
    sizes: Counter[tuple[int, int]] = Counter()
    for path in files:
        try:
            with Image.open(path) as picture:
                turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                sizes[picture.size[::-1] if turned else picture.size] += 1
        except (OSError, SyntaxError, ValueError, UnidentifiedImageError):
            continue
    notes = []
    if len(sizes) > 1:
        listed = ", ".join(f"{n} of {w}x{h}" for (w, h), n in sizes.most_common(4))
        notes.append(Loss("W-IMAGES-SIZES", len(sizes), "capture", f"each size has a camera of its own: {listed}"))
    missing = _gaps([p.stem for p in files])
    if missing:
        notes.append(Loss("W-IMAGES-GAPS", missing, "capture", "numbers are missing between the files' names"))
    return notes


def _gaps(stems: Sequence[str]) -> int:
    """Missing numbers in names that count by one almost everywhere; 0 where they count otherwise."""
    numbers = [int(m[1]) for m in (re.fullmatch(r"\D*(\d+)", s) for s in stems) if m]
    if len(numbers) < len(stems) or len(numbers) < 3:
        return 0
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    ones = sum(s == 1 for s in steps)
    return sum(s - 1 for s in steps if s > 1) if ones >= 0.8 * len(steps) else 0
