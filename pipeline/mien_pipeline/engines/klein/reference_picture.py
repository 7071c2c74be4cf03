"""The reference as the model is shown it: the head alone on white, nearly filling a square, never stretched."""

import cv2
import numpy as np

from mien_pipeline.engines.diffusion.target import resize
from mien_pipeline.engines.klein.head import head_mask
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels

# Share of the square that the head's larger side takes.
FILLS = 0.9
# Of the matte, from which a pixel counts as head where its box is measured.
_HEAD = 0.5


def draw_reference(portrait: Portrait, side: int) -> Pixels:
    """(side, side, 3) uint8 RGB: the head in its own proportions on white."""
    image, face = portrait
    matte = head_mask(image.pixels, face)
    left, top, width, height = cv2.boundingRect((matte > _HEAD).astype(np.uint8))
    rows, columns = slice(top, top + height), slice(left, left + width)
    alpha = matte[rows, columns, None]
    on_white = np.rint(image.pixels[rows, columns] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    scale = FILLS * side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.full((side, side, 3), 255, np.uint8)
    x, y = (side - size[0]) // 2, (side - size[1]) // 2
    square[y : y + size[1], x : x + size[0]] = resize(on_white, size)
    return square
