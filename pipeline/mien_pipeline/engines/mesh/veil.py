"""A veil: light that lies over a whole face, from haze, a lens against the sun or a faded print.

It adds to what is seen. What is learnt of light from skin is a factor: that makes pupils and brows of a veiled face no
darker, and a veil's blue turns to paint in another light. So it is taken off a face before anything is learnt from it,
and put on the new face again.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.lamps import bare_vertices
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.media.pyramid import shrink

WORK_WIDTH_PX = 96  # of a face while its veil is measured
# Quantiles: the darkest of a face, pupils, lashes and nostrils; the darkest of it and around it, often hair.
IN_FACE, AROUND = 0.01, 0.005
# Of the skin's light: the darkest of a face that has no veil. It is no more in 31 of 60 photographs.
CLEAR = 0.05
# Times the darkest around, which a veil is at most: what a blur leaves of pupils is none where hair is black.
WITNESSED = 1.5
MOST = 0.45  # of the skin's light: more is no veil, but a face without features
DARKEST = 0.005  # linear light, added to the skin's: a channel of noise has no veil


@dataclass(frozen=True, slots=True, eq=False)
class Veil:
    """A veil over a picture: (3,) float32 each, RGB.

    Attributes:
        light: what it adds, in linear light.
        left: 0..1, the share of what skin shows that is its own. Without a veil the skin stays as light.
    """

    light: Floats
    left: Floats

    def take_off(self, pixels: Pixels) -> Pixels:
        """`pixels` (H, W, 3) uint8 RGB without it."""
        return _map_codes(pixels, (_levels() - self.light) / self.left)

    def put_on(self, pixels: Pixels) -> Pixels:
        """`pixels` (H, W, 3) uint8 RGB under it."""
        return _map_codes(pixels, _levels() * self.left + self.light)

    def mix(self, other: "Veil", share: float) -> "Veil":
        """The veil between two pictures, at `share` 0..1 of the way to the other."""
        light, left = (
            np.asarray(mine + np.float32(share) * (theirs - mine), np.float32)
            for mine, theirs in ((self.light, other.light), (self.left, other.left))
        )
        return Veil(light, left)


NO_VEIL = Veil(np.zeros(3, np.float32), np.ones(3, np.float32))


def find_veil(pixels: Pixels, mesh: Mesh) -> Veil | None:
    """The veil over a face; None where its darkest parts are as dark as such parts are.

    Args:
        pixels: (H, W, 3) uint8 RGB, a face and what is around it.
        mesh: (468, 3) float32 in its pixels.
    """
    scale = min(1.0, WORK_WIDTH_PX / face_width(mesh))
    size = max(2, round(pixels.shape[1] * scale)), max(2, round(pixels.shape[0] * scale))
    light = to_linear(shrink(pixels, size))
    points = np.asarray((mesh[:, :2] + 0.5) * (np.array(size) / pixels.shape[1::-1]) - 0.5, np.float32)
    inside = light[_fill_face(points, light.shape)]
    if not len(inside):
        return None
    columns, rows = np.clip(np.rint(points[bare_vertices()]).astype(int), 0, np.array(size) - 1).T
    skin = np.median(light[rows, columns], 0) + DARKEST
    own, around = np.quantile(inside, IN_FACE, 0) / skin, np.quantile(light.reshape(-1, 3), AROUND, 0) / skin
    share = np.clip(np.minimum(own - CLEAR, WITNESSED * around), 0, MOST).astype(np.float32)
    return Veil(np.asarray(share * skin, np.float32), 1 - share) if share.any() else None


def take_off_veil(pixels: Pixels, veil: Veil | None) -> Pixels:
    """`pixels` (H, W, 3) uint8 RGB without `veil`; themselves for None."""
    return veil.take_off(pixels) if veil else pixels


def put_on_again(changed: Pixels, clear: Pixels, target: Pixels, own: Mask, veil: Veil | None) -> Pixels:
    """`changed`, made of `clear`, under the `veil` that was taken off `target`; all (H, W, 3) uint8 RGB.

    Where a pixel is not its `own`, (H, W) float32 in 0..1, it gets back what clipping and rounding took from it.
    """
    if veil is None:
        return changed
    lost = target - veil.put_on(clear).astype(np.float32)
    veiled = veil.put_on(changed) + (1 - own)[..., None] * lost
    return np.clip(np.rint(veiled), 0, 255).astype(np.uint8)


def _fill_face(points: Floats, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(H, W) bool, True inside the outline of the vertices (468, 2), in pixels of `shape`."""
    hull = cv2.convexHull(points[list(face.OVAL)])
    filled = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(filled, np.rint(hull).astype(np.int32), (1,))
    return np.asarray(cv2.erode(filled, np.ones((3, 3), np.uint8)) > 0)


def _levels() -> Floats:
    """(256, 3) float32, the linear light of every code value."""
    codes = np.arange(256, dtype=np.uint8)
    return np.repeat(to_linear(codes[:, None]), 3, 1)


def _map_codes(pixels: Pixels, light: Floats) -> Pixels:
    """`pixels` (H, W, 3) uint8 with each code value of a channel as `light` (256, 3), linear, has it."""
    return np.asarray(cv2.LUT(pixels, to_srgb(light)[None]), np.uint8)
