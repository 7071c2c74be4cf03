"""Code values of a clip ↔ red, green and blue, for a part of a picture.

The whole picture is never converted there and back: with the right matrix that changes 95 % of luma by a level. What
an edit changes is added to the planes; where it changes nothing, they stay as they were, bit for bit.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.clip.working_form import Plane, WorkingForm

FULL_RANGE = 2  # AVCOL_RANGE_JPEG
# Kr and Kb of each matrix: ISO/IEC 23091-2, MatrixCoefficients.
_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Between code values of one clip and red, green and blue in 0..255.

    Attributes:
        to_rgb: (3, 4) float64, of luma and both colour differences and 1.
        from_rgb: (3, 3) float64, without an offset: of changes.
    """

    to_rgb: NDArray[np.float64]
    from_rgb: NDArray[np.float64]


@cache
def find_matrix(matrix: int, range_: int, bits: int) -> Matrix:
    """The matrix of clips tagged so, their range and their bits a code value."""
    red, blue = _WEIGHTS[matrix]
    green = 1 - red - blue
    step = 1 << (bits - 8)
    full = range_ == FULL_RANGE
    luma, chroma, black = (255.0 * step, 255.0 * step, 0.0) if full else (219.0 * step, 224.0 * step, 16.0 * step)
    if full:
        luma = chroma = float((1 << bits) - 1)
    from_rgb = np.array(
        [
            [red, green, blue],
            [-red / (2 * (1 - blue)), -green / (2 * (1 - blue)), 0.5],
            [0.5, -green / (2 * (1 - red)), -blue / (2 * (1 - red))],
        ]
    )
    from_rgb *= np.array([[luma], [chroma], [chroma]]) / 255
    back = np.linalg.inv(from_rgb)
    offset = -back @ np.array([black, 128.0 * step, 128.0 * step])
    return Matrix(np.hstack([back, offset[:, None]]), from_rgb)


def to_rgb(planes: tuple[Plane, Plane, Plane], matrix: Matrix) -> Pixels:
    """(h, w, 3) uint8 RGB of a part of a picture: luma (h, w), and colour differences of half its width and height."""
    luma, *chroma = planes
    size = (luma.shape[1], luma.shape[0])
    full = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in chroma]
    light = np.asarray(cv2.transform(cv2.merge([luma, *full]).astype(np.float32), matrix.to_rgb), np.float32)
    return np.asarray(cv2.convertScaleAbs(np.maximum(light, 0, out=light)), np.uint8)  # rounds, and takes 255 at most


def add_change(planes: tuple[Plane, Plane, Plane], change: Floats, matrix: Matrix, form: WorkingForm) -> None:
    """Add `change`, (h, w, 3) float32 in 0..255 of red, green and blue, to the planes of that part, in place."""
    moved = np.asarray(cv2.transform(change, matrix.from_rgb), np.float32)
    most = (1 << form.bits) - 1
    for number, plane in enumerate(planes):
        size = (plane.shape[1], plane.shape[0])
        part = moved[..., number]
        if number:
            part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)
        plane[:] = np.clip(np.rint(plane + part), 0, most).astype(plane.dtype)
