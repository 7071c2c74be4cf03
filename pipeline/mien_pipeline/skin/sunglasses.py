"""Whether dark or mirroring lenses hide a face's eyes.

Skin shows above and below an eye, and an eye has light and dark parts. A lens that hides it shows neither: its colour
is unlike the cheek's, it is even, and it ends at a sharp edge on the cheek. Shadow has no such edge; shut lids have the
colour of skin; a clear or tinted lens keeps the contrast of the eye behind it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import warp
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_lab_codes, to_linear, to_srgb
from mien_pipeline.skin.glasses import VIEW_PX, find_level_view
from mien_pipeline.skin.light import measure_length
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import resemble_skin

SMALLEST_PX = 24  # a narrower face shows too little of its eyes to judge

# What counts how much, and from where lenses hide the eyes: fitted to 105 portraits (1.6 at most), to glasses drawn
# onto them (96 of 100 that are opaque pass the limit, 1 of 525 clear ones does) and to seven real ones (1.2 to 5.2).
_LENS, _BRIGHTER, _CONTRAST = 2.0, 6.0, 1.0
_LIMIT = 2.5
_MOST_LENS, _MOST_BRIGHTER, _MOST_CONTRAST = 4.0, 0.5, 3.0  # octaves; more tells no more

_LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))
_UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (362, 398, 384, 385, 386, 387, 388, 466, 263))
_CHEEKS = ((50, 101, 36, 205, 187), (280, 330, 266, 425, 411))
_LOW_FOREHEAD = (9, 8, 107, 336, 151)
# Pixels of the level view, in which a face is 200 wide.
_COLUMNS = 15  # in which an eye is looked at, from corner to corner
_INSET = 0.12  # of an eye's width, at both corners
_BELOW, _ABOVE = slice(2, 9), slice(3, 10)  # from the lids
_REACH_DOWN, _REACH_UP = 44, 10
_EDGES = range(6, 36)  # below the lower lid, where a lens may end
_BEFORE, _AFTER = (8, 1), (4, 9)  # from an edge: what is averaged on either side; the rim between is left out
_CHROMA = 10.0  # octaves of light that count as much as 1 of chromaticity
_LESS_LIKE_SKIN = 0.25  # than the forehead: a mask hides the cheek
_DARK = 0.012  # of white, added to light: darker than this tells nothing


Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _EyeRegion:
    """What is around one eye, in octaves of light; colour counts with it.

    Attributes:
        unlike: how far the skin's places above and below the lids are from bare skin, the nearer one.
        step: the sharpest edge below the eye.
        brighter: light above the lid by bare skin's.
        contrast: between the light and dark parts of the eye.
    """

    unlike: float
    step: float
    brighter: float
    contrast: float


def hides_eyes(pixels: Pixels, mesh: Mesh) -> bool:
    """Whether a face wears glasses through which neither eye can be seen.

    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels. False where the face is too small to tell.
    """
    if face_width(mesh) < SMALLEST_PX:
        return False
    affine = find_level_view(mesh)
    view = warp(pixels, affine, VIEW_PX, border=cv2.BORDER_REPLICATE)
    points = np.asarray(mesh[:, :2] @ affine[:, :2].T + affine[:, 2], np.float32)
    colours = _measure_colours(view)
    eyes = [_look_at_eye(colours, points, side) for side in (0, 1)]
    score = (
        _LENS * min(_MOST_LENS, *(min(eye.unlike, eye.step) for eye in eyes))
        + _BRIGHTER * min(_MOST_BRIGHTER, max(0.0, min(eye.brighter for eye in eyes)))
        - _CONTRAST * min(_MOST_CONTRAST, max(eye.contrast for eye in eyes))
    )
    return bool(score > _LIMIT)


def _measure_colours(view: Pixels) -> Floats:
    """(h, w, 3): octaves of light, and the shares of red and green in it, weighted as octaves."""
    light = to_linear(np.asarray(cv2.GaussianBlur(view, (0, 0), 0.8), np.uint8)) + np.float32(_DARK / 3)
    red, green, blue = cv2.split(light)
    total = red + green + blue
    return np.asarray(cv2.merge([np.log2(total), _CHROMA * red / total, _CHROMA * green / total]), np.float32)


def _look_at_eye(colours: Floats, points: Floats, side: int) -> _EyeRegion:
    """The region of the viewer's left (0) or right (1) eye; `points` (468, 2) are in the pixels of `colours`.

    Bare skin is the cheek, and under a mask the forehead too.
    """
    cheek, forehead = (
        np.median(colours[_fill_hull(colours.shape, points[list(group)])], axis=0)
        for group in (_CHEEKS[side], _LOW_FOREHEAD)
    )
    is_covered = _resemble_skin(cheek) < _LESS_LIKE_SKIN * _resemble_skin(forehead)
    skins = [cheek, forehead] if is_covered else [cheek]
    below = _sample(colours, points[list(_LOWER_LIDS[side])], np.arange(_REACH_DOWN))
    above = _sample(colours, points[list(_UPPER_LIDS[side])], -np.arange(_REACH_UP))
    beside = [np.median(part.reshape(-1, 3), axis=0) for part in (below[_BELOW], above[_ABOVE])]
    eye = colours[_fill_hull(colours.shape, points[[*_LOWER_LIDS[side], *_UPPER_LIDS[side]]])][:, 0]
    dark, light = np.quantile(eye, [0.1, 0.9])
    return _EyeRegion(
        unlike=min(float(np.linalg.norm(colour - skin)) for colour in beside for skin in skins),
        step=_measure_step(below),
        brighter=min(float(beside[1][0] - skin[0]) for skin in skins),
        contrast=float(light - dark),
    )


def _resemble_skin(colour: Floats) -> float:
    """0..1 for a colour (3,) of `_measure_colours`."""
    total, red, green = 2.0 ** colour[0], colour[1] / _CHROMA, colour[2] / _CHROMA
    light = np.array([red, green, 1 - red - green], np.float32) * np.float32(total) - np.float32(_DARK / 3)
    return resemble_skin(to_lab_codes(to_srgb(light.reshape(1, 1, 3)))[0, 0].astype(np.float32))


def _measure_step(below: Floats) -> float:
    """The sharpest edge below an eye: the median of the columns of (N, _COLUMNS, 3)."""
    sums = np.cumsum(np.concatenate([np.zeros_like(below[:1]), below]), axis=0, dtype=np.float64)

    def average_rows(first: Indices, end: Indices) -> Floats:
        """The mean of the rows from each of `first` to before each of `end`."""
        return np.asarray((sums[end] - sums[first]) / (end - first)[:, None, None], np.float32)

    at = np.arange(_EDGES.start, _EDGES.stop)
    after = average_rows(at + _AFTER[0], at + _AFTER[1])
    edges = after - average_rows(np.maximum(1, at - _BEFORE[0]), at - _BEFORE[1])
    return float(np.median(measure_length(edges).max(0)))


def _sample(colours: Floats, lid: Floats, offsets: NDArray[np.intp]) -> Floats:
    """(len(offsets), _COLUMNS, 3) at `offsets` pixels below a lid, whose vertices (N, 2) run from left to right."""
    margin = _INSET * (lid[-1, 0] - lid[0, 0])
    across = np.linspace(lid[0, 0] + margin, lid[-1, 0] - margin, _COLUMNS)
    rows = np.interp(across, lid[:, 0], lid[:, 1])[None] + offsets[:, None]
    columns = np.broadcast_to(across[None], rows.shape).astype(np.float32)
    seen = cv2.remap(colours, columns, rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.float32)


def _fill_hull(shape: tuple[int, ...], points: Floats) -> Choice:
    """(h, w) True in the convex hull of `points` (N, 2), at least in the pixel of the first."""
    filled = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(filled, np.round(cv2.convexHull(points)).astype(np.int32), (1,))
    column, row = np.clip(np.round(points[0]).astype(int), 0, [shape[1] - 1, shape[0] - 1])
    filled[row, column] = 1
    return filled > 0
