"""High dynamic range pictures brought to sRGB."""

from __future__ import annotations

import numpy as np

from .._checks import U8, Array

PQ, HLG = 16, 18
WHITE_NITS = 203.0
BT2020_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def tone_mapped(code: Array, transfer: int) -> U8:
    """sRGB (H, W, 3) uint8 of BT.2020 colours (H, W, 3) uint16 coded by PQ or HLG.

    Transfer functions: ITU-R BT.2100. White at 203 cd/m2 (BT.2408); brighter light is rolled off by
    x (1 + x / 16) / (1 + x) (Reinhard et al., SIGGRAPH 2002).
    """
    light = _pq(code / 65535.0) if transfer == PQ else _hlg(code / 65535.0)
    linear = np.maximum((light / WHITE_NITS) @ BT2020_TO_709.T, 0)
    rolled = linear * (1 + linear / 16) / (1 + linear) * 1.6
    srgb = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * np.maximum(rolled, 1e-9) ** (1 / 2.4) - 0.055)
    return np.round(np.clip(srgb, 0, 1) * 255).astype(np.uint8)


def _pq(e: Array) -> Array:
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    p = np.maximum(e, 0) ** (1 / m2)
    return np.asarray(10000 * (np.maximum(p - c1, 0) / (c2 - c3 * p)) ** (1 / m1))


def _hlg(e: Array) -> Array:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(e <= 0.5, e**2 / 3, (np.exp((e - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(1000 * scene * np.maximum(luminance, 1e-6)[..., None] ** 0.2)
