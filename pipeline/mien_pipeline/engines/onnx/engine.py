"""Any GAN of the table: an identity, an aligned crop of the target, and what the network makes of the two."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mien_models.catalogue.networks import VectorIdentity
from mien_pipeline.engines.onnx.boost import join, split
from mien_pipeline.engines.onnx.files import RowFiles
from mien_pipeline.engines.onnx.identity import read_source, read_vector, to_source, weigh
from mien_pipeline.engines.onnx.options import PLAIN, OnnxOptions, VectorOptions, make_options
from mien_pipeline.engines.onnx.recipe import Recipe, to_values
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.faces.align import Aligned, align_to, invert, similarity_transform, transform
from mien_pipeline.faces.templates import template_points
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.onnx_file import to_blob, to_pixels
from mien_pipeline.options import SwapOptions, require_options
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import Likeness, Weights
from mien_pipeline.report import ModelUse, SwapWarning
from mien_pipeline.skin.mask import face_mask

# Share of the crop's side that is left out at every border: the generators were not trained to be pasted there.
_BORDER = 0.04
# So many parts of a boosted crop go through a network at once, where its file leaves the number open. Judged: 16
# crops of 256 pixels are 13 MB; what the network needs in between is some hundred times that.
BATCH = 16
# Resampling reads so much of a crop's width beyond its border, where it averages before it shrinks.
_READ_BEYOND = 0.02


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
        return self.render_group(target, [(self, face)], options, on_step)[0]

    def find_reach(self, face: Face, options: SwapOptions) -> Floats | None:
        """The box of the face's crop with a margin, (4,) float32; None for a network that takes one at a time."""
        if not self.files.takes_batches:
            return None
        side = require_options(options, OnnxOptions).boost
        affine = similarity_transform(face.kps, template_points(self.recipe.row.template, side))
        corners = transform(np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32), invert(affine))
        margin = _READ_BEYOND * (corners.max(0) - corners.min(0)) + 2
        return np.concatenate([corners.min(0) - margin, corners.max(0) + margin]).astype(np.float32)

    def render_group(
        self, target: Image, group: Sequence[tuple[Likeness, Face]], options: SwapOptions, on_step: OnStep
    ) -> list[Patch]:
        """As `render`, of several faces with likenesses of this engine; a step a run.

        In a batch a network may answer with a rounding of its own: a code value at most was seen.
        """
        row = self.recipe.row
        asked = require_options(options, OnnxOptions)
        require_options(options, make_options(self.recipe.name, row))
        points, times = template_points(row.template, asked.boost), asked.boost // row.side
        aligned = [align_to(target.pixels, face.kps, points, asked.boost) for _, face in group]
        sources = [_require_own(each).weigh_source(Portrait(target, face), asked) for each, face in group]
        parts = [[each.crop] if times == 1 else split(each.crop, times) for each in aligned]
        told = [(part, source) for own, source in zip(parts, sources, strict=True) for part in own]
        made = iter(self._generate(told, on_step))
        crops = [list(islice(made, len(own))) for own in parts]
        warnings: tuple[SwapWarning, ...] = ("processor-instead",) if self.files.has_failed else ()
        return [
            Patch(to_pixels(crop[0] if times == 1 else join(crop, times)), at.affine, mask_crop(at, face), warnings)
            for crop, at, (_, face) in zip(crops, aligned, group, strict=True)
        ]

    def _generate(self, told: Sequence[tuple[Pixels, Floats]], on_step: OnStep) -> list[Floats]:
        """(side, side, 3) float32 around 0..255 for each crop and the identity that it is to have."""
        most = BATCH if self.files.takes_batches else 1
        made: list[Floats] = []
        for first in range(0, len(told), most):
            made += self._run(told[first : first + most])
            on_step(len(made), len(told))
        return made

    def _run(self, told: Sequence[tuple[Pixels, Floats]]) -> list[Floats]:
        """One run: the network's first output alone."""
        row, files = self.recipe.row, self.files
        blobs = np.concatenate([to_blob(crop, row.mean, row.std) for crop, _ in told])
        inputs = {files.target: blobs, files.source: np.concatenate([source for _, source in told])}
        return [to_values(each, row) for each in files.swapper.network.run(None, inputs)[0]]

    def weigh_source(self, target: Portrait, asked: OnnxOptions) -> Floats:
        """The reference's vector, with as much of the target's as `identity_weight` says."""
        identity = self.recipe.row.identity
        if not isinstance(asked, VectorOptions) or not isinstance(identity, VectorIdentity):
            return self.source
        if asked.identity_weight == PLAIN:
            return self.source
        own = to_source(read_vector(target, self.recipe, self.files), identity, self.files)
        return weigh(self.source, own, asked.identity_weight)


def _require_own(likeness: Likeness) -> OnnxLikeness:
    if not isinstance(likeness, OnnxLikeness):
        raise TypeError(f"{type(likeness).__name__} is of another engine")
    return likeness


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
