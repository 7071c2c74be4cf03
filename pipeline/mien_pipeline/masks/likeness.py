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
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.protocols import KnowsClips, Likeness
from mien_pipeline.report import ModelUse, SwapWarning

# The face counts as covered where the networks take away more than this of what an engine would change. Judged.
_COVERED = 0.25
# An edge flickers by some hundredths of a crop's side. Of a change, blurred by so much, what counts as nothing, and as
# a thing that came or went: a bar is seen from a tenth of the side on. Judged.
_EDGE, _LITTLE, _MUCH = 0.03, 0.2, 0.4


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
        return self._limit(patch, [reader.read(target, face) for reader in self.readers])

    @property
    def known_margin(self) -> float:
        """What the networks need."""
        return 0.8

    def look(self, target: Image, face: Face, options: SwapOptions, /) -> object:
        """What the networks see in a picture of a clip, and what the likeness looks for, where it does."""
        known = self.likeness.look(target, face, options) if isinstance(self.likeness, KnowsClips) else None
        return _Look(known, [reader.read(target, face)[0] for reader in self.readers])

    def render_known(
        self, target: Image, face: Face, options: SwapOptions, before: object, after: object, share: float, /
    ) -> Patch:
        """As `render`, between two pictures that were looked at, so that the edges of a mask do not flicker."""
        one, other = _Look.require(before), _Look.require(after)
        if isinstance(self.likeness, KnowsClips):
            patch = self.likeness.render_known(target, face, options, one.known, other.known, share)
        else:
            patch = self.likeness.render(target, face, options, ignore_step)
        if not patch.mask.any():
            return patch
        seen = [reader.read(target, face) for reader in self.readers]
        steadied = [
            (steady(own, np.asarray(first + share * (second - first), np.float32)), to)
            for (own, to), first, second in zip(seen, one.own, other.own, strict=True)
        ]
        return self._limit(patch, steadied)

    def _limit(self, patch: Patch, seen: Sequence[tuple[Mask, Affine]]) -> Patch:
        mask, intent = patch.mask, patch.intent
        for own, affine in seen:
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
class _Look:
    """What was seen in one picture of a clip.

    Attributes:
        known: what the likeness itself looked for.
        own: of each network, (side, side) float32 in 0..1 on its aligned crop, 1 where the face is its own.
    """

    known: object
    own: Sequence[Mask]

    @classmethod
    def require(cls, look: object) -> "_Look":
        if not isinstance(look, cls):
            raise TypeError("this was not seen by masks")
        return look


def limit_likeness(likeness: Likeness, readers: Sequence[MaskReader]) -> Likeness:
    """The likeness that changes only what all of the networks call a face's own; without any, itself."""
    if not readers:
        return likeness
    return MaskedLikeness(likeness, readers)


def steady(own: Mask, known: Mask) -> Mask:
    """What is known from pictures around; but where as much is different as no edge's flicker is, what is seen now.

    Args:
        own: (side, side) float32 in 0..1, of one picture.
        known: the same, of the pictures around it.
    """
    change = own - known
    much = np.abs(np.asarray(cv2.GaussianBlur(change, (0, 0), _EDGE * own.shape[0]), np.float32))
    return np.asarray(known + np.clip((much - _LITTLE) / (_MUCH - _LITTLE), 0, 1) * change, np.float32)


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
