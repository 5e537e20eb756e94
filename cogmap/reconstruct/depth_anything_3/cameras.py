"""Cameras as nine numbers: shift, quaternion, two fields of view; read from tokens and written into tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .encoder import Block, Mlp
from .shapes import Shape

NUMBERS = 9
LEAST_TANGENT = 1e-6
LEAST_DIVISOR = 0.1
TRUNK_EPS = 1e-5


class CameraDecoder(nn.Module):
    """Tokens (B, S, C) to nine numbers a camera (B, S, 9)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.fc_t, self.fc_qvec = nn.Linear(width, 3), nn.Linear(width, 4)
        self.fc_fov = nn.Sequential(nn.Linear(width, 2), nn.ReLU())

    def forward(self, token: Tensor) -> Tensor:
        """Shift, quaternion and fields of view."""
        x = self.backbone(token)
        return torch.cat([self.fc_t(x), self.fc_qvec(x), self.fc_fov(x)], dim=-1)


class CameraEncoder(nn.Module):
    """Nine numbers a camera (B, S, 9) to tokens (B, S, C); the cameras see one another."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.pose_branch = Mlp(NUMBERS, width // 2, width)
        self.token_norm, self.trunk_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.trunk = nn.Sequential(*(Block(width, shape.trunk_heads, eps=TRUNK_EPS) for _ in range(shape.trunk)))

    def forward(self, numbers: Tensor) -> Tensor:
        """Tokens of known cameras."""
        return self.trunk_norm(self.trunk(self.token_norm(self.pose_branch(numbers))))


def to_numbers(T_world_cam: Tensor, K: Tensor, size: tuple[int, int]) -> Tensor:
    """Poses (..., 4, 4) and intrinsics (..., 3, 3) as shift, quaternion x y z w, fields of view (down, across)."""
    sides = torch.stack([size[0] / K[..., 1, 1], size[1] / K[..., 0, 0]], dim=-1)
    turn = quaternion_of(T_world_cam[..., :3, :3])
    return torch.cat([T_world_cam[..., :3, 3], turn, 2 * torch.atan(sides / 2)], dim=-1).float()


def from_numbers(numbers: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Poses (..., 4, 4) and intrinsics (..., 3, 3), the principal point in the middle, of nine numbers (..., 9)."""
    T = torch.zeros((*numbers.shape[:-1], 4, 4), dtype=numbers.dtype, device=numbers.device)
    T[..., :3, :3], T[..., :3, 3], T[..., 3, 3] = rotation_of_quaternion(numbers[..., 3:7]), numbers[..., :3], 1
    tangent = torch.tan(numbers[..., 7:] / 2).clamp(LEAST_TANGENT)
    K = torch.zeros((*numbers.shape[:-1], 3, 3), dtype=numbers.dtype, device=numbers.device)
    height, width = size
    K[..., 0, 0], K[..., 1, 1] = width / 2 / tangent[..., 1], height / 2 / tangent[..., 0]
    K[..., 0, 2], K[..., 1, 2], K[..., 2, 2] = width / 2, height / 2, 1
    return T, K


def rotation_of_quaternion(q: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of quaternions x y z w (..., 4) of any length but 0."""
    q = q * (2 / (q * q).sum(-1, keepdim=True)).sqrt()
    x, y, z, w = q.unbind(-1)
    rows = [1 - y * y - z * z, x * y - z * w, x * z + y * w]
    rows += [x * y + z * w, 1 - x * x - z * z, y * z - x * w]
    rows += [x * z - y * w, y * z + x * w, 1 - x * x - y * y]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def quaternion_of(R: Tensor) -> Tensor:
    """Quaternions x y z w (..., 4), w not below 0, of rotations (..., 3, 3), by the largest of the four."""
    m = R.flatten(-2)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = m.unbind(-1)
    four = torch.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], dim=-1)
    w, x, y, z = four.clamp(min=0).unbind(-1)
    a, b, c, d, e, f = zy - yz, xz - zx, yx - xy, yx + xy, xz + zx, yz + zy
    rows = torch.stack([a, b, c, w, x, d, e, a, d, y, f, b, e, f, z, c], dim=-1).unflatten(-1, (4, 4))
    scaled = rows / (2 * four.clamp(min=0).sqrt().clamp(min=LEAST_DIVISOR))[..., None]
    best = F.one_hot(four.argmax(-1), 4).to(scaled.dtype)
    q = (scaled * best[..., None]).sum(-2)
    return torch.where(q[..., 3:] < 0, -q, q)
