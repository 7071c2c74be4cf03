"""YuNet, the finder that every install has, for faces from about 12 px up.

Its five points are 10 to 16 % of the distance between the eyes off.

Source: Wu et al. 2023, YuNet: A Tiny Millisecond-level Face Detector, run by OpenCV's own class.
"""

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import cast

import cv2
import numpy as np

from mien_pipeline.faces.detection import Detection
from mien_pipeline.faces.search import OVERLAP, scale_by, shrink_to
from mien_pipeline.image import Floats, Pixels

# Its finds count from this score (53 of 54 portraits found, and nothing in the pictures without a face).
DETECTION_SCORE = 0.7
_NO_CONFIG = np.empty(0, np.uint8)  # an ONNX file is complete
_LARGE_PX = 640  # pictures with a longer side than this have a network of their own: both sizes are searched at once


class YuNet:
    """A `FaceFinder`."""

    # At this side an 80-px face of a 12-MP picture is 25 px wide.
    coarse_px = 1280
    turned_score = 0.8

    def __init__(self, weights: bytes) -> None:
        """Load the network from the bytes of its file; a damaged one raises cv2.error."""
        self._weights = np.frombuffer(weights, np.uint8)
        self._small = _Network(self._weights)

    @cached_property
    def _large(self) -> "_Network":
        return _Network(self._weights)

    def find(self, pixels: Pixels, side_px: int) -> Sequence[Detection]:
        """See `FaceFinder`; a smaller picture is not enlarged."""
        small = shrink_to(pixels, side_px)
        network = self._large if max(small.shape[:2]) > _LARGE_PX else self._small
        rows = network.detect(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), np.uint8))
        grow = scale_by(pixels.shape[1] / small.shape[1])
        # YuNet's rows: x, y, width, height, five points, score.
        return [
            Detection(row[:2] + row[2:4] / 2, float(row[2:4].max()), row[4:14].reshape(5, 2), float(row[14])).move(grow)
            for row in ([] if rows is None else rows)
        ]


class _Network:
    """OpenCV's class; a thread waits where another one uses it."""

    def __init__(self, weights: Pixels) -> None:
        # OpenCV would log that its new engine has no choice of device; we asked for none.
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        self._network = cv2.FaceDetectorYN.create(
            "onnx", weights, _NO_CONFIG, (320, 320), DETECTION_SCORE, OVERLAP, 500
        )
        cv2.utils.logging.setLogLevel(level)
        self._turn = Lock()

    def detect(self, bgr: Pixels) -> Floats | None:
        """YuNet's rows for (h, w, 3) uint8 BGR; None instead of no rows."""
        with self._turn:
            self._network.setInputSize((bgr.shape[1], bgr.shape[0]))
            return cast("Floats | None", self._network.detect(bgr)[1])
