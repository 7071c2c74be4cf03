"""The invisible mark of every result: one product number, the same for everybody, that survives saving and resizing.

It is not who made the picture and not evidence by itself (the weights are public, so it can be forged); it supports
the signed credentials, which the first social network strips.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from mien_pipeline.errors import MarkingFailed
from mien_pipeline.trust.pyramid import halved
from mien_pipeline.trust.rivagan import BITS, Decoder, Encoder
from mien_pipeline.types import Floats, Pixels

Strength = Literal["strong", "weak", "none"]

PRODUCT_NUMBER = 0x4D69656E  # "Mien"

# In the code, as the content check's: a catalogue that names other networks must not be a way round the mark.
NETWORKS_SHA256 = {
    "rivagan_encoder.onnx": "66bc7814fadac7d686105c8ab26c6cf2cc8e40deb83e67bb6ef5b9de9b8ece0d",
    "rivagan_decoder.onnx": "6b006690cf352fa50a91a0b6d6241dbcded0a9957969e2c0665cf9a7011b3880",
}

# Read and written at one size, whatever the picture's, so that resizing changes nothing; 3 × 3 tiles of the
# convolution. On 13 photographs this size reads back as well as 256 × 256 at a sixth of the work.
CANONICAL_SIDE = 132

# 150 unmarked crops agreed in 23 bits at most; by pure chance 29 of 32 happens once in 780,000 pictures, 26 in 2,500.
STRONG_BITS = 29
WEAK_BITS = 26

# The residual's amplitude leaves 40 dB, at most 2.5 grey levels of 255. A flat picture that does not read back with
# bits to spare gets the stronger one: 37 dB.
_GAIN = 1.25
_STRONGER_GAIN = 2.0
_SPARE_BITS = 1
# Local contrast, in grey levels, that hides the residual as it is; how far it is turned down and up elsewhere.
_HIDING_CONTRAST = 6.0
_HIDING_LIMITS = (0.2, 1.6)
_CONTRAST_WINDOW, _EDGE_WINDOW = (7, 7), (5, 5)  # canonical pixels
_STEPS = 16  # steps of the residual a grey level, while it is stretched as bytes around 128


@dataclass(frozen=True, slots=True)
class Reading:
    """What the decoder read: how many of the product number's 32 bits."""

    agreeing: int

    @property
    def strength(self) -> Strength:
        return "strong" if self.agreeing >= STRONG_BITS else "weak" if self.agreeing >= WEAK_BITS else "none"


class Watermark:
    """rivaGAN's networks, loaded once."""

    def __init__(self, folder: Path) -> None:
        """From the folder with both files; raises `MarkingFailed` when they are not the networks they should be."""
        try:
            encoder, decoder = (pinned(folder / name, digest) for name, digest in NETWORKS_SHA256.items())
            self._encoder, self._decoder = Encoder(encoder), Decoder(decoder)
        except (OSError, ValueError, KeyError) as error:
            raise MarkingFailed("the watermark's networks cannot be loaded") from error

    def embed(self, pixels: Pixels) -> tuple[Pixels, Reading]:
        """The marked picture and what can be read from it; (H, W, 3) uint8 RGB, the argument stays as it is."""
        picture = _canonical(pixels)
        residual = self._encoder.residual(picture, _bits()).transpose(1, 2, 0) * _hiding(picture) * np.float32(127.5)
        marked = _added(pixels, residual * np.float32(_GAIN))
        reading = self.read(marked)
        if reading.agreeing < STRONG_BITS + _SPARE_BITS:
            marked = _added(pixels, residual * np.float32(_STRONGER_GAIN))
            reading = self.read(marked)
        return marked, reading

    def read(self, pixels: Pixels) -> Reading:
        """What a picture carries; (H, W, 3) uint8 RGB."""
        logits = self._decoder.logits(_canonical(pixels))
        return Reading(int(((logits > 0) == (_bits() > 0)).sum()))


def pinned(path: Path, digest: str) -> bytes:
    """The file's bytes; raises `ValueError` when they are others than those of that SHA-256."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError("not the pinned file")
    return data


def _bits() -> Floats:
    """The product number, most significant bit first, (32,) of 0 and 1."""
    return np.array([PRODUCT_NUMBER >> (BITS - 1 - bit) & 1 for bit in range(BITS)], np.float32)


def _hiding(picture: Floats) -> Floats:
    """(S, S, 1) how much of the residual each place can hide: little in a sky, more in grass.

    Contrast masking: on eleven pictures it costs a bit of 32 at most, and the residual's coloured clouds, which three
    grey levels make visible on an even wall, stay below one there, next to edges too.
    """
    luma = np.tensordot(np.array([38.1, 74.8, 14.5], np.float32), picture, axes=1)  # BT.601 in grey levels
    mean, mean_square = (np.asarray(cv2.blur(values, _CONTRAST_WINDOW)) for values in (luma, luma * luma))
    contrast = np.sqrt(np.maximum(mean_square - mean**2, 0))
    contrast = np.asarray(cv2.erode(contrast, np.ones(_EDGE_WINDOW, np.uint8)), np.float32)
    return np.asarray(np.clip(contrast / _HIDING_CONTRAST, *_HIDING_LIMITS)[..., None], np.float32)


def _canonical(pixels: Pixels) -> Floats:
    """(3, S, S) in −1..1."""
    side = CANONICAL_SIDE
    small = cv2.resize(halved(pixels, 2 * side), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small.transpose(2, 0, 1) / 127.5 - 1, np.float32)


def _added(pixels: Pixels, residual: Floats) -> Pixels:
    """`pixels` plus the stretched residual, given in grey levels, within ±8 levels.

    Stretched as bytes around 128: a float residual of a 12-megapixel picture would take 144 MB and ten times as long.
    """
    height, width = pixels.shape[:2]
    small = np.clip(residual * _STEPS + 128, 0, 255).round().astype(np.uint8)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(pixels, 1, large, 1 / _STEPS, -128 / _STEPS), np.uint8)
