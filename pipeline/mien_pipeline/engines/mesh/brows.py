"""Brows of a texture: each is of one side, whole, or none is used."""

from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.faces import topology as face
from mien_pipeline.image import Mask, Pixels
from mien_pipeline.media.colour import to_lab
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

_AROUND, _SOFT = 0.022, 0.006  # of the texture's side: what goes with a brow; deviation of its edge
_SIDES = (face.LEFT_BROW, face.RIGHT_BROW)
# Hair is grey or of skin's hue, up to so many times as vivid. What is farther from that in CIELAB's a and b, is no hair
# that grows there, but a dyed fringe, a leaf or a ribbon; a brow of which more than this share is hidden is not used.
_VIVID, _FOREIGN, _HIDDEN = 1.5, 18.0, 0.1
_SURE = 0.5
_AS_CLEAR = 0.6  # times as well as the other one a brow is seen, from which a side shows its own


@cache
def draw_brow(ring: tuple[int, ...]) -> Mask:
    """(WORK_SIDE, WORK_SIDE) float32: 1 on a brow and close around it, softly 0 beside."""
    grown = cv2.dilate(fill_texture(ring), disc(round(_AROUND * WORK_SIDE)))
    return blur(grown.astype(np.float32), _SOFT * WORK_SIDE)


def find_foreign_brows(colour: Pixels, skin: Mask) -> Mask:
    """(S, S) float32 in 0..1: 1 on brows before which something of a hue hangs that no brow has.

    Args:
        colour: (S, S, 3) uint8 RGB on the canonical mesh.
        skin: (S, S) float32 in 0..1, how sure it shows skin.
    """
    size = (WORK_SIDE, WORK_SIDE)
    hue = to_lab(np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.uint8))[..., 1:]
    features = np.max([fill_texture(ring) for ring in face.FEATURES], axis=0) > 0
    bare = (cv2.resize(skin, size, interpolation=cv2.INTER_AREA) > _SURE) & ~features & (fill_texture(face.OVAL) > 0)
    lost = np.zeros(size, np.float32)
    if bare.any():
        most = _VIVID * np.median(hue[bare], axis=0)
        along = np.clip(hue @ most / max(float(most @ most), 1e-6), 0, 1)
        foreign = np.hypot(*np.moveaxis(hue - along[..., None] * most, -1, 0)) > _FOREIGN
        for ring in _SIDES:
            if foreign[fill_texture(ring) > 0].mean() > _HIDDEN:
                lost = np.maximum(lost, draw_brow(ring))
    return _enlarge(lost, colour.shape[0])


def take_brows_whole(own: Mask, clear: Mask) -> Mask:
    """(S, S) `own`, how much of each place a side shows itself, of which a brow takes all or nothing.

    `clear` (S, S) says how well each place is seen.
    """
    small = cv2.resize(clear, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA)
    seen = [float(small[fill_texture(ring) > 0].mean()) for ring in _SIDES]
    for ring, its, others in zip(_SIDES, seen, reversed(seen), strict=True):
        share = _enlarge(draw_brow(ring), own.shape[0])
        own = np.asarray(own + share * (float(its > _AS_CLEAR * others) - own), np.float32)
    return own


def _enlarge(mask: Mask, side: int) -> Mask:
    return np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
