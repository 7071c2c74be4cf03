"""Portraits as the pipeline's tests handle them: a picture with its face, and what tests measure on both."""

import cv2
import numpy as np

from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Image, Mask, Pixels

Portrait = tuple[Image, Face]
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
