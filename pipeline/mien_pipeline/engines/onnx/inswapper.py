"""The 128-pixel GAN baseline, for comparison: InsightFace's inswapper. Its weights are non-commercial."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien_core.errors import EngineUnavailable, ImportRefused
from mien_pipeline.engines.onnx.options import InswapperOptions
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.faces.align import Aligned, align, transform
from mien_pipeline.image import Floats, Image
from mien_pipeline.onnx_network import OnnxNetwork
from mien_pipeline.options import SwapOptions, require_options
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import Weights
from mien_pipeline.report import ModelUse, SwapWarning
from mien_pipeline.skin.mask import face_mask

SWAPPER_PX = 128
RECOGNISER_PX = 112
# Share of the crop's side that is left out at every border: the generator was not trained to be pasted there.
_BORDER = 0.04

MODEL, SWAPPER_FILE, RECOGNISER_FILE = "inswapper", "inswapper_128.onnx", "w600k_r50.onnx"


def load(weights: Weights) -> "InswapperEngine":
    """The engine on the best provider of ONNX Runtime that is here, from the model store.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: `model` names the model.
        ImportRefused: `file` is another network than it should be.
        EngineUnavailable: `MIEN_ONNX_PROVIDER` names a provider that is not here.
    """
    return InswapperEngine(weights.path(MODEL, SWAPPER_FILE), weights.path(MODEL, RECOGNISER_FILE))


class InswapperEngine:
    """ArcFace gives the identity; inswapper generates it on the target's aligned crop."""

    name = "inswapper"

    def __init__(self, swapper: Path, recogniser: Path) -> None:
        """Load both networks.

        Raises:
            ImportRefused: `file` holds no ONNX network with the inputs that it should have, or no identity map.
        """
        self._swapper = load_network(swapper, inputs=2)
        self._recogniser = load_network(recogniser, inputs=1)
        self._emap = read_identity_map(swapper)
        self._files = {path: _use(path) for path in (swapper, recogniser)}

    @property
    def models(self) -> Sequence[ModelUse]:
        """Both files, each with the provider that runs it now."""
        networks = (self._swapper, self._recogniser)
        return [replace(self._files[each.path], ran_on=each.provider) for each in networks]

    def prepare(self, portraits: Sequence[Portrait]) -> "InswapperLikeness":
        """The identity of one person: the mean of their unit embeddings.

        What one picture adds to an embedding (light, pose, glasses) differs from the next and cancels; who it is stays.
        """
        mean = np.mean([self._embed(each) for each in portraits], 0)
        latent = (mean / np.linalg.norm(mean)) @ self._emap
        return InswapperLikeness(self._swapper, self._recogniser, (latent / np.linalg.norm(latent)).astype(np.float32))

    def _embed(self, portrait: Portrait) -> Floats:
        """(1, 512) float32 of unit length."""
        crop = align(portrait.image.pixels, portrait.face.kps, RECOGNISER_PX).crop
        blob = (crop.transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 127.5  # ArcFace's own range, RGB
        (embedding,) = self._recogniser.run(None, {self._recogniser.get_inputs()[0].name: blob})
        row = np.asarray(embedding.reshape(1, -1), np.float32)
        return np.asarray(row / np.linalg.norm(row), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class InswapperLikeness:
    """An identity in inswapper's own latent space, (1, 512) float32 of unit length."""

    swapper: OnnxNetwork
    recogniser: OnnxNetwork
    latent: Floats

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """The generated crop, (128, 128, 3) uint8 RGB, masked by the target's own skin; one step."""
        require_options(options, InswapperOptions)
        aligned = align(target.pixels, face.kps, SWAPPER_PX)
        blob = np.asarray(aligned.crop.transpose(2, 0, 1)[None] / 255, np.float32)
        picture, identity = (each.name for each in self.swapper.get_inputs())
        (made,) = self.swapper.run(None, {picture: blob, identity: self.latent})
        on_step(1, 1)
        crop = np.clip(made[0].transpose(1, 2, 0) * 255 + 0.5, 0, 255).astype(np.uint8)
        warnings: tuple[SwapWarning, ...] = (
            ("processor-instead",) if self.swapper.failed or self.recogniser.failed else ()
        )
        return Patch(crop, aligned.affine, _mask(aligned, face), warnings)


def _mask(aligned: Aligned, face: Face) -> Floats:
    """(128, 128) float32 in 0..1, in crop pixels: the target's skin without the crop's border."""
    border = np.zeros(aligned.crop.shape[:2], np.float32)
    edge = round(_BORDER * SWAPPER_PX)
    border[edge:-edge, edge:-edge] = 1
    if face.mesh is None:
        return border
    scale = float(np.sqrt(np.linalg.det(aligned.affine[:, :2])))
    mesh = np.column_stack([transform(face.mesh[:, :2], aligned.affine), face.mesh[:, 2] * scale]).astype(np.float32)
    return np.minimum(border, face_mask(aligned.crop, mesh)).astype(np.float32)


def _use(path: Path) -> ModelUse:
    with path.open("rb") as file:
        return ModelUse(f"{MODEL}/{path.name}", hashlib.file_digest(file, "sha256").hexdigest())


def load_network(path: Path, inputs: int) -> OnnxNetwork:
    """The network of a file that has `inputs` inputs."""
    try:
        network = OnnxNetwork(path)
    except EngineUnavailable:
        raise
    except Exception as error:  # onnxruntime's errors share no public class
        raise ImportRefused(f"{path.name} is no network that ONNX Runtime reads", file=path.name) from error
    if len(network.get_inputs()) != inputs:
        raise ImportRefused(f"{path.name} is another network than its name says", file=path.name)
    return network


def read_identity_map(path: Path) -> Floats:
    """(512, 512) float32 from ArcFace's space to inswapper's: by its authors' convention the last initialiser."""
    import onnx

    initialisers = onnx.load(str(path)).graph.initializer
    emap = onnx.numpy_helper.to_array(initialisers[-1]) if initialisers else np.empty(0)
    if emap.ndim != 2:
        raise ImportRefused(f"{path.name} carries no identity map", file=path.name)
    return np.asarray(emap, np.float32)
