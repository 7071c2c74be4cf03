"""Which pixels of a face are its own, as a network sees it: hair, hands and what else lies before a face are not.

BiSeNet tells nineteen regions apart (arXiv:1808.00897), XSeg a face from the rest. What they say is softened as peers
do it. Neither was run with its published weights here.
"""

import cv2
import numpy as np

from mien_core.errors import ImportRefused
from mien_models.catalogue.networks import MaskNetwork
from mien_pipeline.face import Face
from mien_pipeline.faces.align import align_to
from mien_pipeline.faces.templates import template_points
from mien_pipeline.image import Affine, Floats, Image, Mask, Pixels
from mien_pipeline.onnx_file import LoadedFile, to_blob
from mien_pipeline.protocols import Weights

# Of the mask's edge, as a share of the crop's side: 5 of 512 pixels, FaceFusion 3.8.
_SOFT = 5 / 512


class MaskReader:
    """One row of the table of masks, loaded.

    Attributes:
        file: its network, with what runs it.
    """

    def __init__(self, weights: Weights, row: MaskNetwork) -> None:
        """Load it; raises as `LoadedFile` does."""
        self.row = row
        self.file = LoadedFile(weights, row.network, (4,))
        # Exports from TensorFlow have the channels last, and so has what they answer.
        self._channels_last = self.file.network.get_inputs()[0].shape[-1] == 3

    def read(self, image: Image, face: Face) -> tuple[Mask, Affine]:
        """(side, side) float32 in 0..1, 1 on the face's own pixels, and the (2, 3) map from the image to it.

        Raises:
            ImportRefused: the file answers in another shape than its row says.
        """
        side = self.row.side
        aligned = align_to(image.pixels, face.kps, template_points(self.row.template, side), side)
        return soften(self._find_own(aligned.crop)), aligned.affine

    def _find_own(self, crop: Pixels) -> Mask:
        """(side, side) float32 in 0..1, before it is softened."""
        seen = crop if self.row.channels == "rgb" else crop[..., ::-1]
        blob = to_blob(np.ascontiguousarray(seen), self.row.mean, self.row.std)
        made = self.file.run(blob.transpose(0, 2, 3, 1) if self._channels_last else blob)
        scores = self._to_planes(made)
        if self.row.classes:
            return np.isin(scores.argmax(0), self.row.classes).astype(np.float32)
        return np.asarray(np.clip(scores[0], 0, 1), np.float32)

    def _to_planes(self, made: Floats) -> Floats:
        """(C, side, side) of the answer: a plane a region, or one."""
        planes = made[0].transpose(2, 0, 1) if self._channels_last and made.ndim == 4 else made.reshape(made.shape[-3:])
        least = max(self.row.classes, default=0) + 1
        if planes.shape[1:] != (self.row.side, self.row.side) or len(planes) < least:
            raise ImportRefused(f"{self.file.path.name} is another network than its row says", file=self.file.path.name)
        return planes


def soften(own: Mask) -> Mask:
    """The mask with a soft edge on its own side: nothing outside is let in, at corners neither."""
    blurred = np.asarray(cv2.GaussianBlur(own, (0, 0), _SOFT * own.shape[0]), np.float32)
    return np.asarray(np.minimum(own, (np.clip(blurred, 0.5, 1) - 0.5) * 2), np.float32)
