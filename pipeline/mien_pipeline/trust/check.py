"""Image → silence or a refusal: everything that can be seen of a picture passes the content check."""

from collections.abc import Iterator

import numpy as np

from mien_pipeline.image import Image, Pixels
from mien_pipeline.protocols import ContentCheck

WHITE, BLACK = 255.0, 0.0


def check(image: Image, content_check: ContentCheck, stage: str) -> None:
    """Raises `ContentBlocked` or `CheckUnavailable`, as `content_check` does; `stage` says where."""
    for pixels in appearances(image):
        content_check.check(pixels, stage)


def appearances(image: Image) -> Iterator[Pixels]:
    """The colours as they are stored, and, of a picture that is not opaque, as they look on a white and a black page.

    A shape may lie in the transparency alone.
    """
    yield image.pixels
    if image.alpha is not None:
        opacity = image.alpha[..., None].astype(np.float32) / 255
        for page in (WHITE, BLACK):
            yield np.asarray(np.rint(page + (image.pixels - page) * opacity), np.uint8)
