"""Where a person ends: what is background inside the mesh's oval, as beside a cheek that is turned away."""

import cv2
import numpy as np

from mien_pipeline.image import Mask
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import FaceView, disc

_BACKGROUND = 0.4  # of being a person, below which it is background
_DEEPEST = 0.14  # face widths: what lies further inside the oval is a hole in the network's answer
_SPECK = 0.02  # face widths: thinner strips are the network's grain


def find_background(person: Mask, view: FaceView) -> Choice:
    """(h, w) True on background near the oval's edge.

    Only what joins background outside the oval counts. `person` is (h, w) float32 in 0..1, the size of the view.
    """
    outside = (person < _BACKGROUND).astype(np.uint8)
    outside = np.asarray(cv2.morphologyEx(outside, cv2.MORPH_OPEN, disc(max(1, round(_SPECK * view.width / 2)))))
    _, labels = cv2.connectedComponents(outside)
    joined = np.unique(labels[(view.oval == 0) & (labels > 0)])
    inner = cv2.erode(view.oval, disc(max(1, round(_DEEPEST * view.width)))) > 0
    return np.asarray(np.isin(labels, joined) & (outside > 0) & ~inner)
