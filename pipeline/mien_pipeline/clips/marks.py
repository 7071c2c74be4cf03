"""The watermark of each shot, on the planes of its pictures."""

import cv2
import numpy as np

from mien_pipeline.clips.analysis import MARK_PARTS, Analysis
from mien_pipeline.image import Floats
from mien_pipeline.media.clip.colour import find_matrix
from mien_pipeline.media.clip.frames import Frame
from mien_pipeline.media.clip.probe import ClipInfo
from mien_pipeline.media.clip.working_form import Plane

_PLANE_PARTS, _MIDDLE = 16, 128


class ShotMarks:
    """The watermark of each shot, added to planes; the stretched one of the present shot is kept."""

    def __init__(self, analysis: Analysis, clip: ClipInfo) -> None:
        """`clip` says in what form its pictures are stored, and in which colours."""
        self._analysis, self._clip = analysis, clip
        self._shot, self._stretched = -1, list[Plane]()

    def add(self, frame: Frame, shot: int) -> None:
        """Add the mark of a shot to one of its pictures."""
        if shot != self._shot:
            self._shot, self._stretched = shot, self._stretch(self._analysis.marks[shot].astype(np.float32))
        for plane, residual in zip(frame.planes, self._stretched, strict=True):
            kind = cv2.CV_8U if plane.dtype == np.uint8 else cv2.CV_16U
            cv2.addWeighted(plane, 1, residual, 1 / _PLANE_PARTS, -_MIDDLE / _PLANE_PARTS, dst=plane, dtype=kind)

    def _stretch(self, mark: Floats) -> list[Plane]:
        """For each plane of a stored picture the residual around 128 in parts of a code value, from (3, S, S)."""
        clip = self._clip
        matrix = find_matrix(clip.colour.matrix, clip.colour.range, clip.form.bits)
        moved = np.tensordot(matrix.from_rgb, mark / MARK_PARTS, axes=1)
        stored = np.rot90(moved, -clip.rotation // 90, axes=(1, 2))
        sizes = clip.form.shape_planes(*clip.size)
        stretched: list[Plane] = []
        for part, (height, width) in zip(stored, sizes, strict=True):
            coded = np.clip(np.rint(part * _PLANE_PARTS + _MIDDLE), 0, 2 * _MIDDLE - 1).astype(np.uint16)
            large = np.asarray(cv2.resize(coded, (width, height), interpolation=cv2.INTER_LINEAR))
            stretched.append(large.astype(np.uint8) if clip.form.bits == 8 else large.astype(np.uint16))
        return stretched
