"""Vivid: fine texture back onto skin that has been smoothed away, with a lock on who it is.

What is missing is measured band by band against the face's own least-smoothed skin and the picture's grain; what is
added is luminance alone, in those bands alone, so that geometry and colour cannot move. The texture is synthesised
from a patch of the face's own skin, or painted by FLUX.1 (`repaint.py`). The lock is the same for both and is
enforced: the amount is lowered until a recogniser that no engine uses still finds the same person, or nothing is
changed.
"""

from typing import Protocol

import numpy as np

from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Floats, Image
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import Engine, FaceEmbedder
from mien_pipeline.restorers.lock import keep_identity
from mien_pipeline.restorers.repaint import Repaint
from mien_pipeline.restorers.skin_texture import SkinRegion, add_detail, find_missing_texture


class Source(Protocol):
    """Where the texture comes from."""

    name: str

    def detail(self, image: Image, face: Face, view: SkinRegion, on_step: OnStep) -> Floats:
        """(h, w) code values: what the skin in the view lacks, to be added to its luminance.

        Shape and light are not in it: it has no frequencies below `COARSEST`.
        """
        ...


class Resynthesis:
    """From the face's own least-smoothed skin; needs no weights."""

    name = "vivid"

    def detail(self, image: Image, face: Face, view: SkinRegion, on_step: OnStep) -> Floats:  # noqa: ARG002
        return find_missing_texture(view.luminance, view.skin, view.face_px)


def load(embedder: FaceEmbedder, painter: Engine | None, painting: SwapOptions | None) -> "Vivid":
    """Vivid; with a painter and its options, its texture is painted rather than resynthesised."""
    if painter is None or painting is None:
        return Vivid(embedder)
    return Vivid(embedder, Repaint(painter, painting))


class Vivid:
    """Skin texture under a lock on identity."""

    def __init__(self, embedder: FaceEmbedder, source: Source | None = None) -> None:
        self.embedder = embedder
        self.source: Source = source or Resynthesis()

    @property
    def name(self) -> str:
        return self.source.name

    def restore(self, image: Image, face: Face, amount: float, on_step: OnStep) -> Patch:
        """The face with at most `amount` of what its skin lacks; a mask of zeros where nothing may change."""
        if face.mesh is None:
            raise ValueError("Vivid needs faces with a mesh")
        view = SkinRegion.around(image, face.mesh)
        nothing = Patch(view.pixels, view.affine, np.zeros(view.skin.shape, np.float32))
        if amount <= 0:
            return nothing
        # Half of the way is finding the texture, the other half is the lock.
        missing = self.source.detail(image, face, view, lambda done, total: on_step(done, 2 * total))
        return keep_identity(
            image,
            face,
            (view.rows, view.columns),
            lambda share: add_detail(view.pixels, missing * view.skin, amount * share),
            nothing,
            self.embedder,
            lambda attempt, tries: on_step(tries + attempt, 2 * tries),
        )
