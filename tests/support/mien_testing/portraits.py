"""Portraits as the pipeline's tests handle them: a picture with its face, and what tests measure on both."""

import cv2
import numpy as np

from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width, topology
from mien_pipeline.image import Floats, Image, Mask, Pixels

Portrait = tuple[Image, Face]
LOWER_LIDS = ((7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382))
_LOCK = (10, 9, 168, 133, 121, 50, 205, 172, 58, 127, 54)  # around half a face, from its middle to the outline


def mesh_of(portrait: Portrait) -> Mesh:
    """The (468, 3) mesh of a portrait's face."""
    mesh = portrait[1].mesh
    assert mesh is not None
    return mesh


def mask_at(mask: Mask, portrait: Portrait, *vertices: int) -> float:
    """Mean of a (H, W) mask at some vertices of the portrait's mesh."""
    columns, rows = np.round(mesh_of(portrait)[list(vertices), :2]).astype(int).T
    return float(mask[rows, columns].mean())


def fine_detail(pixels: Pixels | Floats) -> Floats:
    """(H, W, C) float32: what a blur of one pixel takes away."""
    values = pixels.astype(np.float32)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), 1.0), np.float32)


def hang_hair(portrait: Portrait, *, mirrored: bool = False) -> Pixels:
    """The picture with hair before the viewer's left half of the face, or before the right one."""
    pixels, mesh = portrait[0].pixels.copy(), mesh_of(portrait)
    lock = mesh[_LOCK if not mirrored else topology().mirror[list(_LOCK)], :2]
    shades = np.random.default_rng(0).uniform(90, 200, (1, pixels.shape[1], 1))
    strands = (shades * np.array([1.0, 0.8, 0.5])).astype(np.uint8)
    hidden = cv2.fillPoly(np.zeros(pixels.shape[:2], np.uint8), [np.round(lock).astype(np.int32)], (1,))
    cv2.copyTo(np.ascontiguousarray(np.broadcast_to(strands, pixels.shape)), hidden, pixels)
    return pixels


def shut_lids(pixels: Pixels, mesh: Mesh) -> Pixels:
    """The picture with lids of the cheek's colour down to the lower lashes, which are drawn."""
    shut = pixels.copy()
    x, y = np.round(mesh[50, :2]).astype(int)
    for ring, line, outer, inner in zip(
        (face.LEFT_EYE, face.RIGHT_EYE), LOWER_LIDS, (33, 263), (133, 362), strict=True
    ):
        cv2.fillConvexPoly(shut, np.round(cv2.convexHull(mesh[list(ring), :2])).astype(np.int32), pixels[y, x].tolist())
        lashes = np.round(mesh[[outer, *line, inner], :2]).astype(np.int32)
        cv2.polylines(shut, [lashes], False, (60, 40, 35), max(1, round(0.015 * face_width(mesh))))
    return shut
