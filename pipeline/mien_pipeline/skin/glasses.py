"""Glasses: whether a face wears them, and where their rims run."""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import transform, warp
from mien_pipeline.faces.topology import face_width, inter_ocular
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

# Across the bare bridge of a nose lightness changes by at most .027 of itself from row to row of the level view, and
# colour by at most 1.0 (twelve portraits); a frame's bar changes them by .06 and 3.9.
BRIDGE_LIGHTNESS, BRIDGE_COLOUR = 0.042, 2.2

WORK_WIDTH_PX = 200  # of a face while its rims are searched for
_LEVEL_EYES_PX = 80  # between the eyes' centres in the level view of the bridge
_WEAK, _STRONG = 16.0, 36.0  # Lab distance from the surroundings along a rim, and at its strongest
_RUGGED = 1.0  # on wrinkled skin, this many times what nine in ten of the cheeks' pixels stay below
_SHORTEST = 0.12  # face widths: what is shorter is a lash, a crease or a reflection
_LIDS, _BAGS = 0.025, 0.09  # face widths around an eye, and below it
_AROUND = 0.075  # face widths that count as surroundings: several times a rim's thickness
_LENS = 0.25  # face widths below the eyes' corners in which a lens ends
_BAR_GAIN = 2.0  # contrast counts for so much more on the bridge: a bar is known to be there

# Between the brows and the middle of the cheeks.
_BRIDGE = (9, 55, 285, 193, 417, 245, 465, 6, 197)
_FIELD = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 356, 454, 280, 330, 371, 195, 142, 101, 50, 234, 127)
_CHEEKS = ((50, 101, 36, 205, 187), (280, 330, 266, 425, 411))


def crosses_bridge(pixels: Pixels, mesh: Mesh) -> bool:
    """Whether something lies across the bridge of the nose: the bar of glasses, or a deep frown.

    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
    """
    view, points = _level_eyes(pixels, mesh)
    left, right = float(points[133, 0]), float(points[362, 0])
    columns = slice(round(0.75 * left + 0.25 * right), max(round(0.25 * left + 0.75 * right), round(left) + 2))
    rows = slice(max(0, round(float(points[[8, 9], 1].mean()))), max(2, round(float(points[195, 1]))))
    bridge = np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2LAB), np.float32)[rows, columns]
    if bridge.shape[0] < 4 or bridge.shape[1] < 1:
        return False
    profile = np.asarray(cv2.GaussianBlur(bridge.mean(1), (1, 5), 0), np.float32)
    steps = np.abs(np.diff(profile, axis=0)).max(0)
    middle = max(float(np.median(bridge[..., 0])), 1.0)
    return bool(steps[0] / middle > BRIDGE_LIGHTNESS or steps[1:].max() > BRIDGE_COLOUR)


def glasses_mask(pixels: Pixels, mesh: Mesh) -> Mask:
    """(H, W) float32 in 0..1: 1 along the rims of glasses, long thin things around the eyes that differ from the skin.

    All 0 where none of them runs under an eye: a frown's folds with the brows look like the upper half of a frame.
    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
    """
    scale = min(1.0, WORK_WIDTH_PX / max(face_width(mesh), 1.0))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    width = face_width(mesh) * scale
    points = ((mesh[:, :2] + 0.5) * scale - 0.5).astype(np.float32)
    contrast = _measure_contrast(small, width)
    contrast[_fill_hull(contrast, points[list(_BRIDGE)]) > 0] *= _BAR_GAIN
    field, under = _find_fields(contrast, points, width)
    rims = _find_rims(contrast, field, max(_WEAK, _RUGGED * _measure_cheek_contrast(contrast, points)), width)
    if np.count_nonzero(rims & under) < _SHORTEST * width:
        return np.zeros(pixels.shape[:2], np.float32)
    drawn = cv2.dilate(rims, disc(1))
    soft = blur(np.asarray(drawn, np.float32), 0.004 * width)
    return np.asarray(cv2.resize(soft, (pixels.shape[1], pixels.shape[0])), np.float32)


