"""Beards drawn onto faces."""

import cv2
import numpy as np

from mien_pipeline.engines.mesh.texture import Texture
from mien_pipeline.face import Mesh
from mien_pipeline.faces.topology import OUTER_LIPS, face_width, topology
from mien_pipeline.image import Pixels


def grow_beard(pixels: Pixels, mesh: Mesh) -> Pixels:
    """A full beard and a moustache of fine brown strokes; lips are left free."""
    random, width, bearded = np.random.default_rng(0), face_width(mesh), pixels.copy()
    side = [2, 164, 206, 214, 138, 172, 136, 150, 149, 176, 148, 152]
    around = mesh[side + list(topology().mirror[side]), :2].astype(np.float32)
    inside, lips = cv2.convexHull(around), cv2.convexHull(mesh[list(OUTER_LIPS), :2].astype(np.float32))
    for root in random.uniform(around.min(0), around.max(0), (5000, 2)):
        at = (float(root[0]), float(root[1]))
        if cv2.pointPolygonTest(inside, at, False) > 0 > cv2.pointPolygonTest(lips, at, False):
            end = root + random.normal(0, 0.01, 2) * width + np.array([0, 0.02 * width])
            ends = [tuple(int(value * 16) for value in point) for point in (root, end)]
            shade = random.uniform(0.6, 2.2)
            cv2.line(bearded, ends[0], ends[1], (48 * shade, 36 * shade, 30 * shade), 1, cv2.LINE_AA, 4)
    return bearded


def lay_back(texture: Texture) -> Pixels:
    """The colour of a texture with its beard, if it has one."""
    if texture.beard is None:
        return texture.colour
    share = texture.beard.share[..., None] / 255
    return np.asarray(texture.colour * (1 - share) + texture.beard.colour * share, np.uint8)
