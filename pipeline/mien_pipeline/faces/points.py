"""The faces of one detector with the five points of a finder whose points are better."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mien_pipeline.face import Face, Kps
from mien_pipeline.faces.align import invert, similarity_transform, warp
from mien_pipeline.faces.detection import Detection, FaceFinder, find_faces
from mien_pipeline.image import Affine, Image, Pixels
from mien_pipeline.protocols import FaceDetector

# Points further off than this, in distances between the eyes, are of something else. Measured on portraits: SCRFD's
# and the mesh's differ by .02 to .07.
_FURTHEST = 0.3
# A face whose eyes are closer than this in the network's picture, or that is tilted more, is looked at by itself.
_CLOSE_EYES_PX, _TILTED_DEG = 16.0, 30.0
# So large is the distance between the eyes in that look: the face is then a third of 640 px wide.
_EYES_PX = 90.0


class PointedDetector:
    """Faces as `detector` finds them, in its order; where `finder` sees the same face, `kps` are the finder's.

    The finder looks at the whole picture first, as the authors of what reads these points do. It looks again, at the
    face alone and level, where that is too small or tilted.
    """

    def __init__(self, detector: FaceDetector, finder: FaceFinder) -> None:
        self._detector = detector
        self._finder = finder

    def detect(self, image: Image) -> Sequence[Face]:
        """See `FaceDetector`."""
        return self._point_all(image, self._detector.detect(image))

    def search(self, image: Image, on_pass: Callable[[], None]) -> Sequence[Face]:
        """See `SearchesInPasses`."""
        faces = find_faces(self._detector, image, on_pass)
        on_pass()
        return self._point_all(image, faces)

    def _point_all(self, image: Image, faces: Sequence[Face]) -> Sequence[Face]:
        side = self._finder.coarse_px
        scale = side / max(image.pixels.shape[:2])
        looks_small = [_eyes_px(face) * scale < _CLOSE_EYES_PX or abs(face.roll_deg) > _TILTED_DEG for face in faces]
        whole = [] if all(looks_small) else self._finder.find(image.pixels, side)
        return [
            self._point(image.pixels, face, self._look_at(image.pixels, face) if small else whole)
            for face, small in zip(faces, looks_small, strict=True)
        ]

    def _point(self, pixels: Pixels, face: Face, found: Sequence[Detection]) -> Face:
        kps = _nearest(face.kps, found)
        if kps is None and abs(face.roll_deg) <= _TILTED_DEG:
            kps = _nearest(face.kps, self._look_at(pixels, face))
        return face if kps is None else replace(face, kps=kps)

    def _look_at(self, pixels: Pixels, face: Face) -> list[Detection]:
        """What the finder sees of one face that is made level, in the picture's pixels."""
        side = self._finder.coarse_px
        affine = _level(face.kps, side)
        return [each.move(invert(affine)) for each in self._finder.find(warp(pixels, affine, (side, side)), side)]


def _level(kps: Kps, side: int) -> Affine:
    """(2, 3) float32, picture → a square of `side` with the eyes level, `_EYES_PX` apart and the nose in its middle."""
    middle = side / 2
    eyes = np.array([[middle - _EYES_PX / 2, 0.45 * side], [middle + _EYES_PX / 2, 0.45 * side]], np.float32)
    return similarity_transform(kps[:2], eyes)


def _nearest(kps: Kps, found: Sequence[Detection]) -> Kps | None:
    """The points of the find that is nearest to `kps`; None where the nearest is too far off."""
    eyes = float(np.linalg.norm(kps[1] - kps[0]))
    off = [float(np.linalg.norm(each.kps - kps, axis=1).max()) for each in found]
    if not off or min(off) > _FURTHEST * eyes:
        return None
    return np.asarray(found[off.index(min(off))].kps, np.float32)


def _eyes_px(face: Face) -> float:
    return float(np.linalg.norm(face.kps[1] - face.kps[0]))
