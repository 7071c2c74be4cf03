"""Where hair grows on a face: brows, lashes and beard. What is as dark elsewhere is shade."""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

BEARD = (98, 2, 327, 129, 358, 132, 361, 58, 288, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365,
         397)  # fmt: skip
CORNERS, CORNER = (61, 291), 0.045  # of the mouth; face widths around them in which no hair is looked for
AROUND = 0.012  # face widths around brows and eyes
SOFT = 0.015  # face widths, deviation of the edge


def draw_hair(mesh: Mesh, grid: Grid, *, beard: bool = True) -> Mask:
    """(h, w) of the grid, float32 in 0..1: 1 where hair may grow; `mesh` (468, 3) in the pixels that it is over.

    A `beard` may grow, or is no part of the face.
    """
    points, width = grid.locate(mesh), face_width(mesh) / grid.step
    filled = np.zeros((grid.height, grid.width), np.uint8)
    for ring in (face.LEFT_BROW, face.RIGHT_BROW, face.LEFT_EYE, face.RIGHT_EYE):
        _fill_hull(filled, points[list(ring)])
    filled = np.asarray(cv2.dilate(filled, disc(max(1, round(AROUND * width)))), np.uint8)
    if beard:
        _fill_hull(filled, points[list(BEARD)])
    for corner in CORNERS:  # where a laugh folds the skin
        x, y = np.round(points[corner] * 16).astype(int)
        cv2.circle(filled, (int(x), int(y)), round(CORNER * width * 16), (0,), -1, cv2.LINE_8, 4)
    return blur(filled.astype(np.float32), SOFT * width)


def _fill_hull(filled: Pixels, points: Floats) -> None:
    hull = np.asarray(cv2.convexHull(points.astype(np.float32)))
    cv2.fillConvexPoly(filled, np.round(hull * 16).astype(np.int32), (1,), cv2.LINE_8, 4)
