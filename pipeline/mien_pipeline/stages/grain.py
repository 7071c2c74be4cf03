"""Grain and sharpness: the finest frequencies of a new face are given the energy that the target's have."""

import cv2
import numpy as np

from mien_pipeline.types import Floats

GAIN_LIMITS = (0.1, 1.25)  # more gain than this brings out blocks and ringing; the rest comes as grain
ROUNDS = 2  # the bands overlap: what is done to one shows in the other, and the second round sets that right
SCALES_PX = ((0.7, 5), (1.4, 7))  # sigma and kernel: one band is finer than the first blur, one between the two


def match_grain(face: Floats, target: Floats, weight: Floats, skin: Floats) -> Floats:
    """`face` with the fine-frequency energy of `target`, measured where `skin` (H, W) > 0.5, given where `weight` is.

    Both (H, W, 3) code values as float32. Too sharp a face is softened; one that is too smooth is sharpened
    within limits and then given the target's own residual, which carries the camera's and the codec's grain.
    """
    measured = skin > 0.5
    if np.count_nonzero(measured) < 64:
        return face
    wanted = [(theirs, _energy(theirs, measured)) for theirs in _bands(target)]
    result = face
    for _ in range(ROUNDS):
        given = result.copy()
        for mine, (theirs, want) in zip(_bands(result), wanted, strict=True):
            have = _energy(mine, measured)
            gain = float(np.clip(want / max(have, 1e-3), *GAIN_LIMITS))
            missing = float(np.sqrt(max(want**2 - (gain * have) ** 2, 0.0)))
            given += np.float32(gain - 1) * mine
            if missing > 0.1 * want:
                limit = 3 * want  # what stands out further is a wrinkle or a lash, no grain
                given += np.clip(theirs, -limit, limit) * (missing / max(want, 1e-3) * weight[..., None])
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


def _energy(band: Floats, measured: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """How far half of the green channel goes: edges and wrinkles, which are few and strong, are not grain."""
    magnitude = np.abs(band[::2, ::2, 1][measured[::2, ::2]])  # a quarter of the pixels says as much as all
    return float(np.median(magnitude)) / 0.6745  # of a normal distribution whose deviation is 1
