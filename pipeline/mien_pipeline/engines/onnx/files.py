"""The files of a row in memory, each refused where it is another network than its row says."""

from pathlib import Path

import numpy as np

from mien_core.errors import ImportRefused
from mien_models.catalogue.networks import VectorIdentity
from mien_pipeline.engines.onnx.recipe import Recipe
from mien_pipeline.image import Floats
from mien_pipeline.onnx_file import LoadedFile
from mien_pipeline.onnx_network import OnnxNetwork
from mien_pipeline.protocols import Weights

# An identity vector of ArcFace and all that stands on it.
VECTOR = 512


class RowFiles:
    """Every network of one row.

    Attributes:
        swapper: generates the crop.
        recogniser, converter: make the identity's vector; None where the row has none.
        emap: (512, 512) float32, the map that the swapper's file carries; None where the row has none.
        target, source: the names of the swapper's inputs.
        takes_batches: the swapper answers to any number of crops at once.
    """

    def __init__(self, weights: Weights, recipe: Recipe) -> None:
        """Load all of them; raises as `LoadedFile` does."""
        row, identity = recipe.row, recipe.row.identity
        self.swapper = LoadedFile(weights, row.network, (4, 2) if isinstance(identity, VectorIdentity) else (4, 4))
        self.target, self.source = name_inputs(self.swapper.network)
        self.takes_batches = has_free_batch(self.swapper.network)
        self.recogniser = LoadedFile(weights, recipe.recogniser.network, (4,)) if recipe.recogniser else None
        self.converter: LoadedFile | None = None
        self.emap: Floats | None = None
        if isinstance(identity, VectorIdentity):
            self.converter = LoadedFile(weights, identity.converter, (2,)) if identity.converter else None
            self.emap = read_identity_map(self.swapper.path) if identity.emap else None

    @property
    def all(self) -> list[LoadedFile]:
        """Each file that takes part."""
        return [each for each in (self.swapper, self.recogniser, self.converter) if each]

    @property
    def has_failed(self) -> bool:
        """The processor runs a network because its provider failed."""
        return any(each.network.failed for each in self.all)


def name_inputs(network: OnnxNetwork) -> tuple[str, str]:
    """The inputs for the target's crop and for the identity: by their names, else by the number of their axes.

    Two pictures under other names than "target" and "source" are taken in the order in which the file has them.
    """
    inputs = list(network.get_inputs())
    names = [each.name for each in inputs]
    if {"target", "source"} <= set(names):
        return "target", "source"
    by_rank = sorted(inputs, key=lambda each: len(each.shape), reverse=True)  # keeps the order of equals
    return by_rank[0].name, by_rank[1].name


def has_free_batch(network: OnnxNetwork) -> bool:
    """Whether the first axis of every input and of the first output is left open; in a file that states 1 it is not."""
    ends = [*network.get_inputs(), network.get_outputs()[0]]
    return all(each.shape and not isinstance(each.shape[0], int) for each in ends)


def read_identity_map(path: Path) -> Floats:
    """(512, 512) float32 from ArcFace's space to inswapper's: by its authors' convention the last initialiser.

    Raises:
        ImportRefused: `file` carries none.
    """
    import onnx

    initialisers = onnx.load(str(path)).graph.initializer
    emap = onnx.numpy_helper.to_array(initialisers[-1]) if initialisers else np.empty(0)
    if emap.shape != (VECTOR, VECTOR):
        raise ImportRefused(f"{path.name} carries no identity map", file=path.name)
    return np.asarray(emap, np.float32)
