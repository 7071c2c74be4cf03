"""A face in a picture, and what an engine makes of it: frozen, without torch."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.image import Affine, Floats, Image, Mask, Pixels
from mien_pipeline.report import IdentityScores, ReferenceCaution, SwapWarning

Mesh = NDArray[np.float32]
"""(468, 3) float32: x to the viewer's right and y down, in the image's pixels; z in pixels too, towards the viewer
negative. What each vertex is, `faces.topology` says."""

Kps = NDArray[np.float32]
"""(5, 2) float32, x and y in the image's pixels: eyes, nose, mouth corners, the viewer's left first."""

Embedding = NDArray[np.float32]
"""(D,) float32, whose face it is, as one recogniser says; each recogniser has its own D."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in a picture; every coordinate in that picture's pixels.

    Attributes:
        bbox: (4,) float32: x1, y1, x2, y2.
        det_score: 0..1, the detector's confidence.
        kps: (5, 2) float32: eyes, nose, mouth corners, viewer's left first.
        mesh: (468, 3) float32, z in pixels and towards the viewer negative; None where the caller asked only for a box.
        mesh_score: 0..1, the mesh network's own confidence that this is a face.
        yaw_deg, pitch_deg, roll_deg: head pose; yaw positive when the face looks to the viewer's right.
        cautions: what limits it as a reference, where that was looked at.
    """

    bbox: Floats
    det_score: float
    kps: Kps
    mesh: Mesh | None = None
    mesh_score: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    cautions: tuple[ReferenceCaution, ...] = ()

    @property
    def area(self) -> float:
        """Square pixels of its box."""
        x1, y1, x2, y2 = self.bbox
        return float((x2 - x1) * (y2 - y1))


class Portrait(NamedTuple):
    """A picture of a person, and which of its faces that person's is."""

    image: Image
    face: Face


class LowerFace(NamedTuple):
    """What one picture shows between cheeks and chin; see `skin.lower_face`.

    Attributes:
        lips_dark: L* by which lips are darker than cheeks: shade and hair make them so as well.
        lips_even: -1..1, how much one half of them is the other's mirror image.
        lips_detail: L*, deviation of what is fine in them.
        shade: logarithm of the light of cheeks by that of what lies below them.
    """

    lips_dark: float
    lips_even: float
    lips_detail: float
    shade: float


@dataclass(frozen=True, slots=True, eq=False)
class Intent:
    """What an engine meant a new face to be; the finished one is measured against it.

    Attributes:
        mesh: (468, 3) float32, where its vertices are, in the target image's pixels.
        own: (h, w) float32 in 0..1, how much of a pixel is the new face's alone.
        to_own: (2, 3) float32, target image → `own`.
        painted_over: 0..1, share of the reference's texture that is no skin that was seen.
        mottled: how uneven the redness of that texture's skin is from place to place, in CIELAB's a*.
        hair: (h, w) float32 in 0..1, how much of a pixel of `own` is the new face's beard; None without one.
        reference: the lower face of the picture that the new face's lips are from; None where that is not known.
    """

    mesh: Mesh
    own: Mask
    to_own: Affine
    painted_over: float = 0.0
    mottled: float = 0.0
    hair: Mask | None = None
    reference: LowerFace | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What an engine made of one face, and where it belongs.

    Attributes:
        crop: (h, w, 3) uint8 RGB, the generated region.
        affine: (2, 3) float32, target image → crop. A whole-pixel shift means the crop is pasted unresampled.
        mask: (h, w) float32 in 0..1; 1 keeps the generated pixel, 0 keeps the target bit for bit.
        warnings: what limits the result.
        attempts: what the engine's own drift gate measured, one entry an attempt; empty where the engine has none.
        intent: what the new face was meant to be; None where the engine does not say: then the mesh
            that is found in the result and the mask stand for it.
        face: the new face, in the target image's pixels, where it is not just where the old one was; what looks at the
            finished picture looks there.
        seen: what the engine found out of the target, for another attempt at this face; a value of its own.
    """

    crop: Pixels
    affine: Affine
    mask: Mask
    warnings: tuple[SwapWarning, ...] = ()
    attempts: tuple[IdentityScores, ...] = ()
    intent: Intent | None = None
    face: Face | None = None
    seen: object = None
