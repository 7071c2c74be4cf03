"""What of a texture is no skin that was seen: rims painted over, hair, hands and masks; and what is beard."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Mask, Pixels
from mien_pipeline.media.colour import to_lab
from mien_pipeline.skin.naturalness import TEXTURE_SIDE, fill_texture_hull, find_detail, skin_texels

# Below the lips: where a beard grows, and hair that falls beside a jaw does not.
_CHIN = (17, 84, 181, 91, 146, 204, 211, 170, 140, 171, 175, 396, 369, 395, 431, 424, 375, 321, 405, 314)
# A beard is so much darker than skin, in L*, and covers this share of the chin. Measured on drawn beards: 29 to 54
# darker and .42 to .83; hair, hands and masks that are no beard: .20 at most, or 15 darker at most.
_DARKER, _BEARDED = 20.0, 0.3
# Times the L* of skin above the mouth, where none grows: a short one that passes for bare skin darkens the rest of it.
_SHORT_BEARD = 0.7
_VIVID = (1.5, 10.0)  # times the chroma of that skin, and more than it: no hair is, a cup may be
_UPPER = (50, 117, 118, 101, 205, 280, 346, 347, 330, 425, 4, 197, 9)
_HALF = 0.5
_MOTTLES = 0.7, 2.0  # deviations of the blurs, in pixels of the small texture, between which they are
_DARKEST = 0.01  # linear light, added before a logarithm


def measure_painted_over(colour: Pixels, validity: Pixels, skin: Pixels, covered: Mask) -> float:
    """0..1: the share of a face that shows something else in place of the skin; a beard is the person's own.

    Args:
        colour: (S, S, 3) uint8 RGB, the texture.
        validity: (S, S) uint8, 255 where it is used.
        skin: (S, S) uint8, 255 where that is bare skin.
        covered: (S, S) float32 in 0..1, where rims of glasses were painted over.
    """
    face = skin_texels()
    light = to_lab(np.asarray(_shrink(colour), np.uint8))[..., 0]
    used, bare = (_shrink(part) / 255 for part in (validity, skin))
    odd = np.clip(used - bare, 0, 1) * face
    clear = face & (bare > _HALF)
    dark = light < (float(np.median(light[clear])) if clear.any() else 0.0) - _DARKER
    chin = face & (fill_texture_hull(_CHIN) > 0)
    if (odd * dark)[chin].sum() > _BEARDED * np.count_nonzero(chin):
        odd = odd * ~dark
    share = np.maximum(odd, _shrink(covered) * face)
    return float(share.sum() / np.count_nonzero(face))


def measure_mottled(colour: Pixels, validity: Pixels) -> float:
    """How uneven the redness of a face's skin is from place to place: standard deviation of detail in CIELAB's a*.

    Hair, a hand, rims that were painted over, shine and noise are all of another redness than the skin beside them.

    Args:
        colour: (S, S, 3) uint8 RGB, the texture.
        validity: (S, S) uint8, 255 where it is used.
    """
    red = np.ascontiguousarray(to_lab(np.asarray(_shrink(colour), np.uint8))[..., 1])
    used = skin_texels() & (_shrink(validity) > 255 * _HALF)
    return float(find_detail(red, used, *_MOTTLES)[used].std()) if used.any() else 0.0


def is_bearded(colour: Pixels, skin: Mask) -> bool:
    """Whether a beard grows on the chin of a texture (S, S, 3) uint8 RGB; `skin` (S, S) 0..1 is where it is bare."""
    light, bare = to_lab(np.asarray(_shrink(colour), np.uint8))[..., 0], _shrink(skin)
    clear = skin_texels() & (bare > _HALF)
    dark = light < (float(np.median(light[clear])) if clear.any() else 0.0) - _DARKER
    chin = skin_texels() & (fill_texture_hull(_CHIN) > 0)
    return bool(((1 - bare) * dark)[chin].sum() > _BEARDED * np.count_nonzero(chin))


def has_dark_chin(colour: Pixels, skin: Mask) -> bool:
    """Whether the chin of a texture is as dark as a beard, also a short one that passes for bare skin; as `is_bearded`.

    On 29 portraits: .43 to .95 of the chin with a beard, .24 at most in light without one; deep shade counts.
    """
    lab = to_lab(np.asarray(_shrink(colour), np.uint8))
    light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    upper = skin_texels() & (fill_texture_hull(_UPPER) > 0) & (_shrink(skin) > _HALF)
    if not upper.any():
        return False
    chin = skin_texels() & (fill_texture_hull(_CHIN) > 0)
    dark = light[chin] < _SHORT_BEARD * np.median(light[upper])
    vivid = chroma[chin] > _VIVID[0] * np.median(chroma[upper]) + _VIVID[1]
    return bool((dark & ~vivid).mean() > _BEARDED)


def hides_chin(validity: Pixels) -> bool:
    """Whether half of the chin of a texture is not this person's; `validity` (S, S) uint8 is 255 where it is."""
    chin = skin_texels() & (fill_texture_hull(_CHIN) > 0)
    return bool(_shrink(validity)[chin].mean() < 255 * _HALF)


def _shrink(part: Pixels | Mask) -> NDArray[Any]:
    return np.asarray(cv2.resize(part, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_AREA))
