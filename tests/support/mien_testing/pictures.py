"""Made pictures and faces: enough for whatever asks neither who a face is nor what it looks like."""

import numpy as np

from mien_pipeline.face import Face
from mien_pipeline.image import Image


def picture(width: int, height: int, seed: int = 0) -> Image:
    """Smooth colours with a little grain, so that a changed pixel shows."""
    rng = np.random.default_rng(seed)
    slope = np.add.outer(np.linspace(20, 120, height), np.linspace(0, 100, width))[..., None]
    noise = rng.normal(0, 6, (height, width, 3))
    return Image(np.clip(slope + noise + [10, 0, 25], 0, 255).astype(np.uint8))


def face_at(left: float, top: float, width: float, height: float) -> Face:
    """A face's box and points, without a mesh."""
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    kps = (points * [width, height] + [left, top]).astype(np.float32)
    return Face(np.array([left, top, left + width, top + height], np.float32), 0.9, kps)
