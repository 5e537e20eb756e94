"""Compiled loops: without the interpreter's lock, kept on disk so that damage there costs only compiling again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache

Function = TypeVar("Function", bound=Callable[..., Any])


class _Cache(FunctionCache):  # type: ignore[misc]
    """numba's cache on disk, which writes whole files or none; a file that cannot be read is written anew."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled code of a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged pickle raises
            self.flush()
            return None


def compiled(function: Function) -> Function:
    """A function as machine code: `njit` with `nogil`, cached where a folder can be written."""
    dispatcher = njit(nogil=True)(function)
    with contextlib.suppress(RuntimeError):  # no folder to write to: compiled afresh in every process
        dispatcher._cache = _Cache(function)
    return dispatcher
