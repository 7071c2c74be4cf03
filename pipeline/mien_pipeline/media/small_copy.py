"""A small copy of a JPEG, decoded at a fraction of its size: for work that may begin before the whole is decoded."""

import numpy as np
import PIL.Image

from mien_core.errors import InvalidImage
from mien_pipeline.image import Image
from mien_pipeline.media import jpeg, probe
from mien_pipeline.media.decode import turn_by_exif
from mien_pipeline.media.directory import require_honest_directories
from mien_pipeline.media.kinds import kind_of
from mien_pipeline.media.polyglot import join_jpeg_exif

_HEAD = 4096


def decode_small(data: bytes, side: int) -> Image | None:
    """The picture in `data`, upright, each side at least `side` pixels long and less than twice that where it can be.

    Its colours are the stored ones: no profile is read. None for what is no JPEG of one scan, for a small one, and
    where something is wrong with the file: what that is, `decode` says. Nothing may come of this copy but speed: where
    there is one, every row of the file is there, and `decode` need not look for that.
    """
    try:
        scan = jpeg.find_only_scan(data) if kind_of(data[:_HEAD]) == "jpeg" else None
        if scan is None:
            return None
        exif = join_jpeg_exif(data)
        require_honest_directories(exif)
        pixels = jpeg.decode_at_least(data, side)
        if min(pixels.shape[:2]) < side or not jpeg.ends_after_scan(data, scan):
            return None
        stored = PIL.Image.fromarray(pixels)
        stored.info["exif"] = exif
        return Image(np.asarray(turn_by_exif(stored)), format="jpeg")
    except (InvalidImage, *probe.DAMAGE):
        return None
