"""The rims of glasses, painted over with the skin around them."""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Pixels
from mien_pipeline.skin.glasses import glasses_mask
from mien_pipeline.skin.light import blur
from mien_pipeline.skin.mask import disc

_RIM_WIDTH_PX = 256  # of a face while the skin behind rims is guessed
_RIM_SEEN = 0.1  # of the rims' mask
_RIM_SHADOW, _RIM_REACH = 0.008, 0.02  # face widths: of shadow beside a rim; of skin from which it is painted over
_FAR = 0.02  # weight of skin from four times as far, where none is near


def paint_over_glasses(pixels: Pixels, mesh: Mesh) -> tuple[Pixels, bool]:
    """The picture with the rims of glasses painted over with the skin around, and whether there were any.

    Only skin lends its colour: a rim under a brow or beside a lash would draw them out otherwise.
    """
    frame = glasses_mask(pixels, mesh)
    if not frame.any():
        return pixels, False
    scale = _RIM_WIDTH_PX / max(face_width(mesh), _RIM_WIDTH_PX)
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
    rims = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.float32) > _RIM_SEEN
    over = cv2.dilate(rims.astype(np.uint8), disc(max(1, round(_RIM_SHADOW * _RIM_WIDTH_PX))))
    lends = (over == 0).astype(np.float32)
    for vertices in (face.LEFT_EYE, face.RIGHT_EYE, face.LEFT_BROW, face.RIGHT_BROW):
        hull = cv2.convexHull((mesh[list(vertices), :2] * scale).astype(np.float32))
        cv2.fillConvexPoly(lends, np.round(hull).astype(np.int32), (0,))
    near, far = (
        (blur(small * lends[..., None], reach), blur(lends, reach)[..., None])
        for reach in (_RIM_REACH * _RIM_WIDTH_PX, 4 * _RIM_REACH * _RIM_WIDTH_PX)
    )
    around = (near[0] + _FAR * far[0]) / (near[1] + _FAR * far[1] + 1e-6)
    share = blur(over.astype(np.float32), 0.4 * _RIM_SHADOW * _RIM_WIDTH_PX)
    full = np.asarray(cv2.resize(np.dstack([around, share]), pixels.shape[1::-1]), np.float32)
    painted = pixels + full[..., 3:] * (full[..., :3] - pixels)
    return np.clip(painted + 0.5, 0, 255).astype(np.uint8), True
