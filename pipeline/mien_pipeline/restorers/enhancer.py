"""GFPGAN and its like under the lock: a network paints the aligned face anew, and the difference is added.

Only what the network changed is added to the picture, so that a face larger than the network's side keeps its own
detail. These networks move who a face is; the amount is lowered until a recogniser finds the same person.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mien_models.catalogue.networks import Enhancer
from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.align import Aligned, align_to, invert, transform
from mien_pipeline.faces.templates import template_points
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.onnx_file import LoadedFile, to_blob
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import FaceEmbedder, Weights
from mien_pipeline.report import ModelUse
from mien_pipeline.restorers.lock import TRIES, keep_identity

_HALF = (0.5, 0.5, 0.5)
# Share of the crop's side over which the change fades out at every border.
_FADE = 0.12


def load(weights: Weights, name: str, row: Enhancer, fidelity: float, embedder: FaceEmbedder) -> "EnhancerRestorer":
    """The enhancer of that name on the best provider of ONNX Runtime that is here; raises as `LoadedFile` does."""
    ranks = (4, 1) if row.weight else (4,)
    return EnhancerRestorer(name, row, LoadedFile(weights, row.network, ranks), fidelity, embedder)


@dataclass(frozen=True, slots=True, eq=False)
class EnhancerRestorer:
    """One row of the table of enhancers, loaded.

    Attributes:
        fidelity: the network's second input, where it has one: how far it keeps to the picture, 0..1.
    """

    name: str
    row: Enhancer
    file: LoadedFile
    fidelity: float
    embedder: FaceEmbedder

    @property
    def models(self) -> tuple[ModelUse, ...]:
        """Its file, with the provider that runs it now."""
        return (self.file.use,)

    def restore(self, image: Image, face: Face, amount: float, on_step: OnStep) -> Patch:
        """The face with at most `amount` of what the network changes; a mask of zeros where nothing may change."""
        side = self.row.side
        aligned = align_to(image.pixels, face.kps, template_points(self.row.template, side), side)
        place, affine = find_place(aligned, image)
        before = image.pixels[place]
        nothing = Patch(before, affine, np.zeros(before.shape[:2], np.float32))
        if amount <= 0 or not before.size:
            return nothing
        change = soften(self._change(aligned.crop) * fade(side)[..., None], aligned)
        on_step(1, TRIES + 1)
        back = invert(aligned.affine)
        back[:, 2] += affine[:, 2]
        size = before.shape[1], before.shape[0]
        here = np.asarray(cv2.warpAffine(change, back, size, flags=cv2.INTER_CUBIC), np.float32)

        def make(share: float) -> Pixels:
            return np.asarray(np.clip(before + here * np.float32(amount * share) + 0.5, 0, 255), np.uint8)

        return keep_identity(
            image, face, place, make, nothing, self.embedder, lambda done, total: on_step(1 + done, total + 1)
        )

    def _change(self, crop: Pixels) -> Floats:
        """(side, side, 3) float32 code values: what the network makes of the crop, less the crop."""
        blob = to_blob(crop, _HALF, _HALF)
        names = {len(each.shape): each.name for each in self.file.network.get_inputs()}
        inputs = {names[4]: blob} | ({names[1]: np.array([self.fidelity], np.float32)} if self.row.weight else {})
        made = np.clip(self.file.network.run(None, inputs)[0][0].transpose(1, 2, 0), -1, 1)
        return np.asarray((made + 1) * 127.5 - crop, np.float32)


def find_place(aligned: Aligned, image: Image) -> tuple[tuple[slice, slice], Floats]:
    """The rows and columns of the picture that a crop reaches, and the (2, 3) map from the picture to them."""
    side = aligned.crop.shape[0]
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]], np.float32)
    points = transform(corners, invert(aligned.affine))
    low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(image.width, int(high[0])), min(image.height, int(high[1]))
    affine = np.array([[1, 0, -left], [0, 1, -top]], np.float32)
    return (slice(top, max(top, bottom)), slice(left, max(left, right))), affine


def soften(change: Floats, aligned: Aligned) -> Floats:
    """The change without what a picture with a much smaller face does not hold: it would alias there."""
    shrinks = 1 / float(np.sqrt(np.linalg.det(aligned.affine[:, :2])))
    if shrinks >= 0.8:
        return change
    # A Gaussian of 0.4 of the new pixel leaves 4 % of what has one wave in such a pixel.
    return np.asarray(cv2.GaussianBlur(change, (0, 0), 0.4 / shrinks), np.float32)


def fade(side: int) -> Floats:
    """(side, side) float32 in 0..1: 1 inside, 0 at the border."""
    steps = np.minimum(np.arange(side), np.arange(side)[::-1]) / (_FADE * side)
    line = np.clip(steps, 0, 1)
    smooth = line * line * (3 - 2 * line)
    return np.asarray(np.minimum(smooth[:, None], smooth[None]), np.float32)
