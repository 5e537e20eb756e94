"""Models that live in packages of their own: opened the same way, whatever they are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F64, U8, Array
from .._optional import needed, torch_device, weights
from ..errors import ConfigError, MissingDependencyError
from .base import Model, Prediction

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Predict = Callable[[Any, U8, F64 | None, F64 | None], Prediction]


@dataclass(frozen=True)
class Package:
    """An upstream package and how it is called.

    Attributes:
        module, kind: where its class is. distribution: its name among installed packages. lines: how it is installed.
        weights: page on the hub and licence by name. method, takes: what is called, and the arguments it must take.
        long_side_px: of the pictures it wants. takes_poses: whether it can be given cameras.
        scale_sigma: relative error of its metres.
    """

    module: str
    kind: str
    distribution: str
    lines: str
    weights: dict[str, tuple[str, str]]
    method: str
    takes: tuple[str, ...]
    long_side_px: int = 518
    takes_poses: bool = False
    scale_sigma: float = 0.2


def open_package(package: Package, predict: Predict, text: str, device: str, *, commercial: bool) -> Model:
    """The model of `NAME` or `NAME:FOLDER` of a package.

    Args:
        predict: called with the network, pictures, and known poses and intrinsics or None.
        commercial: refuse weights whose licence forbids commercial use.

    Raises:
        ConfigError: E-OPTION for a revision. DeviceError: E-DEVICE.
        MissingDependencyError: E-EXTRA with the install lines, E-WEIGHTS, E-LICENCE, and E-UPSTREAM when the installed
            version cannot be called as needed.
    """
    name, _, place = text.partition(":")
    if "@" in name:
        remedy = "Give a folder: NAME:FOLDER."
        raise ConfigError("E-OPTION", f"{text!r}: this package takes no revision.", remedy)
    repository, licence = package.weights[name]
    check_licence(name, licence, commercial)
    torch = needed("torch", package.lines)
    kind = getattr(needed(package.module, package.lines), package.kind)
    _check_signature(package, kind)
    on = torch_device(torch, device)
    network = _loaded(kind, place or repository, name, repository).to(on).eval()
    told: dict[str, str | int | float | None] = {"model": name, "weights": place or repository, "licence": licence}
    return Model(
        name,
        partial(predict, network),
        package.long_side_px,
        takes_poses=package.takes_poses,
        scale_sigma=package.scale_sigma,
        provenance=told,
    )


def check_licence(name: str, licence: str, commercial: bool) -> None:
    """Raises MissingDependencyError E-LICENCE for weights that forbid the commerce they are wanted for."""
    if commercial and "NC" in licence:
        raise MissingDependencyError("E-LICENCE", f"{name} is {licence}.", "Choose da3-small or da3-base.")


def _check_signature(package: Package, kind: Any) -> None:
    """Whether the installed version takes what it is given: said before anything is loaded."""
    known = inspect.signature(getattr(kind, package.method)).parameters
    missing = [n for n in package.takes if n not in known]
    if missing:
        try:
            installed = version(package.distribution)
        except PackageNotFoundError:
            installed = "of an unknown version"
        problem = f"{package.distribution} {installed} takes no {', '.join(missing)}."
        raise MissingDependencyError("E-UPSTREAM", problem, f"Install another version. {package.lines}")


def _loaded(kind: Any, place: str, name: str, repository: str) -> Any:
    if ("/" not in place or place.startswith((".", "/", "~"))) and not Path(place).is_dir():
        raise MissingDependencyError("E-WEIGHTS", f"there is no folder of {name} weights.", "Check the path.", place)
    # the hub raises a dozen kinds; all mean that the weights cannot be had
    return weights(
        lambda local: kind.from_pretrained(place, local_files_only=local),
        name,
        repository,
        "--reconstructor",
        failures=(Exception,),
    )


def on_device(network: Any, rgb: U8) -> Any:
    """Pictures (N, H, W, 3) as a tensor (1, N, 3, H, W) of 0 to 1 where the network is."""
    torch = needed("torch", "")
    x = torch.from_numpy(np.ascontiguousarray(rgb)).to(next(network.parameters()).device)
    return x.permute(0, 3, 1, 2).float()[None] / 255


def standardised(x: Any) -> Any:
    """Pictures (..., 3, H, W) of 0 to 1 by the mean and deviation of ImageNet's colours."""
    torch = needed("torch", "")
    mean, deviation = (torch.tensor(v, device=x.device)[:, None, None] for v in (MEAN, DEVIATION))
    return (x - mean) / deviation


def half_on_gpu(network: Any) -> AbstractContextManager[Any]:
    """Half precision where the network is on a GPU; full precision on a CPU."""
    torch = needed("torch", "")
    device = next(network.parameters()).device
    half = torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float16
    return torch.autocast(device.type, dtype=half, enabled=device.type == "cuda")


def numpy_of(tensor: Any) -> Array:
    """A tensor as a float32 array, wherever it lies."""
    return np.asarray(tensor.detach().float().cpu().numpy())
