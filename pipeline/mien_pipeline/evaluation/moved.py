"""Faces moved on their own mesh, over what is made up behind them: turned, the mouth opened, the eyes shut."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.evaluation.transforms import require_mesh
from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.raster import rasterise
from mien_pipeline.faces.topology import INNER_LIPS, OUTER_LIPS, OVAL, Indices, face_width, topology
from mien_pipeline.image import Floats, Mask, Pixels

_SEAM = 0.02  # face widths over which a moved face fades into what is behind it
_BEHIND_PX = 256  # side of the picture in which what a moved face no longer hides is made up
_FINE = 4  # binary digits of a pixel in which outlines are drawn
_THROAT = (46, 16, 18)  # what is seen between open lips
# A vertex of an upper lid's edge from the outer corner to the inner one, the one below it, and the skin above.
_LIDS = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133), (30, 29, 27, 28, 56)),
    ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362),
     (260, 259, 257, 258, 286)),
)  # fmt: skip
_LASHES, _CREASE = 0.012, 0.012  # face widths: how thick lashes are, and how far a lid's edge reaches above the eye
_JAW_REACH = 0.42  # face widths from the middle, to which a jaw takes the skin with it


def turn(pixels: Pixels, face: Face, yaw_deg: float) -> Pixels:
    """The face turned by `yaw_deg`, positive to the viewer's right, on its own mesh, before what is made up behind it.

    Hair and neck do not turn, so it overstates trouble: a network reads 44° where 60° is drawn.
    """
    if not yaw_deg:
        return pixels
    mesh = require_mesh(face)
    return _repaint(pixels, mesh, turn_mesh(mesh, yaw_deg), _make_up_behind(pixels, mesh))


def open_mouth(pixels: Pixels, face: Face, openness: float) -> Pixels:
    """The lower lip and the jaw moved down until the lips' gap is `openness` of their width, dark inside, no teeth."""
    if openness <= 0:
        return pixels
    mesh = require_mesh(face)
    opened = mesh.copy()
    opened[:, :2] += _jaw_shares()[:, None] * openness * _mouth_width(mesh) * _down(mesh)
    painted = _repaint(pixels, mesh, opened, pixels)
    gap = _fill(pixels.shape, opened[list(INNER_LIPS), :2], face_width(mesh))
    return _mix(np.broadcast_to(np.array(_THROAT, np.uint8), pixels.shape), painted, gap)


def close_eyes(pixels: Pixels, face: Face, share: float) -> Pixels:
    """Lids in the colour of the skin above them drawn down over `share` of the eyes, with lashes; 1 shuts them."""
    if share <= 0:
        return pixels
    mesh, closed = require_mesh(face), pixels
    width, up = face_width(mesh), -_down(mesh)
    for above, below, skin in _LIDS:
        upper, lower = mesh[list(above), :2], mesh[list(below), :2]
        edge = np.asarray(upper + share * (lower - upper), np.float32)
        lid = np.asarray(np.concatenate([upper + _CREASE * width * up, edge[::-1]]), np.float32)
        at = np.rint(mesh[list(skin), :2]).astype(int)
        colour = np.median(_read(pixels, at), axis=0)
        closed = _mix(np.broadcast_to(colour.astype(np.uint8), pixels.shape), closed, _fill(pixels.shape, lid, width))
        lashes = np.zeros(pixels.shape[:2], np.uint8)
        cv2.polylines(lashes, [_to_fine(edge)], False, (255,), max(1, round(_LASHES * width)), cv2.LINE_AA, _FINE)
        closed = _mix(
            np.broadcast_to((colour * 0.3).astype(np.uint8), pixels.shape), closed, np.asarray(lashes / 255, np.float32)
        )
    return closed


def _read(pixels: Pixels, places: NDArray[np.int_]) -> Pixels:
    height, width = pixels.shape[:2]
    rows, columns = places[:, 1].clip(0, height - 1), places[:, 0].clip(0, width - 1)
    return np.asarray(pixels[rows, columns], np.uint8)


