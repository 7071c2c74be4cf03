"""The files of a row in memory, each refused where it is another network than its row says."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien_core.errors import EngineUnavailable, ImportRefused
from mien_models.catalogue.networks import NetworkFile, VectorIdentity
from mien_pipeline.engines.onnx.recipe import Recipe, find_file
from mien_pipeline.image import Floats
from mien_pipeline.onnx_network import OnnxNetwork
from mien_pipeline.protocols import Weights
from mien_pipeline.report import ModelUse

# An identity vector of ArcFace and all that stands on it.
VECTOR = 512


class LoadedFile:
    """A network of one file: what runs it, and how the report names it."""

    def __init__(self, weights: Weights, named: NetworkFile, ranks: tuple[int, ...]) -> None:
        """Load it.

        Args:
            ranks: how many axes each input has, in any order.

        Raises:
            ModelNotInstalled, LicenceNotAccepted: as `find_file`.
            ImportRefused: `file` is no network, or another than its name says.
            EngineUnavailable: `MIEN_ONNX_PROVIDER` names a provider that is not here.
        """
        model, self.path = find_file(weights, named)
        self.network = load_network(self.path, ranks)
        with self.path.open("rb") as file:
            self._use = ModelUse(f"{model}/{named.file}", hashlib.file_digest(file, "sha256").hexdigest())

    @property
    def use(self) -> ModelUse:
        """The file, with the provider that runs it now."""
        return replace(self._use, ran_on=self.network.provider)

    def run(self, *inputs: Floats) -> Floats:
        """The first output for inputs in the order in which the network names them."""
        names = [each.name for each in self.network.get_inputs()]
        return self.network.run(None, dict(zip(names, inputs, strict=True)))[0]


class RowFiles:
    """Every network of one row.

    Attributes:
        swapper: generates the crop.
        recogniser, converter: make the identity's vector; None where the row has none.
        emap: (512, 512) float32, the map that the swapper's file carries; None where the row has none.
        target, source: the names of the swapper's inputs.
    """

    def __init__(self, weights: Weights, recipe: Recipe) -> None:
        """Load all of them; raises as `LoadedFile` does."""
        row, identity = recipe.row, recipe.row.identity
        self.swapper = LoadedFile(weights, row.network, (4, 2) if isinstance(identity, VectorIdentity) else (4, 4))
        self.target, self.source = name_inputs(self.swapper.network)
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


def load_network(path: Path, ranks: tuple[int, ...]) -> OnnxNetwork:
    """The network of a file whose inputs have so many axes; raises as `LoadedFile` does."""
    try:
        network = OnnxNetwork(path)
    except EngineUnavailable:
        raise
    except Exception as error:  # onnxruntime's errors share no public class
        raise ImportRefused(f"{path.name} is no network that ONNX Runtime reads", file=path.name) from error
    if sorted(len(each.shape) for each in network.get_inputs()) != sorted(ranks):
        raise ImportRefused(f"{path.name} is another network than its name says", file=path.name)
    return network


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
