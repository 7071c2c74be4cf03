"""Skin by its looks: the colours and textures of one face's skin against those around its head, and the place.

There is no parsing network. Each face is learnt anew: a two-class histogram in Lab after Jones & Rehg 1999
(statistical color models), with the place in the oval as prior.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Mask, Pixels

Bins = NDArray[np.int32]
"""(h, w) int32, the number of each pixel's histogram bin."""

Choice = NDArray[np.bool_]
"""(h, w) bool."""

_BINS = 32  # a channel
_TEXTURE_BINS = 32
_ROUNDS = 3
_PRIOR_AT_EDGE, _PRIOR_INSIDE, _PRIOR_DEPTH = 0.55, 0.98, 0.16  # that it is skin; the depth in face widths
_RING = (0.02, 0.22)  # where hair and background are learnt, face widths outside the oval

# Probabilities that are added for colours that a histogram never met. A histogram has 32 768 bins, so a flat one has
# 3e-5 in each.
# Skin in another light: a shade near the known skin is a few times as likely as by chance; the standard deviations
# are in bins of lightness, a and b. Light changes lightness more than it changes hue.
_UNSEEN_SHADE, _SHADE_DEVIATION = 1e-4, (4.4, 3.0, 3.0)
# A colour far from the known skin: next to nothing, and more than 0, so that the ratio of both classes is defined.
_UNSEEN_SKIN = 1e-9
# Hair and background may have any colour: every bin has a third of what a flat histogram has.
_UNSEEN_OTHER = 1e-5


def learn_skin(
    lab: Floats, points: Floats, width: float, oval: Pixels, seed: Choice, features: Choice, unlike: Choice
) -> Mask:
    """(h, w) float32 in 0..1, how likely each pixel is this face's skin, learnt in a few rounds.

    Args:
        lab: (h, w, 3) float32, OpenCV's 8-bit Lab, 0..255 a channel.
        points: (468, 2) float32, the mesh in its pixels.
        width: of the face, in its pixels.
        oval: (h, w) uint8, 1 inside the face's outline.
        seed: (h, w) bool, pixels that are skin.
        features: (h, w) bool, eyes, brows, nose and mouth, which teach nothing.
        unlike: (h, w) bool, what lies where skin should be and is unlike it: it teaches the colours of a cover.
    """
    colours, textures = _bin_colours(lab, seed), _bin_textures(lab[..., 0], width)
    depth = np.asarray(cv2.distanceTransform(oval, cv2.DIST_L2, 5), np.float32) / width
    prior = _PRIOR_AT_EDGE + (_PRIOR_INSIDE - _PRIOR_AT_EDGE) * np.clip(depth / _PRIOR_DEPTH, 0, 1)
    known, ring = seed.astype(np.float32), _find_ring(oval, points, width)
    inside = (oval > 0) & ~features & ~unlike
    skin, other = known, np.maximum(ring, unlike)
    likely = np.zeros_like(prior)
    unseen_skin, unseen_other = _expect_unseen_skin(colours, seed), np.full(_BINS**3, _UNSEEN_OTHER, np.float64)
    for _ in range(_ROUNDS):
        of_skin = _count_colours(colours, skin, unseen_skin)[colours] * _count_textures(textures, skin)[textures]
        of_other = _count_colours(colours, other, unseen_other)[colours] * _count_textures(textures, other)[textures]
        ratio = of_skin / (of_skin + of_other)
        likely = prior * ratio / (prior * ratio + (1 - prior) * (1 - ratio))
        skin = np.maximum(known, likely * (inside & (likely > 0.5)))
        # Ears and a bare scalp lie in the ring too: what looks like skin there teaches nothing about hair.
        other = np.where(inside, (1 - likely) * (likely < 0.3), np.maximum(ring * (1 - ratio), unlike))
    return np.asarray(cv2.GaussianBlur(likely.astype(np.float32), (0, 0), 0.8), np.float32)


