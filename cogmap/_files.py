"""Files that are whole or not there: written aside, then put in place by a rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def put(path: Path, write: Callable[[Path], Any]) -> None:
    """Put in place what `write` writes to the path that it is given. Its name begins with a dot until then."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.chmod(0o644)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def put_text(path: Path, text: str) -> None:
    """Put a text in place."""
    put(path, lambda aside: aside.write_text(text, encoding="utf-8"))
