"""Person against background, from MediaPipe's selfie segmentation."""

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import invert, warp_halves
from mien_pipeline.faces.tflite import load_tflite
from mien_pipeline.image import Affine, Floats, Mask, Pixels

_SIDE_PX = 256  # the network's input
_REACH = 1.8  # of the face's extent: head and shoulders, as the network was trained


class PersonSegmenter:
    """Tells a person from what is behind. One thread at a time."""

    def __init__(self, weights: bytes) -> None:
        """Load the network from the bytes of its file.

        Raises:
            cv2.error: they are damaged.
        """
        self._network = load_tflite(weights)
        layers = list(self._network.getLayerNames())
        last = next(name for name in layers if self._network.getLayer(name).type == "Deconvolution")
        self._features = layers[layers.index(last) - 1]
        # OpenCV takes half of the network's time for its last layer, which makes four pixels of each: one product.
        kernel, shift = (np.asarray(part, np.float32) for part in self._network.getLayer(last).blobs)
        self._kernel, self._shift = kernel.reshape(len(kernel), 4).T.copy(), float(shift.ravel()[0])

    def segment(self, pixels: Pixels, mesh: Mesh) -> tuple[Mask, Affine]:
        """(256, 256) float32 in 0..1, how sure each pixel shows a person, and (2, 3) from there to the picture.

        It shows a square around the face. `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
        """
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        scale = _SIDE_PX / max(float((high - low).max()) * _REACH, 1.0)
        shift = _SIDE_PX / 2 - scale * (low + high) / 2
        affine = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
        crop = warp_halves(pixels, affine, (_SIDE_PX, _SIDE_PX), border=cv2.BORDER_REPLICATE)
        self._network.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        return self._decide(np.asarray(self._network.forward(self._features), np.float32)[0]), invert(affine)

    def _decide(self, features: Floats) -> Mask:
        """(256, 256) float32 in 0..1 from the features (K, 128, 128) of each four pixels."""
        half = features.shape[1]
        four = (self._kernel @ features.reshape(len(features), -1) + self._shift).reshape(2, 2, half, half)
        logits = four.transpose(2, 0, 3, 1).reshape(_SIDE_PX, _SIDE_PX)
        return np.asarray(0.5 + 0.5 * np.tanh(logits / 2), np.float32)
