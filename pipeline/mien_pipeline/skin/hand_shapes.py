"""From the joints of a hand to where it surely is and where it surely is not; its outline lies between."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Floats, Pixels

_FINGERS = ((0, 1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_THUMB = _FINGERS[0]
_PALM = (0, 1, 5, 9, 13, 17)
_WRIST, _KNUCKLES, _MIDDLE = 0, (5, 9, 13, 17), 9
_NARROWEST = 0.2  # of the palm's length: how wide a finger is where the hand is seen from its edge
_EDGE_ON = 0.3  # of the palm's length: with knuckles nearer together than this, the thumb's place is a guess
_INSIDE, _OUTSIDE = 0.4, 1.7  # finger widths of the line along a finger's bones
_TIP_INSIDE, _TIP_OUTSIDE = 0.1, 0.9  # of the last bone: how far beyond its joint a finger reaches
_PALM_INSIDE, _PALM_OUTSIDE = 0.95, 1.25  # of the palm's hull
_ARM_LENGTH, _ARM_WIDTH = 0.8, 2.2  # of the palm's length; in widths of the outer line


def draw_hand(shape: tuple[int, ...], joints: Floats) -> tuple[Pixels, Pixels]:
    """(H, W) uint8 each: 1 where the hand surely is, and 1 where it may be.

    `shape` begins with H and W; `joints` is (21, 2) float32 in those pixels, as `HandFinder` finds them.
    """
    length = float(np.linalg.norm(joints[_WRIST] - joints[_MIDDLE]))
    gaps = np.linalg.norm(np.diff(joints[list(_KNUCKLES)], axis=0), axis=1)
    width = max(float(np.median(gaps)), _NARROWEST * length)
    edge_on = float(np.linalg.norm(joints[_KNUCKLES[0]] - joints[_KNUCKLES[-1]])) < _EDGE_ON * length
    fingers = [finger for finger in _FINGERS if not (edge_on and finger is _THUMB)]
    palm = tuple(joint for joint in _PALM if not (edge_on and joint == 1))
    sure = _draw(shape, joints, fingers, palm, round(_INSIDE * width), _TIP_INSIDE, _PALM_INSIDE)
    thick = round(_OUTSIDE * width)
    possible = _draw(shape, joints, fingers, palm, thick, _TIP_OUTSIDE, _PALM_OUTSIDE)
    wrist = joints[_WRIST]
    arm = np.stack([wrist, wrist + _ARM_LENGTH * (wrist - joints[_MIDDLE])])
    cv2.polylines(possible, [_fixed(arm)], False, (1,), max(1, round(_ARM_WIDTH * thick)), cv2.LINE_8, 4)
    return sure, possible


def _draw(
    shape: tuple[int, ...],
    joints: Floats,
    fingers: Sequence[tuple[int, ...]],
    palm: tuple[int, ...],
    thick: int,
    beyond: float,
    hull: float,
) -> Pixels:
    """(H, W) 1 along the fingers, `thick` pixels wide and `beyond` their tips, and in the palm's hull times `hull`."""
    filled = np.zeros(shape[:2], np.uint8)
    for finger in fingers:
        points = joints[list(finger)].copy()
        points[-1] += beyond * (points[-1] - points[-2])
        cv2.polylines(filled, [_fixed(points)], False, (1,), max(1, thick), cv2.LINE_8, 4)
    middle = joints[list(palm)].mean(0)
    cv2.fillPoly(filled, [_fixed(middle + hull * (joints[list(palm)] - middle))], (1,), cv2.LINE_8, 4)
    return filled


def _fixed(points: Floats) -> NDArray[np.int32]:
    """`points` (N, 2) in sixteenths of a pixel, as OpenCV draws them."""
    return np.asarray(np.round(points * 16), np.int32)
