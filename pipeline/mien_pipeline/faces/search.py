"""Where a detector looks for faces in a picture, and which of its finds are one face."""

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar

import cv2
import numpy as np

from mien_pipeline.image import Affine, Floats, Pixels
from mien_pipeline.media.pyramid import halve

OVERLAP = 0.3  # boxes that share more than this part of their union are one face
TILE_PX, TILE_OVERLAP_PX = 1024, 128  # tiles bound the finer pass's memory; a small face fits into the overlap


def shrink_to(pixels: Pixels, side_px: int) -> Pixels:
    """(h, w, 3) uint8 of `pixels` (H, W, 3), the longer side at most `side_px`; `pixels` itself where it is no longer.

    It is averaged to twice that first: then a linear kernel reads every pixel.
    """
    scale = side_px / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(halve(pixels, min(size)), size, interpolation=cv2.INTER_LINEAR), np.uint8)


def tile_starts(length: int) -> list[int]:
    """Where tiles begin so that they cover `length` and overlap by TILE_OVERLAP_PX or more."""
    if length <= TILE_PX:
        return [0]
    count = math.ceil((length - TILE_OVERLAP_PX) / (TILE_PX - TILE_OVERLAP_PX))
    return [round(start) for start in np.linspace(0, length - TILE_PX, count)]


def scale_by(factor: float) -> Affine:
    """(2, 3) float32, `factor` times as large."""
    return np.array([[factor, 0, 0], [0, factor, 0]], np.float32)


def shift_by(right: int, down: int) -> Affine:
    """(2, 3) float32, points of a tile to points of the picture in which it begins `right` and `down` of the corner."""
    return np.array([[1, 0, right], [0, 1, down]], np.float32)


def undo_quarter_turns(quarters: int, width: int, height: int) -> Affine:
    """(2, 3) float32, points of `np.rot90(picture, quarters)` back to the picture of `width` and `height`."""
    turns = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, -1, width - 1], [1, 0, 0]],
        2: [[-1, 0, width - 1], [0, -1, height - 1]],
        3: [[0, 1, 0], [-1, 0, height - 1]],
    }
    return np.array(turns[quarters], np.float32)


class Find(Protocol):
    """Something that was found in a place, as surely as `det_score` says; `bbox` is (4,) float32."""

    @property
    def bbox(self) -> Floats: ...

    @property
    def det_score(self) -> float: ...


AnyFind = TypeVar("AnyFind", bound=Find)


def drop_duplicates(finds: Sequence[AnyFind], overlap: float = OVERLAP) -> list[AnyFind]:
    """The surest of every group of finds whose boxes overlap, surest first; tiles and turns may find one face twice."""
    kept: list[AnyFind] = []
    for find in sorted(finds, key=lambda find: find.det_score, reverse=True):
        if all(intersection_over_union(find.bbox, other.bbox) < overlap for other in kept):
            kept.append(find)
    return kept


def intersection_over_union(one: Floats, other: Floats) -> float:
    """0..1, intersection over union of two boxes, (4,) float32 each: x1, y1, x2, y2."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    areas = float(np.prod(one[2:] - one[:2])) + float(np.prod(other[2:] - other[:2]))
    return shared / max(areas - shared, 1e-6)
