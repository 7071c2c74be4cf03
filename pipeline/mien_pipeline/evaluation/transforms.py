"""Ways to make a target harder, by how much a level says: seeded, and from the target's own pixels alone."""

import math

import cv2
import numpy as np

from mien_pipeline.engines.mesh.raster import rasterise
from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.topology import OVAL, face_width, topology
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb

# Code values of a sensor's noise at full gain; in the dark it does not shrink with the light.
_NOISE = 2.5
_SEAM = 0.02  # face widths over which a turned face fades into what is behind it
_BEHIND_PX = 256  # side of the picture in which what a turned face no longer hides is made up


def shrink(pixels: Pixels, face: Face, width_px: float) -> Pixels:
    """The picture made smaller by area averaging until its face is `width_px` wide; never larger."""
    scale = width_px / face_width(_require_mesh(face))
    if scale >= 1:
        return pixels
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def dim(pixels: Pixels, gain: float, seed: int) -> Pixels:
    """The picture in `gain` of its light, with a sensor's noise."""
    darker = to_srgb(to_linear(pixels) * gain).astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, _NOISE if gain < 1 else 0, pixels.shape)
    return np.clip(darker + noise + 0.5, 0, 255).astype(np.uint8)


def light_from_the_side(pixels: Pixels, face: Face, ratio: float) -> Pixels:
    """The picture lit from the viewer's left: `ratio` times as much light on that side of the face as on the other."""
    left, _, right, _ = (float(edge) for edge in face.bbox)
    across = np.clip((np.arange(pixels.shape[1]) - left) / max(right - left, 1), 0, 1)
    return to_srgb(to_linear(pixels) * (ratio**-across)[None, :, None].astype(np.float32))


def compress(pixels: Pixels, quality: float) -> Pixels:
    """What a JPEG of this quality keeps."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    kept = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if kept is None:
        raise ValueError("OpenCV cannot read its own JPEG")
    return np.ascontiguousarray(kept[..., ::-1]).astype(np.uint8)


def blur_by_motion(pixels: Pixels, length_px: float) -> Pixels:
    """The picture moved sideways by `length_px` while it was taken."""
    length = max(1, round(length_px))
    kernel = np.full((1, length), 1 / length, np.float32)
    return np.asarray(cv2.filter2D(pixels, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def turn(pixels: Pixels, face: Face, yaw_deg: float) -> Pixels:
    """The face turned by `yaw_deg`, positive to the viewer's right, on its own mesh, before what is made up behind it.

    Hair and neck do not turn, so it overstates trouble: a network reads 44° where 60° is drawn.
    """
    if not yaw_deg:
        return pixels
    mesh = _require_mesh(face)
    turned = _turn_mesh(mesh, yaw_deg)
    height, width = pixels.shape[:2]
    triangles = np.vstack([topology().triangles, topology().closing])
    raster = rasterise(turned[:, :2], turned[:, 2], triangles, (width, height))
    painted = resample(pixels, raster.interpolate(mesh[:, :2].astype(np.float32)))
    deviation = _SEAM * face_width(mesh)
    inside = cv2.erode(raster.covered.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(deviation)))
    share = np.asarray(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), deviation), np.float32)[..., None]
    share *= raster.covered[..., None]
    behind = _make_up_behind(pixels, mesh)
    return np.asarray(share * painted + (1 - share) * behind + 0.5, np.uint8)


def _turn_mesh(mesh: Mesh, yaw_deg: float) -> Mesh:
    """(468, 3) about the vertical line through the middle of the head, which is half a face width behind the oval."""
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


def _require_mesh(face: Face) -> Mesh:
    if face.mesh is None:
        raise ValueError("a target is changed on its mesh")
    return face.mesh
