"""Where a head is, with its hair: found by colour around the mesh, without a network that was trained on faces."""

import cv2
import numpy as np

from mien_pipeline.face import Face
from mien_pipeline.faces.align import invert, similarity_transform, transform, warp
from mien_pipeline.faces.topology import OVAL
from mien_pipeline.image import Affine, Floats, Mask, Pixels
from mien_pipeline.skin.likelihood import Choice

# The level copy in which a head is looked for, and where the five points lie in it: with room for hair.
LEVEL_PX = 224
_EYES_AND_MOUTH: Floats = np.array([[92, 122], [132, 122], [112, 146], [94, 164], [130, 164]], np.float32)
# In widths and heights of the face's box: where hair may be, and where nothing is head.
_HAIR_SIDE, _HAIR_TOP, _FAR_SIDE, _FAR_TOP, _FAR_BELOW = 0.3, 0.42, 0.6, 0.75, 0.5
# The neck is beside no hair: this far to either side of the chin, from this far down the face.
_NECK_SIDE, _NECK_FROM = 0.44, 0.75
_ROUNDS = 3
_SOFT_PX = 2


def head_mask(pixels: Pixels, face: Face) -> Mask:
    """(H, W) float32 in 0..1: 1 on the head and its hair, soft at its edge, 0 on neck, clothes and background.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        face: in them, with its mesh.

    Source: Rother, Kolmogorov & Blake 2004, GrabCut, on the level copy of the face.
    """
    affine = similarity_transform(face.kps, _EYES_AND_MOUTH)
    level = warp(pixels, affine, (LEVEL_PX, LEVEL_PX), border=cv2.BORDER_REPLICATE)
    labels = _draw_guess(face, affine)
    model = np.zeros((1, 65), np.float64), np.zeros((1, 65), np.float64)
    cv2.setRNGSeed(0)  # it begins with random clusters
    bgr = np.ascontiguousarray(level[..., ::-1])
    cv2.grabCut(bgr, labels, (0, 0, 1, 1), *model, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    whole = _keep_joined(found, labels == cv2.GC_FGD)
    soft = np.asarray(cv2.GaussianBlur(whole.astype(np.float32), (0, 0), _SOFT_PX), np.float32)
    placed = cv2.warpAffine(soft, invert(affine), (pixels.shape[1], pixels.shape[0]), flags=cv2.INTER_LINEAR)
    return np.asarray(placed, np.float32)


def _draw_guess(face: Face, affine: Affine) -> Pixels:
    """(LEVEL_PX, LEVEL_PX) of GrabCut's labels: the face is head, around it may be hair, far from it is none."""
    outline = _outline(face, affine)
    (x1, y1), (x2, y2) = outline.min(0), outline.max(0)
    width, height, centre = x2 - x1, y2 - y1, (x1 + x2) / 2
    labels = np.full((LEVEL_PX, LEVEL_PX), cv2.GC_BGD, np.uint8)
    _fill_box(labels, x1 - _FAR_SIDE * width, y1 - _FAR_TOP * height, x2 + _FAR_SIDE * width,
              y2 + _FAR_BELOW * height, cv2.GC_PR_BGD)  # fmt: skip
    middle = round(float(centre)), round(float((y1 - _HAIR_TOP * height + y2) / 2))
    radii = round(float((0.5 + _HAIR_SIDE) * width)), round(float((y2 - y1 + _HAIR_TOP * height) / 2))
    cv2.ellipse(labels, middle, radii, 0, 0, 360, (cv2.GC_PR_FGD,), -1)
    _fill_box(labels, centre - _NECK_SIDE * width, y1 + _NECK_FROM * height, centre + _NECK_SIDE * width, LEVEL_PX,
              cv2.GC_BGD)  # fmt: skip
    cv2.fillConvexPoly(labels, np.round(outline).astype(np.int32), (cv2.GC_FGD,))
    return labels


def _outline(face: Face, affine: Affine) -> Floats:
    """(N, 2) float32 the face's outline in the level copy; of a face without a mesh the ellipse in its box."""
    if face.mesh is not None:
        points = face.mesh[list(OVAL), :2].astype(np.float32)
        return np.asarray(cv2.convexHull(transform(points, affine)), np.float32).reshape(-1, 2)
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    middle, half = (face.bbox[:2] + face.bbox[2:]) / 2, (face.bbox[2:] - face.bbox[:2]) / 2
    around = middle + half * np.stack([np.cos(turn), np.sin(turn)], 1)
    return transform(around.astype(np.float32), affine)


def _fill_box(labels: Pixels, x1: float, y1: float, x2: float, y2: float, label: int) -> None:
    top, bottom = max(0, round(float(y1))), max(0, round(float(y2)))
    left, right = max(0, round(float(x1))), max(0, round(float(x2)))
    labels[top:bottom, left:right] = label


def _keep_joined(found: Pixels, face: Choice) -> Pixels:
    """What joins the face, without holes."""
    closed = np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
    _, labels = cv2.connectedComponents(closed)
    joined = np.isin(labels, np.unique(labels[face & (closed > 0)])) & (closed > 0)
    outlines, _ = cv2.findContours(joined.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros_like(found)
    cv2.drawContours(whole, outlines, -1, (1,), -1)
    return whole
