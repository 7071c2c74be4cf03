"""Identity scores under InsightFace's ArcFace (Deng et al. 2019, arXiv:1801.07698): 512 numbers, cosine.

Engines that take an ArcFace embedding are conditioned on one of its networks. A score under the same network flatters
them: `find_arcface` takes the other one where both are installed, and the report names which it was.
"""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mien_core.errors import BrokenWeights, EngineUnavailable
from mien_pipeline.face import Embedding, Face
from mien_pipeline.faces import insightface_files
from mien_pipeline.faces.align import align
from mien_pipeline.image import Image
from mien_pipeline.onnx_network import OnnxNetwork, open_network
from mien_pipeline.protocols import Weights

LIBRARY = "onnxruntime"
SIDE_PX, WIDTH = 112, 512
# InsightFace's `ArcFaceONNX` for networks without a subtraction of their own: (x − 127.5) / 127.5.
_HALF = 127.5


class ArcFaceEmbedder:
    """A `FaceEmbedder` of one file. One thread at a time.

    Attributes:
        network: what runs it.
        recogniser: "arcface-" and the file's name.
    """

    def __init__(self, weights: Path, network: OnnxNetwork | None = None) -> None:
        """
        Args:
            weights: the file.
            network: of that file, where the caller has loaded it.

        Raises:
            BrokenWeights: the file holds no face recogniser.
            EngineUnavailable: `MIEN_ONNX_PROVIDER` names a provider that is not here.
        """
        self.network = network or open_network(weights)
        self.recogniser = f"arcface-{weights.stem}"
        inputs, outputs = self.network.get_inputs(), self.network.get_outputs()
        sides = [list(each.shape[2:]) for each in inputs]
        if sides != [[SIDE_PX, SIDE_PX]] or [each.shape[-1] for each in outputs] != [WIDTH]:
            raise BrokenWeights(f"{weights.name} is no face recogniser", file=weights.name)
        self._input = inputs[0].name

    def embed(self, image: Image, face: Face) -> Embedding:
        """Whose face it is: (512,) float32, as it comes, not normalised."""
        crop = align(image.pixels, face.kps, SIDE_PX).crop
        blob = ((crop.astype(np.float32) - _HALF) / _HALF).transpose(2, 0, 1)[None]
        (found,) = self.network.run(None, {self._input: np.ascontiguousarray(blob)})
        return np.asarray(found.reshape(-1), np.float32)

    def similarity(self, one: Embedding, other: Embedding) -> float:
        """The cosine of two embeddings (512,): 1.0 for the same picture, about 0 for strangers."""
        lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
        return float(one @ other) / lengths if lengths else 0.0


def find_arcface(weights: Weights, conditioned_on: Collection[str] = ()) -> tuple[str, Path]:
    """The file of a recogniser, as the report names it and where it lies.

    Args:
        conditioned_on: models that the engine takes: what is in them is taken where nothing else is installed.

    Raises:
        EngineUnavailable: ONNX Runtime is not installed; `libraries` names it.
        ModelNotInstalled, LicenceNotAccepted: none is there; `model` and `command` say what to do.
    """
    if not find_spec(LIBRARY):
        raise EngineUnavailable(f"the recogniser arcface needs {LIBRARY}", libraries=[LIBRARY])
    return insightface_files.find_arcface(weights, conditioned_on)