def _fill(shape: tuple[int, ...], outline: Floats, width: float) -> Mask:
    filled = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(filled, [_to_fine(outline)], (255,), cv2.LINE_AA, _FINE)
    soft = cv2.GaussianBlur(filled, (0, 0), max(0.5, 0.004 * width))
    return np.asarray(soft / 255, np.float32)


def _to_fine(outline: Floats) -> Indices:
    return np.asarray(np.round(outline * 2**_FINE), np.int32)


def _jaw_shares() -> Floats:
    """(468,) how far each vertex goes with the chin: 0 above the mouth and at the jaw's ends, 1 in the middle below."""
    level = topology().vertices
    x, y = level[:, 0], level[:, 1]
    corners, middle = level[[61, 291]], level[[13, 14]].mean(0)
    below = y > middle[1]
    shares = np.where(below, np.clip(1 - (x / _JAW_REACH) ** 2, 0, 1), 0).astype(np.float32)
    half = float(np.abs(corners[:, 0]).mean())
    for ring in (INNER_LIPS, OUTER_LIPS):
        lips = np.array(ring, np.int32)
        lower = np.sqrt(np.clip(1 - (x[lips] / half) ** 2, 0, 1))
        shares[lips] = np.where(_is_lower(lips), lower, 0)
    return shares


def _is_lower(lips: Indices) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.isin(lips, (95, 88, 178, 87, 14, 317, 402, 318, 324, 146, 91, 181, 84, 17, 314, 405, 321, 375))


def _mouth_width(mesh: Mesh) -> float:
    return float(np.linalg.norm(mesh[291, :2] - mesh[61, :2]))


def _down(mesh: Mesh) -> Floats:
    """The unit vector (2,) from the brow to the chin."""
    down = mesh[152, :2] - mesh[10, :2]
    return np.asarray(down / np.linalg.norm(down), np.float32)


def _repaint(pixels: Pixels, mesh: Mesh, moved: Mesh, behind: Pixels) -> Pixels:
    """The face of `mesh` drawn where `moved` is, before what is `behind`."""
    height, width = pixels.shape[:2]
    triangles = np.vstack([topology().triangles, topology().closing])
    raster = rasterise(moved[:, :2], moved[:, 2], triangles, (width, height))
    painted = resample(pixels, raster.interpolate(mesh[:, :2].astype(np.float32)))
    deviation = _SEAM * face_width(mesh)
    inside = cv2.erode(raster.covered.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(deviation)))
    share = np.asarray(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), deviation), np.float32)
    return _mix(painted, behind, share * raster.covered)


def _mix(above: Pixels, below: Pixels, share: Mask) -> Pixels:
    return np.asarray(share[..., None] * above + (1 - share[..., None]) * below + 0.5, np.uint8)


def turn_mesh(mesh: Mesh, yaw_deg: float) -> Mesh:
    """The (468, 3) mesh as `turn` draws it: about the vertical line through the middle of the head.

    That line is a quarter of a face width behind the oval.
    """
    middle = mesh[list(OVAL)].mean(0)
    middle[2] += 0.25 * face_width(mesh)
    angle = math.radians(yaw_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    about: Floats = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)
    return np.asarray((mesh - middle) @ about.T + middle, np.float32)


def _make_up_behind(pixels: Pixels, mesh: Mesh) -> Pixels:
    """The picture with its face filled in from around it."""
    face = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(mesh[:, :2]).astype(np.int32)), (255,))
    mask = cv2.dilate(face, np.ones((3, 3), np.uint8), iterations=max(1, round(0.03 * face_width(mesh))))
    scale = min(1.0, _BEHIND_PX / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    hole = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    made = cv2.resize(
        cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA), pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR
    )
    return np.where(mask[..., None] > 0, made, pixels).astype(np.uint8)
