"""How a clip's pictures are held while they are edited: three planes, the colour ones half as wide and half as high."""

from dataclasses import dataclass

import numpy as np
from av.video.format import VideoFormat
from numpy.typing import NDArray

from mien_core.errors import UnsupportedClip

Plane = NDArray[np.uint8] | NDArray[np.uint16]
"""(h, w) code values of luma or of one colour difference."""


@dataclass(frozen=True, slots=True)
class WorkingForm:
    """A pixel format that every encoder here takes.

    Attributes:
        name: FFmpeg's.
        bits: of a code value.
        taken_as_is: formats of the same layout, whose planes are copied and not converted.
        is_converted_rgb: the clip stores red, green and blue, which have no matrix of their own.
    """

    name: str
    bits: int
    taken_as_is: tuple[str, ...]
    is_converted_rgb: bool = False

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """Of its planes."""
        return np.uint8 if self.bits == 8 else np.uint16

    def shape_planes(self, width: int, height: int) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each plane; odd sizes round up, as in every codec."""
        half = (-(-height // 2), -(-width // 2))
        return (height, width), half, half


def choose_form(stored: VideoFormat) -> WorkingForm:
    """The form for a clip that stores its pictures as `stored`: 8 bits stay 8, more become 10.

    Raises:
        UnsupportedClip: it has transparency, which no codec of the result keeps.
    """
    if any(component.is_alpha for component in stored.components):
        raise UnsupportedClip("the clip is partly transparent", stream="video", reason="alpha", found=stored.name)
    is_rgb = bool(stored.is_rgb) or bool(stored.has_palette)
    if max(component.bits for component in stored.components) > 8:
        return WorkingForm("yuv420p10le", 10, ("yuv420p10le",), is_rgb)
    return WorkingForm("yuv420p", 8, ("yuv420p", "yuvj420p"), is_rgb)
