"""Any GAN of the table: an identity, an aligned crop of the target, and what the network makes of the two."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien_models.catalogue.networks import VectorIdentity
from mien_pipeline.engines.onnx.boost import join, split
from mien_pipeline.engines.onnx.files import RowFiles
from mien_pipeline.engines.onnx.identity import read_source, read_vector, to_source, weigh
from mien_pipeline.engines.onnx.options import PLAIN, OnnxOptions, VectorOptions, make_options
from mien_pipeline.engines.onnx.recipe import Recipe, to_values
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.faces.align import Aligned, align_to, transform
from mien_pipeline.faces.templates import template_points
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.onnx_file import to_blob, to_pixels
from mien_pipeline.options import SwapOptions, require_options
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import Weights
from mien_pipeline.report import ModelUse, SwapWarning
from mien_pipeline.skin.mask import face_mask

# Share of the crop's side that is left out at every border: the generators were not trained to be pasted there.
_BORDER = 0.04
# So many parts of a boosted crop go through a network at once, where its file leaves the number open. Judged: 16
# crops of 256 pixels are 13 MB; what the network needs in between is some hundred times that.
BATCH = 16


def load(weights: Weights, recipe: Recipe) -> "OnnxEngine":
    """The engine on the best provider of ONNX Runtime that is here; raises as `RowFiles` does."""
    return OnnxEngine(recipe, RowFiles(weights, recipe))


class OnnxEngine:
    """One row of the table, loaded. Each network has one session for as long as the engine is in memory."""

    def __init__(self, recipe: Recipe, files: RowFiles) -> None:
        self.recipe = recipe
        self.files = files

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def models(self) -> Sequence[ModelUse]:
        """Each file, with the provider that runs it now."""
        return [each.use for each in self.files.all]

    def prepare(self, portraits: Sequence[Portrait]) -> "OnnxLikeness":
        """The identity of one person: the mean of all pictures, or the first where a picture tells it."""
        return OnnxLikeness(self.recipe, self.files, read_source(portraits, self.recipe, self.files))


@dataclass(frozen=True, slots=True, eq=False)
class OnnxLikeness:
    """An identity as the row's network is told it: (1, 512) float32, or (1, 3, H, W) float32 RGB in 0..1."""

    recipe: Recipe
    files: RowFiles
    source: Floats

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """The generated crop, (`boost`, `boost`, 3) uint8 RGB, masked by the target's own skin; a step a run."""
        row = self.recipe.row
        asked = require_options(options, OnnxOptions)
        require_options(options, make_options(self.recipe.name, row))
        points = template_points(row.template, asked.boost)
        aligned = align_to(target.pixels, face.kps, points, asked.boost)
        source = self._weigh_source(Portrait(target, face), asked)
        made = self._generate(aligned.crop, source, asked.boost // row.side, on_step)
        warnings: tuple[SwapWarning, ...] = ("processor-instead",) if self.files.has_failed else ()
        return Patch(to_pixels(made), aligned.affine, mask_crop(aligned, face), warnings)

    def _generate(self, crop: Pixels, source: Floats, times: int, on_step: OnStep) -> Floats:
        """The crop with the identity in it: (H, W, 3) float32 around 0..255."""
        pictures = [crop] if times == 1 else split(crop, times)
        most = BATCH if self.files.takes_batches else 1
        made: list[Floats] = []
        for first in range(0, len(pictures), most):
            made += self._run(pictures[first : first + most], source)
            on_step(len(made), len(pictures))
        return made[0] if times == 1 else join(made, times)

    def _run(self, crops: Sequence[Pixels], source: Floats) -> list[Floats]:
        """(side, side, 3) float32 around 0..255 for each crop: the network's first output alone."""
        row, files = self.recipe.row, self.files
        blobs = np.concatenate([to_blob(crop, row.mean, row.std) for crop in crops])
        inputs = {files.target: blobs, files.source: np.repeat(source, len(crops), 0)}
        return [to_values(each, row) for each in files.swapper.network.run(None, inputs)[0]]

    def _weigh_source(self, target: Portrait, asked: OnnxOptions) -> Floats:
        """The reference's vector, with as much of the target's as `identity_weight` says."""
        identity = self.recipe.row.identity
        if not isinstance(asked, VectorOptions) or not isinstance(identity, VectorIdentity):
            return self.source
        if asked.identity_weight == PLAIN:
            return self.source
        own = to_source(read_vector(target, self.recipe, self.files), identity, self.files)
        return weigh(self.source, own, asked.identity_weight)


def mask_crop(aligned: Aligned, face: Face) -> Floats:
    """(side, side) float32 in 0..1, in crop pixels: the target's skin without the crop's border."""
    side = aligned.crop.shape[0]
    border = np.zeros((side, side), np.float32)
    edge = round(_BORDER * side)
    border[edge:-edge, edge:-edge] = 1
    if face.mesh is None:
        return border
    scale = float(np.sqrt(np.linalg.det(aligned.affine[:, :2])))
    mesh = np.column_stack([transform(face.mesh[:, :2], aligned.affine), face.mesh[:, 2] * scale]).astype(np.float32)
    return np.minimum(border, face_mask(aligned.crop, mesh)).astype(np.float32)
