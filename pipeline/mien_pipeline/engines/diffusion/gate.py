"""The identity gate's measure: how like the reference and how like the target is what was made?

The recogniser is one that no network of a diffusion engine was conditioned on. `drift` says what follows from scores.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from mien_core.errors import ModelNotInstalled
from mien_models.store import ModelStore
from mien_pipeline.face import Embedding, Face, Patch, Portrait
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Image
from mien_pipeline.protocols import FaceEmbedder
from mien_pipeline.report import IdentityScores
from mien_pipeline.skin.blend import paste_back


def load_scorer(weights: ModelStore) -> FaceEmbedder | None:
    """The gate's recogniser; None where it is not installed, and then the gate passes everything."""
    try:
        return DlibEmbedder(weights.read("identity-score"))
    except ModelNotInstalled:
        return None


class IdentityGate:
    """Measures what is made in the place of faces against one reference face."""

    def __init__(self, scorer: FaceEmbedder | None, portraits: Sequence[Portrait]) -> None:
        """`portraits` are of one person."""
        self._scorer = scorer
        self._portraits = portraits

    @cached_property
    def own_embedding(self) -> Embedding | None:
        """(D,) float32: the mean of the reference's pictures; None without a recogniser or a mesh."""
        found = [self._embed(*portrait) for portrait in self._portraits]
        known = [each for each in found if each is not None]
        return np.asarray(np.mean(known, 0), np.float32) if known else None

    def score(self, image: Image, face: Face, patch: Patch) -> IdentityScores | None:
        """How like the reference and how like the target the pasted patch is; None without a recogniser or a mesh.

        Args:
            image, face: the target; a patch that made its face elsewhere is looked at there.
        """
        scorer, before = self._scorer, self._embed(image, face)
        if scorer is None or before is None or self.own_embedding is None:
            return None
        after = scorer.embed(paste_back(image, patch), patch.face or face)
        return IdentityScores(
            recogniser=scorer.recogniser,
            to_reference=scorer.similarity(after, self.own_embedding),
            to_target=scorer.similarity(after, before),
            before=scorer.similarity(before, self.own_embedding),
        )

    def _embed(self, image: Image, face: Face) -> Embedding | None:
        return self._scorer.embed(image, face) if self._scorer is not None and face.mesh is not None else None
