"""More pixels from the same network: parts of the crop that each show the whole face, without a grid.

Every k-th pixel at each of the k² offsets is a picture of the network's side (polyphase, as peers have it). The
network answers each a little differently, and interleaved that is a fine grid. So the parts give only what is finer
than the network's own side; all that is coarser comes from one answer to the crop made smaller without aliasing.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mien_pipeline.image import Floats, Pixels

# Between what is coarser and what is finer: the standard deviation of a Gaussian, in pixels of the network. It halves
# 0.187 / 0.75 = 0.25 cycles a pixel, which is half of the highest frequency that a picture of that side has.
SPLIT_PX = 0.75


def split(crop: Pixels, times: int) -> list[Pixels]:
    """The crop made smaller, then its `times`² parts row by row: each (side, side, 3) uint8 of (k side, k side, 3)."""
    side = crop.shape[0] // times
    small = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    parts = [np.ascontiguousarray(crop[row::times, column::times]) for row in range(times) for column in range(times)]
    return [small, *parts]


def join(answers: Sequence[Floats], times: int) -> Floats:
    """(k side, k side, 3) float32 of the network's answers to what `split` made, each (side, side, 3) float32."""
    small, *parts = answers
    side = small.shape[0]
    whole = np.empty((side * times, side * times, 3), np.float32)
    coarse = np.empty_like(whole)
    for place, part in enumerate(parts):
        row, column = divmod(place, times)
        whole[row::times, column::times] = part
        coarse[row::times, column::times] = _blur(part, SPLIT_PX)
    enlarged = np.asarray(cv2.resize(small, (side * times, side * times), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(_blur(enlarged, SPLIT_PX * times) + (whole - coarse), np.float32)


def _blur(values: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)
