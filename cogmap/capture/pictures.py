"""One picture file into an upright sRGB array, whatever it holds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .._checks import F32, U8, Bool
from ..errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".gif")
BROKEN = (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError)
REMEDY = "Copy or export it again."


def read_picture(path: Path) -> tuple[U8, Bool | None, tuple[str, ...]]:
    """A picture upright, its mask, and codes of what was noticed.

    Returns:
        rgb (H, W, 3) uint8 with the EXIF turn applied and alpha laid on neutral grey; usable (H, W) bool
        where alpha is at least half, or None without alpha; codes W-IMAGE-PAGES, W-IMAGE-PROFILE.

    Raises:
        InputError: E-IMAGE-BROKEN when the file cannot be decoded to its end.
    """
    try:
        with Image.open(path) as picture:
            pages = getattr(picture, "n_frames", 1)
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            notes = ["W-IMAGE-PAGES"] if pages > 1 else []
            if upright.mode == "CMYK" and not picture.info.get("icc_profile"):
                notes.append("W-IMAGE-PROFILE")
            return to_rgb(_in_srgb(upright)), _usable(upright), tuple(notes)
    except BROKEN as error:
        raise InputError("E-IMAGE-BROKEN", f"cannot be decoded: {error}.", REMEDY, path) from error


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


def to_rgb(picture: Image.Image) -> U8:
    """Any Pillow picture as (H, W, 3) uint8; 16-bit values by their depth, floats from 0..1 or 0..255."""
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture, np.float64))
        top = 65535.0 if picture.mode.startswith("I") else (1.0 if values.max(initial=0) <= 1 else 255.0)
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