def _bin_colours(lab: Floats, seed: Choice) -> Bins:
    """(h, w) number of each pixel's Lab bin; lightness relative to this face's own skin."""
    middle = float(np.median(lab[..., 0][seed])) if seed.any() else 128.0
    # Skin and hair differ by less in a and b than the 8 bits span.
    stretch = np.array([[150 / max(middle, 1.0), 0, 0, 0], [0, 2, 0, -128], [0, 0, 2, -128]], np.float32)
    codes = np.clip(cv2.transform(lab, stretch), 0, 255)
    lightness, a, b = cv2.split(np.asarray(codes * np.float32(_BINS / 256), np.int32))
    return np.asarray((lightness * _BINS + a) * _BINS + b, np.int32)


def _bin_textures(lightness: Floats, width: float) -> Bins:
    """(h, w) number of each pixel's bin of local contrast, in steps of a third of an octave."""
    detail = lightness - np.asarray(cv2.GaussianBlur(lightness, (0, 0), 0.015 * width), np.float32)
    energy = np.asarray(cv2.GaussianBlur(detail * detail, (0, 0), 0.015 * width), np.float32)
    steps = np.log2(np.sqrt(energy) / (lightness + 8) + 1e-3) * 3 + 30
    return np.asarray(np.clip(steps, 0, _TEXTURE_BINS - 1), np.int32)


def _expect_unseen_skin(bins: Bins, seed: Choice) -> NDArray[np.float64]:
    """(32768,) how likely a colour that the seed does not show is its skin in another light."""
    channels = np.stack(np.unravel_index(bins[seed], (_BINS, _BINS, _BINS)))
    middle = np.median(channels, axis=1) if seed.any() else np.full(3, _BINS / 2)
    away = (np.arange(_BINS) - middle[:, None]) / np.array(_SHADE_DEVIATION)[:, None]
    lightness, a, b = np.exp(-(away**2) / 2)
    near = lightness[:, None, None] * a[:, None] * b
    return np.asarray(_UNSEEN_SHADE * near.ravel() + _UNSEEN_SKIN, np.float64)


def _count_colours(bins: Bins, weight: Mask, unseen: NDArray[np.float64]) -> Floats:
    """(32768,) smoothed probability of each Lab bin; `unseen` (32768,) is added to what `weight` has met."""
    met = np.asarray(np.bincount(bins.ravel(), weight.ravel(), _BINS**3), np.float64)
    smooth = _smoothing(_BINS, 2)
    counts = (smooth @ met.reshape(_BINS, -1)).reshape(_BINS, _BINS, _BINS)
    counts = (smooth @ counts) @ smooth
    total = max(float(counts.sum()), 1e-6)
    return np.asarray((counts.ravel() / total + unseen) / (1 + unseen.sum()), np.float32)


def _count_textures(bins: Bins, weight: Mask) -> Floats:
    """(32,) smoothed probability of each bin of contrast."""
    counts = np.asarray(np.bincount(bins.ravel(), weight.ravel(), _TEXTURE_BINS), np.float64)
    counts = _smoothing(_TEXTURE_BINS, 3) @ counts
    total = max(float(counts.sum()), 1e-6)
    return ((counts + 0.01 * total) / (total * (1 + 0.01 * _TEXTURE_BINS))).astype(np.float32)


@cache
def _smoothing(bins: int, times: int) -> NDArray[np.float64]:
    """(bins, bins) symmetric matrix that mixes every bin with its neighbours, 1 : 2 : 1, some times; the ends join."""
    once = np.eye(bins) / 2 + (np.roll(np.eye(bins), 1, 0) + np.roll(np.eye(bins), -1, 0)) / 4
    return np.asarray(np.linalg.matrix_power(once, times), np.float64)


def _find_ring(oval: Pixels, points: Floats, width: float) -> Mask:
    """1 around the head, above the mouth."""
    away = np.asarray(cv2.distanceTransform(1 - oval, cv2.DIST_L2, 5), np.float32) / width
    between = (away > _RING[0]) & (away <= _RING[1])
    up = points[10] - points[152]
    mouth = points[[61, 291]].mean(0)
    rows, columns = np.ogrid[: between.shape[0], : between.shape[1]]
    above = (columns - mouth[0]) * up[0] + (rows - mouth[1]) * up[1] > 0
    return np.asarray(between * above, np.float32)
