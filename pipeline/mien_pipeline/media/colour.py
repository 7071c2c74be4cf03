"""Colour: sRGB code values ↔ linear light, and → CIELAB."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Pixels

_LINEAR_STEPS = 1 << 14  # sRGB's darkest step is 1/3295 of white, so about five of these to a step


def _tabulate_decoding() -> Floats:
    """(256,) linear light of every sRGB code value (IEC 61966-2-1)."""
    code = np.arange(256) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _tabulate_encoding() -> NDArray[np.uint8]:
    """(16385,) sRGB code value of every step of linear light (IEC 61966-2-1)."""
    light = np.arange(_LINEAR_STEPS + 1) / _LINEAR_STEPS
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(code * 255).astype(np.uint8)


def _tabulate_roots() -> Floats:
    """(16385,) CIELAB's f of every step of X, Y or Z by white's: a cube root, and a line near black."""
    light = np.arange(_LINEAR_STEPS + 1) / _LINEAR_STEPS
    return np.where(light > 216 / 24389, np.cbrt(light), (24389 / 27 * light + 16) / 116).astype(np.float32)


_DECODE, _ENCODE, _ROOTS = _tabulate_decoding(), _tabulate_encoding(), _tabulate_roots()
# Linear sRGB to X, Y and Z by those of white (IEC 61966-2-1, D65), and their roots to L, a and b.
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_TO_XYZ = _XYZ / _XYZ.sum(1, keepdims=True)
_TO_LAB = np.array([[0, 116, 0, -16], [500, -500, 0, 0], [0, 200, -200, 0]])


def to_linear(pixels: Pixels) -> Floats:
    """Linear light in 0..1, float32, from uint8 sRGB code values: (H, W, 3) or (H, W), the same shape back."""
    return np.asarray(cv2.LUT(pixels, _DECODE), np.float32)


def to_lab(pixels: Pixels) -> Floats:
    """CIELAB of uint8 sRGB code values: (H, W, 3) float32, L in 0..100.

    Not OpenCV's, which builds tables of every colour first, for a tenth of a second.
    """
    light = cv2.transform(to_linear(pixels), _TO_XYZ)
    roots = _ROOTS[(light * _LINEAR_STEPS + 0.5).astype(np.uint16)]
    return np.asarray(cv2.transform(roots, _TO_LAB), np.float32)


def to_lab_codes(pixels: Pixels) -> Pixels:
    """CIELAB of uint8 sRGB code values as (H, W, 3) uint8: L stretched to 0..255, a and b around 128."""
    codes = to_lab(pixels) * np.array([2.55, 1, 1], np.float32) + np.array([0, 128, 128], np.float32)
    return np.asarray(np.clip(np.rint(codes), 0, 255), np.uint8)


def to_srgb(light: Floats) -> Pixels:
    """uint8 sRGB code values from linear light, any shape; values outside 0..1 are clipped."""
    return _ENCODE[(np.clip(light, 0, 1) * _LINEAR_STEPS + 0.5).astype(np.uint16)]
