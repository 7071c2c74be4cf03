"""Grain and sharpness: the finest frequencies of a new face are given the energy that the target's have."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats

GAIN_LIMITS = (0.1, 1.25)  # more gain than this brings out blocks and ringing; the rest comes as grain
SCALES_PX = ((0.7, 5), (1.4, 7))  # sigma and kernel: one band is finer than the first blur, one between the two
ROUNDS = 3  # the bands overlap: what is done to one shows in the other, and is tried on the cheeks first
CORRECTION_LIMITS = (0.5, 2.0)
AROUND_PX = 15  # over which the face's own grain is looked at
TILE_PX = 256  # of noise; its repetition is not seen


def match_grain(face: Floats, target: Floats, weight: Floats, skin: Floats) -> Floats:
    """`face` with the fine-frequency energy of `target`, measured where `skin` (H, W) > 0.5, given where `weight` is.

    Both (H, W, 3) code values as float32. Too sharp a face is softened; one that is too smooth is sharpened within
    limits and then given white noise of the finest band's strength and colour. The target's own residual would bring
    its wrinkles, and more noise than white has in the coarser band looks like sand on a face, not like a camera's.
    """
    measured = skin > 0.5
    if np.count_nonzero(measured) < 64:
        return face
    part = _bound(measured)
    inside, small = measured[part], face[part]
    mine, theirs = _split_bands(small), _split_bands(target[part])
    have, want = ([_measure_energy(band, inside) for band in bands] for bands in (mine, theirs))
    colour = _colour_noise(theirs[0], inside)
    noise = [np.asarray(band @ colour, np.float32) for band in _make_noise()]
    aim = want
    for _ in range(ROUNDS):
        got = [
            _measure_energy(band, inside)
            for band in _split_bands(_apply_grain(small, mine, have, aim, noise, weight[part]))
        ]
        aim = [a * float(np.clip(w / max(g, 1e-3), *CORRECTION_LIMITS)) for a, w, g in zip(aim, want, got, strict=True)]
    return _apply_grain(face, _split_bands(face), have, aim, noise, weight)


def _apply_grain(
    face: Floats, bands: list[Floats], have: list[float], want: list[float], noise: list[Floats], weight: Floats
) -> Floats:
    """`face` whose `bands` `have` some energy with what they `want`."""
    result, most = face.copy(), np.full(face.shape[:2], np.inf, np.float32)
    for band, own, wanted, grain in zip(bands, have, want, noise, strict=True):
        gain = float(np.clip(wanted / max(own, 1e-3), *GAIN_LIMITS))
        result = np.asarray(cv2.scaleAdd(band, gain - 1, result), np.float32)
        # What a coarser band has beyond white noise is skin's own structure.
        most = np.minimum(most, _measure_lack(band, gain, wanted) / max(float(grain[..., 1].std()), 1e-6))
        amount = most * weight
        result += cv2.multiply(_repeat_tile(grain, face.shape), cv2.merge([amount, amount, amount]))
    return result


def _bound(measured: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that hold all of it, and what the widest blur needs beside them."""
    left, top, width, height = cv2.boundingRect(measured.astype(np.uint8))
    reach = SCALES_PX[-1][1]
    return slice(max(0, top - reach), top + height + reach), slice(max(0, left - reach), left + width + reach)


def _split_bands(values: Floats) -> list[Floats]:
    bands: list[Floats] = []
    finer = values
    for sigma_px, side_px in SCALES_PX:
        coarser = np.asarray(cv2.GaussianBlur(values, (side_px, side_px), sigma_px), np.float32)
        bands.append(finer - coarser)
        finer = coarser
    return bands


def _measure_energy(band: Floats, measured: NDArray[np.bool_]) -> float:
    """How far half of the green channel goes: edges and wrinkles, which are few and strong, are not grain."""
    magnitude = np.abs(band[::2, ::2, 1][measured[::2, ::2]])  # a quarter of the pixels says as much as all
    return float(np.median(magnitude)) / 0.6745  # of a normal distribution whose deviation is 1


def _measure_lack(band: Floats, gain: float, want: float) -> Floats:
    """(H, W) what a band lacks around each pixel: skin that was made up is smoother than skin that was seen."""
    green = cv2.extractChannel(band, 1)
    power = np.asarray(cv2.blur(cv2.multiply(green, green), (AROUND_PX, AROUND_PX)), np.float32)
    return np.asarray(np.sqrt(np.maximum(want * want - gain * gain * power, 0)), np.float32)


def _colour_noise(band: Floats, measured: NDArray[np.bool_]) -> Floats:
    """(3, 3) that gives white noise of three channels the colours of a band: grain is mostly grey, or it is not."""
    together = np.cov(band[::2, ::2][measured[::2, ::2]], rowvar=False)
    return np.linalg.cholesky(together + 1e-6 * np.eye(3)).T.astype(np.float32)


@cache
def _make_noise() -> list[Floats]:
    """The bands of white noise in three channels, on a tile that joins up with itself."""
    white = np.random.default_rng(0).standard_normal((TILE_PX, TILE_PX, 3), np.float32)
    reach = SCALES_PX[-1][1]
    inside = slice(reach, reach + TILE_PX)
    around = np.asarray(cv2.copyMakeBorder(white, reach, reach, reach, reach, cv2.BORDER_WRAP), np.float32)
    return [band[inside, inside] for band in _split_bands(around)]


def _repeat_tile(tile: Floats, shape: tuple[int, ...]) -> Floats:
    height, width = shape[:2]
    more = (0, max(0, height - TILE_PX), 0, max(0, width - TILE_PX))
    return np.asarray(cv2.copyMakeBorder(tile, *more, cv2.BORDER_WRAP)[:height, :width], np.float32)
