"""Rings of vertices filled in a picture: eyes, lips, the mouth's opening."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.image import Mask
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

SOFT_PX = 2.0  # deviation of a soft edge in the picture in which it is drawn


def soften_ring(
    shape: tuple[int, ...], mesh: Mesh, ring: tuple[int, ...], grow_px: float, feather_px: float
) -> tuple[tuple[slice, slice], Mask]:
    """A part of the picture, and there 1 inside the ring of vertices and `grow_px` around it, soft over `feather_px`.

    Wide edges are made small and enlarged: of a face of 3,000 px, a blur at full size takes seconds.
    """
    points, reach = mesh[list(ring), :2], grow_px + 3 * feather_px + 2
    low = np.clip(np.floor(points.min(0) - reach), 0, shape[1::-1]).astype(int)
    high = np.clip(np.ceil(points.max(0) + reach) + 1, low, shape[1::-1]).astype(int)
    part = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    width, height = (int(edge) for edge in high - low)
    if not width or not height:
        return part, np.zeros((height, width), np.float32)
    scale = min(1.0, SOFT_PX / max(feather_px, 1e-6))
    filled = np.zeros((max(1, math.ceil(height * scale)), max(1, math.ceil(width * scale))), np.uint8)
    local = (points - low + 0.5) * np.array(filled.shape[::-1]) / (width, height) - 0.5
    cv2.fillPoly(filled, [np.round(local * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    if grow_px:
        filled = np.asarray(cv2.dilate(filled, disc(max(1, round(grow_px * scale)))), np.uint8)
    soft = blur(filled.astype(np.float32), feather_px * scale)
    return part, np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def fill_rings(shape: tuple[int, ...], mesh: Mesh, rings: Sequence[tuple[int, ...]]) -> Mask:
    """(H, W) 1 inside the rings of vertices, else 0."""
    filled = np.zeros(shape[:2], np.uint8)
    for ring in rings:
        cv2.fillPoly(filled, [np.round(mesh[list(ring), :2] * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return filled.astype(np.float32)
