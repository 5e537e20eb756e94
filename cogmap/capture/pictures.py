"""One picture file into an upright sRGB array, whatever it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .._checks import F32, F64, U8, Bool
from ..errors import InputError
from ..geometry.camera import scaled_K

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".gif")
OTHER_PICTURES = {
    ".heic": "HEIC", ".heif": "HEIC", ".avif": "AVIF", ".jxl": "JPEG XL", ".dng": "DNG", ".cr2": "raw", ".cr3": "raw",
    ".nef": "raw", ".arw": "raw", ".raf": "raw", ".orf": "raw", ".rw2": "raw", ".raw": "raw", ".svg": "SVG",
    ".psd": "PSD", ".exr": "EXR", ".hdr": "HDR", ".jp2": "JPEG 2000", ".tga": "TGA",
}  # fmt: skip
BROKEN = (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError)
EXIF_TURN = 0x0112
REMEDY = "Copy or export it again."


def read_picture(
    path: Path, *, of_size: tuple[int, int] | Literal["stored"] | None = None, top: float | None = None
) -> tuple[U8, Bool | None, tuple[str, ...]]:
    """A picture upright, its mask, and codes of what was noticed.

    Args:
        of_size: (width, height) of the pictures that cameras were computed for: the EXIF turn is applied only where
            the turned picture has that shape and the stored one has not; "stored" never turns. None always turns.
        top: the largest grey value of 16-bit pictures that stands for white; None takes the whole range.

    Returns:
        rgb (H, W, 3) uint8 with the EXIF turn applied and alpha laid on neutral grey; usable (H, W) bool
        where alpha is at least half, or None without alpha; codes W-IMAGE-PAGES, W-IMAGE-PROFILE, W-IMAGE-UNTURNED.

    Raises:
        InputError: E-IMAGE-BROKEN when the file cannot be decoded to its end.
    """
    try:
        with Image.open(path) as picture:
            pages = getattr(picture, "n_frames", 1)
            picture.load()
            turned = ImageOps.exif_transpose(picture)
            upright = picture if _is_as_stored(picture.size, turned.size, of_size) else turned
            notes = ["W-IMAGE-PAGES"] if pages > 1 else []
            if upright.mode == "CMYK" and not picture.info.get("icc_profile"):
                notes.append("W-IMAGE-PROFILE")
            if upright is picture and picture.getexif().get(EXIF_TURN, 1) != 1:
                notes.append("W-IMAGE-UNTURNED")
            return to_rgb(_in_srgb(upright), top), _usable(upright), tuple(notes)
    except BROKEN as error:
        raise InputError("E-IMAGE-BROKEN", f"cannot be decoded: {error}.", REMEDY, path) from error


def _is_as_stored(
    stored: tuple[int, int], turned: tuple[int, int], of_size: tuple[int, int] | Literal["stored"] | None
) -> bool:
    """Whether cameras are of the stored pixels: their shape tells, and where both fit tools that read no EXIF do."""
    if of_size is None or of_size == "stored":
        return of_size == "stored"
    shape = of_size[0] / of_size[1]
    off = [abs(math.log(w / h / shape)) for w, h in (stored, turned)]
    return off[0] <= off[1] + 1e-9


def fitted_K(K: F64, size: tuple[int, int], shape: tuple[int, int], path: Path) -> F64:
    """K (3, 3) of pictures of `size` (width, height) for one of `shape` (height, width) of the same field of view.

    Raises:
        InputError: E-INTRINSICS where the two have different shapes.
    """
    sx, sy = shape[1] / size[0], shape[0] / size[1]
    if abs(math.log(sx / sy)) > 0.02:
        problem = f"cameras are of {size[0]} x {size[1]} pixels, the picture has {shape[1]} x {shape[0]}."
        raise InputError("E-INTRINSICS", problem, "Give the pictures that the cameras were computed for.", path)
    return scaled_K(K, sx, sy)


def read_rgb(path: Path) -> U8:
    """(H, W, 3) uint8 of a picture; see `read_picture`."""
    return read_picture(path)[0]


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Colours brought from an embedded profile to sRGB; unreadable profiles are passed over."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        done = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except ImageCms.PyCMSError:
        return picture
    return picture if done is None else done


def _usable(picture: Image.Image) -> Bool | None:
    return np.asarray(picture.convert("RGBA"))[..., 3] >= 128 if _has_alpha(picture) else None


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info


def grey_range(paths: Sequence[Path], most: int = 16) -> float | None:
    """The white of 16-bit grey pictures: the smallest of 8, 10, 12, 14 and 16 bits that some of them stay within.

    None where no picture has 16 bits.
    """
    top = -1.0
    for path in paths[:: max(1, len(paths) // most)]:
        try:
            with Image.open(path) as picture:
                if picture.mode.startswith("I"):
                    top = max(top, float(np.asarray(picture).max()))
        except BROKEN:
            continue
    return None if top < 0 else next(float(2**bits - 1) for bits in (8, 10, 12, 14, 16, 32) if top <= 2**bits - 1)


def to_rgb(picture: Image.Image, white: float | None = None) -> U8:
    """Any Pillow picture as (H, W, 3) uint8; 16-bit values up to `white`, floats from 0..1 or 0..255."""
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture, np.float64))
        top = (white or 65535.0) if picture.mode.startswith("I") else (1.0 if values.max(initial=0) <= 1 else 255.0)
        grey = np.clip(np.round(values * (255.0 / top)), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if _has_alpha(picture):
        rgba = picture.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, (128, 128, 128, 255))
        return np.asarray(Image.alpha_composite(ground, rgba).convert("RGB"))
    return np.asarray(picture.convert("RGB"))


def read_depth(path: Path, unit_m: float) -> F32:
    """(H, W) float32 metres from a 16-bit PNG; 0 and 65535 are unknown, stored as 0.

    Raises:
        InputError: E-IMAGE-BROKEN or E-DEPTH-FORMAT (not a single channel).
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            code = np.asarray(picture)
    except BROKEN as error:
        raise InputError("E-IMAGE-BROKEN", f"cannot be decoded: {error}.", REMEDY, path) from error
    if code.ndim != 2:
        raise InputError("E-DEPTH-FORMAT", f"depth has shape {code.shape}.", "Save it as 16-bit grey.", path)
    depth = code.astype(np.float32) * np.float32(unit_m)
    depth[(code == 0) | (code == 65535)] = 0
    return depth