def _level_eyes(pixels: Pixels, mesh: Mesh) -> tuple[Pixels, Floats]:
    """(160, 160, 3) view of the face with level eyes 80 px apart, and the mesh's points (468, 2) in it."""
    across = mesh[263, :2] - mesh[33, :2]
    turn = across / max(float(np.linalg.norm(across)), 1e-6)
    scale = _LEVEL_EYES_PX / max(inter_ocular(mesh), 1.0)
    rotation = np.array([[turn[0], turn[1]], [-turn[1], turn[0]]]) * scale
    shift = np.array([_LEVEL_EYES_PX, _LEVEL_EYES_PX]) - rotation @ mesh[168, :2]
    affine = np.hstack([rotation, shift[:, None]]).astype(np.float32)
    view = warp(pixels, affine, (2 * _LEVEL_EYES_PX, 2 * _LEVEL_EYES_PX), border=cv2.BORDER_REPLICATE)
    return view, transform(mesh[:, :2], affine)


def _find_fields(contrast: Floats, points: Floats, width: float) -> tuple[Pixels, Pixels]:
    """(h, w) of 0 and 1: where rims are searched for, and what lies under the eyes, where a lens ends."""
    field = _fill_hull(contrast, points[list(_FIELD)])
    down = points[152] - points[10]
    down *= width / max(float(np.linalg.norm(down)), 1e-3)
    under = np.zeros(contrast.shape, np.uint8)
    for ring in (face.LEFT_EYE, face.RIGHT_EYE):  # lids, lashes and bags are seen through the glass
        eye = points[list(ring)]
        seen = _fill_hull(contrast, np.concatenate([eye, eye + _BAGS * down]).astype(np.float32))
        lens = np.array([eye[0], eye[8], eye[8] + _LENS * down, eye[0] + _LENS * down])
        cv2.fillConvexPoly(under, np.round(lens).astype(np.int32), (1,))
        field[cv2.dilate(seen, disc(max(1, round(_LIDS * width)))) > 0] = 0
    return field, under


def _find_rims(contrast: Floats, field: Pixels, weak: float, width: float) -> Pixels:
    """(h, w) 1 on connected pixels of the field above `weak` that are long enough and somewhere strong enough."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(((contrast > weak) & (field > 0)).astype(np.uint8))
    owner = np.asarray(labels, np.int32)
    strongest = np.zeros(len(stats), np.float32)
    np.maximum.at(strongest, owner.ravel(), contrast.ravel())
    extent = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    chosen = (strongest > weak * _STRONG / _WEAK) & (extent > _SHORTEST * width)
    chosen[0] = False
    return np.asarray(chosen[owner], np.uint8)


def _fill_hull(like: Floats, points: Floats) -> Pixels:
    """(h, w) as large as `like`: 1 inside the convex hull of `points` (N, 2), else 0."""
    filled = np.zeros(like.shape, np.uint8)
    cv2.fillConvexPoly(filled, np.round(cv2.convexHull(points)).astype(np.int32), (1,))
    return filled


def _measure_cheek_contrast(contrast: Floats, points: Floats) -> float:
    """What nine in ten of the cheeks' pixels stay below; 0 where the cheeks are outside the picture."""
    cheeks = np.maximum.reduce([_fill_hull(contrast, points[list(group)]) for group in _CHEEKS])
    return float(np.quantile(contrast[cheeks > 0], 0.9)) if cheeks.any() else 0.0


def _measure_contrast(pixels: Pixels, width: float) -> Floats:
    """(H, W) Lab distance of each pixel from the median around it; colour counts for more than lightness."""
    lab = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.uint8)
    window = max(3, round(_AROUND * width)) // 2 * 2 + 1
    around = np.stack([cv2.medianBlur(np.ascontiguousarray(lab[..., i]), window) for i in range(3)], 2)
    return np.asarray(np.abs(lab.astype(np.float32) - around) @ np.array([1, 1.5, 1.5]), np.float32)
