"""What finds faces before a mesh is fitted to them, and a find."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mien_pipeline.face import Face, Kps
from mien_pipeline.faces.align import transform
from mien_pipeline.image import Affine, Floats, Image, Pixels
from mien_pipeline.protocols import FaceDetector, SearchesInPasses


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """What a finder found, in the pixels of the picture it saw.

    Attributes:
        centre, side: of a square around the face; `centre` is (2,) float32.
        kps: (5, 2) float32: eyes, nose, mouth corners, the viewer's left first.
        det_score: 0..1.
    """

    centre: Floats
    side: float
    kps: Kps
    det_score: float

    @property
    def bbox(self) -> Floats:
        """(4,) float32: left, top, right, bottom of the square."""
        return np.concatenate([self.centre - self.side / 2, self.centre + self.side / 2]).astype(np.float32)

    def move(self, affine: Affine) -> "Detection":
        """The same find through a (2, 3) similarity."""
        scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
        return Detection(
            transform(self.centre[None], affine)[0], self.side * scale, transform(self.kps, affine), self.det_score
        )


class FaceFinder(Protocol):
    """A network that finds boxes and five points; two threads may ask it at once."""

    coarse_px: int
    """The longer side that a whole picture is first looked at with."""
    turned_score: float
    """A find on the side or upside down counts beside upright ones only from this score."""

    def find(self, pixels: Pixels, side_px: int) -> Sequence[Detection]:
        """The finds in (h, w, 3) uint8 RGB, in its pixels; the network sees it with a longer side of `side_px`."""
        ...


def find_faces(detector: FaceDetector, image: Image, on_pass: Callable[[], None]) -> Sequence[Face]:
    """The faces that a detector finds; where it searches in passes, `on_pass` is called before each."""
    return detector.search(image, on_pass) if isinstance(detector, SearchesInPasses) else detector.detect(image)
