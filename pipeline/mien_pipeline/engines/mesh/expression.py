"""What stays the target's because it belongs to its expression: the open mouth, shut eyes, a smile's folds."""

from collections.abc import Sequence

import cv2
import numpy as np

from mien_pipeline.engines.mesh.eyes import Exchange
from mien_pipeline.engines.mesh.grid import Grid
from mien_pipeline.engines.mesh.shape import mouth_agreement
from mien_pipeline.stages import topology as face
from mien_pipeline.stages.light import blur
from mien_pipeline.stages.mask import disc
from mien_pipeline.stages.topology import face_width, topology
from mien_pipeline.types import Floats

LIP_EDGE = 0.006  # face widths: the dark line between lips belongs to the mouth that shows it
EYE_FEATHER = 0.006
# Where a smile folds the skin, from the nose's wing to beside the chin, and how wide, in face widths.
FOLD = (129, 203, 206, 216, 212, 202, 204, 211)
FOLD_WIDTH, FOLD_FEATHER = 0.06, 0.02


def eyes_and_lips(shape: tuple[int, ...], mesh: Floats) -> Floats:
    """(H, W) 1 inside the eyes and the lips."""
    return _filled(shape, mesh, (face.LEFT_EYE, face.RIGHT_EYE, face.OUTER_LIPS))


def kept_expression(
    shape: tuple[int, ...], mesh: Floats, reference: Floats, eyes: tuple[Exchange, Exchange], grid: Grid
) -> Floats:
    """(H, W) 1 where the target's own picture stays."""
    width = face_width(mesh)
    mouth = cv2.dilate(_filled(shape, mesh, (face.INNER_LIPS,)), disc(max(1, round(LIP_EDGE * width))))
    kept = blur(np.asarray(mouth, np.float32), LIP_EDGE * width)
    for ring, eye in zip((face.LEFT_EYE, face.RIGHT_EYE), eyes, strict=True):
        if eye.share < 1:
            kept = np.maximum(kept, (1 - eye.share) * blur(_filled(shape, mesh, (ring,)), EYE_FEATHER * width))
    return np.maximum(kept, grid.up(_folds(mesh, reference, grid), shape))


def _folds(mesh: Floats, reference: Floats, grid: Grid) -> Floats:
    """(h, w) of the grid: a smile's folds make no sense beside a mouth that does not smile, and the other way round."""
    mirror = topology().mirror
    lines = [FOLD, tuple(int(mirror[vertex]) for vertex in FOLD)]
    paths = [np.round(grid.points(mesh)[list(line)] * 16).astype(np.int32) for line in lines]
    width = face_width(mesh) / grid.step
    near = np.zeros((grid.height, grid.width), np.uint8)
    cv2.polylines(near, paths, False, (1,), max(1, round(FOLD_WIDTH * width)), cv2.LINE_8, 4)
    return (1 - mouth_agreement(mesh, reference)) * blur(near.astype(np.float32), FOLD_FEATHER * width)


def _filled(shape: tuple[int, ...], mesh: Floats, rings: Sequence[tuple[int, ...]]) -> Floats:
    filled = np.zeros(shape[:2], np.uint8)
    for ring in rings:
        cv2.fillPoly(filled, [np.round(mesh[list(ring), :2] * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return filled.astype(np.float32)
