"""What limits a face as a reference, told when its picture arrives; `mesh` goes by the same limits."""

import numpy as np

from mien_pipeline.face import Face
from mien_pipeline.faces.align import align
from mien_pipeline.faces.clarity import resolved_width
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Pixels
from mien_pipeline.report import ReferenceCaution
from mien_pipeline.skin.eyewear import dims_both_eyes, find_frame
from mien_pipeline.skin.lower_face import read_lower_face
from mien_pipeline.skin.sunglasses import hides_eyes

TURNED_DEG = 30.0  # of a head's yaw, from which half of it is made up from the other half
# Face widths: what shows less than the first is a handful of pixels, and of less than the second nothing else is told.
SMALL_PX, _LEAST_PX = 64, 16
# Code value below which nine tenths of a face's skin lie. Its lightest part tells the light whatever tone skin has:
# eight dark pictures had 118 at most and five dark references 99, all others 122 at least.
DARK, LIGHTEST = 120, 0.9
# Of 348 graded results those from mouths darker than their cheeks by so much L*, or so unlike their mirror image (in
# shade, turned, laughing, bearded, behind a hand), were bad in .52, the others in .15. Of heads turned by more than
# `TURNED_DEG` those are .45 and .28.
DARK_MOUTH, UNEVEN_MOUTH = 12.0, 0.2
_CROP_PX, _MIDDLE = 64, slice(16, 48)  # side of the aligned crop in which light is read, and the part that is face


def list_cautions(pixels: Pixels, face: Face) -> tuple[ReferenceCaution, ...]:
    """The codes of what limits a face of a picture, (H, W, 3) uint8 RGB; none of a face without a mesh."""
    if face.mesh is None:
        return ()
    mesh, width, found = face.mesh, face_width(face.mesh), list[ReferenceCaution]()
    if width < _LEAST_PX:
        return ("small-face",)
    if abs(face.yaw_deg) > TURNED_DEG:
        found.append("reference-angle")
    if resolved_width(pixels, face.kps, width) < SMALL_PX:
        found.append("small-face")
    if hides_eyes(pixels, mesh) or dims_both_eyes(pixels, mesh):
        found.append("reference-glasses")
    elif find_frame(pixels, mesh).any():
        found.append("reference-covered")
    if np.quantile(align(pixels, face.kps, _CROP_PX).crop[_MIDDLE, _MIDDLE], LIGHTEST) < DARK:
        found.append("low-light")
    lower = read_lower_face(pixels, mesh)
    if lower.lips_dark > DARK_MOUTH or lower.lips_even < UNEVEN_MOUTH:
        found.append("reference-mouth")
    return tuple(found)
