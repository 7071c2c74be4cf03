"""The values that pass between stages: frozen, without torch, images always uint8 RGB."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

SwapWarning = Literal[
    "hard-angle",  # the target face is turned further than the geometry reaches
    "reference-angle",  # the reference face is turned so far that half of it is made up from the other half
    "small-face",
    "occluded",  # glasses, a hand, a cup over the target face; glasses on the reference's
    "low-light",
    "weak-identity",  # the result is not nearer to the reference than to the target
    "hair-kept",  # the reference shows no hair line, so the target's hair was kept
    "sixteen-bit",  # the picture had 16 bits a channel; the result has 8
    "grey",
]


# Share of a swap's time by stage, for a progress bar that does not jump: an engine's steps dwarf the rest.
STAGE_SHARES = {
    "identity": 0.07,
    "decode": 0.02,
    "check": 0.03,
    "detect": 0.03,
    "generate": 0.65,
    "restore": 0.1,
    "check-result": 0.02,
    "score": 0.02,
    "mark": 0.06,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a swap is: `done` of `total` steps of `stage`."""

    stage: str
    done: int
    total: int

    @property
    def fraction(self) -> float:
        """0..1 of the whole swap."""
        before = 0.0
        for stage, share in STAGE_SHARES.items():
            if stage == self.stage:
                return min(1.0, before + share * self.done / max(1, self.total))
            before += share
        return 0.0


OnProgress = Callable[[Progress], None]
"""Told after every step; whatever it raises ends the swap."""

OnStep = Callable[[int, int], None]
"""(done, total) inside one stage; whatever it raises ends the stage."""


def ignore_progress(progress: Progress) -> None:
    """The listener for whoever does not listen."""


def ignore_step(done: int, total: int) -> None:
    """The listener for whoever does not listen."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A decoded picture, upright.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, in the colour space of `icc_profile` (sRGB without one).
        alpha: (H, W) uint8, or None for an opaque picture.
        icc_profile: the colour profile as found, kept for the result.
        format: how the picture came: "jpeg", "png", "webp", "avif", "tiff", "bmp" or "heif".
        exif: the EXIF block as found, unfiltered; `trust.metadata` decides what a result keeps.
        warnings: what decoding had to give up, if anything.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc_profile: bytes | None = None
    format: str = "png"
    exif: bytes | None = None
    warnings: tuple[SwapWarning, ...] = ()

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in a picture; every coordinate in that picture's pixels.

    Attributes:
        bbox: (4,) float32, x1 y1 x2 y2.
        det_score: 0..1.
        kps: (5, 2) float32: eyes, nose, mouth corners, viewer's left first.
        mesh: (468, 3) float32, z in pixels and towards the viewer negative; None where only a box was asked for.
        mesh_score: 0..1, the mesh network's own confidence that this is a face.
        yaw_deg, pitch_deg, roll_deg: head pose; yaw positive when the face looks to the viewer's right.
    """

    bbox: Floats
    det_score: float
    kps: Floats
    mesh: Floats | None = None
    mesh_score: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What an engine made of one face, and where it belongs.

    Attributes:
        crop: (h, w, 3) uint8 RGB, the generated region.
        affine: (2, 3) float32, target image → crop. A whole-pixel shift means the crop is pasted unresampled.
        mask: (h, w) float32 in 0..1; 1 keeps the generated pixel, 0 keeps the target bit for bit.
        attempts: what the engine's own drift gate measured, one for every attempt; empty where it has none.
    """

    crop: Pixels
    affine: Floats
    mask: Floats
    warnings: tuple[SwapWarning, ...] = ()
    attempts: "tuple[IdentityScores, ...]" = ()


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """Cosine-like similarity of the result under one recogniser, 1.0 is the same picture.

    `to_reference` and `to_target` are of the result; `before` is the target's to the reference.
    """

    recogniser: str
    to_reference: float
    to_target: float
    before: float


@dataclass(frozen=True, slots=True)
class FaceReport:
    """What became of one face of the target, numbered left to right.

    `identity` is measured on the finished picture; `attempts` is what the engine's drift gate saw before that.
    """

    index: int
    bbox: tuple[float, float, float, float]
    swapped: bool
    identity: IdentityScores | None = None
    warnings: tuple[SwapWarning, ...] = ()
    attempts: tuple[IdentityScores, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a result is marked."""

    c2pa: bool
    watermark: Literal["strong", "weak", "none"]


@dataclass(frozen=True, slots=True)
class Marked:
    """An encoded picture that says what it is."""

    data: bytes
    media_type: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A weight file that took part."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Swapped:
    """A finished swap: the encoded picture and everything a person may want to know of it."""

    data: bytes
    media_type: str
    engine: str
    size: tuple[int, int]  # width, height
    seconds: float
    stages: dict[str, float]
    faces: tuple[FaceReport, ...]
    provenance: Provenance
    models: tuple[ModelUse, ...] = field(default=())
