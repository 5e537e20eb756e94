"""Where results go: to stdout, or into files whose folders are made."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..errors import OutputError


def free_for(target: Path, *, overwrite: bool) -> None:
    """Whether something can be written there, found out before hours are spent on it.

    Raises:
        OutputError: E-OUTPUT-EXISTS where something is there that may not be replaced, E-OUTPUT-DENIED where nothing
            can be written.
    """
    if target.exists() and not overwrite:
        raise OutputError("E-OUTPUT-EXISTS", "the output exists.", "Add --overwrite or choose another -o.", target)
    place = next(p for p in target.absolute().parents if p.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise OutputError("E-OUTPUT-DENIED", f"nothing can be written to {place}.", "Choose a writable -o.", target)


def delivered(payload: bytes, output: Path | None, *, picture: bool = False) -> None:
    """Write a result to a file, or to stdout where none is named.

    Raises:
        OutputError: E-OUTPUT-TERMINAL for the bytes of a picture on a terminal, E-OUTPUT-DENIED.
    """
    if output is None:
        if picture and sys.stdout.isatty():
            raise OutputError("E-OUTPUT-TERMINAL", "a picture is no text for a terminal.", "Add -o FILE.")
        sys.stdout.buffer.write(payload)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(payload)
    except OSError as error:
        raise OutputError("E-OUTPUT-DENIED", f"cannot write: {error}.", "Choose a writable -o.", output) from error
