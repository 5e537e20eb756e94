"""The network with its weights, as a model of the pipeline."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..._checks import F64, U8
from ..._optional import needed, torch_device, weights
from ...errors import ConfigError, InputError, MissingDependencyError, ResourceError
from ...geometry.rigid import inverse
from ..base import Model, Prediction
from ..packages import check_licence, half_on_gpu, on_device, standardised
from ..scaling import with_known_cameras
from .shapes import CHECKPOINTS, Checkpoint

EXTRA = 'Run: pip install "cogmap[models]".'
FILE = "model.safetensors"
LONG_SIDE_PX = 504
METRIC_FOCAL_PX = 300.0  # da3-metric gives metres for a focal length of 300 pixels
LEAST_DISTANCE = 0.1
SKY = 0.3
WEIGHTS_SIGMA = 0.2


def open_model(text: str, device: str = "auto", *, commercial: bool = False, compiled: bool = False) -> Model:
    """The model of `da3-small`, `da3-base`, `da3-large` or `da3-metric`; `NAME:FOLDER` and `NAME@REVISION` say whence.

    Args:
        commercial: refuse weights whose licence forbids commercial use.
        compiled: let torch compile the network when it is first used.

    Raises:
        MissingDependencyError: E-EXTRA, E-WEIGHTS, E-LICENCE. DeviceError: E-DEVICE.
        InputError: E-WEIGHTS-NAMES for a file that holds another network.
    """
    name, _, place = text.partition(":")
    name, _, revision = name.partition("@")
    checkpoint = CHECKPOINTS[name]
    check_licence(name, checkpoint.licence, commercial)
    torch = needed("torch", EXTRA)
    on = torch_device(torch, device)
    path = _found(name, checkpoint, place, revision)
    network = load_network(path, checkpoint).to(on)
    if compiled:
        network.compile()
    told: dict[str, str | int | float | None] = {
        "model": name,
        "weights": place or f"{checkpoint.repository}@{_snapshot(path)}",
        "licence": checkpoint.licence,
    }
    return Model(
        name,
        partial(predict, network),
        LONG_SIDE_PX,
        takes_poses=True,
        needs_poses=not checkpoint.shape.cameras,
        scale_sigma=WEIGHTS_SIGMA,
        provenance=told,
    )


def _found(name: str, checkpoint: Checkpoint, place: str, revision: str) -> Path:
    """The file of the weights: of a folder, of the hub's cache, or of the hub."""
    if place:
        path = Path(place) / FILE if Path(place).is_dir() else Path(place)
        if not path.is_file():
            raise MissingDependencyError(
                "E-WEIGHTS", f"there is no {FILE} of {name} weights.", "Check the path.", place
            )
        return path
    hub = needed("huggingface_hub", EXTRA)
    fetch = hub.hf_hub_download  # setting up its own log when it is first touched

    def load(local: bool) -> Path:
        wanted = revision or checkpoint.revision
        return Path(fetch(checkpoint.repository, FILE, revision=wanted, local_files_only=local))

    talk = logging.getLogger("huggingface_hub")
    level = talk.level
    talk.setLevel(logging.ERROR)  # five lines of retries say no more than the error does
    try:
        # the hub raises a dozen kinds; all mean that the weights cannot be had
        return weights(load, name, checkpoint.repository, "--reconstructor", failures=(Exception,))
    finally:
        talk.setLevel(level)


def _snapshot(path: Path) -> str:
    """The revision of a file in the hub's cache: its folder's name."""
    return path.parent.name


