"""Places on the canonical texture."""

import cv2
import numpy as np

from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Pixels

WORK_SIDE = 256  # of the texture in which places are looked for


def fill_texture(vertices: tuple[int, ...]) -> Pixels:
    """(WORK_SIDE, WORK_SIDE) 1 inside a polygon of vertices on the texture, else 0."""
    filled = np.zeros((WORK_SIDE, WORK_SIDE), np.uint8)
    outline = np.round(topology().uv[list(vertices)] * WORK_SIDE).astype(np.int32)
    cv2.fillPoly(filled, [outline], (1,))
    return filled
