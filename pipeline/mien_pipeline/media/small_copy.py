"""A small copy of a JPEG, decoded at a fraction of its size: for work that may begin before the whole is decoded."""

import numpy as np
import PIL.ExifTags
import PIL.Image

from mien_core.errors import InvalidImage
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media import jpeg, probe
from mien_pipeline.media.directory import require_honest_directories
from mien_pipeline.media.kinds import kind_of
from mien_pipeline.media.polyglot import join_jpeg_exif

_HEAD = 4096
# By its EXIF orientation: whether a picture's rows are its columns, then whether it is upside down, and mirrored.
_TURNS = {2: (0, 0, 1), 3: (0, 1, 1), 4: (0, 1, 0), 5: (1, 0, 0), 6: (1, 0, 1), 7: (1, 1, 1), 8: (1, 1, 0)}


def decode_small(data: bytes, side: int) -> Image | None:
    """The picture in `data`, upright, each side at least `side` pixels long and less than twice that where it can be.

    Its colours are the stored ones: no profile is read. None for what is no JPEG of one scan, for a small one, and
    where something is wrong with the file: what that is, `decode` says. Nothing may come of this copy but speed.
    """
    try:
        if kind_of(data[:_HEAD]) != "jpeg" or not jpeg.has_one_scan(data):
            return None
        exif = join_jpeg_exif(data)
        require_honest_directories(exif)
        pixels = jpeg.decode_at_least(data, side)
        if min(pixels.shape[:2]) < side:
            return None
        return Image(_turn(pixels, _read_orientation(exif)), format="jpeg")
    except (InvalidImage, *probe.DAMAGE):
        return None


def _read_orientation(exif: bytes) -> int:
    found = PIL.Image.Exif()
    found.load(exif)
    return int(found.get(PIL.ExifTags.Base.Orientation, 1))


def _turn(pixels: Pixels, orientation: int) -> Pixels:
    """(H, W, 3) upright."""
    exchanged, down, across = _TURNS.get(orientation, (0, 0, 0))
    turned = pixels.swapaxes(0, 1) if exchanged else pixels
    return np.ascontiguousarray(turned[:: -1 if down else 1, :: -1 if across else 1])
