"""Every error that cogmap raises on purpose.

CogmapError
├─ InputError (also ValueError)              the caller's data breaks a contract        exit 3
├─ TrustError                                readable, but nothing trustworthy in it    exit 4
├─ ConfigError (also ValueError)             unknown or impossible option               exit 2
├─ MissingDependencyError (also ImportError) an extra, weights or a licence is missing  exit 8
├─ DeviceError / ResourceError               GPU, memory, disk, time                    exit 6
├─ OutputError                               conflict, permission, lock                 exit 7
├─ SecurityError                             refused                                    exit 9
└─ RemoteError                               a model service failed                     exit 11
"""

from __future__ import annotations

from pathlib import Path


class CogmapError(Exception):
    """One line in four parts: where, what was expected, what was found, what to do; the file last.

    Args:
        code: stable code such as ``E-VIDEO-EMPTY``.
        problem: what was expected and what was found.
        remedy: what the user can do next.
        path: the file concerned, if there is one.
    """

    exit_code = 1

    def __init__(self, code: str, problem: str, remedy: str, path: str | Path | None = None) -> None:
        self.code = code
        self.problem = problem
        self.remedy = remedy
        self.path = None if path is None else str(path)
        where = "" if path is None else f" [{path}]"
        super().__init__(f"{code} {problem} {remedy}{where}")


class InputError(CogmapError, ValueError):
    """The caller's data breaks a contract."""

    exit_code = 3


class TrustError(CogmapError):
    """The input can be read, but nothing trustworthy can be built from it."""

    exit_code = 4


class ConfigError(CogmapError, ValueError):
    """An option is unknown or impossible."""

    exit_code = 2


class MissingDependencyError(CogmapError, ImportError):
    """An extra package, weights or a licence is missing."""

    exit_code = 8


class DeviceError(CogmapError):
    """The asked device cannot be used."""

    exit_code = 6


class ResourceError(CogmapError):
    """Memory, disk or time ran out."""

    exit_code = 6


class OutputError(CogmapError):
    """The result cannot be written: conflict, permission or lock."""

    exit_code = 7


class SecurityError(CogmapError):
    """Refused, because opening it could do more than read it."""

    exit_code = 9


class RemoteError(CogmapError):
    """A model service failed."""

    exit_code = 11
