"""Expression: an open mouth and shut eyes stay the target's; folds of a smile that it does not have go."""

from collections.abc import Sequence

import cv2
import numpy as np

from mien_pipeline.engines.mesh.eyes import EyeSwap
from mien_pipeline.engines.mesh.grid import Box, Grid
from mien_pipeline.engines.mesh.shape import mouth_agreement, mouth_openness, smile
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Mask
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

LIP_EDGE = 0.006  # face widths of lip around the opening that stay the target's: the dark line between lips
MOUTH_OPENS = 0.08  # of its width: a mouth that is open so far shows teeth, not a line
LIP_SATURATION = 0.2  # of the palest lips; a part as pale as teeth has much less than its lips
EYE_FEATHER = 0.006
# Where a smile folds the skin, from the nose's wing to beside the chin, and how wide, in face widths.
FOLD = (129, 203, 206, 216, 212, 202, 204, 211)
FOLD_WIDTH, FOLD_FEATHER = 0.06, 0.02
FOLD_SCALE = 0.03  # face widths: a fold is finer than this, the shape of a cheek is not


def eyes_and_lips_mask(shape: tuple[int, ...], mesh: Mesh) -> Mask:
    """(H, W) float32: 1 inside the eyes and the lips of a (468, 3) mesh in these pixels, else 0."""
    return _fill_rings(shape, mesh, (face.LEFT_EYE, face.RIGHT_EYE, face.OUTER_LIPS))


def target_mouth_mask(shape: tuple[int, ...], mesh: Mesh, reference: Mesh) -> Mask:
    """(H, W) float32 in 0..1, how much of the target's own picture stays between its lips; 0 for two closed mouths.

    `mesh` is the target's (468, 3), in these pixels; `reference` the reference's (468, 3), in any frame.
    """
    width = face_width(mesh)
    opens = max(mouth_openness(mesh), mouth_openness(reference)) / MOUTH_OPENS
    mouth = cv2.dilate(_fill_rings(shape, mesh, (face.INNER_LIPS,)), disc(max(1, round(LIP_EDGE * width))))
    return np.asarray(min(1.0, opens) * blur(np.asarray(mouth, np.float32), LIP_EDGE * width), np.float32)


def target_eyes_mask(shape: tuple[int, ...], mesh: Mesh, eyes: tuple[EyeSwap, EyeSwap]) -> Mask:
    """(H, W) float32 in 0..1, how much of the target's own picture stays in its eyes; `mesh` (468, 3) in its pixels."""
    kept = np.zeros(shape[:2], np.float32)
    for ring, eye in zip((face.LEFT_EYE, face.RIGHT_EYE), eyes, strict=True):
        if eye.share < 1:
            soft = blur(_fill_rings(shape, mesh, (ring,)), EYE_FEATHER * face_width(mesh))
            kept = np.maximum(kept, (1 - eye.share) * soft)
    return kept


def match_lip_colour(target: Floats, new: Floats, mesh: Mesh) -> Floats:
    """`target` with the mean colour of `new`'s lips on its own: the line between its lips loses its lipstick.

    Teeth are paler than lips and keep their own colour. `target`, `new` and the result are (H, W, 3) float32 RGB code
    values 0..255, `mesh` is (468, 3) in their pixels.
    """
    outer, inner = (_fill_rings(target.shape, mesh, (ring,)) for ring in (face.OUTER_LIPS, face.INNER_LIPS))
    part = Box.covering(outer).part
    lips, shown = (outer - inner)[part] > 0, target[part]
    if not lips.any():
        return target
    painted = shown[lips].mean(0)
    gain = (new[part][lips].mean(0) + 1) / (painted + 1)
    paint = np.clip(_measure_saturation(shown) / max(float(_measure_saturation(painted)), LIP_SATURATION), 0, 1)
    result = target.copy()
    result[part] *= 1 + paint[..., None] * (gain - 1)
    return result


def _measure_saturation(colour: Floats) -> Floats:
    """0 for grey, towards 1 for a pure colour; the last axis of `colour` is RGB."""
    low, high = colour.min(-1), colour.max(-1)
    return np.asarray((high - low) / (high + 1), np.float32)


def remove_smile_folds(new: Floats, mesh: Mesh, reference: Mesh, grid: Grid) -> Floats:
    """`new` without the folds beside the mouth that only the reference's smile made; `new` itself without such folds.

    Nothing of the target's replaces them: its wrinkles belong to its identity more than to its smile.

    Args:
        new: (H, W, 3) float32 RGB code values 0..255.
        mesh: (468, 3) the target's, in its pixels.
        reference: (468, 3) the reference's, in any frame.
        grid: over `new`.
    """
    if smile(mesh) >= smile(reference):
        return new
    near = _fold_mask(mesh, grid) * (1 - mouth_agreement(mesh, reference))
    own = grid.shrink(new)
    fine = np.asarray((own - blur(own, FOLD_SCALE * face_width(mesh) / grid.step)) * near[..., None], np.float32)
    return np.asarray(new - grid.enlarge(fine, new.shape[:2]), np.float32)


def _fold_mask(mesh: Mesh, grid: Grid) -> Mask:
    """(h, w) of the grid: 1 where a smile folds the skin, soft at the edges."""
    mirror = topology().mirror
    lines = [FOLD, tuple(int(mirror[vertex]) for vertex in FOLD)]
    paths = [np.round(grid.locate(mesh)[list(line)] * 16).astype(np.int32) for line in lines]
    width = face_width(mesh) / grid.step
    near = np.zeros((grid.height, grid.width), np.uint8)
    cv2.polylines(near, paths, False, (1,), max(1, round(FOLD_WIDTH * width)), cv2.LINE_8, 4)
    return blur(near.astype(np.float32), FOLD_FEATHER * width)


def _fill_rings(shape: tuple[int, ...], mesh: Mesh, rings: Sequence[tuple[int, ...]]) -> Mask:
    """(H, W) 1 inside the rings of vertices, else 0."""
    filled = np.zeros(shape[:2], np.uint8)
    for ring in rings:
        cv2.fillPoly(filled, [np.round(mesh[list(ring), :2] * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return filled.astype(np.float32)
