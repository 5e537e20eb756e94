"""The dense heads: four depths of tokens refined into depth, confidence, sky and rays at every pixel."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoder import PATCH
from .shapes import Shape

HIDDEN = 32
AT_ONCE = 4  # pictures, at least; else an eighth: fewer starts of many small kernels, and memory as the features'
PLACE_WEIGHT = 0.1
LEVELS = 4
RAY_CHANNELS = 7
BASE_FREQUENCY = 100.0


class Dense(NamedTuple):
    """What a head says of every pixel: depth (S, H, W); the rest where the network has it.

    confidence (S, H, W) above 1; sky (S, H, W) from 0; rays (S, h, w, 6) and their confidence (S, h, w).
    """

    depth: Tensor
    confidence: Tensor | None = None
    sky: Tensor | None = None
    rays: Tensor | None = None
    ray_confidence: Tensor | None = None


class Residual(nn.Module):
    """Two convolutions added to what came in."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(features, features, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """x (S, F, h, w) to the same shape."""
        return self.conv2(F.relu(self.conv1(F.relu(x)), inplace=True)).add_(x)


class Fusion(nn.Module):
    """One step up the pyramid: coarse features, joined by finer ones, grow to a size."""

    def __init__(self, features: int, *, joins: bool = True) -> None:
        super().__init__()
        if joins:
            self.resConfUnit1 = Residual(features)
        self.resConfUnit2 = Residual(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor, finer: Tensor | None, size: tuple[int, int]) -> Tensor:
        """x (S, F, h, w) to (S, F, *size)."""
        if finer is not None:
            x = x + self.resConfUnit1(finer)
        return self.out_conv(F.interpolate(self.resConfUnit2(x), size, mode="bilinear", align_corners=True))


class Head(nn.Module):
    """The head of Ranftl et al., "Vision transformers for dense prediction", 2021, without rays.

    Networks that see cameras add places to their features and know confidence and rays; the one that sees pictures
    alone knows the sky.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.cameras = shape.cameras
        wide, channels = shape.features, shape.channels
        self.norm = nn.LayerNorm(shape.tokens) if shape.cameras else nn.Identity()
        self.projects = nn.ModuleList(nn.Conv2d(shape.tokens, c, 1) for c in channels)
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(channels[0], channels[0], 4, 4),
                nn.ConvTranspose2d(channels[1], channels[1], 2, 2),
                nn.Identity(),
                nn.Conv2d(channels[3], channels[3], 3, 2, 1),
            ]
        )
        self.scratch = nn.ModuleDict()
        for k, c in enumerate(channels, 1):
            self.scratch[f"layer{k}_rn"] = nn.Conv2d(c, wide, 3, padding=1, bias=False)
            self.scratch[f"refinenet{k}"] = Fusion(wide, joins=k < LEVELS)
        self.scratch["output_conv1"] = nn.Conv2d(wide, wide // 2, 3, padding=1)
        self.scratch["output_conv2"] = _last(wide // 2, 2 if shape.cameras else 1)
        if shape.cameras:
            self._make_rays(wide)
        else:
            self.scratch["sky_output_conv2"] = _last(wide // 2, 1)

    def _make_rays(self, wide: int) -> None:
        """The pyramid of the rays; of its outputs the published network uses the finest alone."""
        for k in range(1, LEVELS + 1):
            self.scratch[f"refinenet{k}_aux"] = Fusion(wide, joins=k < LEVELS)
        self.scratch["output_conv1_aux"] = nn.ModuleList(_neck(wide) for _ in range(LEVELS))
        norm = nn.LayerNorm(HIDDEN)  # one for all, and once in the published files
        self.scratch["output_conv2_aux"] = nn.ModuleList(_last_of_rays(wide // 2, norm) for _ in range(LEVELS))

    def forward(self, features: list[Tensor], height: int, width: int, *, rays: bool = False) -> Dense:
        """Tokens of four depths (S, patches, C) to what is seen at every pixel; a few pictures at a time."""
        some = max(AT_ONCE, len(features[0]) // 8)
        parts = [
            self._some([f[k : k + some].float() for f in features], height, width, rays)
            for k in range(0, len(features[0]), some)
        ]
        return Dense(*(None if column[0] is None else torch.cat(column) for column in zip(*parts)))

    def _some(self, features: list[Tensor], height: int, width: int, rays: bool) -> Dense:
        pyramid = self._pyramid(features, height, width)
        fused = self.scratch["output_conv1"](self._fused(pyramid, ""))
        fine = self._placed(F.interpolate(fused, (height, width), mode="bilinear", align_corners=True), width / height)
        out = self.scratch["output_conv2"](fine)
        depth = out[:, 0].exp()
        if not self.cameras:
            return Dense(depth, sky=F.relu(self.scratch["sky_output_conv2"](fine)[:, 0]))
        confidence = out[:, 1].exp() + 1
        if not rays:
            return Dense(depth, confidence)
        aux = self.scratch["output_conv1_aux"][-1](self._fused(pyramid, "_aux"))
        aux = self.scratch["output_conv2_aux"][-1](self._placed(aux, width / height)).permute(0, 2, 3, 1)
        return Dense(depth, confidence, None, aux[..., :-1], aux[..., -1].exp() + 1)

    def _pyramid(self, features: list[Tensor], height: int, width: int) -> list[Tensor]:
        """Four maps (S, F, h, w), of 4, 2, 1 and 1/2 times the patches."""
        grid, out = (height // PATCH, width // PATCH), []
        for k, tokens in enumerate(features):
            x = self.norm(tokens).transpose(1, 2).unflatten(2, grid)
            x = self.resize_layers[k](self._placed(self.projects[k](x), width / height))
            out.append(self.scratch[f"layer{k + 1}_rn"](x))
        return out

    def _fused(self, pyramid: list[Tensor], kind: str) -> Tensor:
        x, sizes = pyramid[-1], [tuple(p.shape[2:]) for p in pyramid]
        for k in range(LEVELS, 0, -1):
            size = sizes[k - 2] if k > 1 else (2 * sizes[0][0], 2 * sizes[0][1])
            x = self.scratch[f"refinenet{k}{kind}"](x, pyramid[k - 1] if k < LEVELS else None, size)
        return x

    def _placed(self, x: Tensor, aspect: float) -> Tensor:
        """x itself, its places added where the network has cameras."""
        if not self.cameras:
            return x
        return x.add_(places(x.shape[1], x.shape[2], x.shape[3], aspect, x.device).to(x.dtype), alpha=PLACE_WEIGHT)


def places(channels: int, rows: int, columns: int, aspect: float, device: torch.device) -> Tensor:
    """Sines and cosines (channels, rows, columns) of where pixels are, the half diagonal of the picture being 1."""
    diagonal = (aspect**2 + 1) ** 0.5
    quarter = channels // 4
    frequency = BASE_FREQUENCY ** (-torch.arange(quarter, dtype=torch.float32, device=device) / quarter)
    out = []
    for span, count in ((aspect / diagonal, columns), (1 / diagonal, rows)):
        edge = span * (count - 1) / count
        angle = frequency[:, None] * torch.linspace(-edge, edge, count, device=device)
        out.append(torch.cat([angle.sin(), angle.cos()]))
    along_x, along_y = out
    wide, high = along_x[:, None, :].expand(-1, rows, -1), along_y[:, :, None].expand(-1, -1, columns)
    return torch.cat([wide, high])


def _last(wide: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(wide, HIDDEN, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(HIDDEN, out, 1))


def _neck(wide: int) -> nn.Sequential:
    half = wide // 2
    return nn.Sequential(
        *(nn.Conv2d(*pair, 3, padding=1) for pair in [(wide, half), (half, wide)] * 2 + [(wide, half)])
    )


class _Channels(nn.Module):
    """Channels last, or first again: its place in a sequence gives the layers after it their published names."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(*self.order)


def _last_of_rays(wide: int, norm: nn.LayerNorm) -> nn.Sequential:
    normed = (_Channels(0, 2, 3, 1), norm, _Channels(0, 3, 1, 2))
    return nn.Sequential(nn.Conv2d(wide, HIDDEN, 3, padding=1), *normed, nn.ReLU(), nn.Conv2d(HIDDEN, RAY_CHANNELS, 1))
