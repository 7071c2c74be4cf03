"""Identity scores, under a recogniser that no engine is conditioned on: dlib's, 128 numbers, Euclidean."""

import cv2
import numpy as np

from mien_pipeline.face import Embedding, Face
from mien_pipeline.faces.align import similarity_transform, warp
from mien_pipeline.faces.recognise import CHIP_PX, DlibNetwork
from mien_pipeline.image import Image

# Different people lie about this far apart on average (measured .67–.97, mean .83, on portraits of ten people).
STRANGERS_DISTANCE = 0.85

# Where dlib's face chip has the eyes' outer and inner corners, the nose's base and the mouth's corners, in a
# square of unit size without padding (dlib's mean face of 68 points), and the mesh vertices that are there.
_CHIP_POINTS = (
    (0.121737, 0.216423), (0.334606, 0.231733), (0.645647, 0.231733), (0.858516, 0.216423),
    (0.490127, 0.628106), (0.254149, 0.780233), (0.726104, 0.780233),
)  # fmt: skip
_CHIP_PADDING = 0.25
_CHIP_VERTICES = (33, 133, 362, 263, 2, 61, 291)


class DlibEmbedder:
    """dlib's face recognition network (King 2017), trained for a distance of 0.6 between one person and the next."""

    recogniser = "dlib-resnet-v1"

    def __init__(self, weights: bytes) -> None:
        """Load the network from the bytes of its file; those of another raise ValueError."""
        self._recognise = DlibNetwork(weights)

    def embed(self, image: Image, face: Face) -> Embedding:
        """Whose face it is: (128,) float32, not normalised.

        Raises:
            ValueError: `face` has no mesh.
        """
        if face.mesh is None:
            raise ValueError("this recogniser needs faces with a mesh")
        template = (np.array(_CHIP_POINTS, np.float32) + _CHIP_PADDING) / (1 + 2 * _CHIP_PADDING) * CHIP_PX
        affine = similarity_transform(face.mesh[list(_CHIP_VERTICES), :2], template)
        chip = warp(image.pixels, affine, (CHIP_PX, CHIP_PX), border=cv2.BORDER_REPLICATE)
        return self._recognise(chip)

    def similarity(self, one: Embedding, other: Embedding) -> float:
        """How alike two embeddings (128,) are, from -1 to 1: 1 - (distance / 0.85)², as a cosine falls with distance.

        1.0 for the same picture, about 0 for strangers, 0.5 at dlib's own threshold of 0.6.
        """
        distance = float(np.linalg.norm(one - other))
        return max(-1.0, 1 - (distance / STRANGERS_DISTANCE) ** 2)
