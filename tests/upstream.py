"""The upstream package of Depth Anything 3 where it is installed, at any size; and what it records for elsewhere.

python -m tests.upstream        # writes tests/samples/da3_recorded.npz
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from cogmap.reconstruct.depth_anything_3.shapes import Shape

from .seeded import CASES, TINY, TINY_ALONE, cameras, fill, pictures

RECORDED = Path(__file__).parent / "samples" / "da3_recorded.npz"
_KEPT: list[Any] = []  # operators vanish with the object that defines them


def importable() -> bool:
    """Whether the upstream package can be imported; its torchvision may be one without operators."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it imports
        return _imported()


def _imported() -> bool:
    try:
        try:
            import torchvision  # noqa: F401
        except RuntimeError:  # built for another torch: its own operators are missing
            from torch import library as operators

            defined = operators.Library("torchvision", "FRAGMENT")
            for name in ("nms", "qnms"):
                defined.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _KEPT.append(defined)
        import depth_anything_3.model.da3  # noqa: F401
    except ImportError:
        return False
    return True


def upstream_network(shape: Shape) -> Any:
    """The upstream network of a shape, with its first weights."""
    from depth_anything_3.model.cam_dec import CameraDec
    from depth_anything_3.model.cam_enc import CameraEnc
    from depth_anything_3.model.da3 import DepthAnything3Net
    from depth_anything_3.model.dinov2.dinov2 import DinoV2
    from depth_anything_3.model.dinov2.vision_transformer import DinoVisionTransformer
    from depth_anything_3.model.dpt import DPT
    from depth_anything_3.model.dualdpt import DualDPT

    start = -1 if shape.views_from is None else shape.views_from
    options = {"alt_start": start, "qknorm_start": start, "rope_start": start, "cat_token": shape.cameras}
    net = DinoV2("vits", out_layers=list(shape.taken), **options)
    size = {"embed_dim": shape.width, "depth": shape.depth, "num_heads": shape.heads, "mlp_ratio": 4}
    net.pretrained = DinoVisionTransformer(img_size=518, patch_size=14, **size, **options)
    channels = list(shape.channels)
    if not shape.cameras:
        head = DPT(dim_in=shape.tokens, output_dim=1, features=shape.features, out_channels=channels)
        return DepthAnything3Net(net=net, head=head).eval()
    head = DualDPT(dim_in=shape.tokens, output_dim=2, features=shape.features, out_channels=channels)
    encoder = CameraEnc(dim_out=shape.width, trunk_depth=shape.trunk, num_heads=shape.trunk_heads)
    return DepthAnything3Net(net=net, head=head, cam_enc=encoder, cam_dec=CameraDec(dim_in=shape.tokens)).eval()


def answers(network: Any, case: tuple[int, int, int], *, posed: bool = False) -> dict[str, np.ndarray]:
    """What the upstream network says of the pictures of a case: depth, confidence, sky, rays, poses, intrinsics."""
    import torch

    x = pictures(case)
    with torch.inference_mode():
        T, K = cameras(case) if posed else (None, None)
        said = network(x, None if T is None else torch.linalg.inv(T), K)
        out = {"depth": said["depth"], "confidence": said.get("depth_conf"), "sky": said.get("sky")}
        out |= {"T_cam_world": said.get("extrinsics"), "K": said.get("intrinsics")}
        if network.cam_dec is not None and not posed:
            features, _ = network.backbone(x, cam_token=None, export_feat_layers=[])
            dense = network.head(features, *case[1:], patch_start_idx=0)
            out |= {"rays": dense["ray"], "ray_confidence": dense["ray_conf"]}
    return {k: np.asarray(v[0].float().numpy()) for k, v in out.items() if v is not None}


def main() -> None:
    """Record the answers of the shrunken networks."""
    assert importable(), "the upstream package is not installed"
    out = {}
    for kind, shape in (("views", TINY), ("alone", TINY_ALONE)):
        network = fill(upstream_network(shape))
        for name, case in CASES.items():
            for posed in (False, True)[: 1 + shape.cameras]:
                said = answers(network, case, posed=posed)
                out |= {f"{kind}/{name}/{posed}/{k}": v.astype(np.float32) for k, v in said.items()}
    np.savez_compressed(RECORDED, **out)
    print(RECORDED, RECORDED.stat().st_size)


if __name__ == "__main__":
    main()
