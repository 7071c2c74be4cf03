"""An engine's likeness that leaves alone what mask networks find before a face: the same for every engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.align import invert
from mien_pipeline.image import Affine, Image, Mask
from mien_pipeline.masks.network import MaskReader
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import KnowsClips, Likeness
from mien_pipeline.report import ModelUse, SwapWarning

# The face counts as covered where the networks take away more than this of what an engine would change. Judged.
_COVERED = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class MaskedLikeness:
    """A likeness, and the networks that say which pixels of a target face are its own."""

    likeness: Likeness
    readers: Sequence[MaskReader]

    @property
    def models(self) -> Sequence[ModelUse]:
        """The networks' files, with what runs each now."""
        return [reader.file.use for reader in self.readers]

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """As the likeness renders it, without what the networks leave to the target."""
        return self.finish(self.likeness.render(target, face, options, on_step), target, face)

    def finish(self, patch: Patch, target: Image, face: Face) -> Patch:
        """A patch of the likeness, without what the networks leave to the target."""
        if not patch.mask.any():
            return patch
        mask, intent = patch.mask, patch.intent
        for own, affine in [reader.read(target, face) for reader in self.readers]:
            mask = limit(mask, patch.affine, own, affine)
            intent = intent and replace(intent, own=limit(intent.own, intent.to_own, own, affine))
        return replace(patch, mask=mask, intent=intent, warnings=self._warn(patch, mask))

    def _warn(self, patch: Patch, mask: Mask) -> tuple[SwapWarning, ...]:
        """The patch's warnings, and those of the networks, each once."""
        found = dict.fromkeys(patch.warnings)
        if float(mask.sum()) < (1 - _COVERED) * float(patch.mask.sum()):
            found["occluded"] = None
        if any(reader.file.network.failed for reader in self.readers):
            found["processor-instead"] = None
        return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class MaskedClipLikeness(MaskedLikeness):
    """The same of a likeness that knows clips; the networks see every picture.

    Attributes:
        known: the likeness again, as what knows clips.
    """

    known: KnowsClips

    def look(self, target: Image, face: Face, options: SwapOptions, /) -> object:
        """What the likeness looks for."""
        return self.known.look(target, face, options)

    def render_known(
        self, target: Image, face: Face, options: SwapOptions, before: object, after: object, share: float, /
    ) -> Patch:
        """As the likeness renders it, without what the networks leave to the target."""
        return self.finish(self.known.render_known(target, face, options, before, after, share), target, face)


def limit_likeness(likeness: Likeness, readers: Sequence[MaskReader]) -> Likeness:
    """The likeness that changes only what all of the networks call a face's own; without any, itself."""
    if not readers:
        return likeness
    if isinstance(likeness, KnowsClips):
        return MaskedClipLikeness(likeness, readers, likeness)
    return MaskedLikeness(likeness, readers)


def limit(mask: Mask, to_mask: Affine, own: Mask, to_own: Affine) -> Mask:
    """The smaller of two masks, in the frame of the first; outside the second, the first alone.

    Args:
        mask: (h, w) float32 in 0..1; `to_mask` (2, 3) leads from the picture to it.
        own: (side, side) float32 in 0..1; `to_own` likewise.
    """
    both = np.vstack([to_mask, [0, 0, 1]]) @ np.vstack([invert(to_own), [0, 0, 1]])
    size = mask.shape[1], mask.shape[0]
    here = cv2.warpAffine(own, both[:2].astype(np.float32), size, flags=cv2.INTER_LINEAR, borderValue=1)
    return np.minimum(mask, np.asarray(here, np.float32))
