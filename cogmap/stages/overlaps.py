"""Pieces that lie in one place are pieces of one thing: two things cannot be where the other is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .._checks import F64, I32
from ..data.voxels import Voxels
from ..geometry.box import fit_rectangle, turn_xy
from .instances import members

MARGIN_CELLS = 2
INSIDE, INSIDE_BACK = 0.8, 0.5
SHEET_INSIDE, OF_HOST = 0.9, 0.4
TRIMMED = 0.03


@dataclass(frozen=True)
class Piece:
    """Points (P, 3) and the upright box round them: middle and edges on the floor, yaw, height of bottom and top."""

    xyz: F64
    center: F64
    size: F64
    yaw: float
    low: float
    top: float

    @classmethod
    def of(cls, xyz: F64) -> Piece:
        """The piece of some points."""
        center, size, yaw = fit_rectangle(xyz[:, :2])
        return cls(xyz, center, size, yaw, float(xyz[:, 2].min()), float(xyz[:, 2].max()))

    def share_inside(self, other: Piece, margin_m: float) -> float:
        """Share of the points that lie in the box of another piece, widened by a margin."""
        across = np.abs((self.xyz[:, :2] - other.center) @ turn_xy(other.yaw)) - other.size / 2
        z = self.xyz[:, 2]
        inside = (across <= margin_m).all(1) & (z >= other.low - margin_m) & (z <= other.top + margin_m)
        return float(inside.mean())

    @property
    def thickness(self) -> float:
        """The least edge of the box, less what strays."""
        own = np.column_stack([(self.xyz[:, :2] - self.center) @ turn_xy(self.yaw), self.xyz[:, 2]])
        return float(np.ptp(np.quantile(own, (TRIMMED, 1 - TRIMMED), axis=0), axis=0).min())

    def may_meet(self, other: Piece, margin_m: float) -> bool:
        """Whether the circles round both boxes overlap."""
        reach = float(np.hypot(*self.size) + np.hypot(*other.size)) / 2 + margin_m
        return float(np.hypot(*(self.center - other.center))) <= reach


def one_thing_a_place(voxels: Voxels, objects: I32, thin_m: float) -> I32:
    """Objects (V,) after those that share a place were joined, the surest pair first; numbers are consecutive.

    Two are one thing where four fifths of one lie in the box of the other and half of the other in its. A sheet of less
    than `thin_m` belongs to a piece two and a half times as large in whose box nine tenths of it lie: noise and changes
    of colour shave such sheets off. What is thicker and lies in another's box, a chair under a table or books on
    a shelf, stays.
    """
    index = np.flatnonzero(objects >= 0)
    groups = {k: index[g] for k, g in enumerate(members(objects[index]))}
    pieces = {k: Piece.of(voxels.mean_map[g].astype(np.float64)) for k, g in groups.items()}
    margin = MARGIN_CELLS * voxels.voxel_m

    def sure_of(pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], float]:
        scores = {(a, b): _sureness(pieces[a], pieces[b], margin, thin_m) for a, b in pairs}
        return {pair: score for pair, score in scores.items() if score > 0}

    sure = sure_of(combinations(pieces, 2))
    while sure:
        a, b = max(sure, key=lambda p: (sure[p], -p[0], -p[1]))
        groups[a] = np.concatenate([groups[a], groups.pop(b)])
        pieces[a] = Piece.of(np.concatenate([pieces[a].xyz, pieces.pop(b).xyz]))
        sure = {pair: score for pair, score in sure.items() if not {a, b} & set(pair)}
        sure |= sure_of((min(a, k), max(a, k)) for k in pieces if k != a)
    out = np.full(len(voxels), -1, np.int32)
    for n, group in enumerate(groups.values()):
        out[group] = n
    return out


def _sureness(a: Piece, b: Piece, margin_m: float, thin_m: float) -> float:
    """How surely two pieces are one thing, 0 where they are not."""
    if not a.may_meet(b, margin_m):
        return 0.0
    small, large = (a, b) if len(a.xyz) <= len(b.xyz) else (b, a)
    within, back = small.share_inside(large, margin_m), large.share_inside(small, margin_m)
    if max(within, back) >= INSIDE and min(within, back) >= INSIDE_BACK:
        return within + back
    sheet = within >= SHEET_INSIDE and len(small.xyz) < OF_HOST * len(large.xyz) and small.thickness <= thin_m
    return within if sheet else 0.0
