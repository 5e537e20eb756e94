"""The whole network: pictures, and cameras where they are known, to depth and cameras."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .cameras import CameraDecoder, CameraEncoder, from_numbers, to_numbers
from .encoder import Encoder
from .heads import Dense, Head
from .shapes import Shape

SKY = 0.3
FEWEST = 10
FAR = 0.99


class Seen(NamedTuple):
    """What the network says of pictures (B, S, ...): `dense` with a leading B, poses (B, S, 4, 4) and K (B, S, 3, 3).

    Poses are camera to world, OpenCV axes. Networks that see pictures one by one have neither.
    """

    dense: Dense
    T_world_cam: Tensor | None
    K: Tensor | None


class Network(nn.Module):
    """Depth Anything 3; names of parameters are those of the published checkpoints without their `model.`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.backbone = nn.ModuleDict({"pretrained": Encoder(shape)})
        self.head = Head(shape)
        if shape.cameras:
            self.cam_enc, self.cam_dec = CameraEncoder(shape), CameraDecoder(shape.tokens)

    def forward(
        self, pictures: Tensor, T_world_cam: Tensor | None = None, K: Tensor | None = None, *, rays: bool = False
    ) -> Seen:
        """Depth and cameras of pictures (B, S, 3, H, W), normalised by the means of ImageNet, H and W multiples of 14.

        Args:
            T_world_cam, K: (B, S, 4, 4) and (B, S, 3, 3) of known cameras, the first at the origin; or None.
            rays: whether the rays of the pixels are asked too.
        """
        b, s, _, height, width = pictures.shape
        known = None
        with torch.autocast(pictures.device.type, enabled=False):
            if T_world_cam is not None and K is not None and self.shape.cameras:
                known = self.cam_enc(to_numbers(T_world_cam, K, (height, width)))
        features, camera = self.backbone["pretrained"](pictures, known)
        with torch.autocast(pictures.device.type, enabled=False):
            flat = self.head([f.flatten(0, 1) for f in features], height, width, rays=rays)
            dense = Dense(*(None if x is None else x.unflatten(0, (b, s)) for x in flat))
            if not self.shape.cameras:
                return Seen(far_sky(dense), None, None)
            return Seen(dense, *from_numbers(self.cam_dec(camera.float()), (height, width)))


def far_sky(dense: Dense) -> Dense:
    """The sky set as far as the farthest of the rest, but for its last hundredth; where there is enough of both."""
    if dense.sky is None:
        return dense
    sky = dense.sky >= SKY
    if min(int(sky.sum()), int((~sky).sum())) <= FEWEST:
        return dense
    rest = dense.depth[~sky].sort().values
    at = FAR * (len(rest) - 1)
    low = int(at)
    far = torch.lerp(rest[low], rest[min(low + 1, len(rest) - 1)], at - low)
    return dense._replace(depth=torch.where(sky, far, dense.depth))
