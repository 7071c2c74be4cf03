"""Hands near a face: MediaPipe's palm detector finds them, its landmark network says where their joints are."""

import math
from functools import cache

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import invert, transform, warp, warp_halves
from mien_pipeline.faces.tflite import load_tflite
from mien_pipeline.image import Affine, Floats, Pixels

# On 432 faces without hands, palms scored up to .78 and the landmark network then .55 at most; on 12 hands before
# faces they scored .72 to .96 and .71 to 1.
PALM_SCORE, HAND_SCORE = 0.5, 0.65
SMALLEST_FACE_PX = 40  # a hand before a smaller face has fingers of four pixels

_REACH = 2.6  # of the face's extent: a palm is found where most of its hand is seen
_PALM_SIDE_PX, _HAND_SIDE_PX = 192, 224  # the networks' inputs
_PALM_SCORES, _PALM_BOXES = "Identity_1", "Identity"
_HAND_POINTS, _HAND_FLAG = "Identity", "Identity_1"
# The palm network's grid: cells a side, boxes a cell. From mediapipe's palm_detection graph.
_ANCHORS = ((24, 2), (12, 6))
_SAME = 0.6  # of the larger palm: finds that are nearer than this are one
# The landmark network's crop, from mediapipe's palm_detection_detection_to_roi: so many palms wide, half a palm
# towards the fingers.
_CROP, _SHIFT = 2.6, 0.5
_WRIST, _MIDDLE_KNUCKLE = 0, 2  # among the seven points of a palm


class HandFinder:
    """Finds hands before and beside a face. One thread at a time."""

    def __init__(self, palm: bytes, landmarks: bytes) -> None:
        """Load both networks from the bytes of their files.

        Raises:
            cv2.error: a file is damaged.
        """
        self._palm = load_tflite(palm)
        self._landmarks: cv2.dnn.Net | bytes = landmarks  # most faces have no hand near them: loaded at the first

    def find(self, pixels: Pixels, mesh: Mesh) -> list[Floats]:
        """Each hand as the 21 joints that the network names, (21, 2) float32 in the picture's pixels; wrist first.

        `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
        """
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        extent = float((high - low).max())
        if extent < SMALLEST_FACE_PX:
            return []
        affine = _square((low + high) / 2, extent * _REACH, 0.0, _PALM_SIDE_PX)
        back = invert(affine)
        found = [self._read_hand(pixels, transform(palm, back)) for palm in self._find_palms(pixels, affine)]
        return [points for points, score in found if score >= HAND_SCORE]

    def _find_palms(self, pixels: Pixels, affine: Affine) -> list[Floats]:
        """The palms in a crop, (9, 2) each in its pixels: two corners of the box, then its seven points."""
        crop = warp_halves(pixels, affine, (_PALM_SIDE_PX, _PALM_SIDE_PX))
        self._palm.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        scores, boxes = self._palm.forward([_PALM_SCORES, _PALM_BOXES])
        logits = np.asarray(scores, np.float32).ravel()
        sure = np.flatnonzero(logits >= math.log(PALM_SCORE / (1 - PALM_SCORE)))
        found: list[Floats] = []
        for index in sure[np.argsort(-logits[sure])]:
            raw = np.asarray(boxes, np.float32).reshape(-1, 9, 2)[index]
            centre = raw[0] + _anchors()[index] * _PALM_SIDE_PX
            points = raw[2:] + _anchors()[index] * _PALM_SIDE_PX
            palm = np.vstack([centre - raw[1] / 2, centre + raw[1] / 2, points]).astype(np.float32)
            if not any(_is_same(palm, other) for other in found):
                found.append(palm)
        return found

    def _read_hand(self, pixels: Pixels, palm: Floats) -> tuple[Floats, float]:
        """The joints of a palm's hand, (21, 2) in the picture's pixels, and 0..1 how sure the network is of a hand."""
        towards = palm[2 + _MIDDLE_KNUCKLE] - palm[2 + _WRIST]
        angle = math.atan2(float(towards[0]), float(-towards[1]))  # 0 where the fingers point up
        side = float((palm[1] - palm[0]).max())
        upwards = np.array([math.sin(angle), -math.cos(angle)])
        centre = palm[:2].mean(0) + upwards * (_SHIFT * side)
        affine = _square(centre, _CROP * side, angle, _HAND_SIDE_PX)
        if isinstance(self._landmarks, bytes):
            self._landmarks = load_tflite(self._landmarks)
        crop = warp(pixels, affine, (_HAND_SIDE_PX, _HAND_SIDE_PX))
        self._landmarks.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        points, flag = self._landmarks.forward([_HAND_POINTS, _HAND_FLAG])
        joints = np.asarray(points, np.float32).reshape(21, 3)[:, :2]
        return transform(joints, invert(affine)), float(np.asarray(flag).ravel()[0])


@cache
def _anchors() -> Floats:
    """(2016, 2) float32, the centres that the palm network's boxes are measured from, in 0..1."""
    grids: list[Floats] = []
    for side, boxes in _ANCHORS:
        rows, columns = np.mgrid[:side, :side]
        centres = (np.stack([columns, rows], 2).reshape(-1, 2) + 0.5) / side
        grids.append(np.repeat(centres, boxes, 0).astype(np.float32))
    return np.concatenate(grids)


def _is_same(one: Floats, other: Floats) -> bool:
    """Whether two palms (9, 2) are one."""
    apart = float(np.abs(one[:2].mean(0) - other[:2].mean(0)).max())
    return apart < _SAME * max(float((palm[1] - palm[0]).max()) for palm in (one, other))


def _square(centre: Floats, side: float, angle: float, size: int) -> Affine:
    """(2, 3) float32, from a picture to the crop of a square that is turned by `angle`, in radians, clockwise."""
    scale = size / max(side, 1.0)
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.hstack([turn, (size / 2 - turn @ centre)[:, None]]).astype(np.float32)
