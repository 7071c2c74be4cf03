"""Networks in TFLite's format, loaded from bytes that were hashed."""

import os

import cv2
import numpy as np

# OpenCV 5.0 takes the engine that is asked for with a file's path, and ignores it with bytes. It reads this variable
# at the first network of the format and keeps what it says. 1 is the classic engine.
_ENGINE = "OPENCV_FORCE_DNN_ENGINE"


def load_tflite(weights: bytes) -> cv2.dnn.Net:
    """The network, in OpenCV's classic engine, which alone shows outputs other than the last.

    No file is written, because the worker's cage lets none be.

    Raises:
        cv2.error: they are no such network.
    """
    before = os.environ.get(_ENGINE)
    os.environ[_ENGINE] = "1"
    try:
        return cv2.dnn.readNetFromTFLite(np.frombuffer(weights, np.uint8), cv2.dnn.ENGINE_CLASSIC)
    finally:
        if before is None:
            del os.environ[_ENGINE]
        else:
            os.environ[_ENGINE] = before
