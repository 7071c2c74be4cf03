"""Light: sRGB ↔ linear, and the ratio image that puts one picture's shading and colour cast on another."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Pixels

# The ratio may darken a hundredfold and brighten twelvefold; beyond that it amplifies noise, not light.
RATIO_LIMITS = (0.01, 12.0)

_LEVELS = 1 << 14  # linear steps; sRGB's darkest step is 1/3295, so four of these to a step


def _decoding() -> Floats:
    """IEC 61966-2-1: sRGB code value → linear light."""
    code = np.arange(256) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _encoding() -> NDArray[np.uint8]:
    light = np.arange(_LEVELS + 1) / _LEVELS
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(code * 255).astype(np.uint8)


_DECODE, _ENCODE = _decoding(), _encoding()


def to_linear(pixels: Pixels) -> Floats:
    """sRGB code values, any shape → linear light in 0..1."""
    return np.asarray(cv2.LUT(pixels, _DECODE), np.float32)


def to_srgb(light: Floats) -> Pixels:
    """Linear light → sRGB code values; what lies outside 0..1 is clipped."""
    return _ENCODE[(np.clip(light, 0, 1) * _LEVELS + 0.5).astype(np.uint16)]


def light_ratio(source: Floats, target: Floats, weight: Floats, sigma_px: float) -> Floats:
    """(H, W, 3) factor that gives `source` the low frequencies of `target`.

    Both (H, W, 3) in linear light; only pixels with `weight` (H, W) are asked, the others get what their
    neighbours say, and the average of all where nobody is near.
    Source: the ratio image of Riklin-Raviv & Shashua 2001 (the quotient image), between two blurred pictures.
    """
    total = max(float(weight.sum()), 1e-6)
    mean_source = (source * weight[..., None]).sum((0, 1)) / total + 1e-4
    mean_target = (target * weight[..., None]).sum((0, 1)) / total + 1e-4
    blurred_source = blur(source * weight[..., None], sigma_px)
    blurred_target = blur(target * weight[..., None], sigma_px)
    trust = 0.002
    ratio = (blurred_target + trust * mean_target) / (blurred_source + trust * mean_source)
    return np.asarray(np.clip(ratio, *RATIO_LIMITS), np.float32)


def blur(values: Floats, sigma_px: float) -> Floats:
    """Gaussian blur, mirrored at the border; small arrays and wide kernels are what it is for."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), max(sigma_px, 0.1), borderType=cv2.BORDER_REFLECT), np.float32)
