"""The invisible mark of every result: one product number, the same in every install, that survives saving and resizing.

It is not who made the picture and not evidence by itself (the weights are public, so it can be forged); it supports
the signed credentials, which the first social network strips.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from mien_core.errors import MarkingFailed
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.pyramid import halve
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.trust.rivagan import BITS, Decoder, pool_votes

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
# How clearly nine in ten bits of a sketch are read. Of 18 pictures that were marked as they are, 15 reach it.
_CLEAR = 1.5
# Of a shot: how clearly nine in ten bits are read before it is encoded, for a video encoder takes more than a still's
# JPEG does; and its steps. A calm clip reads 32 of 32 bits at 640 × 360 and 30 at 256 × 192 (AV1, CRF 28), at half size
# 31 and 26; one that zooms by 15 % and leans by 6 degrees in 3 s about 28.
_SHOT_CLEAR, _SHOT_STEPS, _SHOT_STEP, _SHOT_MOST = 3.0, 8, 1.2, 4.0
_THREADS = 2  # for the pictures of a clip: transforms and products let others run
_FIRST = 3  # of a clip's pictures, every so many are read first: where they read clearly, the others tell no more
# The colours that are seen least for what they change: the inverse of CIELAB's metric tensor at a skin tone, trace 3.
_LEAST_SEEN = np.array([[1.18, 0.64, 0.61], [0.64, 0.78, 0.73], [0.61, 0.73, 1.04]], np.float32)
_MOST = 3.0  # grey levels anywhere
# Local contrast, in grey levels, that hides the whole residual; how far it is turned down where there is less.
_HIDING_CONTRAST = 6.0
_LEAST_HIDING = 0.2
_LEVELS = 127.5  # grey levels in 1.0 of what the network sees
_CONTRAST_WINDOW, _EDGE_WINDOW = (7, 7), (5, 5)  # canonical pixels
_PARTS = 16  # of a grey level that the residual can tell, while it is stretched as bytes around 128
_STRIPE_ROWS = 64  # that are marked at once: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Reading:
    """What the decoder read: how many of the product number's 32 bits, and how clearly nine in ten of them."""

    agreeing: int
    clearness: float = 0.0

    @property
    def strength(self) -> Strength:
        return "strong" if self.agreeing >= STRONG_BITS else "weak" if self.agreeing >= WEAK_BITS else "none"

    @property
    def is_sure(self) -> bool:
        """Whether it is strong with some bits to lose, and most of them are read clearly."""
        return self.agreeing >= STRONG_BITS + _SPARE_BITS and self.clearness >= _CLEAR


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """The mark of one picture, worked out for another that differs from it in places.

    Attributes:
        residual: (3, S, S) float32, what is added to the canonical picture, in grey levels.
        hiding: (S, S) float32, what each place of the picture that it was worked out on can hide.
    """

    residual: Floats
    hiding: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A picture with the mark.

    Attributes:
        padded: (H, W, 4) uint8, RGB and a byte that means nothing.
        clearness: how clearly the mark has to be read, to hold.
    """

    padded: Pixels
    clearness: float = -math.inf

    @property
    def pixels(self) -> Pixels:
        """(H, W, 3) uint8 RGB, a view: `encode` takes its padded array as it is."""
        return self.padded[..., :3]

    def holds(self, reading: Reading) -> bool:
        """Whether what was read of it leaves some bits to lose."""
        return reading.agreeing >= STRONG_BITS + _SPARE_BITS and reading.clearness >= self.clearness


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
        marked, reading = pixels, Reading(0)
        for attempt in self.attempts(pixels):
            marked, reading = attempt.pixels, self.read(attempt.padded)
            if attempt.holds(reading):
                break
        return marked, reading

    def is_held_by(self, pixels: Pixels) -> bool:
        """Whether the faintest mark reads strong on (H, W, 3) uint8 RGB.

        On two portraits it does at 32 to 512 pixels. A picture whose strongest mark reads none may hold it when marked
        once more: of 28 such pictures 6 did, a portrait of 16 pixels and coloured noise of 80 to 110; no even one did.
        """
        return self.read(next(self.attempts(pixels)).padded).strength == "strong"

    def sketch(self, pixels: Pixels, on_step: OnStep = ignore_step) -> Sketch:
        """The mark of (H, W, 3) uint8 RGB, for what will be made of it: work that needs not wait for that.

        `on_step` is told before each pass of the network; what it raises ends the work.
        """
        picture = to_canonical(pixels)
        hiding = _hiding_strength(picture)
        return Sketch(next(self._residuals(picture, hiding, on_step)), hiding)

    def attempts(self, pixels: Pixels, sketch: Sketch | None = None) -> Iterator[Attempt]:
        """The marked picture, stronger each time, until one holds; (H, W, 3) uint8 RGB, the argument stays as it is.

        A `sketch` is tried first. It has to be read clearly: it was not worked out on this picture.
        """
        picture = to_canonical(pixels)
        hiding = _hiding_strength(picture)
        if sketch is not None:
            residual = sketch.residual * np.minimum(1, hiding / sketch.hiding)
            yield Attempt(_add_residual(pixels, residual.transpose(1, 2, 0)), _CLEAR)
        for residual in self._residuals(picture, hiding):
            yield Attempt(_add_residual(pixels, residual.transpose(1, 2, 0)))

    def _residuals(self, picture: Floats, hiding: Floats, on_step: OnStep = ignore_step) -> Iterator[Floats]:
        """(3, S, S) what is added to the canonical picture, in grey levels, more each time."""
        signs, attention = 2 * _bits() - 1, self._decoder.attention(picture)
        residual = np.zeros_like(picture)
        for _ in range(_TRIES):
            for done in range(_STEPS_A_TRY):
                on_step(done, _STEPS_A_TRY)
                now = np.asarray(picture + residual / _LEVELS, np.float32)
                direction = self._decoder.towards(self._decoder.look(now), attention, signs, _MARGIN)
                step = np.tensordot(_LEAST_SEEN, direction, axes=1)
                residual += _STEP * hiding * step / max(float(np.sqrt(np.mean(step**2))), 1e-20)
            yield residual

    def read(self, pixels: Pixels) -> Reading:
        """What a picture carries; (H, W, 3) uint8 RGB, or padded: (H, W, 4), of which a copy would be slow."""
        return _judge([self._decoder.logits(to_canonical(pixels))])

    def read_together(self, pictures: Sequence[Floats]) -> Reading:
        """What pictures of one clip carry together: the mean of what the decoder reads of each, as `to_canonical`.

        Every third is read first, and the others where these do not say it surely.
        """
        with ThreadPoolExecutor(_THREADS) as threads:
            first = list(threads.map(self._decoder.logits, pictures[::_FIRST]))
            if (reading := _judge(first)).is_sure:
                return reading
            others = [each for place, each in enumerate(pictures) if place % _FIRST]
            return _judge([*first, *threads.map(self._decoder.logits, others)])

    def mark_shot(self, pictures: Sequence[Floats]) -> Floats:
        """(3, S, S) float32: one residual for every picture of a shot, in grey levels.

        It is worked out on a few of them together, as `to_canonical`: that of a single picture does not carry to the
        next ones (19 of 32 bits, which is chance). Each step takes every second one, by turns.
        """
        with ThreadPoolExecutor(_THREADS) as threads:
            attentions = list(threads.map(self._decoder.attention, pictures))
            hiding = np.mean([_hiding_strength(each) for each in pictures], axis=0)
            residual = np.zeros_like(pictures[0])
            turns = [(pictures[turn::2], attentions[turn::2]) for turn in range(min(2, len(pictures)))]
            for step in range(_SHOT_STEPS):
                some, attended = turns[step % len(turns)]
                marked = [np.asarray(each + residual / _LEVELS, np.float32) for each in some]
                seen = list(threads.map(self._decoder.look, marked))
                read = [pool_votes(votes, attention) for votes, attention in zip(seen, attended, strict=True)]
                if _judge(read).clearness >= _SHOT_CLEAR:
                    break
                towards = partial(self._decoder.towards, signs=2 * _bits() - 1, margin=_MARGIN)
                direction = np.tensordot(_LEAST_SEEN, np.sum(list(threads.map(towards, seen, attended)), 0), axes=1)
                length = max(float(np.sqrt(np.mean(direction**2))), 1e-20)
                residual = np.clip(residual + _SHOT_STEP * hiding * direction / length, -_SHOT_MOST, _SHOT_MOST)
        return np.asarray(residual, np.float32)


def _judge(logits: Sequence[Floats]) -> Reading:
    """What the logits of several pictures, (32,) each, say together."""
    right = (2 * _bits() - 1) * np.mean(logits, axis=0)
    return Reading(int((right > 0).sum()), float(np.quantile(right, 0.1)))


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


def to_canonical(pixels: Pixels) -> Floats:
    """(3, S, S) in −1..1: (H, W, 3) uint8 RGB, or padded, at the one size at which marks are read and written."""
    side = CANONICAL_SIDE
    small = cv2.resize(halve(pixels, 2 * side), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small[..., :3].transpose(2, 0, 1) / _LEVELS - 1, np.float32)


def _add_residual(pixels: Pixels, residual: Floats) -> Pixels:
    """(H, W, 4) uint8: `pixels` plus the stretched residual, given in grey levels, and a byte that means nothing.

    Stretched as bytes around 128: a float residual of a 12-megapixel picture would take 144 MB and ten times as long.
    Padded, because Pillow keeps pixels so: it would copy others.
    """
    height, width = pixels.shape[:2]
    small = (np.clip(residual, -_MOST, _MOST) * _PARTS + 128).round().astype(np.uint8)
    marked = cv2.resize(cv2.cvtColor(small, cv2.COLOR_RGB2RGBA), (width, height), interpolation=cv2.INTER_LINEAR)
    for top in range(0, height, _STRIPE_ROWS):
        rows = marked[top : top + _STRIPE_ROWS]
        padded = cv2.cvtColor(pixels[top : top + _STRIPE_ROWS], cv2.COLOR_RGB2RGBA)
        cv2.addWeighted(padded, 1, rows, 1 / _PARTS, -128 / _PARTS, dst=rows)
    return np.asarray(marked, np.uint8)
