"""The command line: `cogmap VERB`. Results go to stdout, talk to stderr."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a CogmapError becomes one line on stderr and its exit code."""
    from ..errors import CogmapError
    from .app import app

    try:
        app()
    except CogmapError as error:
        print(str(error), file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