def load_network(path: Path, checkpoint: Checkpoint) -> Any:
    """The network of a checkpoint with the weights of a safetensors file, float32, for inference.

    Raises:
        InputError: E-WEIGHTS-NAMES for names or shapes of another network, E-WEIGHTS-FILE for no safetensors file.
    """
    torch, files = needed("torch", EXTRA), needed("safetensors.torch", EXTRA)
    from .network import Network

    try:
        held = {k.removeprefix("model."): v.float() for k, v in files.load_file(path).items()}
    except Exception as error:  # the reader has an error type of its own
        raise InputError("E-WEIGHTS-FILE", f"no safetensors file: {error}.", "Download it again.", path) from error
    with torch.device("meta"):
        network = Network(checkpoint.shape)
    wanted = dict(network.named_parameters())  # a tensor in several places once, as the published files hold it
    wrong = [k for k in wanted if k not in held or held[k].shape != wanted[k].shape]
    if wrong:
        problem = f"{len(wrong)} of {len(wanted)} tensors are missing or of another size, the first is {wrong[0]}."
        raise InputError("E-WEIGHTS-NAMES", problem, f"Give the weights of {checkpoint.repository}.", path)
    network.load_state_dict({k: held[k] for k in wanted}, strict=False, assign=True)
    return network.eval().requires_grad_(False)


def predict(network: Any, rgb: U8, T_world_cam: F64 | None, K: F64 | None) -> Prediction:
    """One pass over pictures (N, H, W, 3), sides multiples of 14; poses (N, 4, 4) and K (N, 3, 3) where known.

    Known poses are kept, and depth is brought to their unit; `da3-metric` gives metres, so its poses must be in metres.
    Half precision on a GPU in the encoder alone.

    Raises:
        TrustError: E-NO-BASELINE when known cameras all stand in one place. ResourceError: E-MEMORY.
        ConfigError: E-MODEL-POSES when a network without cameras is given none.
    """
    if not network.shape.cameras and (T_world_cam is None or K is None):
        remedy = "Give posed pictures, or choose da3-small."
        raise ConfigError("E-MODEL-POSES", "da3-metric sees depth alone: it needs known cameras.", remedy)
    torch = needed("torch", EXTRA)
    try:
        with torch.inference_mode():
            seen = _run(torch, network, rgb, T_world_cam, K)
    except torch.OutOfMemoryError as error:
        raise ResourceError("E-MEMORY", f"{len(rgb)} frames at once do not fit the device.", "Ask for less.") from error
    found = _as_prediction(seen, T_world_cam, K)
    if T_world_cam is None or K is None or found.metric:
        return found
    return with_known_cameras(found, T_world_cam, K)


def _run(torch: Any, network: Any, rgb: U8, T_world_cam: F64 | None, K: F64 | None) -> Any:
    """The network's answer to pictures prepared on its device."""
    x = standardised(on_device(network, rgb))
    known = None
    if T_world_cam is not None and K is not None and network.shape.cameras:
        known = [torch.as_tensor(v, dtype=torch.float32, device=x.device)[None] for v in (unit_poses(T_world_cam), K)]
    with half_on_gpu(network):
        return network(x, *(known or ()))


def unit_poses(T_world_cam: F64) -> F64:
    """Poses (N, 4, 4) seen from the first camera, the median camera one unit away, as the network was trained."""
    T = inverse(T_world_cam[0]) @ T_world_cam
    middle = float(np.sort(np.linalg.norm(T[:, :3, 3], axis=1))[(len(T) - 1) // 2])
    T[:, :3, 3] /= max(middle, LEAST_DISTANCE)
    return np.asarray(T)


def _as_prediction(seen: Any, T_world_cam: F64 | None, K: F64 | None) -> Prediction:
    depth = seen.dense.depth[0].float().cpu().numpy()
    if seen.K is not None:
        confidence, cameras = seen.dense.confidence[0].float().cpu().numpy(), (seen.K[0], seen.T_world_cam[0])
        own_K, poses = (c.double().cpu().numpy() for c in cameras)
        return Prediction(depth, confidence, own_K, poses)
    assert T_world_cam is not None and K is not None
    focal = (K[:, 0, 0] + K[:, 1, 1]) / 2
    metres = (depth * (focal / METRIC_FOCAL_PX)[:, None, None]).astype(np.float32)
    sky = seen.dense.sky[0].float().cpu().numpy() >= SKY
    return Prediction(metres, np.ones_like(metres), K, T_world_cam, sky, metric=True)
