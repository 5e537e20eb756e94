"""Smallest upright boxes: the device finds what may be a corner of a hull, the host does the few that are left."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cuda

from .._results import YawBoxes
from ..cpu import boxes as cpu
from . import launch

Array = npt.NDArray[Any]
SIDES = cpu.SIDES


def yaw_boxes(xyz: Array, label: Array, n: int, threads: int) -> YawBoxes:
    """See the CPU column."""
    points, of = launch.device_array(xyz), launch.device_array(label)
    angle = np.arange(SIDES) * 2 * np.pi / SIDES
    dx, dy = launch.device_array(np.cos(angle)), launch.device_array(np.sin(angle))
    best = launch.device_array(np.full((max(n, 1), SIDES), -np.inf))
    who = launch.device_array(np.full((max(n, 1), SIDES), 1 << 30, np.int32))
    height = launch.device_array(np.tile([np.inf, -np.inf], (max(n, 1), 1)))
    keep = launch.device_array(np.zeros(len(xyz), np.uint8))
    launch.run(_extremes, len(xyz), points, of, dx, dy, best, height)
    launch.run(_owners, len(xyz), points, of, dx, dy, best, who)
    launch.run(_outside, len(xyz), points, of, who, keep)
    outer = np.flatnonzero(launch.host(keep))
    boxes = cpu.yaw_boxes(np.ascontiguousarray(xyz[outer]), np.ascontiguousarray(label[outer]), n, threads)
    low, high = launch.host(height)[:n].T
    some = np.isfinite(low)
    boxes.center[some, 2], boxes.size[some, 2] = (low[some] + high[some]) / 2, high[some] - low[some]
    return boxes


@cuda.jit
def _extremes(xyz, label, dx, dy, best, height):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz) or label[i] < 0:
        return
    x, y, z = np.float64(xyz[i, 0]), np.float64(xyz[i, 1]), np.float64(xyz[i, 2])
    cuda.atomic.min(height, (label[i], 0), z)
    cuda.atomic.max(height, (label[i], 1), z)
    for s in range(SIDES):
        cuda.atomic.max(best, (label[i], s), launch.add(launch.mul(x, dx[s]), launch.mul(y, dy[s])))


@cuda.jit
def _owners(xyz, label, dx, dy, best, who):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i >= len(xyz) or label[i] < 0:
        return
    x, y = np.float64(xyz[i, 0]), np.float64(xyz[i, 1])
    for s in range(SIDES):
        if launch.add(launch.mul(x, dx[s]), launch.mul(y, dy[s])) == best[label[i], s]:
            cuda.atomic.min(who, (label[i], s), i)


@cuda.jit
def _outside(xyz, label, who, keep):  # type: ignore[no-untyped-def]
    """Mark the points that are not strictly inside the polygon of their group's extreme points."""
    i = cuda.grid(1)
    if i >= len(xyz) or label[i] < 0:
        return
    if i == who[label[i], 0]:
        keep[i] = 1
    for s in range(SIDES):
        p, q = who[label[i], s], who[label[i], (s + 1) % SIDES]
        ax, ay = np.float64(xyz[q, 0]) - np.float64(xyz[p, 0]), np.float64(xyz[q, 1]) - np.float64(xyz[p, 1])
        x, y = np.float64(xyz[i, 0]) - np.float64(xyz[p, 0]), np.float64(xyz[i, 1]) - np.float64(xyz[p, 1])
        if p != q and not ax * y - ay * x > 0:
            keep[i] = 1
