"""Ways to make a target harder, by how much a level says: seeded, and from the target's own pixels alone."""

import cv2
import numpy as np

from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Pixels
from mien_pipeline.media.colour import to_linear, to_srgb

# Code values of a sensor's noise at full gain; in the dark it does not shrink with the light.
_NOISE = 2.5


def shrink(pixels: Pixels, face: Face, width_px: float) -> Pixels:
    """The picture made smaller by area averaging until its face is `width_px` wide; never larger."""
    scale = width_px / face_width(require_mesh(face))
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


def require_mesh(face: Face) -> Mesh:
    """The (468, 3) mesh of a face that has one."""
    if face.mesh is None:
        raise ValueError("a target is changed on its mesh")
    return face.mesh
