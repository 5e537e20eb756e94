"""A folder or list of pictures: natural order, EXIF turn, alpha as mask, broken files counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..data.capture import Capture, CaptureFrame, SourceReport
from ..data.issues import Issue, by_share
from ..errors import InputError
from ..geometry.camera import pinhole_K
from .listed import in_seconds, unit_issue
from .ordering import natural_key, natural_order
from .pictures import OTHER_PICTURES, SUFFIXES, grey_range, read_picture


def picture_files(folder: Path) -> list[Path]:
    """Picture files of a folder in natural order."""
    return natural_order(
        p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES and not p.name.startswith("._")
    )


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
        raise InputError("E-FOLDER-EMPTY", f"no picture here; found {_found(source)}.", _near_miss(source), source)
    K = None if intrinsics is None else pinhole_K(*intrinsics)
    times, unit = _times(ordered, fps)
    white = grey_range(ordered)
    broken: dict[str, str] = {}
    noticed: Counter[str] = Counter()

    def frames(indices: Sequence[int] | None) -> Iterator[CaptureFrame]:
        for i in range(len(ordered)) if indices is None else indices:
            try:
                rgb, usable, notes = read_picture(ordered[i], top=white)
            except InputError as error:
                broken[ordered[i].name] = error.problem
                continue
            noticed.update(n for n in notes if f"{n}:{ordered[i].name}" not in noticed)
            noticed.update(f"{n}:{ordered[i].name}" for n in notes)
            yield CaptureFrame(i, times[i], rgb, K=K, usable=usable, name=ordered[i].name)
        if len(broken) == len(ordered):
            raise InputError("E-IMAGES-BROKEN", "no picture can be decoded.", "Copy or export them again.", source)

    def late() -> tuple[Issue, ...]:
        out = [Issue(k, 1, "capture", _NOTICED[k]) for k in sorted(noticed) if k in _NOTICED]
        if broken:
            name, why = sorted(broken.items())[0]
            out.append(Issue("W-IMAGES-DROPPED", len(broken), "capture", f"cannot be decoded: {name}: {why}"))
        return tuple(out)

    notes = [*_notes(ordered), *unit_issue(unit), *skipped_files(source, ordered)]
    if white is not None and white < 65535:
        effect = f"16-bit grey pictures hold values to {white:.0f}: that is white"
        notes.append(Issue("W-IMAGE-RANGE", len(ordered), "capture", effect, measured=white, expected=65535.0))
    report = SourceReport(kind="images", notes=tuple(notes))
    return Capture(str(source), len(ordered), report, frames, late_losses=late)


_NOTICED = {
    "W-IMAGE-UNTURNED": "the EXIF turn is not applied: cameras are of the stored pixels",
    "W-IMAGE-PAGES": "only the first page or frame of a file is used",
    "W-IMAGE-PROFILE": "CMYK without a profile: colours are approximate",
}


def _near_miss(source: Path) -> str:
    """What a folder without pictures nearly is, and what it lacks."""
    inside = {p.name.lower() for p in source.iterdir() if p.is_dir()} if source.is_dir() else set()
    if inside & {"color", "rgb", "image", "images"} and inside & {"depth", "depths"}:
        return "It has colour and depth: add a trajectory (*.log as Open3D writes it, or TUM's lists) and intrinsics."
    if inside & {"color", "rgb", "image", "images", "frames"}:
        name = sorted(inside & {"color", "rgb", "image", "images", "frames"})[0]
        return f"The pictures lie in {name}/: give that folder."
    return "Give a folder of frames."


def _found(source: Path) -> str:
    if not source.is_dir():
        return "no files"
    kinds = Counter(p.suffix.lower() or "no ending" for p in source.iterdir() if p.is_file())
    return ", ".join(f"{n} x {kind}" for kind, n in sorted(kinds.items())) or "an empty folder"


def skipped_files(folder: Path, taken: Sequence[Path]) -> list[Issue]:
    """What lies in a folder of pictures and is not read: pictures of other kinds, broken links, resource forks."""
    if not folder.is_dir():
        return []
    kinds: Counter[str] = Counter()
    used = set(taken)
    for path in folder.iterdir():
        ending = path.suffix.lower()
        if path.name.startswith("._"):
            kinds["resource fork"] += 1
        elif path.is_symlink() and not path.exists():
            kinds["broken link"] += 1
        elif path.is_file() and path not in used and ending in OTHER_PICTURES:
            kinds[OTHER_PICTURES[ending]] += 1
    if not kinds:
        return []
    lost = sum(n for kind, n in kinds.items() if kind != "resource fork")
    listed = ", ".join(f"{n} x {kind}" for kind, n in sorted(kinds.items()))
    severity = by_share(lost, lost + len(taken))
    return [Issue("W-FILES-SKIPPED", sum(kinds.values()), "capture", f"not read: {listed}", severity)]


def _times(files: Sequence[Path], fps: float) -> tuple[list[float], str]:
    """Seconds from the names when every stem is a rising time stamp, else position / fps; and the stamps' unit.

    A stamp has a fraction, or so many digits that it counts from 1970.
    """
    stems = [p.stem for p in files]
    if all(re.fullmatch(r"\d+\.\d+|\d{13,19}", s) for s in stems):
        stamps, unit = in_seconds([float(s) for s in stems])
        if (np.diff(stamps) > 0).all():
            return (stamps - stamps[0]).tolist(), unit
    return [i / fps for i in range(len(files))], "seconds"


def _notes(files: Sequence[Path]) -> list[Issue]:
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
        notes.append(Issue("W-IMAGES-SIZES", len(sizes), "capture", f"each size has a camera of its own: {listed}"))
    missing = _gaps([p.stem for p in files])
    if missing:
        notes.append(Issue("W-IMAGES-GAPS", missing, "capture", "numbers are missing between the files' names"))
    return notes


def _gaps(stems: Sequence[str]) -> int:
    """Missing numbers in names that count by one almost everywhere; 0 where they count otherwise."""
    numbers = [int(m[1]) for m in (re.fullmatch(r"\D*(\d+)", s) for s in stems) if m]
    if len(numbers) < len(stems) or len(numbers) < 3:
        return 0
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    ones = sum(s == 1 for s in steps)
    return sum(s - 1 for s in steps if s > 1) if ones >= 0.8 * len(steps) else 0
