"""Open-vocabulary detectors and masks of the transformers library: Grounding DINO, OWLv2, SAM 2."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import F64, U8, Array
from .._optional import torch_device, weights
from ..data.detections import FrameDetections, Labeler
from ..data.nouns import same_thing
from ..errors import ConfigError, MissingDependencyError
from .prompts import Prompts
from .recorded import id_image

EXTRA = 'Run: pip install "cogmap[labels]".'
BATCH = 4
SAME_BOX = 0.7
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Weights:
    """Where weights come from by default, at which revision, their licence, and the score from which a find counts."""

    repository: str
    revision: str
    licence: str
    threshold: float = 0.0

    @property
    def place(self) -> str:
        """As a user would name it: OWNER/NAME@REVISION."""
        return f"{self.repository}@{self.revision}"


KNOWN = {
    "grounding-dino": Weights(
        "IDEA-Research/grounding-dino-tiny", "a2bb814dd30d776dcf7e30523b00659f4f141c71", "Apache-2.0", 0.3
    ),
    "owlv2": Weights(
        "google/owlv2-base-patch16-ensemble", "cfd3195ba4ea9592eec887ded089f4c08eff231d", "Apache-2.0", 0.2
    ),
    "sam2": Weights("facebook/sam2.1-hiera-small", "ee5bba1d82bb8749febdf90f45e84b687142ba03", "Apache-2.0"),
}


@dataclass(frozen=True)
class Found:
    """Boxes (M, 4) in shares of width and height: left, top, right, bottom; their names and scores (M,)."""

    boxes: F64
    names: tuple[str, ...]
    scores: F64


def transformers_labeler(text: str, prompts: Prompts, device: str = "auto") -> Labeler:
    """The labeler of `owlv2`, `grounding-dino+sam2`, `owlv2:FOLDER`, `owlv2:OWNER/NAME@REVISION+sam2:FOLDER`.

    A detector alone gives boxes, which cogmap lifts by depth; SAM 2 makes masks of them. Weights come from a folder,
    the library's cache or the hub, as safetensors only; code of a repository is never run. Half precision on a GPU.

    Raises:
        ConfigError: E-OPTION. MissingDependencyError: E-EXTRA without torch or transformers, E-WEIGHTS when weights
            cannot be had. DeviceError: E-DEVICE.
    """
    first, _, second = text.partition("+")
    kind, _, place = first.partition(":")
    mask_kind, _, mask_place = second.partition(":")
    if kind not in ("grounding-dino", "owlv2") or mask_kind not in ("", "sam2"):
        raise ConfigError("E-OPTION", f"there is no labeler {text!r}.", "Choose grounding-dino or owlv2, and +sam2.")
    on = torch_device(_libraries()[0], device)
    detect = (_grounding_dino if kind == "grounding-dino" else _owlv2)(place, prompts, on)
    segment = _sam2(mask_place, on) if mask_kind else None
    sources = {kind: place or KNOWN[kind].place}
    if mask_kind:
        sources[mask_kind] = mask_place or KNOWN[mask_kind].place
    told = {"labeler": text, **{f"{k} weights": v for k, v in sources.items()}}
    told |= {f"{k} licence": KNOWN[k].licence for k in sources if sources[k] == KNOWN[k].place}

    def many(pictures: list[U8], indices: list[int]) -> list[FrameDetections | None]:
        found = [without_twins(f) for f in detect(pictures)]
        return [_as_detections(p, f, segment) for p, f in zip(pictures, found)]

    return Labeler(kind, lambda rgb, index: many([rgb], [index])[0], many, BATCH, told)


def without_twins(found: Found) -> Found:
    """The finds without boxes that overlap a better-scored one of any name by 70 %."""
    kept: list[int] = []
    for k in np.argsort(-found.scores, kind="stable").tolist():
        if all(_overlap(found.boxes[k], found.boxes[j]) < SAME_BOX for j in kept):
            kept.append(k)
    return Found(found.boxes[kept], tuple(found.names[k] for k in kept), found.scores[kept])


def _overlap(a: F64, b: F64) -> float:
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    total = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return float(shared / total) if total > 0 else 0.0


def _as_detections(rgb: U8, found: Found, segment: Callable[[U8, F64], Array] | None) -> FrameDetections:
    """Boxes as they are, or the id image of their masks."""
    scores = tuple(np.clip(found.scores, 0, 1).tolist())
    if segment is None:
        return FrameDetections(None, found.names, scores, found.boxes)
    masks = segment(rgb, found.boxes) if len(found.boxes) else np.zeros((0, *rgb.shape[:2]), bool)
    return FrameDetections(id_image(masks), found.names, scores)


def _grounding_dino(place: str, prompts: Prompts, device: str) -> Callable[[list[U8]], list[Found]]:
    processor, model, torch = _loaded("grounding-dino", place, device, "GroundingDino")
    text = ". ".join(prompts.texts) + "."

    def detect(pictures: list[U8]) -> list[Found]:
        ready = processor(images=pictures, text=[text] * len(pictures), return_tensors="pt").to(device)
        with torch.inference_mode(), _half(torch, device):
            out = model(**ready)
        least = KNOWN["grounding-dino"].threshold
        rows = processor.post_process_grounded_object_detection(
            out, ready["input_ids"], threshold=least, text_threshold=least, target_sizes=[(1, 1)] * len(pictures)
        )
        return [_found(r["boxes"], [named(t, prompts) for t in r["text_labels"]], r["scores"]) for r in rows]

    return detect


def named(phrase: str, prompts: Prompts) -> str:
    """The name of the prompt that shares most words with a phrase a detector gives back, else the phrase itself."""
    words = set(phrase.lower().replace(".", " ").split())
    shared = [len(words & set(t.split())) - 0.01 * len(t.split()) for t in prompts.texts]
    best = int(np.argmax(shared))
    return prompts.names[best] if shared[best] > 0 else same_thing(phrase)


def _owlv2(place: str, prompts: Prompts, device: str) -> Callable[[list[U8]], list[Found]]:
    processor, model, torch = _loaded("owlv2", place, device, "Owlv2")
    asked = [f"a photo of a {text}" for text in prompts.texts]

    def detect(pictures: list[U8]) -> list[Found]:
        ready = processor(images=pictures, text=[asked] * len(pictures), return_tensors="pt").to(device)
        with torch.inference_mode(), _half(torch, device):
            out = model(**ready)
        rows = processor.post_process_grounded_object_detection(out, threshold=KNOWN["owlv2"].threshold)
        found = []
        for picture, row in zip(pictures, rows):
            edge = max(picture.shape[:2])  # OWLv2 sees a square: the picture with grey below or at its right
            whole = row["boxes"] * torch.tensor([edge / picture.shape[1], edge / picture.shape[0]] * 2).to(device)
            found.append(_found(whole, [prompts.names[int(k)] for k in row["labels"]], row["scores"]))
        return found

    return detect


def _found(boxes: Any, names: list[str], scores: Any) -> Found:
    """Finds inside the picture."""
    inside = np.clip(boxes.float().cpu().numpy().astype(np.float64).reshape(-1, 4), 0, 1)
    kept = np.flatnonzero((inside[:, 2:] > inside[:, :2]).all(1))
    return Found(inside[kept], tuple(names[k] for k in kept), scores.float().cpu().numpy().astype(np.float64)[kept])


def _sam2(place: str, device: str) -> Callable[[U8, F64], Array]:
    """Masks (M, H, W) of the boxes (M, 4) of a picture; resized and normalised here as the model was trained."""
    _, model, torch = _loaded("sam2", place, device, "Sam2")
    edge = int(model.config.vision_config.backbone_config.image_size[0])
    mean, deviation = (torch.tensor(v, device=device)[:, None, None] for v in (MEAN, DEVIATION))

    def segment(rgb: U8, boxes: F64) -> Array:
        picture = torch.from_numpy(rgb.copy()).to(device).permute(2, 0, 1).float()[None] / 255
        fitted = torch.nn.functional.interpolate(picture, (edge, edge), mode="bilinear", antialias=True)
        asked = torch.from_numpy((boxes * edge).astype(np.float32)).to(device)[None]
        with torch.inference_mode(), _half(torch, device):
            out = model(pixel_values=(fitted - mean) / deviation, input_boxes=asked, multimask_output=False)
        masks = torch.nn.functional.interpolate(out.pred_masks[0].float(), rgb.shape[:2], mode="bilinear")
        return np.asarray((masks[:, 0] > 0).cpu().numpy())

    return segment


def _half(torch: Any, device: str) -> AbstractContextManager[Any]:
    return torch.autocast(device.partition(":")[0], dtype=torch.float16, enabled=device.startswith("cuda"))


def _loaded(kind: str, place: str, device: str, family: str) -> tuple[Any, Any, Any]:
    """Processor (None for SAM 2), model and torch; from a folder, the cache, or the hub, in this order."""
    torch, transformers = _libraries()
    where, _, revision = (place or KNOWN[kind].place).partition("@")
    if place and Path(where).is_dir():
        revision = ""
    elif place and (where.startswith((".", "/", "~")) or where.count("/") != 1):
        raise MissingDependencyError("E-WEIGHTS", f"there is no folder of {kind} weights.", "Check the path.", where)
    options: dict[str, Any] = {"revision": revision} if revision else {}
    model_class = getattr(transformers, "Sam2Model" if kind == "sam2" else f"{family}ForObjectDetection")

    def load(local: bool) -> tuple[Any, Any]:
        model = model_class.from_pretrained(where, local_files_only=local, use_safetensors=True, **options)
        processor = None if kind == "sam2" else _processor(transformers, family, where, local, options)
        return processor, model.to(device).eval()

    return *weights(load, kind, KNOWN[kind].repository, "--labeler"), torch


def _processor(transformers: Any, family: str, where: str, local: bool, options: dict[str, Any]) -> Any:
    """The processor with the picture half that works on Pillow: the other one needs torchvision."""
    parts = {"local_files_only": local, **options}
    pictures = getattr(transformers, f"{family}ImageProcessorPil", getattr(transformers, f"{family}ImageProcessor"))
    words = transformers.AutoTokenizer.from_pretrained(where, **parts)
    made = getattr(transformers, f"{family}Processor")
    return made(image_processor=pictures.from_pretrained(where, **parts), tokenizer=words)


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingDependencyError("E-EXTRA", f"this labeler needs {error.name}.", EXTRA) from error
    return torch, transformers
