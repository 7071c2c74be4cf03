"""The invisible mark of every result: one product number, the same in every install, that survives saving and resizing.

It is not who made the picture and not evidence by itself (the weights are public, so it can be forged); it supports
the signed credentials, which the first social network strips.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from mien_core.errors import MarkingFailed
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.pyramid import halve
from mien_pipeline.trust.rivagan import BITS, Decoder

Strength = Literal["strong", "weak", "none"]

PRODUCT_NUMBER = 0x4D69656E  # "Mien"

# In the code, as the content check's: a catalogue that names another network must not be a way round the mark.
DECODER_SHA256 = "6b006690cf352fa50a91a0b6d6241dbcded0a9957969e2c0665cf9a7011b3880"

# Read and written at one size for pictures of every size, so that resizing changes nothing; 3 × 3 tiles of the
# convolution. On 13 photographs this size reads back as well as 256 × 256 at a sixth of the work.
CANONICAL_SIDE = 132

# 150 unmarked crops agreed in 23 bits at most; by pure chance 29 of 32 happens once in 780,000 pictures, 26 in 2,500.
STRONG_BITS = 29
WEAK_BITS = 26

# Steps along the decoder's gradient, each of so many grey levels (root mean square) where the picture hides it, until
# every bit is right by this margin. Two are enough for most photographs; an even one gets more, as small as it hides.
_MARGIN = 3.0
_STEP = 0.9
_STEPS_A_TRY = 2
_TRIES = 3
_SPARE_BITS = 1
# The colours that are seen least for what they change: the inverse of CIELAB's metric tensor at a skin tone, trace 3.
_LEAST_SEEN = np.array([[1.18, 0.64, 0.61], [0.64, 0.78, 0.73], [0.61, 0.73, 1.04]], np.float32)
_MOST = 3.0  # grey levels anywhere
# Local contrast, in grey levels, that hides the whole residual; how far it is turned down where there is less.
_HIDING_CONTRAST = 6.0
_LEAST_HIDING = 0.2
_LEVELS = 127.5  # grey levels in 1.0 of what the network sees
_CONTRAST_WINDOW, _EDGE_WINDOW = (7, 7), (5, 5)  # canonical pixels
_PARTS = 16  # of a grey level that the residual can tell, while it is stretched as bytes around 128


@dataclass(frozen=True, slots=True)
class Reading:
    """What the decoder read: how many of the product number's 32 bits."""

    agreeing: int

    @property
    def strength(self) -> Strength:
        return "strong" if self.agreeing >= STRONG_BITS else "weak" if self.agreeing >= WEAK_BITS else "none"


class Watermark:
    """rivaGAN's decoder, loaded once: it reads the mark, and its gradient writes it."""

    def __init__(self, network: Path) -> None:
        """From its file; raises `MarkingFailed` when that is not the network it should be."""
        try:
            self._decoder = Decoder(read_pinned(network, DECODER_SHA256))
        except (OSError, ValueError, KeyError) as error:
            raise MarkingFailed("the watermark's network cannot be loaded") from error

    def embed(self, pixels: Pixels) -> tuple[Pixels, Reading]:
        """The marked picture and what can be read from it; (H, W, 3) uint8 RGB, the argument stays as it is."""
        picture = _to_canonical(pixels)
        signs, hiding = 2 * _bits() - 1, _hiding_strength(picture)
        attention = self._decoder.attention(picture)
        residual = np.zeros_like(picture)  # in grey levels
        marked, reading = pixels, Reading(0)
        for _ in range(_TRIES):
            for _ in range(_STEPS_A_TRY):
                now = np.asarray(picture + residual / _LEVELS, np.float32)
                direction = self._decoder.towards(now, attention, signs, _MARGIN)
                step = np.tensordot(_LEAST_SEEN, direction, axes=1)
                residual += _STEP * hiding * step / max(float(np.sqrt(np.mean(step**2))), 1e-20)
            marked = _add_residual(pixels, residual.transpose(1, 2, 0))
            reading = self.read(marked)
            if reading.agreeing >= STRONG_BITS + _SPARE_BITS:
                break
        return marked, reading

    def read(self, pixels: Pixels) -> Reading:
        """What a picture carries; (H, W, 3) uint8 RGB."""
        logits = self._decoder.logits(_to_canonical(pixels))
        return Reading(int(((logits > 0) == (_bits() > 0)).sum()))


def read_pinned(path: Path, digest: str) -> bytes:
    """The file's bytes; raises `ValueError` when they are others than those of that SHA-256."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError("not the pinned file")
    return data


def _bits() -> Floats:
    """The product number, most significant bit first, (32,) of 0 and 1."""
    return np.array([PRODUCT_NUMBER >> (BITS - 1 - bit) & 1 for bit in range(BITS)], np.float32)


def _hiding_strength(picture: Floats) -> Floats:
    """(S, S) how much of the residual each place can hide: little in a sky, more in grass.

    Contrast masking: coloured clouds of three grey levels are seen on an even wall; there they stay below one, next
    to edges too.
    """
    luma = np.tensordot(np.array([38.1, 74.8, 14.5], np.float32), picture, axes=1)  # BT.601 in grey levels
    mean, mean_square = (np.asarray(cv2.blur(values, _CONTRAST_WINDOW)) for values in (luma, luma * luma))
    contrast = np.sqrt(np.maximum(mean_square - mean**2, 0))
    contrast = np.asarray(cv2.erode(contrast, np.ones(_EDGE_WINDOW, np.uint8)), np.float32)
    return np.asarray(np.clip(contrast / _HIDING_CONTRAST, _LEAST_HIDING, 1), np.float32)


def _to_canonical(pixels: Pixels) -> Floats:
    """(3, S, S) in −1..1."""
    side = CANONICAL_SIDE
    small = cv2.resize(halve(pixels, 2 * side), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small.transpose(2, 0, 1) / _LEVELS - 1, np.float32)


def _add_residual(pixels: Pixels, residual: Floats) -> Pixels:
    """`pixels` plus the stretched residual, given in grey levels.

    Stretched as bytes around 128: a float residual of a 12-megapixel picture would take 144 MB and ten times as long.
    """
    height, width = pixels.shape[:2]
    small = (np.clip(residual, -_MOST, _MOST) * _PARTS + 128).round().astype(np.uint8)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(pixels, 1, large, 1 / _PARTS, -128 / _PARTS, dst=large), np.uint8)
