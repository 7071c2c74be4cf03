"""The target around its new shape: a displacement that follows the mesh inside and fades to 0 outside."""

import cv2
import numpy as np

from mien_pipeline.faces.raster import Raster
from mien_pipeline.image import Floats, Mask

_ITERATIONS = (40, 20, 12)  # from the coarsest grid to the finest


def map_origins(raster: Raster, moved: Floats, original: Floats) -> Floats:
    """(h, w, 2) float32, where in the target each grid pixel comes from, in grid pixels; itself at the border.

    Inside the mesh the map is that of its triangles. Outside it is harmonic (Laplace's equation, by relaxation from
    coarse to fine), so it has no fold and no edge.

    Args:
        raster: of the mesh after it moved.
        moved, original: (468, 2) float32, the vertices after and before, in grid pixels.
    """
    height, width = raster.covered.shape
    inside = raster.interpolate((original - moved).astype(np.float32))
    size = (-(-width // 2), -(-height // 2))
    coarse = _relax(*_halve(inside, raster.covered.astype(np.float32), size), level=len(_ITERATIONS) - 1)
    offset = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    cv2.copyTo(inside, raster.covered.view(np.uint8), offset)
    offset[[0, -1]] = 0
    offset[:, [0, -1]] = 0
    offset[..., 0] += np.arange(width, dtype=np.float32)
    offset[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    return offset


def _halve(known: Floats, fixed: Mask, size: tuple[int, int]) -> tuple[Floats, Mask]:
    """On a grid of `size`: `known` averaged where it is `fixed`, and 1 where that is a quarter of a pixel or more."""
    weight = np.asarray(cv2.resize(fixed, size, interpolation=cv2.INTER_AREA), np.float32)
    sums = cv2.resize(cv2.multiply(known, cv2.merge([fixed, fixed])), size, interpolation=cv2.INTER_AREA)
    whole = np.maximum(weight, np.float32(1e-6))
    return np.asarray(cv2.divide(sums, cv2.merge([whole, whole])), np.float32), (weight > 0.25).astype(np.float32)


def _relax(known: Floats, fixed: Mask, level: int) -> Floats:
    """(h, w, 2) `known` where `fixed`, 0 at the border, smooth between the two."""
    height, width = fixed.shape
    if level == 0:
        field = np.zeros_like(known)
    else:
        size = (max(3, width // 2), max(3, height // 2))
        coarse = _relax(*_halve(known, fixed, size), level=level - 1)
        field = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    held = (fixed > 0).view(np.uint8)
    for _ in range(_ITERATIONS[level]):
        cv2.copyTo(known, held, field)
        cv2.blur(field, (3, 3), dst=field)
        field[0] = field[-1] = 0
        field[:, 0] = field[:, -1] = 0
    cv2.copyTo(known, held, field)
    return field
