"""What is done the same way for every optional model: where it runs, and how its weights are had."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from .errors import DeviceError, MissingDependencyError

Loaded = TypeVar("Loaded")


def needed(module: str, remedy: str) -> Any:
    """A module that cogmap runs without. Raises MissingDependencyError E-EXTRA with the remedy."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError("E-EXTRA", f"{module} cannot be imported: {error}.", remedy) from error


def torch_device(torch: Any, name: str) -> str:
    """The device of an option: "auto" is "cuda" where there is one. Raises DeviceError E-DEVICE for one that is not."""
    there = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if there else "cpu"
    if name.startswith("cuda") and not there:
        raise DeviceError("E-DEVICE", f"there is no {name} here.", "Use --device cpu.")
    return name


def weights(
    load: Callable[[bool], Loaded],
    name: str,
    repository: str,
    option: str,
    failures: tuple[type[Exception], ...] = (OSError, ValueError),
) -> Loaded:
    """What `load` gives from local files alone, else from the hub.

    Args:
        load: called with whether only local files may be read. name: of the model. repository: its page on the hub.
        option: the flag that takes a folder. failures: what `load` raises where weights cannot be had.

    Raises:
        MissingDependencyError: E-WEIGHTS with the page and the flag.
    """
    problem: Exception | None = None
    for local in (True, False):
        try:
            return load(local)
        except failures as error:
            problem = error
    page = f"See huggingface.co/{repository}, or give a folder: {option} {name}:FOLDER."
    why = (str(problem).splitlines() or [type(problem).__name__])[0]
    raise MissingDependencyError("E-WEIGHTS", f"the weights of {name} cannot be had: {why}", page) from problem
