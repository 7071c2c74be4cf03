"""What a soft or small reference has no detail of: lashes, pores and the edges of lips come from the target."""

import numpy as np

from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur

# How many times as wide a face may be as what its reference resolves; from the second on it lacks all finer detail.
FINER, MUCH_FINER = 2.7, 3.2
_REACH = 1.0  # of the size of what the reference resolves


def lend_detail(new: Floats, base: Pixels, kept: Mask, times: float) -> Floats:
    """`new` (H, W, 3) float32 with what of `base` (H, W, 3) uint8 is finer than the reference resolves.

    Both show a face of one shape in one light. Where `kept` (H, W) is 1, `new` is the target's already; `times` is the
    face's width by what the reference resolves of it.
    """
    share = float(np.clip((times - FINER) / (MUCH_FINER - FINER), 0, 1))
    if share == 0:
        return new
    change = base - new
    lent = share * (1 - kept)[..., None]
    return np.asarray(new + lent * (change - blur(change, _REACH * times)), np.float32)
