"""A small picture of a step: the target with what is painted so far in its face, checked like every picture."""

import logging
from collections.abc import Callable

import cv2
import numpy as np

from mien_core.errors import CheckUnavailable, ContentBlocked
from mien_pipeline.face import Patch
from mien_pipeline.image import Image
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


def make_preview(target: Image, patch: Patch, content_check: ContentCheck) -> bytes | None:
    """The JPEG; None where the content check does not let it out, or it would be too large."""
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
    done, encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return encoded.tobytes() if done and encoded.size <= MOST_BYTES else None
