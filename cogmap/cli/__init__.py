"""The command line: `cogmap VERB`. Results go to stdout, talk to stderr."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interruption ends with 130."""
    from .app import app

    try:
        app()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
