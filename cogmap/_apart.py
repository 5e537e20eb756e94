"""What a process that builds for another one does first: it keeps to a folder of its own, and prints there."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

SAID = "words.txt"
WORDS = 300


def keep_to(scratch: Path) -> None:
    """Take a folder for all temporary files, and send what this process prints to a file in it; it reads nothing."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    said = os.open(scratch / SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    sys.stdin = open(os.devnull)  # noqa: SIM115


def last_words(scratch: Path) -> str:
    """The end of what the process of a folder printed."""
    try:
        return (scratch / SAID).read_text(errors="replace").strip()[-WORDS:]
    except OSError:
        return ""
