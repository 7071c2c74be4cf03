"""A decoded picture and the arrays that pictures are made of: frozen, without torch, always uint8 RGB."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.report import SwapWarning

Pixels = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB, sRGB code values 0..255; or (H, W) uint8 of one channel."""

Floats = NDArray[np.float32]
"""float32 of any shape; the docstring says which."""

Mask = NDArray[np.float32]
"""(H, W) float32 in [0, 1]; 1 keeps the generated pixel."""

Affine = NDArray[np.float32]
"""(2, 3) float32, a point of the image to a point of the crop: `affine @ (x, y, 1)`."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A decoded picture, upright.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, in the colour space of `icc_profile` (sRGB without one).
        alpha: (H, W) uint8, or None for an opaque picture.
        icc_profile: the colour profile as found, kept for the result.
        format: how the picture came: "jpeg", "png", "webp", "avif", "tiff", "bmp" or "heif".
        exif: the EXIF block as found, unfiltered; `media.metadata` decides what a result keeps.
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
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])
