"""Lips of a reference of which too little shows, behind a hand, hair or a moustache: the target's stay.

Part of a mouth beside part of another is no mouth.
"""

from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.faces import topology as face
from mien_pipeline.image import Mask
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

# Share of the lips that is used, below which none of them is. On 40 references whose lips show it was .975 to 1; behind
# hands, in haze and in deep shade .33 to .96.
WHOLE = 0.97
# Of the texture's side: what is measured around lips; what goes with them, the dark of their corners; its edge.
AROUND, BESIDE, SOFT = 0.015, 0.03, 0.008


def draw_lost_lips(validity: Mask) -> Mask:
    """(S, S) float32 in 0..1: 1 on lips of which too little is used, 0 elsewhere and on a face that shows them.

    `validity` is (S, S) float32 in 0..1, where the texture is used.
    """
    small = np.asarray(cv2.resize(validity, (WORK_SIDE, WORK_SIDE), interpolation=cv2.INTER_AREA), np.float32)
    seen = float(small[_fill_lips(AROUND) > 0].mean())
    return draw_lips(len(validity)) if seen < WHOLE else np.zeros_like(validity)


def draw_lips(side: int) -> Mask:
    """(side, side) float32 in 0..1: 1 on lips and close around them, softly 0 beside."""
    soft = blur(_fill_lips(BESIDE), SOFT * WORK_SIDE)
    return np.asarray(cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


@cache
def _fill_lips(around: float) -> Mask:
    """(WORK_SIDE, WORK_SIDE) 1 on lips and `around` them, of the texture's side, else 0."""
    return np.asarray(cv2.dilate(fill_texture(face.OUTER_LIPS), disc(round(around * WORK_SIDE))), np.float32)
