"""Pores: skin between grain and shape. A soft reference on a sharp target would look like wax."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.quantile import median

WORK_WIDTH_PX = 256  # of a face while its skin is compared; a smaller face has no room between grain and shape
BAND_PX = (0.8, 3.0)  # deviations of the blurs, at that width, between which pores and fine lines lie
PATCH_PX, TILE_PX = 31, 256  # sides of the target's skin that pores are made from, and of what is made
SMOOTHER = 0.8  # of the target's energy, below which skin is too smooth
AROUND_PX = 15  # side of the window in which the face's own pores are measured
AMOUNT = 0.9  # of what is lacking: invented pores stand out sooner than seen ones


def match_pores(face: Floats, target: Floats | Pixels, weight: Mask, skin: Mask, width: float) -> Floats:
    """`face`, (H, W, 3) float32, changed in place: pores as strong as `target`'s where its own are too faint.

    They have the look of a piece of the target's cheek and none of its lines: noise is convolved with that piece.

    Args:
        face: (H, W, 3) float32 RGB, code values 0..255.
        target: (H, W, 3) RGB, uint8 or float32, in the same place.
        weight: (H, W) float32 in 0..1, how much each pixel gets.
        skin: (H, W) float32 in 0..1; the energies are measured where it is above 0.5.
        width: of the face, in pixels.

    Source: Galerne, Gousseau & Morel 2011, random phase textures: theory and synthesis.
    """
    if width < WORK_WIDTH_PX / 2:
        return face
    scale = min(1.0, WORK_WIDTH_PX / width)
    size = max(8, round(face.shape[1] * scale)), max(8, round(face.shape[0] * scale))
    measured = np.asarray(cv2.resize(skin, size, interpolation=cv2.INTER_AREA), np.float32) > 0.5
    mine, theirs = (_split_band(picture, size) for picture in (face, target))
    patch = _find_patch(theirs, measured)
    if patch is None:
        return face
    have, want = (median(np.abs(band[measured])) / 0.6745 for band in (mine, theirs))
    if have >= SMOOTHER * want:
        return face
    power = np.asarray(cv2.blur(mine * mine, (AROUND_PX, AROUND_PX)), np.float32)
    lack = np.sqrt(np.maximum(want * want - np.maximum(power, 0), 0)) * AMOUNT
    pores = lack * _repeat(_weave(patch), size)
    full = np.asarray(cv2.resize(pores, face.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32) * weight
    face += full[..., None]
    return face


def _split_band(pixels: Floats | Pixels, size: tuple[int, int]) -> Floats:
    """(h, w) the lightness between the two blurs."""
    grey = np.asarray(
        cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA), np.float32
    )
    return blur(grey, BAND_PX[0]) - blur(grey, BAND_PX[1])


def _find_patch(band: Floats, measured: NDArray[np.bool_]) -> Floats | None:
    """The calmest square of skin, (PATCH_PX, PATCH_PX) with a mean of 0; None where none fits."""
    side = (PATCH_PX, PATCH_PX)
    fits = cv2.erode(measured.astype(np.uint8), np.ones(side, np.uint8), borderValue=0) > 0
    if not fits.any():
        return None
    energy = np.where(fits, cv2.blur(band * band, side), np.inf)
    row, column = np.unravel_index(int(np.argmin(energy)), energy.shape)
    reach = PATCH_PX // 2
    patch = band[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return np.asarray(patch - patch.mean(), np.float32)


def _weave(patch: Floats) -> Floats:
    """(TILE_PX, TILE_PX) noise with the spectrum of `patch`, a deviation of 1, and edges that join."""
    window = np.hanning(PATCH_PX + 2)[1:-1]
    spot = np.zeros((TILE_PX, TILE_PX))
    spot[:PATCH_PX, :PATCH_PX] = patch * window[:, None] * window
    tile = np.fft.irfft2(_white_spectrum() * np.fft.rfft2(spot), s=spot.shape)
    return np.asarray(tile / max(float(tile.std()), 1e-6), np.float32)


@cache
def _white_spectrum() -> NDArray[np.complex128]:
    return np.asarray(np.fft.rfft2(np.random.default_rng(0).standard_normal((TILE_PX, TILE_PX))), np.complex128)


def _repeat(tile: Floats, size: tuple[int, int]) -> Floats:
    """The tile repeated over (width, height)."""
    times = -(-size[1] // TILE_PX), -(-size[0] // TILE_PX)
    return np.tile(tile, times)[: size[1], : size[0]]
