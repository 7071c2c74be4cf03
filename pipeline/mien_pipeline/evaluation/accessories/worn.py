"""Things that are worn beside a face and reach into it: a cap with its brim, ear-rings."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.evaluation.accessories.covers import lay_over
from mien_pipeline.face import Mesh
from mien_pipeline.faces.topology import face_width, head_axes
from mien_pipeline.image import Floats, Pixels

_CLOTH, _BRIM = (44, 62, 92), (30, 42, 64)  # a blue cap, and the underside of its brim
_METAL, _SHINE = (176, 140, 62), (250, 236, 190)
_FINE = 4  # binary digits of a pixel in which outlines are drawn


def draw_cap(pixels: Pixels, mesh: Mesh) -> Pixels:
    """The picture (H, W, 3) with a cap on the head of `mesh` (468, 3); its brim hides the upper forehead."""
    width, (across, down) = face_width(mesh), head_axes(mesh)
    middle = mesh[151, :2]  # of the forehead
    turn = np.linspace(np.pi, 2 * np.pi, 40, dtype=np.float32)
    dome = middle + np.cos(turn)[:, None] * across * 0.56 * width + np.sin(turn)[:, None] * down * 0.72 * width
    along = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    lower = middle + along * across * 0.6 * width + (1 - along**2) * down * 0.1 * width
    upper = middle + along[::-1] * across * 0.56 * width - (1 - along**2) * down * 0.06 * width
    capped = _fill(pixels, np.asarray(dome, np.float32), _CLOTH, width)
    return _fill(capped, np.asarray(np.concatenate([lower, upper]), np.float32), _BRIM, width)


def draw_ear_rings(pixels: Pixels, mesh: Mesh) -> Pixels:
    """The picture (H, W, 3) with a ring below each ear of `mesh` (468, 3)."""
    width, (across, down) = face_width(mesh), head_axes(mesh)
    worn = pixels.copy()
    for lobe, side in ((132, -1), (361, 1)):
        middle = np.asarray(mesh[lobe, :2] + side * across * 0.03 * width + down * 0.1 * width, np.float32)
        at = (int(middle[0] * 2**_FINE), int(middle[1] * 2**_FINE))
        radius = int(0.07 * width * 2**_FINE)
        thick = max(1, round(0.02 * width))
        cv2.circle(worn, at, radius, _METAL, thick, cv2.LINE_AA, _FINE)
        cv2.ellipse(worn, _to_box(middle, 0.07 * width), _SHINE, max(1, thick // 3), cv2.LINE_AA)
    return worn


def _to_box(middle: Floats, radius: float) -> tuple[tuple[float, float], tuple[float, float], float]:
    return (float(middle[0]), float(middle[1])), (2 * radius, 2 * radius), 0.0


def _fill(pixels: Pixels, outline: Floats, colour: tuple[int, int, int], width: float) -> Pixels:
    filled = np.zeros(pixels.shape[:2], np.uint8)
    points: NDArray[np.int32] = np.round(outline * 2**_FINE).astype(np.int32)
    cv2.fillPoly(filled, [points], (255,), cv2.LINE_AA, _FINE)
    layer = np.broadcast_to(np.array(colour, np.float32), pixels.shape)
    return lay_over(pixels, layer, np.asarray(filled / 255, np.float32), width)
