"""Where results go: to stdout, or into files whose folders are made."""

from __future__ import annotations

import sys
from pathlib import Path

from ..errors import OutputError


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
