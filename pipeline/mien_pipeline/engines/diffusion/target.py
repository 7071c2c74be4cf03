"""The part of the target that is made anew: cut out, sized for the model, masked, and put back at its own size.

A small face is cut out with its surroundings and worked on at the model's best size. A face that fills the picture
takes the whole of it. The model works on multiples of 16: the cut is padded to them, never shortened, so that every
size comes back exact.

*Target pixels* count from the target's top left corner, *cut pixels* from the cut's, *working pixels* are cut pixels
times `Cut.scale`.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Floats, Image, Mask, Pixels
from mien_pipeline.report import SwapWarning

MULTIPLE = 16
# The region made anew around a face's box, in its widths and heights: 35 % to the sides, 45 % above, 15 % below.
MARGIN_SIDE, MARGIN_TOP, MARGIN_BOTTOM = 0.35, 0.45, 0.15
# What the model sees around that region, in its larger side.
CONTEXT = 0.5
# A cut that covers this much of the picture takes the whole of it.
WHOLE_PICTURE = 0.8
# Beyond this enlargement the model would only be given blur.
MOST_ENLARGED = 4.0
# Softness of the mask's edge, in the region's larger side.
FEATHER = 0.06


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the work happens, and at which size.

    Attributes:
        left, top, width, height: whole target pixels; always inside the picture.
        scale: target pixels → working pixels.
        inner: (width, height) of the cut in working pixels; what lies beyond is padding.
        outer: (width, height) of the working picture, multiples of 16.
    """

    left: int
    top: int
    width: int
    height: int
    scale: float
    inner: tuple[int, int]
    outer: tuple[int, int]

    @property
    def tokens(self) -> int:
        """How many squares of 16 × 16 working pixels there are."""
        return (self.outer[0] // MULTIPLE) * (self.outer[1] // MULTIPLE)

    def to_working(self, points: Floats) -> Floats:
        """Points in target pixels as points in working pixels, both (N, 2) float32, x before y."""
        ratio = np.array([self.inner[0] / self.width, self.inner[1] / self.height], np.float32)
        moved: Floats = ((points - np.array([self.left, self.top], np.float32) + 0.5) * ratio - 0.5).astype(np.float32)
        return moved


def region_of(face: Face) -> tuple[float, float, float, float]:
    """The box that is made anew, (x1, y1, x2, y2) in target pixels; it may reach beyond the picture."""
    x1, y1, x2, y2 = (float(value) for value in face.bbox)
    width, height = x2 - x1, y2 - y1
    return (
        x1 - MARGIN_SIDE * width,
        y1 - MARGIN_TOP * height,
        x2 + MARGIN_SIDE * width,
        y2 + MARGIN_BOTTOM * height,
    )


def cut_for(image_size: tuple[int, int], face: Face, side: int, context: float = CONTEXT) -> Cut:
    """Where to work on `face`.

    Args:
        image_size: (width, height) of the target.
        side: of the square whose area the model works best at, in working pixels.
        context: what the model sees around the region that is made anew, in that region's larger side.
    """
    image_width, image_height = image_size
    x1, y1, x2, y2 = region_of(face)
    half = (0.5 + context) * max(x2 - x1, y2 - y1)
    centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
    left, right = _inside(centre_x - half, centre_x + half, image_width)
    top, bottom = _inside(centre_y - half, centre_y + half, image_height)
    if (right - left) * (bottom - top) >= WHOLE_PICTURE * image_width * image_height:
        left, top, right, bottom = 0, 0, image_width, image_height
    width, height = right - left, bottom - top
    scale = min(math.sqrt(side * side / (width * height)), MOST_ENLARGED)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    outer = (-(-inner[0] // MULTIPLE) * MULTIPLE, -(-inner[1] // MULTIPLE) * MULTIPLE)
    return Cut(left, top, width, height, scale, inner, outer)


def _inside(low: float, high: float, size: int) -> tuple[int, int]:
    """The span moved into 0..size rather than cut, as far as it fits."""
    span = min(size, math.ceil(high - low))
    start = min(max(0, math.floor(low)), size - span)
    return start, start + span


def extract(image: Image, cut: Cut) -> Pixels:
    """The target in the working size, padded with its own edge, (height, width, 3) uint8 RGB."""
    pixels = image.pixels[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]
    return _pad(resize(pixels, cut.inner), cut)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale (H, W, 3) uint8 to `size`, (width, height): area average to shrink, Lanczos to grow, a copy of none."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    shrinks = size[0] < pixels.shape[1]
    return np.asarray(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4), np.uint8
    )


def _pad(pixels: Pixels, cut: Cut) -> Pixels:
    right, below = cut.outer[0] - cut.inner[0], cut.outer[1] - cut.inner[1]
    return np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def mask_for(face: Face, cut: Cut, preserved: Mask | None = None) -> Mask:
    """What is made anew: (cut.height, cut.width) float32 in 0..1, in cut pixels; 1 is made anew.

    A superellipse in the region around the face. It is soft inside its edge, so nothing outside the region changes.

    Args:
        preserved: same shape and range; 1 where the target's own pixel stays, inside the region too.
    """
    x1, y1, x2, y2 = region_of(face)
    rows = np.arange(cut.height, dtype=np.float32)[:, None] + cut.top
    columns = np.arange(cut.width, dtype=np.float32)[None, :] + cut.left
    across = (columns - (x1 + x2) / 2) / ((x2 - x1) / 2)
    along = (rows - (y1 + y2) / 2) / ((y2 - y1) / 2)
    # A superellipse of degree 4: nearly the whole box, without its corners.
    distance = (across**4 + along**4) ** 0.25
    soft = 2 * FEATHER
    mask = np.clip((1.0 - distance) / soft, 0.0, 1.0)
    mask = mask * mask * (3.0 - 2.0 * mask)
    if preserved is not None:
        mask = mask * (1.0 - preserved)
    return mask.astype(np.float32)


def patch(made: Pixels, mask: Mask, cut: Cut, warnings: tuple[SwapWarning, ...] = ()) -> Patch:
    """The made picture at the target's own scale, and where it belongs.

    Args:
        made: (outer height, outer width, 3) uint8 RGB, the working picture with its padding.
        mask: (cut.height, cut.width) float32 in 0..1, as `mask_for` gives it.
    """
    inner = made[: cut.inner[1], : cut.inner[0]]
    crop = resize(np.ascontiguousarray(inner), (cut.width, cut.height))
    affine = np.array([[1, 0, -cut.left], [0, 1, -cut.top]], np.float32)
    return Patch(crop=crop, affine=affine, mask=mask, warnings=warnings)
