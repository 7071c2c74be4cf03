"""Networks in TFLite's format, loaded from bytes that were hashed."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import cv2


def load_tflite(weights: bytes) -> cv2.dnn.Net:
    """The network, in OpenCV's classic engine, which alone shows outputs other than the last.

    OpenCV 5.0 takes the engine for a file's path and ignores it for bytes, so the bytes become a file of this process.

    Raises:
        cv2.error: they are no such network.
    """
    with _as_file(weights) as path:
        return cv2.dnn.readNetFromTFLite(path, cv2.dnn.ENGINE_CLASSIC)


@contextmanager
def _as_file(data: bytes) -> Generator[str]:
    """A path under which this process alone finds the bytes: in memory on Linux, else in a folder of its own."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("weights", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.tflite"
        path.write_bytes(data)
        yield str(path)
