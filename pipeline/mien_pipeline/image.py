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
class Native:
    """The stored pixels of a picture whose colour space is not sRGB.

    Attributes:
        pixels: (H, W, 3) uint8 RGB in the space of `profile`.
        seen: the same as sRGB, before any edit.
        profile: an ICC profile of primaries and curves.
    """

    pixels: Pixels
    seen: Pixels
    profile: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A decoded picture, upright.

    Attributes:
        pixels: (H, W, 3) uint8 RGB as a viewer shows them, sRGB.
        alpha: (H, W) uint8, or None for an opaque picture.
        icc_profile: the colour profile that a result carries.
        format: how the picture came: "jpeg", "png", "webp", "avif", "tiff", "bmp" or "heif".
        exif: the EXIF block as found, unfiltered; `media.metadata` decides what a result keeps.
        warnings: what decoding had to give up, if anything.
        native: the stored pixels, where that profile is another than sRGB's; `media.seen` carries edits over to them.
        missing_rows: how many of the last rows the file lacks, 0 for its end marker alone; None for a whole picture.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc_profile: bytes | None = None
    format: str = "png"
    exif: bytes | None = None
    warnings: tuple[SwapWarning, ...] = ()
    native: Native | None = None
    missing_rows: int | None = None

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])
