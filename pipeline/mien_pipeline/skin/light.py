"""Light: the ratio image that puts one picture's shading and colour cast on another."""

import math

import cv2
import numpy as np

from mien_pipeline.image import Floats, Mask

# The ratio may darken a hundredfold and brighten twelvefold; beyond that it amplifies noise, not light. Its channels
# are limited together: with blue alone held back, dark skin turns yellow in bright light.
RATIO_LIMITS = (0.01, 12.0)

_THIRDS = np.full((1, 3), 1 / 3, np.float32)
_SMALL_SIGMA_PX = 4.0  # a wide blur is made so small that it is between this and twice as wide
_TRUST_IN_MEAN = 0.002  # weight of the mean of all pixels; where pixels near by have weight, theirs decides


def light_ratio(source: Floats, target: Floats, weight: Mask, sigma_px: float) -> Floats:
    """(H, W, 3) float32 factor that gives `source` the low frequencies of `target`; its mean is within RATIO_LIMITS.

    Pixels without weight get what their neighbours say, and the mean of all where no neighbour has any.

    Args:
        source, target: (H, W, 3) float32 RGB in linear light, 0..1, in the same place.
        weight: (H, W) float32 in 0..1, how much each pixel counts.
        sigma_px: of the Gaussian blur that leaves the low frequencies.

    Source: the ratio image of Riklin-Raviv & Shashua 2001 (the quotient image), between two blurred pictures.
    """
    total = max(float(weight.sum()), 1e-6)
    weighted_source, weighted_target = source * weight[..., None], target * weight[..., None]
    mean_source, mean_target = (
        np.asarray(cv2.sumElems(each)[:3], np.float32) / total + 1e-4 for each in (weighted_source, weighted_target)
    )
    blurred_source, blurred_target = blur(weighted_source, sigma_px), blur(weighted_target, sigma_px)
    ratio = (blurred_target + _TRUST_IN_MEAN * mean_target) / (blurred_source + _TRUST_IN_MEAN * mean_source)
    mean = average(np.asarray(ratio, np.float32))[..., None]
    return np.asarray(ratio * (np.clip(mean, *RATIO_LIMITS) / np.maximum(mean, 1e-6)), np.float32)


def blur(values: Floats, sigma_px: float) -> Floats:
    """(H, W) or (H, W, C) float32 after a Gaussian blur, mirrored at the border.

    A wide one is made small: within half a percent of the values' range, tens of times as fast.
    """
    step = int(sigma_px / _SMALL_SIGMA_PX)
    if step < 2:
        return _as_floats(cv2.GaussianBlur(values, (0, 0), max(sigma_px, 0.1), borderType=cv2.BORDER_REFLECT))
    height, width = values.shape[:2]
    size = -(-width // step), -(-height // step)
    more = 0, size[1] * step - height, 0, size[0] * step - width
    padded = cv2.copyMakeBorder(values, *more, cv2.BORDER_REFLECT)
    small = cv2.resize(padded, size, interpolation=cv2.INTER_AREA)
    # Averaging over squares and interpolating between them blur too: by a quarter of a small pixel squared.
    left = math.sqrt((sigma_px / step) ** 2 - 0.25)
    small = cv2.GaussianBlur(small, (0, 0), left, borderType=cv2.BORDER_REFLECT)
    large = cv2.resize(small, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
    return _as_floats(large[:height, :width])


def average(light: Floats) -> Mask:
    """(h, w) the mean of the channels of (h, w, 3) float32; NumPy's own takes twenty times as long."""
    return np.asarray(cv2.transform(light, _THIRDS), np.float32)


def measure_length(colours: Floats) -> Floats:
    """(h, w) the length of each colour of (h, w, 3) float32; NumPy's own takes nearly twenty times as long."""
    return np.sqrt(3 * average(np.asarray(cv2.multiply(colours, colours), np.float32)))


def _as_floats(array: object) -> Floats:
    return np.ascontiguousarray(array, np.float32)
