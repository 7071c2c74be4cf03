"""Portraits as the pipeline's tests handle them: a picture with its face, and what tests measure on both."""

import cv2
import numpy as np

from mien_pipeline.face import Face, Mesh
from mien_pipeline.image import Floats, Image, Mask, Pixels

Portrait = tuple[Image, Face]


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
