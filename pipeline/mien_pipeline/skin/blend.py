"""Patch on target: each frequency has a seam of its own width, and a mask of 0 keeps the target bit for bit."""

from dataclasses import replace

import cv2
import numpy as np

from mien_pipeline.face import Patch
from mien_pipeline.faces.align import invert, transform, warp
from mien_pipeline.image import Floats, Image, Mask, Pixels

LEVELS = 4  # of the pyramids: low frequencies blend over 2**4 pixels and more, the highest as wide as the mask says


def paste_back(target: Image, patch: Patch) -> Image:
    """The target image with the patch in it; where the mask is 0, pixels are the target's bit for bit.

    A patch with a hard mask (only 0 and 1) and a whole-pixel shift is copied as it is: its engine blended already.
    """
    placed = _place(target, patch)
    if placed is None:
        return target
    top, left, crop, mask = placed
    bottom, right = top + mask.shape[0], left + mask.shape[1]
    base = target.pixels[top:bottom, left:right]
    covered = mask > 0
    soft = bool(((mask < 1) & covered).any())
    mixed = blend_bands(base, crop, mask) if soft else crop
    pixels = target.pixels.copy()
    cv2.copyTo(mixed, covered.view(np.uint8), pixels[top:bottom, left:right])
    return replace(target, pixels=pixels)


def blend_bands(base: Pixels, top: Pixels, mask: Mask, levels: int = LEVELS) -> Pixels:
    """`top` over `base` by `mask`, (H, W, 3) uint8 RGB; each frequency has a seam of its own width.

    Where the mask is 0 `top` counts as `base`, so that nothing from outside the mask leaks in.

    Args:
        base, top: (H, W, 3) uint8 RGB, in the same place.
        mask: (H, W) float32 in 0..1; 1 shows `top`.
        levels: of the pyramids; 0 mixes by the mask alone.

    Source: Burt & Adelson 1983, a multiresolution spline with application to image mosaics.
    """
    mixed = np.empty_like(base)
    for channel in range(3):  # one at a time: a large face would take three times the memory
        below = base[..., channel].astype(np.float32)
        # Only the difference is split into bands: where the pictures agree there is nothing to blend.
        difference = (top[..., channel] - below) * (mask > 0)
        below += _blend_difference(difference, mask, levels)
        below += 0.5
        mixed[..., channel] = np.clip(below, 0, 255, out=below)
    return mixed


def _blend_difference(difference: Floats, mask: Mask, levels: int) -> Floats:
    """The part of `difference` (H, W) that the result shows: its finest band by `mask`, the rest a level down."""
    if levels == 0 or min(mask.shape) < 8:
        return difference * mask
    size = (difference.shape[1], difference.shape[0])
    smaller, smaller_mask = _as_floats(cv2.pyrDown(difference)), _as_floats(cv2.pyrDown(mask))
    band = difference - _as_floats(cv2.pyrUp(smaller, dstsize=size))
    rest = _blend_difference(smaller, smaller_mask, levels - 1)
    return band * mask + _as_floats(cv2.pyrUp(rest, dstsize=size))


def _place(target: Image, patch: Patch) -> tuple[int, int, Pixels, Mask] | None:
    """Top and left of the part of the target that the patch changes, crop and mask there; None for no part."""
    box = _bound(target, patch)
    if box is None:
        return None
    left, top, right, bottom = box
    shift = patch.affine.copy()
    shift[:, 2] += patch.affine[:, :2] @ np.array([left, top], np.float32)
    if np.array_equal(shift[:, :2], np.eye(2)) and np.array_equal(shift, np.round(shift)):
        x, y = round(float(shift[0, 2])), round(float(shift[1, 2]))
        rows, columns = slice(y, y + bottom - top), slice(x, x + right - left)
        return top, left, patch.crop[rows, columns], patch.mask[rows, columns]
    back, size = invert(shift), (right - left, bottom - top)
    crop = warp(patch.crop, back, size, border=cv2.BORDER_REPLICATE, cubic=True)
    mask = _as_floats(cv2.warpAffine(patch.mask, back, size, flags=cv2.INTER_LINEAR))
    return top, left, crop, np.clip(mask, 0, 1)


def _bound(target: Image, patch: Patch) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the part of the target where the mask is not 0; None for no part."""
    x1, y1, width, height = cv2.boundingRect((patch.mask > 0).view(np.uint8))
    if not width:
        return None
    x2, y2 = x1 + width, y1 + height
    corners = np.array([[x1, y1], [x2, y1], [x1, y2], [x2, y2]], np.float32)
    points = transform(corners, invert(patch.affine))
    low, high = np.floor(points.min(0) + 1e-3).astype(int), np.ceil(points.max(0) - 1e-3).astype(int)
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(target.width, int(high[0])), min(target.height, int(high[1]))
    return (left, top, right, bottom) if right > left and bottom > top else None


def _as_floats(array: object) -> Floats:
    return np.asarray(array, np.float32)
