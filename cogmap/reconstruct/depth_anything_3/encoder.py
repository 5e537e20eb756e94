"""The encoder: a DINOv2 transformer whose later blocks look at each picture and at all pictures by turns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .shapes import Shape

PATCH = 14
GRID = 37
EPS = 1e-6
BASE_FREQUENCY = 100.0
FEWEST_TO_CHOOSE = 3
Rotation = tuple[Tensor, Tensor]


class Scale(nn.Module):
    """A factor for every channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """x (..., C) times gamma (C,)."""
        return x * self.gamma


class Mlp(nn.Module):
    """Two layers with a GELU between."""

    def __init__(self, width: int, hidden: int, out: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, out)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., width) to (..., out)."""
        return self.fc2(F.gelu(self.fc1(x)))


class Attention(nn.Module):
    """Self-attention; with `normed`, queries and keys are normalised in every head."""

    def __init__(self, width: int, heads: int, *, normed: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.q_norm = nn.LayerNorm(width // heads) if normed else nn.Identity()
        self.k_norm = nn.LayerNorm(width // heads) if normed else nn.Identity()

    def forward(self, x: Tensor, rotation: Rotation | None = None) -> Tensor:
        """Tokens (B, N, C) to (B, N, C); `rotation` turns queries and keys by where their tokens are."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        if rotation is not None:
            q = rotated(q, rotation).to(v.dtype)  # one after the other: in half precision both would be large
            k = rotated(k, rotation).to(v.dtype)
        out = F.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a small network, each added to what came in."""

    def __init__(self, width: int, heads: int, *, normed: bool = False, eps: float = EPS) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=eps), Attention(width, heads, normed=normed)
        self.ls1 = Scale(width)
        self.norm2, self.mlp = nn.LayerNorm(width, eps=eps), Mlp(width, 4 * width, width)
        self.ls2 = Scale(width)

    def forward(self, x: Tensor, rotation: Rotation | None = None) -> Tensor:
        """Tokens (B, N, C) to (B, N, C)."""
        x = x + self.ls1(self.attn(self.norm1(x), rotation))
        return x + self.ls2(self.mlp(self.norm2(x)))


def rotated(x: Tensor, rotation: Rotation) -> Tensor:
    """Queries or keys (B, heads, N, D) turned by cosines and sines (N, D / 2).

    The first half of the channels turns with the row, the second with the column; within each, channel k turns with
    k + D / 4. Su et al., "RoFormer", 2021, in two directions as Heo et al., "Rotary position embedding for vision
    transformer", 2024.
    """
    cos, sin = (r.to(x.dtype).unflatten(-1, (2, -1)) for r in rotation)
    first, second = x.unflatten(-1, (2, 2, -1)).unbind(-2)
    turned = torch.addcmul(first * cos, second, sin, value=-1), torch.addcmul(second * cos, first, sin)
    return torch.stack(turned, dim=-2).flatten(-3)


def rotation_of(place: Tensor, channels: int) -> Rotation:
    """Cosines and sines (N, channels / 2) for tokens at rows and columns (N, 2): first by row, then by column."""
    quarter = channels // 4
    frequency = BASE_FREQUENCY ** (-torch.arange(quarter, device=place.device, dtype=torch.float32) / quarter)
    angle = (place[:, :, None].float() * frequency).flatten(1)
    return angle.cos(), angle.sin()


class Encoder(nn.Module):
    """Pictures to tokens; names of parameters are those of the published checkpoints."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        later = shape.depth if shape.views_from is None else shape.views_from
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, shape.width, PATCH, PATCH)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        if shape.cameras:
            self.camera_token = nn.Parameter(torch.zeros(1, 2, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, GRID**2 + 1, shape.width))
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads, normed=i >= later) for i in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, pictures: Tensor, camera: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """Features of four depths, each (B, S, patches, tokens), and the cameras' tokens (B, S, tokens).

        Args:
            pictures: (B, S, 3, H, W), normalised; H and W multiples of 14. camera: (B, S, width) tokens of known
                cameras, or None: then the picture most like the others in kind becomes the reference.
        """
        b, s, _, height, width = pictures.shape
        x = self._tokens(pictures)
        near, far = self._rotations(height // PATCH, width // PATCH, s, x.device)
        start, own, order = self.shape.views_from, x, None
        taken: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            later = start is not None and i >= start
            if start is not None and i == start - 1 and s >= FEWEST_TO_CHOOSE and camera is None:
                order = order_of(reference_view(x[:, :, 0]), s)
                x, own = reordered(x, order), reordered(own, order)
            if i == start:
                x = torch.cat([self._camera(camera, b, s).to(x.dtype)[:, :, None], x[:, :, 1:]], dim=2)
            if later and i % 2 == 1:
                x = block(x.flatten(1, 2), far).unflatten(1, (s, -1))
            else:
                x = own = block(x.flatten(0, 1), near if later else None).unflatten(0, (b, s))
            if i in self.shape.taken:
                features, cameras = self._out(own, x, order)
                taken.append(features)
        return taken, cameras

    def _tokens(self, pictures: Tensor) -> Tensor:
        """(B, S, 1 + patches, C): a class token and the patches, with where they are added."""
        b, s, _, height, width = pictures.shape
        patches = self.patch_embed["proj"](pictures.flatten(0, 1)).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(b * s, -1, -1).to(patches.dtype), patches], dim=1)
        return (x + self._places(height, width).to(x.dtype)).unflatten(0, (b, s))

    def _places(self, height: int, width: int) -> Tensor:
        """Position embeddings (1, 1 + patches, C), resampled to the grid of the picture as they were in training."""
        if height == width == GRID * PATCH:
            return self.pos_embed
        grid = self.pos_embed[:, 1:].float().unflatten(1, (GRID, GRID)).permute(0, 3, 1, 2)
        factor = ((height // PATCH + 0.1) / GRID, (width // PATCH + 0.1) / GRID)
        fitted = F.interpolate(grid, scale_factor=factor, mode="bicubic")
        return torch.cat([self.pos_embed[:, :1].float(), fitted.flatten(2).transpose(1, 2)], dim=1)

    def _rotations(self, rows: int, columns: int, pictures: int, device: Any) -> tuple[Rotation, Rotation]:
        """For blocks that see one picture, patches by row and column; for those that see all, every patch alike."""
        sides = (torch.arange(1, count + 1, device=device) for count in (rows, columns))
        place = torch.cartesian_prod(*sides).reshape(-1, 2)
        special = torch.zeros(1, 2, dtype=place.dtype, device=device)
        near = torch.cat([special, place])
        far = torch.cat([special, torch.ones_like(place)]).repeat(pictures, 1)
        channels = self.shape.width // self.shape.heads
        return rotation_of(near, channels), rotation_of(far, channels)

    def _camera(self, known: Tensor | None, b: int, s: int) -> Tensor:
        """Camera tokens (B, S, C): those of known cameras, or one for the reference and one for all others."""
        if known is not None:
            return known
        return torch.cat([self.camera_token[:, :1], self.camera_token[:, 1:].expand(-1, s - 1, -1)], 1).expand(
            b, -1, -1
        )

    def _out(self, own: Tensor, x: Tensor, order: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features of patches, in half precision where that is asked, and tokens of cameras, pictures in their order.

        The shared half of features is normalised; a picture's own half stays as it is, and so do cameras.
        """
        halves = [own, x] if self.shape.cameras else [x]
        if order is not None:
            back = order.argsort(dim=1)
            halves = [reordered(h, back) for h in halves]
        patches = [h[:, :, 1:] for h in halves]
        patches[-1] = self.norm(patches[-1])
        device = x.device.type
        kept = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        return torch.cat([p.to(kept) for p in patches], dim=-1), torch.cat([h[:, :, 0] for h in halves], dim=-1)


def reference_view(token: Tensor) -> Tensor:
    """The picture (B,) of class tokens (B, S, C) that is nearest to the middle in likeness, length and spread."""
    length = token.norm(dim=-1)
    unit = token / length[..., None]
    count = token.shape[1]
    alike = (unit @ unit.transpose(1, 2) - torch.eye(count, device=token.device, dtype=unit.dtype)).sum(-1) / (
        count - 1
    )
    off = torch.zeros_like(length)
    for value in (alike, length, unit.var(dim=-1)):
        low, high = value.amin(1, keepdim=True), value.amax(1, keepdim=True)
        off = off + ((value - low) / (high - low + 1e-8) - 0.5).abs()
    return off.argmin(dim=1)


def order_of(first: Tensor, count: int) -> Tensor:
    """Positions (B, S) with picture `first` (B,) before all others, which keep their order."""
    rank = torch.arange(count, device=first.device).repeat(len(first), 1)
    return rank.scatter(1, first[:, None], -1).argsort(dim=1)


def reordered(x: Tensor, order: Tensor) -> Tensor:
    """x (B, S, ...) with its pictures in the order (B, S)."""
    return x[torch.arange(len(x), device=x.device)[:, None], order]
