"""Grain and sharpness: the finest frequencies of a new face are given the energy that the target's have."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.types import Floats

GAIN_LIMITS = (0.1, 1.25)  # more gain than this brings out blocks and ringing; the rest comes as grain
ROUNDS = 2  # the bands overlap: what is done to one shows in the other, and the second round sets that right
SCALES_PX = ((0.7, 5), (1.4, 7))  # sigma and kernel: one band is finer than the first blur, one between the two
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
    wanted = [(theirs, _energy(theirs, measured)) for theirs in _bands(target)]
    noise = _bands(_noise(face.shape) @ _colour(wanted[0][0], measured))
    white = [_energy(band, measured) for band in noise]
    result = face
    for _ in range(ROUNDS):
        given, most = result.copy(), np.full(face.shape[:2], np.inf, np.float32)
        for mine, (_, want), grain, unit in zip(_bands(result), wanted, noise, white, strict=True):
            gain = float(np.clip(want / max(_energy(mine, measured), 1e-3), *GAIN_LIMITS))
            given += np.float32(gain - 1) * mine
            # What a coarser band has beyond white noise is skin's own structure.
            most = np.minimum(most, _missing(gain * mine[..., 1], want) / np.float32(max(unit, 1e-6)))
            given += grain * (most * weight)[..., None]
        result = given
    return result


def _bands(values: Floats) -> list[Floats]:
    bands: list[Floats] = []
    finer = values
    for sigma_px, side_px in SCALES_PX:
        coarser = np.asarray(cv2.GaussianBlur(values, (side_px, side_px), sigma_px), np.float32)
        bands.append(finer - coarser)
        finer = coarser
    return bands


def _energy(band: Floats, measured: NDArray[np.bool_]) -> float:
    """How far half of the green channel goes: edges and wrinkles, which are few and strong, are not grain."""
    magnitude = np.abs(band[::2, ::2, 1][measured[::2, ::2]])  # a quarter of the pixels says as much as all
    return float(np.median(magnitude)) / 0.6745  # of a normal distribution whose deviation is 1


def _missing(band: Floats, want: float) -> Floats:
    """(H, W) what a band lacks around each pixel: skin that was made up is smoother than skin that was seen."""
    power = np.asarray(cv2.blur(band * band, (AROUND_PX, AROUND_PX)), np.float32)
    return np.asarray(np.sqrt(np.maximum(want * want - power, 0)), np.float32)


def _colour(band: Floats, measured: NDArray[np.bool_]) -> Floats:
    """(3, 3) that gives white noise of three channels the colours of a band: grain is mostly grey, or it is not."""
    together = np.cov(band[::2, ::2][measured[::2, ::2]], rowvar=False)
    return np.linalg.cholesky(together + 1e-6 * np.eye(3)).T.astype(np.float32)


def _noise(shape: tuple[int, ...]) -> Floats:
    rows, columns = (np.arange(edge) % TILE_PX for edge in shape[:2])
    return _tile()[rows[:, None], columns]


@cache
def _tile() -> Floats:
    return np.random.default_rng(0).standard_normal((TILE_PX, TILE_PX, 3), np.float32)
