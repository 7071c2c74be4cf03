"""Colour: sRGB code values ↔ linear light."""

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


_DECODE, _ENCODE = _tabulate_decoding(), _tabulate_encoding()


def to_linear(pixels: Pixels) -> Floats:
    """Linear light in 0..1, float32, from uint8 sRGB code values: (H, W, 3) or (H, W), the same shape back."""
    return np.asarray(cv2.LUT(pixels, _DECODE), np.float32)


def to_srgb(light: Floats) -> Pixels:
    """uint8 sRGB code values from linear light, any shape; values outside 0..1 are clipped."""
    return _ENCODE[(np.clip(light, 0, 1) * _LINEAR_STEPS + 0.5).astype(np.uint16)]
