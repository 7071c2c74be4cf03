"""Where a person ends: what is background inside the mesh's oval, as beside a cheek that is turned away.

A mesh reads no head as turned further than about 45°: of a true profile half of it lies before the head.
"""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import invert, transform
from mien_pipeline.image import Affine, Mask
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import FaceView, disc

_BACKGROUND = 0.4  # of being a person, below which it is background
_DEEPEST = 0.14  # face widths: what lies further inside the oval is a hole in the network's answer
_SPECK = 0.02  # face widths: thinner strips are the network's grain


# Between eyes and mouth no face shows background. Of 34 faces a profile had .15, all others less than .005.
_FEATURES = (33, 133, 362, 263, 1, 6, 17, 61, 291)
_BESIDE_HEAD = 0.03
PROFILE_FROM_DEG = 20.0  # what is turned less may have a hole in the answer, as before a mask; a grey profile had 24


def is_profile(person: Mask, to_picture: Affine, mesh: Mesh, yaw_deg: float) -> bool:
    """Whether a mesh is read from a head that is turned so far that half of it lies beside the head.

    Args:
        person: (h, w) float32 in 0..1, how sure each pixel shows a person.
        to_picture: (2, 3) float32, from `person` to the picture.
        mesh: (468, 3) float32 in the picture's pixels.
        yaw_deg: how far the mesh says that the head is turned.
    """
    if abs(yaw_deg) < PROFILE_FROM_DEG:
        return False
    points = transform(mesh[list(_FEATURES), :2], invert(to_picture))
    inside = np.zeros(person.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round(cv2.convexHull(points.astype(np.float32))).astype(np.int32), (1,))
    shown = person[inside > 0]
    return len(shown) > 0 and float((shown < _BACKGROUND).mean()) > _BESIDE_HEAD


def find_background(person: Mask, view: FaceView) -> Choice:
    """(h, w) True on background near the oval's edge.

    Only what joins background outside the oval counts. `person` is (h, w) float32 in 0..1, the size of the view.
    """
    outside = (person < _BACKGROUND).astype(np.uint8)
    outside = np.asarray(cv2.morphologyEx(outside, cv2.MORPH_OPEN, disc(max(1, round(_SPECK * view.width / 2)))))
    _, labels = cv2.connectedComponents(outside)
    joined = np.unique(labels[(view.oval == 0) & (labels > 0)])
    inner = cv2.distanceTransform(view.oval, cv2.DIST_L2, 5) > _DEEPEST * view.width
    return np.asarray(np.isin(labels, joined) & (outside > 0) & ~inner)
