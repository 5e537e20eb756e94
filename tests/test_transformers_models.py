"""Detectors through the real classes of transformers, with random weights of a few thousand numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cogmap.errors import ConfigError, DeviceError, MissingDependencyError
from cogmap.label import transformers_models
from cogmap.label.prompts import parse_objects
from cogmap.label.transformers_models import Found, Weights, named, transformers_labeler, without_twins

torch = pytest.importorskip("torch", reason="torch is not installed: make test-models installs it")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: make test-models installs it")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
RGB = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
PROMPTS = parse_objects("chairs, sofa|couch")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "chair", "sofa", "couch", "a", "photo", "of"]


def dino(folder: Path) -> Path:
    """A tiny Grounding DINO with its real processor's files."""
    torch.manual_seed(0)
    swin = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 2], window_size=2,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    bert = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=swin, text_config=bert, d_model=32, encoder_layers=2, decoder_layers=2, num_queries=12,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
    )  # fmt: skip
    transformers.GroundingDinoForObjectDetection(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    small = {"shortest_edge": 64, "longest_edge": 96}
    transformers.GroundingDinoImageProcessorPil(size=small).save_pretrained(folder)
    return folder


def owl(folder: Path) -> Path:
    """A tiny OWLv2 with its real processor's files."""
    torch.manual_seed(0)
    shared = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**shared, "vocab_size": 300, "max_position_embeddings": 16, "eos_token_id": 2, "bos_token_id": 1}
    vision = {**shared, "image_size": 64, "patch_size": 16}
    config = transformers.Owlv2Config(text_config=text, vision_config=vision, projection_dim=16)
    transformers.Owlv2ForObjectDetection(config).save_pretrained(folder)
    letters = [chr(k) for k in range(97, 123)]
    vocabulary = ["!", "<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    (folder / "vocab.json").write_text(json.dumps({w: k for k, w in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    words = transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16, pad_token="<|endoftext|>"
    )
    words.save_pretrained(folder)
    transformers.Owlv2ImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def sam(folder: Path) -> Path:
    """A tiny SAM 2."""
    torch.manual_seed(0)
    hiera = transformers.Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, blocks_per_stage=[1, 1, 1, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 2, 4, 8], image_size=[128, 128], global_attention_blocks=[],
        window_size_per_stage=[4, 4, 4, 4],
    )  # fmt: skip
    vision = transformers.Sam2VisionConfig(
        backbone_config=hiera, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=16,
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )  # fmt: skip
    prompt = transformers.Sam2PromptEncoderConfig(hidden_size=16, image_size=128, mask_input_channels=4)
    decoder = transformers.Sam2MaskDecoderConfig(
        hidden_size=16, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=16
    )
    config = transformers.Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    transformers.Sam2Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def any_score_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights are sure of nothing."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for kind in ("grounding-dino", "owlv2"):
        monkeypatch.setitem(transformers_models.KNOWN, kind, Weights("nobody/nothing", "main", "Apache-2.0", 0.0))


@pytest.mark.parametrize(("kind", "make"), [("grounding-dino", dino), ("owlv2", owl)])
def test_a_detector_gives_boxes_of_the_picture_with_the_names_asked_for(tmp_path: Path, kind: str, make: Any) -> None:
    labeler = transformers_labeler(f"{kind}:{make(tmp_path)}", PROMPTS, "cpu")
    one = labeler.detect(RGB, 0)
    assert one is not None and one.mask is None and one.boxes is not None and len(one.boxes) > 0
    assert set(one.labels) <= {"chair", "sofa"}
    assert labeler.detect_many is not None
    many = labeler.detect_many([RGB, RGB[::-1].copy()], [0, 1])
    assert many[0] is not None and np.allclose(many[0].boxes, one.boxes, atol=1e-5) and many[0].labels == one.labels
    assert labeler.provenance["labeler"].startswith(kind)


def test_masks_of_boxes_fill_the_picture_at_its_own_size(tmp_path: Path) -> None:
    for name in ("owl", "sam"):
        (tmp_path / name).mkdir()
    text = f"owlv2:{owl(tmp_path / 'owl')}+sam2:{sam(tmp_path / 'sam')}"
    found = transformers_labeler(text, PROMPTS, "cpu").detect(RGB, 0)
    assert found is not None and found.mask is not None and found.mask.shape == RGB.shape[:2]
    assert 0 <= found.mask.max() <= len(found.labels)


def test_twins_of_one_thing_leave_the_better_one() -> None:
    boxes = np.array([[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.51, 0.5], [0.6, 0.6, 0.9, 0.9]])
    kept = without_twins(Found(boxes, ("chair", "stool", "bin"), np.array([0.5, 0.7, 0.6])))
    assert kept.names == ("stool", "bin")
    assert without_twins(Found(np.zeros((0, 4)), (), np.zeros(0))).names == ()


def test_a_phrase_is_the_prompt_that_it_is_part_of() -> None:
    asked = parse_objects("office chair, chair, sofa|couch")
    assert [named(p, asked) for p in ("chair", "office chair", "couch", "office", "television")] == [
        "chair", "office chair", "sofa", "office chair", "tv",
    ]  # fmt: skip


def test_what_is_missing_is_said_with_its_remedy(tmp_path: Path) -> None:
    for text in ("yolo", "owlv2+yolo"):
        with pytest.raises(ConfigError, match="grounding-dino"):
            transformers_labeler(text, PROMPTS, "cpu")
    with pytest.raises(MissingDependencyError, match="E-WEIGHTS.*--labeler owlv2:FOLDER"):
        transformers_labeler("owlv2", PROMPTS, "cpu")
    with pytest.raises(MissingDependencyError, match="no folder"):
        transformers_labeler(f"owlv2:{tmp_path / 'nowhere'}", PROMPTS, "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="E-DEVICE"):
            transformers_labeler("owlv2", PROMPTS, "cuda")
