"""Under a nose: where a texture is drawn together its colours are averaged, or a nostril is a black, jagged line."""

from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.atlas import WORK_SIDE, fill_texture
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.grid import Box, Grid
from mien_pipeline.faces.topology import UNDER_NOSE
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.mask import disc, smooth_step

# Of the texture's side between two points of the grid: .008 on a face from the front, and under the tip of a nose that
# is seen from above as far as from it to the lip. From the first on colours are averaged, from the second nothing else.
LEAP = (0.011, 0.016)
AVERAGED_SIDE = 48  # texels of the texture whose averages are drawn
AROUND = 9  # texels at WORK_SIDE around what is under the nose


def mend_tears(drawn: Pixels, colour: Pixels, places: Floats, grid: Grid) -> None:
    """Draw what is under a nose anew, in place, where the texture is drawn together.

    Args:
        drawn: (H, W, 3) uint8 RGB, the texture on the mesh.
        colour: (S, S, 3) uint8 RGB, the texture.
        places: (h, w, 2) float32 in 0..1, where in it each point of the grid is.
        grid: over `drawn`.
    """
    torn = _find_tears(places)
    small = Box.covering(torn)
    if small.empty:
        return
    step = grid.step
    box = Box(small.left * step, small.top * step, small.right * step, small.bottom * step)
    part = drawn[box.part]
    averages = np.asarray(cv2.resize(colour, (AVERAGED_SIDE, AVERAGED_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    plain = resample(averages, np.asarray(places[small.part] * AVERAGED_SIDE - 0.5, np.float32)).astype(np.float32)
    inner = Grid(step, *small.shape[::-1])
    share = inner.enlarge(torn[small.part], part.shape)[..., None]
    part[:] = np.rint(part + share * (inner.enlarge(plain, part.shape) - part))


def _find_tears(places: Floats) -> Mask:
    """(h, w) 0..1, how much the texture under a nose is drawn together at each point of `places` (h, w, 2)."""
    under = resample(_nose_mask(), np.asarray(places * WORK_SIDE - 0.5, np.float32))
    torn, box = np.zeros(places.shape[:2], np.float32), Box.covering(under)
    if not box.empty:
        part = box.grow(2, torn.shape).part
        torn[part] = _rate_leaps(places[part], under[part])
    return torn


def _rate_leaps(places: Floats, under: Mask) -> Mask:
    """(h, w) 0..1, as `_find_tears`; `under` (h, w) is 1 under the nose."""
    leaps = np.zeros(places.shape[:2], np.float32)
    for axis, before, after in ((1, np.s_[:, :-1], np.s_[:, 1:]), (0, np.s_[:-1], np.s_[1:])):
        both = np.abs(np.diff(places, axis=axis))
        leap = np.maximum(both[..., 0], both[..., 1])
        for side in (before, after):
            np.maximum(leaps[side], leap, out=leaps[side])
    share = smooth_step((leaps - LEAP[0]) / (LEAP[1] - LEAP[0]))
    share = np.asarray(cv2.dilate(share, disc(1)), np.float32)
    return np.asarray(cv2.blur(share * under, (3, 3)), np.float32)


@cache
def _nose_mask() -> Mask:
    """(WORK_SIDE, WORK_SIDE) float32, 1 under the nose and close around, else 0."""
    return np.asarray(cv2.dilate(fill_texture(UNDER_NOSE), disc(AROUND)), np.float32)
