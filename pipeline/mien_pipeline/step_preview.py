"""A small picture of a step: the target with what is painted so far in its face, checked like every picture.

It is transient: the next step replaces it, and it goes with its job. It has no content credentials and no watermark,
which take longer than a step, so that it is small. Its metadata is one XMP packet that says what a result says.
"""

import io
import logging
from collections.abc import Callable

import cv2
import numpy as np
import PIL.Image

from mien_core.errors import CheckUnavailable, ContentBlocked
from mien_pipeline.face import Patch
from mien_pipeline.image import Image
from mien_pipeline.media import metadata
from mien_pipeline.protocols import ContentCheck
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.trust.check import check, flatten

log = logging.getLogger(__name__)

# The longest side. It has no content credentials, so that it is also at most half of the target's.
MOST_SIDE_PX = 512
# JPEG's.
QUALITY = 80
MOST_BYTES = 256 << 10

OnPreview = Callable[[bytes], None]
"""Told a JPEG of at most `MOST_BYTES`."""


def make_preview(target: Image, patch: Patch, content_check: ContentCheck, engine: str) -> bytes | None:
    """The JPEG; None where the content check does not let it out, or it would be too large.

    Nothing of the target's metadata is in it: no position, no camera, no author, no colour profile (it is sRGB).
    """
    shown = flatten(paste_back(target, patch))
    longest = max(shown.width, shown.height)
    scale = min(MOST_SIDE_PX, longest // 2) / longest
    size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    small = np.asarray(cv2.resize(shown.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    try:
        check(Image(small), content_check, "result")
    except (ContentBlocked, CheckUnavailable):
        log.info("a step is not shown: the content check did not let it out")
        return None
    encoded = io.BytesIO()
    packet = metadata.write_packet(f"{metadata.CREATOR_TOOL} ({engine})", metadata.SWAPPED)
    PIL.Image.fromarray(small).save(encoded, "JPEG", quality=QUALITY, xmp=packet)
    return encoded.getvalue() if encoded.tell() <= MOST_BYTES else None
