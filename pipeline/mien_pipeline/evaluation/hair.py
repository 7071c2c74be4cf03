"""A head without hair, made from a picture that shows it: skin over the skull, and what is behind beside it."""

import cv2
import numpy as np

from mien_pipeline.evaluation.transforms import require_mesh
from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.topology import OVAL, face_width, head_axes
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.mask import face_mask

_SKULL = (0.51, 0.62)  # half its width and its height above the brows, in face widths
_AROUND = 0.75  # face widths beside and above the skull in which hair is replaced
_SMALL_PX = 192  # side of the picture in which skin and surroundings are spread
_SOFT = 0.015  # face widths over which the made parts meet what is there


def shave(pixels: Pixels, face: Face) -> Pixels:
    """The picture (H, W, 3) with a bald head: hair over the skull becomes skin, hair beside it what is behind.

    The skin is spread from the forehead and the cheeks and darkens towards the skull's edge; there is no grain.
    """
    mesh = require_mesh(face)
    width = face_width(mesh)
    skull = _draw_skull(pixels.shape, mesh)
    beside = np.asarray(_draw_beside(pixels.shape, mesh) * (1 - skull), np.float32)
    own = np.asarray(face_mask(pixels, mesh) > 0.9, np.float32)
    above = np.asarray(skull * (1 - _draw_face(pixels.shape, mesh, below=0.0) * own), np.float32)
    behind = _spread(pixels, beside + skull + _draw_face(pixels.shape, mesh, below=2.0))
    skin = _spread(pixels, 1 - own) * _shade_skull(pixels.shape, mesh)[..., None]
    made = _lay(pixels, behind, _soften(beside, _SOFT * width))
    return _lay(made, skin, _soften(above, _SOFT * width))


def _head_frame(shape: tuple[int, ...], mesh: Mesh) -> tuple[Floats, Floats]:
    """(H, W) each: how far right and how far below the brows' middle a pixel is, in face widths, on a level head."""
    across, down = head_axes(mesh)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    brow, ears = mesh[9, :2], mesh[[234, 454], :2].mean(0)
    middle = brow + ((ears - brow) @ across) * across
    places = (np.stack([columns, rows], 2) - middle) / face_width(mesh)
    return np.asarray(places @ across, np.float32), np.asarray(places @ down, np.float32)


def _draw_skull(shape: tuple[int, ...], mesh: Mesh) -> Mask:
    x, y = _head_frame(shape, mesh)
    inside = (x / _SKULL[0]) ** 2 + (y / _SKULL[1]) ** 2 < 1
    return np.asarray(inside & (y < 0.02), np.float32)


def _draw_beside(shape: tuple[int, ...], mesh: Mesh) -> Mask:
    """Where hair may be: around the skull, down to the mouth, outside the face."""
    x, y = _head_frame(shape, mesh)
    mouth = float(np.linalg.norm(mesh[13, :2] - mesh[9, :2])) / face_width(mesh)
    near = (np.abs(x) < _SKULL[0] + _AROUND) & (y > -_SKULL[1] - _AROUND) & (y < mouth)
    return np.asarray(near, np.float32) * (1 - _draw_face(shape, mesh, below=2.0))


def _draw_face(shape: tuple[int, ...], mesh: Mesh, below: float) -> Mask:
    """Inside the face's outline, or only what of it is less than `below` face widths under the brows."""
    inside = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(mesh[list(OVAL), :2]).astype(np.int32)), (1,))
    _, y = _head_frame(shape, mesh)
    return np.asarray((inside > 0) & (y < below if below < 1 else True), np.float32)


def _shade_skull(shape: tuple[int, ...], mesh: Mesh) -> Floats:
    """(H, W) a ball's light, 1 in its middle."""
    x, y = _head_frame(shape, mesh)
    away = np.clip((x / _SKULL[0]) ** 2 + np.where(y < 0, y / _SKULL[1], 0) ** 2, 0, 1)
    return np.asarray(0.85 + 0.15 * np.sqrt(1 - away), np.float32)


def _spread(pixels: Pixels, hole: Mask) -> Floats:
    """(H, W, 3) the picture with the hole filled from around it, soft."""
    scale = min(1.0, _SMALL_PX / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    missing = cv2.resize(np.asarray(hole > 0, np.uint8), size, interpolation=cv2.INTER_NEAREST)
    filled = cv2.GaussianBlur(cv2.inpaint(small, missing, 3, cv2.INPAINT_TELEA), (0, 0), 3)
    full = cv2.resize(filled, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(hole[..., None] > 0, full, pixels).astype(np.float32)


def _soften(mask: Mask, deviation: float) -> Mask:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.5, deviation)), np.float32)


def _lay(below: Pixels, above: Floats, share: Mask) -> Pixels:
    return np.clip(below * (1 - share[..., None]) + above * share[..., None] + 0.5, 0, 255).astype(np.uint8)
