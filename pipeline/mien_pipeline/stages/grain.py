"""Grain and sharpness: the finest frequencies of a new face are given the energy that the target's have."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.types import Floats

GAIN_LIMITS = (0.1, 1.25)  # more gain than this brings out blocks and ringing; the rest comes as grain
ROUNDS = 2  # the bands overlap: what is done to one shows in the other, and the second round sets that right
SCALES_PX = ((0.7, 5), (1.4, 7))  # sigma and kernel: one band is finer than the first blur, one between the two
TILE_PX = 256  # of noise; its repetition is not seen


def match_grain(face: Floats, target: Floats, weight: Floats, skin: Floats) -> Floats:
    """`face` with the fine-frequency energy of `target`, measured where `skin` (H, W) > 0.5, given where `weight` is.

    Both (H, W, 3) code values as float32. Too sharp a face is softened; one that is too smooth is sharpened within
    limits and its finest band then given noise of the same strength and colour. The target's own residual would bring
    its wrinkles, and coarser noise looks like sand on a face, not like a camera's.
    """
    measured = skin > 0.5
    if np.count_nonzero(measured) < 64:
        return face
    wanted = [(theirs, _energy(theirs, measured)) for theirs in _bands(target)]
    noise = _bands(_noise(face.shape))[0]
    result = face
    for _ in range(ROUNDS):
        given = result.copy()
        for finest, mine, (theirs, want) in zip((True, False), _bands(result), wanted, strict=True):
            have = _energy(mine, measured)
            gain = float(np.clip(want / max(have, 1e-3), *GAIN_LIMITS))
            missing = float(np.sqrt(max(want**2 - (gain * have) ** 2, 0.0)))
            given += np.float32(gain - 1) * mine
            if finest and missing > 0.1 * want:
                coloured = noise @ _colour(theirs, measured)
                given += coloured * (missing / _energy(coloured, measured) * weight[..., None])
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
