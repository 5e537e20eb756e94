"""Which reader takes a source: its content decides, not its name."""

from __future__ import annotations

from pathlib import Path

from ..data.capture import Capture
from ..data.points import PointCloud
from ..errors import InputError
from . import sevenscenes


def open_source(path: Path, intrinsics: tuple[float, float, float, float] | None = None) -> Capture | PointCloud:
    """Open a source with the reader that recognises it.

    Raises:
        InputError: E-SOURCE-MISSING, E-SOURCE-UNKNOWN with what was found; else the reader's own errors.
    """
    if not path.exists():
        raise InputError("E-SOURCE-MISSING", "there is nothing here.", "Check the path.", path)
    if sevenscenes.accepts(path):
        return sevenscenes.open_sevenscenes(path, intrinsics)
    raise InputError("E-SOURCE-UNKNOWN", "no reader recognises this.", "See `cogmap build --help`.", path)
