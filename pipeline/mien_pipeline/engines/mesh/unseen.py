"""How much of a reference's texture is no skin that was seen: rims painted over, hair and hands copied with it."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Mask, Pixels
from mien_pipeline.media.colour import to_lab
from mien_pipeline.skin.naturalness import TEXTURE_SIDE, fill_texture_hull, skin_texels

# Below the lips: where a beard grows, and hair that falls beside a jaw does not.
_CHIN = (17, 84, 181, 91, 146, 204, 211, 170, 140, 171, 175, 396, 369, 395, 431, 424, 375, 321, 405, 314)
# A beard is so much darker than skin, in L*, and covers this share of the chin. Measured on drawn beards: 29 to 54
# darker and .42 to .83; hair, hands and masks that are no beard: .20 at most, or 15 darker at most.
_DARKER, _BEARDED = 20.0, 0.3
_HALF = 0.5


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


def is_bearded(colour: Pixels, skin: Mask) -> bool:
    """Whether a beard grows on the chin of a texture (S, S, 3) uint8 RGB; `skin` (S, S) 0..1 is where it is bare."""
    light, bare = to_lab(np.asarray(_shrink(colour), np.uint8))[..., 0], _shrink(skin)
    clear = skin_texels() & (bare > _HALF)
    dark = light < (float(np.median(light[clear])) if clear.any() else 0.0) - _DARKER
    chin = skin_texels() & (fill_texture_hull(_CHIN) > 0)
    return bool(((1 - bare) * dark)[chin].sum() > _BEARDED * np.count_nonzero(chin))


def _shrink(part: Pixels | Mask) -> NDArray[Any]:
    return np.asarray(cv2.resize(part, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_AREA))
