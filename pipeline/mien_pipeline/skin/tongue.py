"""A tongue that is put out: it lies in front of lip and chin, and stays the target's."""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Mask, Pixels
from mien_pipeline.media.colour import to_lab
from mien_pipeline.media.pyramid import shrink
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import cheek_mask, disc

WORK_WIDTH_PX = 144  # of a face while its tongue is looked for
REDDER_DEG = 9.0  # in the hue of Lab, by which a tongue is redder than cheeks at least
DARKEST = 8.0  # of 100: what is nearly black has no hue
OPENS = 0.12  # of its width, that a mouth opens for a tongue
BEYOND, FAR = 0.02, 0.08  # face widths around the lips that are theirs; how far beyond them a tongue reaches at least
FURTHEST = 0.45  # face widths: what reaches further is a scarf, a hand or red light
AREA, LARGEST = 0.012, 0.2  # face widths squared of a tongue beyond the lips at least; of all of it at most
_UPPER_LIP = (*face.OUTER_LIPS[10:], face.OUTER_LIPS[0], face.INNER_LIPS[0], *face.INNER_LIPS[:9:-1])


def tongue_mask(pixels: Pixels, mesh: Mesh) -> Mask:
    """(H, W) float32 in 0..1: 1 on a tongue that is put out over the lower lip, 0 everywhere where there is none.

    It is what is redder than the cheeks and joins the mouth, where that reaches well below the lips.
    `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
    """
    none = np.zeros(pixels.shape[:2], np.float32)
    width = float(np.linalg.norm(mesh[61, :2] - mesh[291, :2]))
    if float(np.linalg.norm(mesh[13, :2] - mesh[14, :2])) < OPENS * width:
        return none
    scale = min(1.0, WORK_WIDTH_PX / max(face_width(mesh), 1.0))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    points = ((mesh + 0.5) * scale - 0.5).astype(np.float32)
    work_width = face_width(points)
    red = _find_red(shrink(pixels, size), points)
    mouth = _fill(red.shape, points, face.OUTER_LIPS)
    red = np.asarray(cv2.morphologyEx(red | _fill(red.shape, points, face.INNER_LIPS), cv2.MORPH_CLOSE, disc(2)))
    red[_fill(red.shape, points, _UPPER_LIP) > 0] = 0
    red = np.asarray(cv2.morphologyEx(red, cv2.MORPH_OPEN, disc(2)))
    _, labels = cv2.connectedComponents(red, connectivity=4)
    joined = np.isin(labels, np.setdiff1d(labels[(mouth > 0) & (red > 0)], [0]))
    lips = cv2.dilate(mouth, disc(max(1, round(BEYOND * work_width)))) > 0
    down = points[152, :2] - points[168, :2]
    down = down / max(float(np.linalg.norm(down)), 1e-6)
    rows, columns = np.nonzero(joined & ~lips)
    below = np.stack([columns, rows], 1) @ down - float(points[17, :2] @ down)
    furthest = float(below.max(initial=0)) / work_width
    if np.count_nonzero(below > 0) < AREA * work_width**2 or not FAR < furthest < FURTHEST:
        return none
    if np.count_nonzero(joined) > LARGEST * work_width**2:
        return none
    soft = blur(np.asarray(cv2.dilate(joined.astype(np.uint8), disc(1)), np.float32), 0.8)
    return np.asarray(cv2.resize(soft, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _find_red(small: Pixels, points: Mesh) -> Pixels:
    """(h, w) 1 where the picture is redder than the cheeks, and no lighter by much: skin's own shine is pale."""
    lab = to_lab(small)
    lab = blur(lab, 1.0)
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1]))
    cheeks = cheek_mask(hue.shape, points) > 0
    if not cheeks.any():
        return np.zeros(hue.shape, np.uint8)
    redder = (hue < float(np.median(hue[cheeks])) - REDDER_DEG) & (lab[..., 0] > DARKEST) & (lab[..., 1] > 0)
    return redder.astype(np.uint8)


def _fill(shape: tuple[int, ...], points: Mesh, ring: tuple[int, ...]) -> Pixels:
    """(h, w) 1 inside a ring of vertices, else 0."""
    filled = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(filled, [np.round(points[list(ring), :2] * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
    return filled
