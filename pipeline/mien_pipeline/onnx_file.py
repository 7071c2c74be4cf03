"""A file that a row of the catalogue names: found, loaded, and refused where it is another network."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien_core.errors import BrokenWeights, ImportRefused, LicenceNotAccepted, ModelNotInstalled
from mien_models.catalogue.networks import NetworkFile
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.onnx_network import OnnxNetwork, open_network
from mien_pipeline.protocols import Weights
from mien_pipeline.report import ModelUse


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


def find_file(weights: Weights, named: NetworkFile) -> tuple[str, Path]:
    """The model that has the file, and its path; of several models the first that has it.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: none has; of `named.model`.
    """
    try:
        return named.model, weights.path(named.model, named.file)
    except (ModelNotInstalled, LicenceNotAccepted):
        for model in named.instead:
            try:
                return model, weights.path(model, named.file)
            except (ModelNotInstalled, LicenceNotAccepted):
                continue
        raise


def load_network(path: Path, ranks: tuple[int, ...]) -> OnnxNetwork:
    """The network of a file whose inputs have so many axes; raises as `LoadedFile` does."""
    try:
        network = open_network(path)
    except BrokenWeights as error:
        raise ImportRefused(f"{path.name} is no network that ONNX Runtime reads", file=path.name) from error
    if sorted(len(each.shape) for each in network.get_inputs()) != sorted(ranks):
        raise ImportRefused(f"{path.name} is another network than its name says", file=path.name)
    return network


def to_blob(crop: Pixels, mean: Sequence[float], std: Sequence[float]) -> Floats:
    """(1, 3, H, W) float32, RGB, of a (H, W, 3) uint8 RGB crop: (x / 255 − mean) / std for each channel."""
    scaled = (crop.astype(np.float32) / 255 - np.array(mean, np.float32)) / np.array(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)


def to_pixels(values: Floats) -> Pixels:
    """uint8 of values around 0..255, rounded."""
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)
