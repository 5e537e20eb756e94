"""One picture file into an upright sRGB array, whatever it holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .._checks import F32, U8
from ..errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


def read_rgb(path: Path) -> U8:
    """(H, W, 3) uint8: EXIF turn applied, alpha laid on neutral grey, 16 bit scaled.

    Raises:
        InputError: E-IMAGE-BROKEN when the file cannot be decoded to its end.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            return to_rgb(ImageOps.exif_transpose(picture))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise InputError("E-IMAGE-BROKEN", f"cannot be decoded: {error}.", "Copy or export it again.", path) from error


def to_rgb(picture: Image.Image) -> U8:
    """Any Pillow picture as (H, W, 3) uint8."""
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture, np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        grey = np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
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
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise InputError("E-IMAGE-BROKEN", f"cannot be decoded: {error}.", "Copy or export it again.", path) from error
    if code.ndim != 2:
        raise InputError("E-DEPTH-FORMAT", f"depth has shape {code.shape}.", "Save it as 16-bit grey.", path)
    depth = code.astype(np.float32) * np.float32(unit_m)
    depth[(code == 0) | (code == 65535)] = 0
    return depth
